"""Transitions whose frames are rows in memory: shuffled by index, gathered and prefetched by tf.data."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import h5py
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from ..dataset.reading import read_rows
from .shuffle import Order
from .tuning import untuned

READ_BYTES = 2**25  # of images read and encoded at a time
AT_ONCE = 8000  # transitions gathered by one call, where batches are smaller: calls cost as much as gathering
INDEX = tf.TensorSpec((None,), tf.int64)


@dataclass(frozen=True)
class InMemory:
    """A split in memory. N transitions; transition n leads from frame frames[n] to frame frames[n] + 1."""

    name: ClassVar[str]  # of a row in a batch; that of the next frame is next_<name>

    rows: np.ndarray  # (F, …), what is kept of every frame
    actions: np.ndarray  # (N,) uint8
    frames: np.ndarray  # (N,) uint32

    def __len__(self) -> int:
        return len(self.actions)

    def batches(self, batch_size: int) -> tf.data.Dataset:
        """Give all transitions once, in order."""
        return untuned(tf.data.Dataset.range(len(self)).batch(batch_size).map(self._gather).prefetch(2))

    def shuffled(self, batch_size: int, seed: int, epoch: int = 0, batch: int = 0) -> tf.data.Dataset:
        """Give all transitions in a new order every epoch, without end, from a batch of an epoch on.

        An epoch's order follows from the seed and its number alone, so a run that goes on later sees the same batches.
        """
        order = Order.full(len(self))

        def pools(number):
            done = batch * batch_size if number == epoch else 0
            return (index for _, index in order.pools(seed, int(number), done))

        def one_epoch(number):
            index = tf.data.Dataset.from_generator(pools, output_signature=INDEX, args=(number,))
            several = index.rebatch(batch_size * max(1, AT_ONCE // batch_size))
            return several.map(self._gather, num_parallel_calls=1).prefetch(1).rebatch(batch_size)

        return untuned(tf.data.Dataset.counter(epoch).flat_map(one_epoch).prefetch(8))

    @cached_property
    def _tensors(self):
        with tf.init_scope(), tf.device("CPU"):  # whatever the device, the whole dataset stays in main memory
            # a pipeline copies the constants that it is given, but not variables
            return [tf.Variable(kept) for kept in (self.rows, self.actions, self.frames.astype(np.int64))]

    def _gather(self, index):
        rows, actions, frames = self._tensors
        frame = tf.gather(frames, index)
        return {
            self.name: tf.gather(rows, frame),
            "action": tf.cast(tf.gather(actions, index), tf.int32),
            f"next_{self.name}": tf.gather(rows, frame + 1),
        }


def in_parts(images: h5py.Dataset, quiet: bool) -> Iterator[tuple[int, np.ndarray]]:
    """Yield images (F, H, W, 3) part by part, each with the number of its first; while one is in use the next is read.

    Memory holds a few thousand images at a time.
    """
    chunk = images.chunks[0]
    step = max(1, READ_BYTES // int(np.prod(images.shape[1:])) // chunk) * chunk
    firsts = range(0, len(images), step)
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(read_rows, images, 0, step)
        for first in tqdm(firsts, "encoding", unit="part", leave=False, disable=quiet):
            ready, coming = coming, reader.submit(read_rows, images, first + step, first + 2 * step)
            yield first, ready.result()
