"""Stage 1 for somebody's own episodes: from a recording to a dataset file, in one pass and in bounded memory."""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
from tqdm import tqdm

from ..command_line.options import DatasetOptions
from ..dataset.cache import find_or_make
from ..dataset.chunks import pack
from ..dataset.key import SourceKey, path_of
from ..dataset.layout import SPLITS, SplitSize, checksum_of
from ..dataset.writing import EpisodeWriter, content_digest, new_file
from ..sources.pictures import resized
from ..sources.recording import LEAST_EPISODES, Recording
from ..system.errors import UserError
from ..system.executors import InOrder, workers
from ..system.hashing import number_rows
from ..system.memory import said_size
from ..system.streams import stream

HELD_OUT = 10_000  # transitions of validation and test each, but no more than a tenth of all
MARGIN = 1.1  # a sample may be packed a little smaller than the rest
LEFT_OUT = len(SPLITS)  # the number of no split


def ensure_recorded(options: DatasetOptions, recording: Recording) -> Path:
    """Give the path of the dataset that the options ask for of a recording, made now if the cache has none."""
    path, key = path_of(options), key_of_recording(options, recording)
    plan = Plan(recording, key)
    recording.check_shows_something()  # before anything is written
    find_or_make(path, plan.attributes(), partial(write_recording, path, plan))
    return path


def key_of_recording(options: DatasetOptions, recording: Recording) -> SourceKey:
    """Give what decides the content: a recording has been walked already, from wherever and however long."""
    return SourceKey.of_source(options, recording.digest, shuffle_length=0, start="auto")


class Episodes(Protocol):
    """What is written: a `Recording`, or what has been walked just now."""

    name: str
    actions: tuple[str, ...]
    action: np.ndarray
    lengths: np.ndarray
    states: np.ndarray | None
    rewards: np.ndarray | None
    terminated: np.ndarray | None

    def images(self) -> Iterator[np.ndarray]: ...


class Plan:
    """Which frame of a recording goes where: whole episodes to training, validation and test.

    Args:
        given: (E,) int, the split of each episode; else some are held out at random.

    Attributes:
        split_of: (F,) uint8, an index into SPLITS, or LEFT_OUT.
        acts: (F,) bool, whether a transition leads from the frame to the next.
    """

    def __init__(self, recording: Episodes, key: SourceKey, given: np.ndarray | None = None):
        self.recording, self.key = recording, key
        lengths, taken = recording.lengths, np.maximum(recording.lengths - 1, 0)
        if given is None:
            given, taken = self._hold_out(taken)
        splits = np.repeat(given, lengths)
        within = np.arange(len(splits)) - np.repeat(np.cumsum(lengths) - lengths, lengths)  # the frame's episode
        last = np.repeat(np.where(taken > 0, taken, -1), lengths)
        self.split_of = np.where(within <= last, splits, LEFT_OUT).astype(np.uint8)
        self.acts = within < last

    def _hold_out(self, taken: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give the split of each episode (E,), and how many of its transitions (E,) are taken."""
        key = self.key
        before = np.cumsum(taken) - taken
        taken = np.clip(key.dataset_size - before, 0, taken)  # the first transitions, where not all are asked for
        if (taken > 0).sum() < LEAST_EPISODES:
            raise UserError(
                f"--dataset_size must take in at least {LEAST_EPISODES} of the recording's episodes. "
                f"Received: --dataset_size {key.dataset_size}"
            )
        return split_episodes(taken, key.key), taken

    @property
    def extras(self) -> tuple[str, ...]:
        found = self.recording
        given = {"rewards": found.rewards, "terminated": found.terminated, "pictures": found.states}
        return tuple(name for name, values in given.items() if values is not None)

    @property
    def state_size(self) -> int:
        return 8 if self.recording.states is None else self.recording.states.shape[1]

    def sizes(self) -> dict[str, SplitSize]:
        """Give how large each split is."""
        found = {}
        for number, split in enumerate(SPLITS):
            here = self.split_of == number
            counts = int((here & self.acts).sum()), int(here.sum())
            found[split] = SplitSize(*counts, self.key.img_size, self.state_size, self.extras)
        return found

    def attributes(self) -> dict:
        """Give what the file records of how it was made, and what is compared before it is used again."""
        sizes = self.sizes().values()
        return {
            **self.key.attributes(),
            "action_names": self.recording.actions,
            "start_used": "auto",
            "transitions": [size.transitions for size in sizes],
            "frame_counts": [size.frames for size in sizes],
            "state_size": self.state_size,
            "extras": " ".join(self.extras),
        }


def split_episodes(transitions: np.ndarray, seed: int) -> np.ndarray:
    """Choose at random which episodes are held out, those of validation and those of test; the longest never is.

    Args:
        transitions: (E,) int, those of each episode.

    Returns:
        (E,) int, indices into SPLITS; LEFT_OUT for an episode without transitions.
    """
    found = np.where(transitions > 0, 0, LEFT_OUT)
    shuffled = stream(seed, "held-out episodes").permutation(len(transitions)).tolist()
    order = [episode for episode in shuffled if transitions[episode] > 0 and episode != transitions.argmax()]
    wanted = min(HELD_OUT, transitions.sum() // 10)
    for number in (2, 1):
        held = 0
        while order and (held == 0 or held < wanted) and len(order) > number - 1:
            episode = order.pop()
            found[episode], held = number, held + transitions[episode]
    return found


def write_recording(path: Path, plan: Plan):
    """Write the dataset of a recording. Portions are those of the recording, whatever the options say of memory."""
    recording, sizes = plan.recording, plan.sizes()
    _check_disk(path.parent, plan)
    train, *unseen = (size.transitions for size in sizes.values())
    print(
        f"dataset: {train:,} transitions of {recording.name}, and {sum(unseen):,} of episodes held out, "
        f"{len(recording.actions)} actions"
    )
    with (
        workers() as (executor, count),
        new_file(path) as file,
        tqdm(total=len(plan.split_of), unit=" frames", unit_scale=True) as progress,
    ):
        tasks = InOrder(executor, 4 * count)
        writers = [EpisodeWriter(file, split, size, tasks) for split, size in sizes.items()]
        first, numbers = 0, [0] * len(SPLITS)
        for images in recording.images():
            part = slice(first, first + len(images))
            images = resized(images, plan.key.img_size)
            for number, writer in enumerate(writers):
                here = np.flatnonzero(plan.split_of[part] == number)
                if len(here):
                    writer.add(_rows(plan, images[here], first + here, numbers[number]))
                    numbers[number] += len(here)
            first = part.stop
            progress.update(len(images))
        for writer in writers:
            writer.finish()
        tasks.finish()
        attributes = plan.attributes() | {"content_digest": content_digest(writers)}
        file.attrs.update({**attributes, "attributes_crc32": checksum_of(attributes)})


def _rows(plan: Plan, images: np.ndarray, frames: np.ndarray, first: int) -> dict[str, np.ndarray]:
    """Give the rows of all arrays for some frames (n,) of the recording, of which the first is number `first`."""
    recording, acts = plan.recording, plan.acts[frames]
    pictures = number_rows(images)
    found = {
        "images": images,
        "states": pictures[:, None].view(np.uint8) if recording.states is None else recording.states[frames],
        "actions": recording.action[frames[acts]],
        "frames": (first + np.flatnonzero(acts)).astype(np.uint32),
    }
    if recording.rewards is not None:
        found["rewards"] = recording.rewards[frames[acts]]
    if recording.terminated is not None:
        found["terminated"] = recording.terminated[frames[acts]]
    if recording.states is not None:
        found["pictures"] = pictures
    return found


def _check_disk(folder: Path, plan: Plan):
    """Make sure that the file fits on the disk; only where that is not plain, a sample is packed.

    Raises:
        UserError: It doesn't; says what is needed and what is free.
    """
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    row_bytes = 3 * plan.key.img_size[0] * plan.key.img_size[1] + plan.state_size + 17
    needed = int((plan.split_of != LEFT_OUT).sum()) * row_bytes
    if needed > free:
        sample = resized(next(iter(plan.recording.images())), plan.key.img_size)
        needed = int(needed * min(1.0, MARGIN * len(pack(sample, len(sample))[0][0]) / sample.nbytes))
    if needed > free:
        raise UserError(
            f"the dataset needs about {said_size(needed)} on the disk, and {said_size(free)} are free in {folder}; "
            f"a smaller --dataset_size or --img_size would fit. Received: --dataset_size {plan.key.dataset_size}"
        )
