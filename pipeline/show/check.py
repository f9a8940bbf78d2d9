"""What a source is good for, told in seconds and before anything is made: `check SOURCE`."""

import time
from collections.abc import Iterable, Iterator

import numpy as np

from ..codes.table import MOST_PICTURES
from ..command_line.options import CheckCommand, check_img_size
from ..evaluation.report import left_out
from ..generation.environments import environment_of
from ..generation.stage import check_policy, resolved
from ..puzzles import PUZZLES
from ..sources.environment import Block
from ..sources.names import is_environment, is_own_puzzle
from ..sources.opening import open_source
from ..sources.own_puzzle import OwnPuzzle, find_puzzle
from ..sources.recording import NEEDED, OPTIONAL, Recording
from ..system.hashing import number_rows

MOST_FRAMES = 20_000  # of a recording that are looked at
STEPS = 300  # that an environment is walked
ENOUGH = 4  # times that a picture is shown, from which a table is worth trying
NAMED = 8  # actions, of many


def check(options: CheckCommand) -> None:
    """Look at a source and say what is right, what is missing and what won't be measured.

    Raises:
        UserError: It can't be used; says why.
    """
    if options.dataset in PUZZLES or is_own_puzzle(options.dataset):
        lines = _about_puzzle(options)
    elif is_environment(options.dataset):
        lines = _about_environment(resolved(options))
    else:
        lines = _about_recording(open_source(options.dataset))
    for line in lines:
        print(line)
    print("it can be used")


def _about_puzzle(options: CheckCommand) -> Iterator[str]:
    puzzle = find_puzzle(options.dataset)
    check_img_size(options, puzzle.smallest_img_size)
    if isinstance(puzzle, OwnPuzzle):
        puzzle.check(options.img_size)
    check_policy(puzzle, options)
    yield f"{puzzle.name}: a puzzle with {len(puzzle.actions)} actions, states of {puzzle.state_size} bytes"
    yield from _not_measured(puzzle.lacks)


def _about_environment(options: CheckCommand) -> Iterator[str]:
    environment = environment_of(options)
    environment.check(options.img_size)
    started = time.perf_counter()
    walk = environment.walk_block(
        options.img_size, options.key, "check", options.shuffle_length, Block(0, STEPS, STEPS)
    )
    each = (time.perf_counter() - started) / STEPS
    yield (
        f"{environment.word}: an environment with {len(environment.actions)} actions; {STEPS} steps showed "
        f"{len(walk.pictures):,} different pictures in {len(walk.lengths)} episodes, {int(walk.terminated.sum())} of "
        f"which ended the world"
    )
    yield f"{options.dataset_size:,} steps of --dataset_size take about {each * options.dataset_size:,.0f} s on a core"
    yield from _about_pictures(number_rows(walk.pictures)[walk.shown], walk.actions, walk.lengths)
    yield from _not_measured(("states", "read", "inverse"))


def _about_recording(recording: Recording) -> Iterator[str]:
    recording.check_shows_something()
    episodes, (height, width) = len(recording.lengths), recording.img_size
    parts = {"states": recording.states, "rewards": recording.rewards, "ends of the world": recording.terminated}
    held = [name for name, values in parts.items() if values is not None]
    yield (
        f"{recording.name}: a recording of {recording.transitions:,} transitions in {episodes:,} episodes, "
        f"{len(recording.actions)} actions ({_some(recording.actions)}), pictures of {height}x{width}"
        f"{', with ' + ' and '.join(held) if held else ''}"
    )
    if recording.unused:
        yield f"not used: {_some(recording.unused)}; what is used is called {', '.join((*NEEDED, *OPTIONAL))}"
    acts = np.ones(len(recording.action), bool)
    acts[np.cumsum(recording.lengths) - 1] = False
    if never := np.setdiff1d(np.arange(len(recording.actions)), recording.action[acts]).tolist():
        yield f"actions that are never taken, and stay unknown: {_some(recording.actions[number] for number in never)}"
    numbers: list[np.ndarray] = []
    for images in recording.images():
        numbers.append(number_rows(images))
        if sum(map(len, numbers)) >= MOST_FRAMES:
            break
    shown = np.concatenate(numbers)
    ends = np.cumsum(recording.lengths)
    lengths = np.diff(np.append(0, np.append(ends[ends < len(shown)], len(shown))))
    if recording.states is not None:
        states = number_rows(recording.states[: len(shown)])
        both = len(np.unique(np.stack([states, shown]), axis=1).T)
        for one, of, other in (("state", states, "pictures"), ("picture", shown, "states")):
            if more := both - len(np.unique(of)):
                yield f"one {one} has several {other}, {more:,} too many: codes can't be as distinct as states"
    yield from _about_pictures(shown, recording.action[: len(shown)], lengths)
    yield from _not_measured(("step", "read", "inverse"))


def _about_pictures(shown: np.ndarray, actions: np.ndarray, lengths: np.ndarray) -> Iterator[str]:
    """Say how many pictures there are, and whether actions do one thing in each.

    Args:
        shown: (F,) uint64, equal numbers for equal pictures.
        actions: (F,) uint8, that taken in each frame.
        lengths: (E,) int, the frames of each episode.
    """
    pictures = len(np.unique(shown))
    hint = "so few that --world_model table may be exact"
    if pictures > MOST_PICTURES:
        hint = "too many for --world_model table"
    elif len(shown) < ENOUGH * pictures:
        hint = f"--world_model table is for at most {MOST_PICTURES:,} that come again and again"
    yield f"{pictures:,} different pictures among {len(shown):,} frames: {hint}"
    acts = np.ones(len(shown), bool)
    acts[np.cumsum(lengths) - 1] = False
    frames = np.flatnonzero(acts)
    steps = np.unique(np.stack([shown[frames], actions[frames], shown[frames + 1]]), axis=1)
    several = steps.shape[1] - np.unique(steps[:2], axis=1).shape[1]
    if several:
        yield f"chance or hidden state: an action led elsewhere from the same picture, {several:,}×"


def _some(names: Iterable[str]) -> str:
    """Name the first of many."""
    found = list(names)
    return ", ".join(found[:NAMED]) + ", ..." * (len(found) > NAMED)


def _not_measured(lacks: tuple[str, ...]) -> Iterator[str]:
    return (f"not measured without `{part}`: {names}" for part, names in left_out(lacks).items())
