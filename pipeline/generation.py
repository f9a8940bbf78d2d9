"""Stage 1: from the dataset options to a file of transitions. Knows nothing of TensorFlow."""

import zlib
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pipeline.dataset import (
    DatasetKey,
    SplitWriter,
    check_made_with,
    content_digest,
    frame_count,
    new_file,
    open_dataset,
    path_of,
)
from pipeline.puzzles import PUZZLES, Puzzle

WALKS, WALK_LENGTH = 10, 1000  # the unseen walk: 10,000 transitions that training never gets
BLOCK_TRANSITIONS = 16_384  # trajectories are made in blocks of about this many transitions
PORTION_BYTES = 2**24  # of images drawn at a time, at most: faster than more, and large images fit too


def generate(options) -> None:
    """Make the dataset file that the options ask for, or find it in the cache; print its path last."""
    print(ensure_dataset(options))


def ensure_dataset(options) -> Path:
    """Give the path of the dataset that the options ask for, made now if the cache has none."""
    path, key = path_of(options), DatasetKey.of(options)
    if path.exists():
        with open_dataset(path) as file:
            check_made_with(file, attributes_of(key))
        print(f"dataset: using {path} again, made before with the same options")
    else:
        write_dataset(path, key, options.dataset_minibatch_size)
    return path


def attributes_of(key: DatasetKey) -> dict:
    """Give what a file records of how it was made, and what is compared before it is used again."""
    puzzle = PUZZLES[key.dataset]
    return {**key.attributes(), "action_names": puzzle.actions, "start_used": puzzle.resolve_start(key.start)}


def write_dataset(path: Path, key: DatasetKey, minibatch_size: int):
    """Write the dataset of a key. The minibatch size decides memory and speed, never a byte of the file."""
    puzzle = PUZZLES[key.dataset]
    portion = max(1, min(minibatch_size, PORTION_BYTES // (3 * key.img_size[0] * key.img_size[1])))
    start = puzzle.resolve_start(key.start)
    print(f"dataset: {key.dataset_size:,} transitions of {key.dataset}, trajectories begin {_say_start(puzzle, start)}")
    splits = {
        "train": (key.dataset_size, key.shuffle_length),
        "evaluation": (WALKS * WALK_LENGTH, WALK_LENGTH),
    }
    frames = {split: frame_count(*sizes) for split, sizes in splits.items()}
    with (
        new_file(path) as file,
        tqdm(total=sum(frames.values()), unit=" frames", unit_scale=True) as progress,
    ):
        file.attrs.update(attributes_of(key))
        writers = []
        for split, (transitions, length) in splits.items():
            writer = SplitWriter(file, split, frames[split], transitions, length, key.img_size, puzzle.state_size)
            for states, actions in trajectories(puzzle, key.key, split, start, transitions, length):
                writer.add_moves(states, actions)
                for first in range(0, len(states), portion):
                    part = states[first : first + portion]
                    writer.add_images(puzzle.render(part, key.img_size))
                    progress.update(len(part))
            writers.append(writer)
        file.attrs["content_digest"] = content_digest(writers)


def _say_start(puzzle: Puzzle, start: str) -> str:
    if start == puzzle.default_start:
        return f"{start} ({puzzle.start_reason})"
    return f"{start}, as asked"


def trajectories(puzzle: Puzzle, key: int, split: str, start: str, transitions: int, length: int):
    """Make trajectories of `length` random actions, the last one shorter where `transitions` doesn't divide.

    They come in blocks, each from a random stream of its own that follows from (key, split, number of the block):
    any block can be made alone, in any order, by any process, with the same result.

    Yields:
        states (f, S) uint8, the frames of some trajectories one after the other, and actions (n,) uint8.
    """
    per_block = max(1, BLOCK_TRANSITIONS // length)
    for block, first in enumerate(range(0, transitions, per_block * length)):
        rng = np.random.Generator(np.random.Philox(np.random.SeedSequence([key, zlib.crc32(split.encode()), block])))
        states, actions = _block(puzzle, rng, start, per_block, length)
        wanted = min(transitions - first, actions.size)
        yield (
            states.reshape(-1, states.shape[-1])[: frame_count(wanted, length)],
            actions.reshape(-1)[:wanted],
        )


def _block(puzzle: Puzzle, rng: np.random.Generator, start: str, n: int, length: int):
    """Walk n trajectories: states (n, length + 1, S) uint8 and actions (n, length) uint8."""
    states = np.empty((n, length + 1, puzzle.state_size), np.uint8)
    states[:, 0] = puzzle.start(rng, n, start)
    actions = rng.integers(0, len(puzzle.actions), (n, length), np.uint8)
    for t in range(length):
        states[:, t + 1] = puzzle.step(states[:, t], actions[:, t])
    return states, actions
