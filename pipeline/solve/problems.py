"""Problems: pictures of starts and goals, made in a true puzzle or read from a file."""

import zipfile
from pathlib import Path

import numpy as np

from ..command_line.options import ProblemsCommand
from ..puzzles import PUZZLES, Puzzle
from ..runs.folder import Run, finished_run
from ..sources.names import is_own_puzzle
from ..sources.own_puzzle import find_puzzle
from ..system.errors import UserError
from ..system.files import replacing
from ..system.streams import stream


def problems(options: ProblemsCommand) -> None:
    """Write a file of problems."""
    run = finished_run(options.path)
    puzzle = true_puzzle(run)
    if puzzle is None:
        raise UserError(
            f"problems are made in a puzzle, and the run's data isn't one's. Received: --path {options.path}"
        )
    start, goal = pairs(puzzle, stream(options.key, "problems"), options.count, options.length, options.goal)
    img_size = tuple((run.recorded_options() or {})["img_size"])
    pictures = {"start": puzzle.render(start, img_size), "goal": puzzle.render(goal, img_size)}
    with replacing(Path(options.save), sync=False) as partial, open(partial, "wb") as file:
        np.savez_compressed(file, **pictures)  # type: ignore[arg-type]
    print(f"{options.save}: {options.count:,} problems, {options.length:,} random moves from start to goal each")


def pairs(
    puzzle: Puzzle, rng: np.random.Generator, count: int, length: int, goal: str = "solved"
) -> tuple[np.ndarray, np.ndarray]:
    """Make starts and goals, two of (count, S) uint8, random moves apart."""
    if puzzle.inverse is None:  # from a random start to where moves lead
        starts = puzzle.start(rng, count, "anywhere")
        return starts, _moved(puzzle, rng, starts, length)
    solved = puzzle.start(rng, count, "solved")
    goals = _moved(puzzle, rng, solved, length) if goal == "random" else solved
    return _moved(puzzle, rng, goals, length), goals


def _moved(puzzle: Puzzle, rng: np.random.Generator, states: np.ndarray, length: int) -> np.ndarray:
    choose = puzzle.explore if puzzle.inverse is None else puzzle.random_actions
    for _ in range(length):
        states = puzzle.step(states, choose(rng, states))
    return states


def read_problems(path: Path, img_size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Read a file of problems: start and goal, each (N, H, W, 3) uint8 of the run's size."""
    try:
        with np.load(path, allow_pickle=False) as file:
            start, goal = file["start"], file["goal"]
    except KeyError:
        raise UserError(f"--problems must hold the arrays start and goal. Received: --problems {path}") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        reason = str(error).split("\n")[0]
        raise UserError(f"--problems must be an .npz file ({reason}). Received: --problems {path}") from None
    for name, images in (("start", start), ("goal", goal)):
        if images.dtype != np.uint8 or images.shape != (len(start), *img_size, 3) or not len(images):
            wanted = f"{name} of --problems must be (N, {img_size[0]}, {img_size[1]}, 3) uint8, as many as start has"
            raise UserError(f"{wanted}. Received: {images.shape} {images.dtype}")
    return start, goal


def true_puzzle(run: Run) -> Puzzle | None:
    """Give the puzzle that a run's data is of, ours or somebody's own; None where it is a recording's."""
    name = str((run.recorded_options() or {}).get("dataset"))
    return find_puzzle(name) if name in PUZZLES or is_own_puzzle(name) else None
