"""From a dataset file to batches of codes: all in memory, shuffled by index, gathered and prefetched by tf.data.

Codes stay packed, eight bits to a byte, until the model has them: ten million transitions of 192 bits are 250 MB.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import h5py
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from ..dataset.reading import read_rows
from ..world_model.model import DiscreteWorldModel
from .shuffle import Order
from .tuning import untuned

READ_BYTES = 2**25  # of images read and encoded at a time


@dataclass(frozen=True)
class CodeTransitions:
    """A split in codes. N transitions; transition n leads from frame frames[n] to frame frames[n] + 1."""

    packed: np.ndarray  # (F, ceil(B / 8)) uint8, the codes of all frames with eight bits to a byte
    bits: int  # B
    actions: np.ndarray  # (N,) uint8
    frames: np.ndarray  # (N,) uint32
    errors: np.ndarray  # (F,) uint8, by how many grey levels the farthest pixel of each decoded picture is off

    @classmethod
    def read(cls, split: h5py.Group, model: DiscreteWorldModel, quiet: bool = False) -> "CodeTransitions":
        """Read a split and keep only the codes of its images, each decoded and compared with the image.

        Memory holds a few thousand images at a time.
        """
        images, bits = split["images"], model.bits
        packed, errors = np.empty((len(images), -(-bits // 8)), np.uint8), np.empty(len(images), np.uint8)
        chunk = images.chunks[0]
        step = max(1, READ_BYTES // int(np.prod(images.shape[1:])) // chunk) * chunk
        encode, firsts = model.there_and_back(), range(0, len(images), step)
        parts = tqdm(_read_ahead(images, step), "encoding", len(firsts), unit="part", leave=False, disable=quiet)
        for first, part in zip(firsts, parts):
            codes, off = encode(part)
            packed[first : first + step] = np.packbits(codes, axis=1, bitorder="little")
            errors[first : first + step] = np.rint(off)
        return cls(packed, bits, split["actions"][:], split["frames"][:], errors)

    def __len__(self) -> int:
        return len(self.actions)

    def misread(self, bound: float) -> np.ndarray:
        """Give the frames (M,) int whose picture doesn't come back from its code within so many grey levels."""
        return np.flatnonzero(self.errors > bound)

    def codes(self, frames: np.ndarray) -> np.ndarray:
        """Give the codes (n, B) uint8 of 0 and 1 of some frames."""
        return np.unpackbits(self.packed[frames], axis=1, count=self.bits, bitorder="little")

    def part(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give codes (n, B) uint8 of 0 and 1, actions (n,) and next codes (n, B) of some transitions."""
        frames = self.frames[index]
        return self.codes(frames), self.actions[index], self.codes(frames + 1)

    def unchanging_bits(self) -> int:
        """Count the bits that are the same in all codes."""
        changes = np.bitwise_or.reduce(self.packed) ^ np.bitwise_and.reduce(self.packed)
        return self.bits - int(np.unpackbits(changes).sum())

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
            return index.rebatch(batch_size)

        epochs = tf.data.Dataset.counter(epoch).flat_map(one_epoch)
        return untuned(epochs.map(self._gather, num_parallel_calls=2).prefetch(8))

    @cached_property
    def _tensors(self):
        with tf.init_scope(), tf.device("CPU"):  # whatever the device, the whole dataset stays in main memory
            return tf.constant(self.packed), tf.constant(self.actions), tf.constant(self.frames.astype(np.int64))

    def _gather(self, index):
        packed, actions, frames = self._tensors
        frame = tf.gather(frames, index)
        return {
            "code": tf.gather(packed, frame),
            "action": tf.cast(tf.gather(actions, index), tf.int32),
            "next_code": tf.gather(packed, frame + 1),
        }


def _read_ahead(images: h5py.Dataset, step: int) -> Iterator[np.ndarray]:
    """Yield images part by part; while one is in use the next is read."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(read_rows, images, 0, step)
        for first in range(step, len(images) + step, step):
            ready, coming = coming, reader.submit(read_rows, images, first, first + step)
            yield ready.result()


INDEX = tf.TensorSpec((None,), tf.int64)
