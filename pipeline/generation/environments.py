"""Stage 1 for an environment: walk it, keep each distinct picture once, and write it as a recording is written."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, lru_cache, partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..command_line.options import DatasetOptions
from ..dataset.cache import find_or_make
from ..dataset.key import WALK_LENGTH, WALKS, SourceKey, path_of
from ..dataset.layout import SPLITS
from ..sources.environment import WORTH_PROCESSES, Block, Environment, Walk
from ..sources.recording import PORTION_BYTES
from ..system.errors import UserError
from ..system.hashing import number_rows
from .episodes import Plan, write_recording

BLOCK_TRANSITIONS = 250  # of a block, and whole episodes; a few seconds at most
LEAST_UNSEEN = 1000  # transitions of validation and test each; a tenth of training's, where that is more
EXTRAS = "rewards terminated"


def environment_of(options: DatasetOptions) -> Environment:
    """Give the environment that the options name."""
    return Environment(options.dataset, options.env_options or "", options.policy or "random")


@lru_cache(maxsize=4)
def describe(environment: Environment) -> tuple[str, tuple[str, ...]]:
    """Give the digest of an environment and the names of its actions; it is made once for that."""
    return environment.digest, environment.actions


def key_of_environment(options: DatasetOptions) -> SourceKey:
    """Give what decides the content: an environment starts where it does."""
    return SourceKey.of_source(options, describe(environment_of(options))[0], start="auto")


def ensure_walked(options: DatasetOptions) -> Path:
    """Give the path of the dataset that the options ask for of an environment, made now if the cache has none."""
    environment, path, key = environment_of(options), path_of(options), key_of_environment(options)
    if not path.exists():
        environment.check(options.img_size)  # before anything is written
    attributes = {
        **key.attributes(),
        "action_names": describe(environment)[1],
        "start_used": "auto",
        "state_size": 8,
        "extras": EXTRAS,
    }
    find_or_make(path, attributes, partial(_write, path, environment, key))
    return path


def _write(path: Path, environment: Environment, key: SourceKey):
    unseen = min(WALKS * WALK_LENGTH, max(LEAST_UNSEEN, key.dataset_size // 10))
    print(
        f"dataset: {key.dataset_size:,} transitions of {environment.word}, actions chosen by policy "
        f"{environment.policy}; walking it ..."
    )
    try:
        with tempfile.TemporaryFile(dir=path.parent, prefix=f".{path.name}.") as store:
            walked = Walked(environment, key, store)
            counts = (key.dataset_size, unseen, unseen)
            with tqdm(total=sum(counts), unit=" steps", unit_scale=True) as progress:
                for number, split in enumerate(SPLITS):
                    length = key.shuffle_length if split == "train" else max(key.shuffle_length, WALK_LENGTH)
                    blocks = blocks_of(counts[number], length * -(-BLOCK_TRANSITIONS // length))
                    for walk in environment.walks(key.img_size, key.key, split, length, blocks):
                        walked.add(walk, number)
                        progress.update(len(walk.shown) - len(walk.lengths))
            write_recording(path, Plan(walked, key, walked.finish()))
    except OSError as error:
        raise UserError(f"{path} can't be written ({error.strerror or error})") from None


def blocks_of(transitions: int, size: int) -> list[Block]:
    """Cut so many transitions into blocks."""
    parts = [min(size, transitions - first) for first in range(0, transitions, size)]
    return [Block(number, part, part) for number, part in enumerate(parts)]


@contextmanager
def walked_live(options: DatasetOptions, episodes: int, steps: int) -> Iterator[dict]:
    """Walk new episodes, at most so many steps each; gives the arrays of a split while the block runs."""
    environment, key = environment_of(options), key_of_environment(options)
    each = max(1, WORTH_PROCESSES // steps)
    firsts = range(0, episodes, each)
    blocks = [Block(n, each * steps, min(each, episodes - first)) for n, first in enumerate(firsts)]
    with tempfile.TemporaryFile() as store:
        walked = Walked(environment, key, store)
        walks = environment.walks(key.img_size, key.key, "rollouts", steps, blocks)
        for walk in tqdm(walks, "walking", len(blocks), unit="part", leave=False, dynamic_ncols=True):
            walked.add(walk, 0)
        walked.finish()
        yield walked.split()


class Walked:
    """What was walked, as a recording: distinct pictures in a file, and which of them each frame shows."""

    states: np.ndarray | None = None

    def __init__(self, environment: Environment, key: SourceKey, store):
        self.name, self.digest, self.actions = environment.word, key.source, describe(environment)[1]
        self.img_size, self.store = key.img_size, store
        self.known: dict[bytes, int] = {}
        self.parts: list[tuple[np.ndarray, Walk, int]] = []

    def add(self, walk: Walk, split: int):
        """Add episodes of a split; only pictures that are new are kept."""
        for digest, picture in zip(walk.digests, walk.pictures):
            if digest not in self.known:
                self.known[digest] = len(self.known)
                self.store.write(picture.tobytes())
        numbers = np.array([self.known[digest] for digest in walk.digests])[walk.shown]
        self.parts.append((numbers, replace(walk, pictures=walk.pictures[:0].copy()), split))

    def finish(self) -> np.ndarray:
        """Put all together; gives the split of each episode, (E,) int."""
        self.store.flush()
        self.shown = np.concatenate([numbers for numbers, _, _ in self.parts])
        walks = [walk for _, walk, _ in self.parts]
        self.lengths = np.concatenate([walk.lengths for walk in walks])
        self.action = np.concatenate([walk.actions for walk in walks])
        self.rewards: np.ndarray | None = np.concatenate([walk.rewards for walk in walks])
        self.terminated: np.ndarray | None = np.concatenate([walk.terminated for walk in walks])
        return np.concatenate([np.full(len(walk.lengths), split) for _, walk, split in self.parts])

    @cached_property
    def pictures(self) -> np.ndarray:
        """The distinct pictures, (P, H, W, 3) uint8, read as they are needed."""
        return np.memmap(self.store, np.uint8, "r", shape=(len(self.known), *self.img_size, 3))

    @property
    def rows(self) -> int:
        return max(1, PORTION_BYTES // int(3 * np.prod(self.img_size)))

    def images(self) -> Iterator[np.ndarray]:
        """Yield all frames in order, some at a time, as (n, H, W, 3) uint8."""
        for first in range(0, len(self.shown), self.rows):
            yield self.pictures[self.shown[first : first + self.rows]]

    def __len__(self) -> int:
        return len(self.shown)

    def __getitem__(self, frames) -> np.ndarray:
        """Give some frames, as an array of them would."""
        return self.pictures[self.shown[frames]]

    def split(self) -> dict:
        """Give what was walked as the arrays of a split."""
        acts = np.ones(len(self.shown), bool)
        acts[np.cumsum(self.lengths) - 1] = False
        firsts = range(0, len(self.known), self.rows)
        numbers = np.concatenate([number_rows(self.pictures[first : first + self.rows]) for first in firsts])
        states = numbers[self.shown][:, None].view(np.uint8)
        return {"images": self, "states": states, "actions": self.action[acts], "frames": np.flatnonzero(acts)}
