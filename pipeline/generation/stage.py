"""Stage 1: from the dataset options to a file of transitions. Knows nothing of TensorFlow."""

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

from ..command_line.options import DatasetOptions, GenerateCommand, check_img_size
from ..dataset.cache import find_or_make
from ..dataset.chunks import pack
from ..dataset.key import DatasetKey, SourceKey, path_of
from ..dataset.layout import checksum_of, chunk_shape, frame_count
from ..dataset.writing import SplitWriter, content_digest, new_file
from ..puzzles import PUZZLES, Puzzle
from ..puzzles.walks import walk
from ..sources.names import is_environment, is_own_puzzle
from ..sources.opening import open_source
from ..sources.own_puzzle import OwnPuzzle, find_own_puzzle, find_puzzle
from ..sources.policies import Chosen, NovelInStates, identity_of
from ..system.errors import UserError
from ..system.executors import InOrder, ahead, workers
from ..system.streams import stream
from .capacity import Room
from .environments import describe, ensure_walked, environment_of, key_of_environment
from .episodes import ensure_recorded, key_of_recording

ENVIRONMENT_TRANSITIONS = 20_000  # of an environment, where no size is given: most draw a few hundred pictures a second
POLICY_VERSION = 1  # raise it where a puzzle is walked otherwise by the same policy
MOST_ACTIONS = 256  # that a byte can number
BLOCK_TRANSITIONS = 16_384  # trajectories are made in blocks of about this many transitions
TASK_FRAMES = 1500  # drawn and packed by one task: long against the work of handing it out
SAMPLES = 3  # chunks, and one, by which the size of a file is estimated
TASKS_EACH = 4  # per worker, that are running or waiting at a time
Options = TypeVar("Options", bound=DatasetOptions)


def generate(options: GenerateCommand) -> None:
    """Make the dataset file that the options ask for, or find it in the cache; print its path last."""
    print(ensure_dataset(resolved(options)))


def resolved(options: Options) -> Options:
    """Give options of somebody's own source with the size and the picture size that it has, where none were given.

    Raises:
        UserError: The source can't be used; says why.
    """
    if options.dataset in PUZZLES or is_own_puzzle(options.dataset):
        return options
    found: dict[str, Any] = {"dataset_size": ENVIRONMENT_TRANSITIONS}
    if not is_environment(options.dataset):
        source = open_source(options.dataset)
        found = {"dataset_size": source.transitions, "img_size": source.img_size}
    return options.model_copy(update={name: found[name] for name in found.keys() - options.model_fields_set})


def key_of(options: DatasetOptions) -> DatasetKey:
    """Give everything that decides the content of the dataset that the options ask for."""
    if options.dataset in PUZZLES or is_own_puzzle(options.dataset):
        return _key_of_puzzle(options)
    if is_environment(options.dataset):
        return key_of_environment(options)
    return key_of_recording(options, open_source(options.dataset))


def _key_of_puzzle(options: DatasetOptions) -> DatasetKey:
    """Give the key of a puzzle's dataset: what somebody has written, puzzle or policy, counts by what it is."""
    digest = "" if options.dataset in PUZZLES else find_own_puzzle(options.dataset).digest
    if options.policy not in (None, "random"):
        digest = hashlib.sha256(f"{digest} {identity_of(options.policy)} {POLICY_VERSION}".encode()).hexdigest()
    return SourceKey.of_source(options, digest) if digest else DatasetKey.of(options)


def action_names(options: DatasetOptions) -> tuple[str, ...]:
    """Give the names of the actions in the dataset that the options ask for."""
    if options.dataset in PUZZLES or is_own_puzzle(options.dataset):
        return find_puzzle(options.dataset).actions
    if is_environment(options.dataset):
        return describe(environment_of(options))[1]
    return open_source(options.dataset).actions


def ensure_dataset(options: DatasetOptions) -> Path:
    """Give the path of the dataset that the options ask for, made now if the cache has none."""
    if options.dataset not in PUZZLES:
        if scheduler := getattr(options, "scheduler", None):
            raise UserError(f"--scheduler is for the puzzles that are drawn here. Received: --scheduler {scheduler}")
        if is_environment(options.dataset):
            return ensure_walked(options)
        if not is_own_puzzle(options.dataset):
            return ensure_recorded(resolved(options), open_source(options.dataset))
    path, key = path_of(options), key_of(options)
    puzzle = find_puzzle(options.dataset)
    check_actions(puzzle)
    check_img_size(options, puzzle.smallest_img_size)
    if isinstance(puzzle, OwnPuzzle):
        puzzle.check(options.img_size)
    check_policy(puzzle, options)
    make = partial(write_dataset, path, key, options.dataset_minibatch_size, getattr(options, "scheduler", None))
    find_or_make(path, attributes_of(key, puzzle), partial(make, puzzle=puzzle, policy=options.policy or "random"))
    return path


def check_actions(puzzle: Puzzle):
    """Refuse a puzzle with more actions than a dataset, which writes an action as a byte, can number."""
    if len(puzzle.actions) > MOST_ACTIONS:
        raise UserError(f"{puzzle.name} must have at most {MOST_ACTIONS} actions. Received: {len(puzzle.actions)}")


def check_policy(puzzle: Puzzle, options: DatasetOptions) -> None:
    """Try the policy that the options name on a state.

    Raises:
        UserError: There is none, or it doesn't give an action; says why.
    """
    if options.policy:
        rng, choose = np.random.default_rng(0), _chooser(puzzle, options.policy, options.img_size)
        choose(rng, puzzle.start(rng, 1, puzzle.resolve_start(options.start)))


def attributes_of(key: DatasetKey, puzzle: Puzzle | None = None) -> dict:
    """Give what a file records of how it was made, and what is compared before it is used again."""
    puzzle = puzzle or PUZZLES[key.dataset]
    found = {**key.attributes(), "action_names": puzzle.actions, "start_used": puzzle.resolve_start(key.start)}
    if isinstance(key, SourceKey):  # whoever reads the file may not have the puzzle
        found["transitions"] = [transitions for transitions, _ in key.sizes.values()]
        found["frame_counts"] = [frame_count(*size) for size in key.sizes.values()]
        found |= {"state_size": puzzle.state_size, "extras": ""}
    return found


def write_dataset(
    path: Path,
    key: DatasetKey,
    minibatch_size: int,
    scheduler: str | None = None,
    puzzle: Puzzle | None = None,
    policy: str = "random",
):
    """Write the dataset of a key. Minibatch size and scheduler decide memory and speed, never a byte of the file.

    Args:
        puzzle: Somebody's own; else it is the one that the key names.
        policy: What chooses the actions of training.
    """
    puzzle = puzzle or PUZZLES[key.dataset]
    start = puzzle.resolve_start(key.start)
    print(
        f"dataset: {key.dataset_size:,} transitions of {key.dataset}, trajectories begin {_say_start(puzzle, start)}"
        + (f", actions chosen by policy {policy}" if policy != "random" else "")
    )
    splits = key.sizes
    room = Room(key, puzzle.state_size, partial(_packed_share, key, start, puzzle.name))
    room.check_disk(path.parent)
    with (
        workers(scheduler) as (executor, count),
        new_file(path) as file,
        tqdm(total=sum(frame_count(*sizes) for sizes in splits.values()), unit=" frames", unit_scale=True) as progress,
    ):
        attributes = attributes_of(key, puzzle)
        writers = {
            split: SplitWriter(file, split, *sizes, key.img_size, puzzle.state_size) for split, sizes in splits.items()
        }
        most, at_a_time = _portions(minibatch_size, count)
        room.check_memory(most, at_a_time, count, minibatch_size)
        tasks, draw = InOrder(executor, most), partial(draw_and_pack, puzzle.name, key.img_size)
        for split, writer in writers.items():
            writer.begin(tasks, draw, at_a_time)
            walked = partial(trajectory_block, policy=policy, img_size=key.img_size)
            block = partial(walked, puzzle.name, key.key, split, start, *splits[split])
            for states, actions in ahead(executor, count, block, range(block_count(*splits[split]))):
                writer.add(states, actions)
                progress.update(len(states))
            writer.finish()
        tasks.finish()
        attributes["content_digest"] = content_digest(writers.values())
        file.attrs.update({**attributes, "attributes_crc32": checksum_of(attributes)})


def _portions(minibatch_size: int, count: int) -> tuple[int, int]:
    """Split the minibatch into tasks for some workers: how many run or wait at a time, and the frames in each."""
    most = max(1, min(TASKS_EACH * count, minibatch_size // TASK_FRAMES))
    return most, min(TASK_FRAMES, minibatch_size)


def _packed_share(key: DatasetKey, start: str, name: str) -> float:
    """Draw and pack some of the images; gives their bytes in the file as a share of their bytes as they are."""
    states, _ = trajectory_block(name, key.key, "train", start, *key.sizes["train"], 0)
    rows = chunk_shape((len(states), *key.img_size, 3), np.uint8)[0]
    firsts = {(len(states) - rows) * part // SAMPLES for part in range(SAMPLES + 1)}
    images = [find_puzzle(name).render(states[first : first + rows], key.img_size) for first in firsts]
    return sum(len(pack(part, rows)[0][0]) for part in images) / sum(part.nbytes for part in images)


def draw_and_pack(name: str, img_size: tuple[int, int], states: np.ndarray, chunk_rows: int):
    """Draw states (n, S) of a puzzle and pack the images into chunks, one after the other so that memory holds one."""
    parts = (states[first : first + chunk_rows] for first in range(0, len(states), chunk_rows))
    return [chunk for part in parts for chunk in pack(find_puzzle(name).render(part, img_size), chunk_rows)]


def _say_start(puzzle: Puzzle, start: str) -> str:
    if start == puzzle.default_start:
        return f"{start} ({puzzle.start_reason})"
    return f"{start}, as asked"


def trajectories(puzzle: Puzzle, key: int, split: str, start: str, transitions: int, length: int):
    """Make trajectories of `length` actions, the last one shorter where `transitions` doesn't divide.

    Training's actions are random; those of the unseen splits also are, unless that would jam the puzzle.

    Yields:
        states (f, S) uint8, the frames of some trajectories one after the other, and actions (n,) uint8.
    """
    for block in range(block_count(transitions, length)):
        yield trajectory_block(puzzle.name, key, split, start, transitions, length, block)


def block_count(transitions: int, length: int) -> int:
    """Count the blocks that trajectories are made in."""
    return -(-transitions // (_per_block(length) * length))


def _per_block(length: int) -> int:
    return max(1, BLOCK_TRANSITIONS // length)


def trajectory_block(
    name: str,
    key: int,
    split: str,
    start: str,
    transitions: int,
    length: int,
    block: int,
    policy: str = "random",
    img_size: tuple[int, int] = (0, 0),
):
    """Make one block of the trajectories, from a random stream of its own that follows from (key, split, block).

    Any block can be made alone, in any order, by any process, with the same result.

    Args:
        policy: What chooses the actions of training; of pictures of a size, where it is somebody's own.

    Returns:
        states (f, S) uint8 and actions (n,) uint8, as `trajectories` yields them.
    """
    puzzle, n, rng = find_puzzle(name), _per_block(length), stream(key, split, block)
    left = transitions - block * n * length
    if split == "train" and policy != "random":
        n = min(n, -(-left // length))  # walks that aren't kept would have tried something, too
    choose = _chooser(puzzle, policy, img_size) if split == "train" else puzzle.explore
    walked = walk(puzzle, rng, puzzle.start(rng, n, start), length, choose)
    states, actions = (np.ascontiguousarray(part.swapaxes(0, 1)) for part in walked)  # one trajectory after the other
    wanted = min(left, actions.size)
    return states.reshape(-1, states.shape[-1])[: frame_count(wanted, length)], actions.reshape(-1)[:wanted]


def _chooser(puzzle: Puzzle, policy: str, img_size: tuple[int, int]) -> Callable:
    """Give what chooses the actions (N,) uint8 of a policy in some states (N, S) uint8."""
    if policy == "random":
        return puzzle.random_actions
    if policy == "novel":
        return NovelInStates(len(puzzle.actions)).choose
    chosen = Chosen(policy, len(puzzle.actions))

    def choose(rng: np.random.Generator, states: np.ndarray) -> np.ndarray:
        return np.array([chosen.choose(rng, picture) for picture in puzzle.render(states, img_size)], np.uint8)

    return choose
