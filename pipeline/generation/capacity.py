"""Whether there is room for a dataset, on the disk and in memory: found out before the work starts."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..dataset.key import DatasetKey
from ..dataset.layout import CHUNK_BYTES, frame_count
from ..system.errors import UserError
from ..system.memory import available_bytes, check_memory, said_size

DRAWING = 8  # how many times the images of a chunk are held while one is drawn and packed
MARGIN = 1.1  # a sample may be packed a little smaller than the rest
FIXED_BYTES = 100_000  # of a file without data


@dataclass(frozen=True)
class Room:
    """What a dataset needs.

    Attributes:
        key: Which dataset.
        state_size: S, bytes in a state.
        measure: Draws a sample and gives its bytes packed, as a share of its bytes as they are.
    """

    key: DatasetKey
    state_size: int
    measure: Callable[[], float]

    @cached_property
    def share(self) -> float:
        """What is left of a byte when it is packed."""
        return min(1.0, self.measure() * MARGIN)

    @property
    def image_bytes(self) -> int:
        return 3 * self.key.img_size[0] * self.key.img_size[1]

    def raw_bytes(self, transitions: int, length: int) -> int:
        """Give the bytes of some transitions as they are."""
        return frame_count(transitions, length) * (self.image_bytes + self.state_size) + 5 * transitions

    def check_disk(self, folder: Path):
        """Make sure that the file fits on the disk; only where that is not plain, a sample is drawn.

        Raises:
            UserError: It doesn't; says what is needed, what is free and what would fit.
        """
        while not folder.exists():
            folder = folder.parent
        free = shutil.disk_usage(folder).free - FIXED_BYTES
        raw = sum(self.raw_bytes(*size) for size in self.key.sizes.values())
        if raw < free or raw * self.share < free:
            return
        unseen = [size for split, size in self.key.sizes.items() if split != "train"]
        room = free / self.share - sum(self.raw_bytes(*size) for size in unseen)
        fits = int(room / self.raw_bytes(*[self.key.shuffle_length] * 2) * self.key.shuffle_length)
        cure = f"--dataset_size {fits} would fit" if fits > 0 else "not even the unseen walks would fit"
        raise UserError(
            f"the dataset needs about {said_size(raw * self.share + FIXED_BYTES)} on the disk, "
            f"and {said_size(free)} are free in {folder}; {cure}. "
            f"Received: --dataset_size {self.key.dataset_size}"
        )

    def check_memory(self, tasks: int, frames: int, count: int, minibatch_size: int):
        """Make sure that what is drawn at a time fits in memory.

        Args:
            tasks: How many are running or waiting at a time.
            frames: The images in each.
            count: How many workers there are.
            minibatch_size: What was asked for.

        Raises:
            UserError: It doesn't; says what is needed, what is free and what would fit.
        """
        drawing = count * DRAWING * max(CHUNK_BYTES, self.image_bytes)
        waiting = tasks * frames * self.image_bytes
        if drawing + waiting < available_bytes():
            return

        def cure(free):
            fits = int((free - drawing) / (self.image_bytes * self.share))
            return f"--dataset_minibatch_size {fits} would fit" if fits > 0 else "a smaller --img_size would fit"

        needed = drawing + waiting * self.share
        check_memory("generation", needed, cure, f"--dataset_minibatch_size {minibatch_size}")
