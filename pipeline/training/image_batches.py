"""From a dataset file to batches of images: in memory, or read from disk pool by pool in the very same order."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import h5py
import numpy as np
import tensorflow as tf

from ..dataset.reading import read_rows
from ..system.streams import stream
from .shuffle import Order
from .tuning import untuned


@dataclass(frozen=True)
class Pool:
    """Some transitions with the images they need, in the order in which they are to be seen."""

    images: np.ndarray  # (f, H, W, 3) uint8
    frames: np.ndarray  # (n,) int: transition k leads from images[frames[k]] to images[frames[k] + 1]
    actions: np.ndarray  # (n,) uint8

    def __len__(self) -> int:
        return len(self.actions)

    def part(self, first: int, last: int) -> dict:
        """Give some of the transitions as a batch."""
        frames = self.frames[first:last]
        return {
            "image": self.images.take(frames, axis=0),
            "action": self.actions[first:last].astype(np.int32),
            "next_image": self.images.take(frames + 1, axis=0),
        }


class ImageTransitions:
    """A split in images. N transitions; transition n leads from frame frames[n] to frame frames[n] + 1.

    From disk, memory holds two pools of images at a time: the one in use and the next.
    """

    name = "image"  # of what a batch has of a frame

    def __init__(self, split: h5py.Group, in_memory: bool):
        self.in_memory = in_memory
        self.images = split["images"][:] if in_memory else split["images"]  # (F, H, W, 3) uint8
        self.actions, self.frames = split["actions"][:], split["frames"][:].astype(np.int64)  # (N,)
        self.order = Order.of_images(split["images"], len(self.actions))

    def __len__(self) -> int:
        return len(self.actions)

    def batches(self, batch_size: int) -> tf.data.Dataset:
        """Give all transitions once, in order."""

        def parts():
            pool = Pool(self.images, self.frames, self.actions)
            return (pool.part(first, first + batch_size) for first in range(0, len(self), batch_size))

        found = tf.data.Dataset.from_generator(parts, output_signature=self._signature())
        found = found.apply(tf.data.experimental.assert_cardinality(-(-len(self) // batch_size)))
        return untuned(found.prefetch(2))

    def shuffled(self, batch_size: int, seed: int, epoch: int = 0, batch: int = 0) -> tf.data.Dataset:
        """Give all transitions in a new order every epoch, without end, from a batch of an epoch on.

        An epoch's order follows from the seed and its number alone, so a run that goes on later sees the same batches.
        """

        def batches_of(number):
            return self._epoch(batch_size, seed, int(number), batch if number == epoch else 0)

        def one_epoch(number):
            return tf.data.Dataset.from_generator(batches_of, output_signature=self._signature(), args=(number,))

        return untuned(tf.data.Dataset.counter(epoch).flat_map(one_epoch).prefetch(4))

    def _signature(self) -> dict:
        image = tf.TensorSpec((None, *self.images.shape[1:]), tf.uint8)
        return {"image": image, "action": tf.TensorSpec((None,), tf.int32), "next_image": image}

    def _epoch(self, batch_size: int, seed: int, epoch: int, batch: int):
        """Yield an epoch's batches from one of them on; the last may be smaller."""
        parts: list[dict] = []
        missing = batch_size  # of the batch that is being put together
        for pool in self._pools(seed, epoch, batch * batch_size):
            first = 0
            while len(pool) - first >= missing:
                yield _joined([*parts, pool.part(first, first + missing)])
                first, parts, missing = first + missing, [], batch_size
            if first < len(pool):
                parts.append(pool.part(first, len(pool)))
                missing -= len(pool) - first
        if parts:
            yield _joined(parts)

    def _pools(self, seed: int, epoch: int, done: int):
        """Yield an epoch's pools; while one is in use the next is read."""
        with ThreadPoolExecutor(1) as reader:
            coming = None
            for pool in self.order.pools(seed, epoch, done):
                ready, coming = coming, reader.submit(self._read, *pool)
                if ready:
                    yield ready.result()
            if coming:
                yield coming.result()

    def _read(self, spans: np.ndarray, index: np.ndarray) -> Pool:
        """Get the images of some spans, for transitions `index` (n,) of theirs."""
        actions, frames = self.actions[index], self.frames[index]
        if self.in_memory:
            return Pool(self.images, frames, actions)
        spans = np.sort(spans)
        bounds = np.array([self.order.bounds(span) for span in spans.tolist()])
        chunk = self.images.chunks[0]
        begins, ends = self.frames[bounds[:, 0]] // chunk * chunk, self.frames[bounds[:, 1] - 1] + 2
        places = np.concatenate([[0], np.cumsum(ends - begins)])  # where each span's images begin in the pool
        images = np.empty((places[-1], *self.images.shape[1:]), np.uint8)
        for begin, end, place in zip(begins.tolist(), ends.tolist(), places.tolist()):
            read_rows(self.images, begin, end, images[place : place + end - begin])
        of_span = np.searchsorted(spans, index // self.order.span)
        return Pool(images, frames - begins[of_span] + places[of_span], actions)


def _joined(parts: list[dict]) -> dict:
    if len(parts) == 1:
        return parts[0]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def sample_images(split: h5py.Group, count: int, seed: int) -> np.ndarray:
    """Read `count` images (count, H, W, 3) from all over a split, in whole chunks for speed, in random order."""
    images = split["images"]
    chunk = images.chunks[0]
    chunks = np.arange(-(-len(images) // chunk))
    rng = stream(seed, "sample of images")
    chosen = np.sort(rng.permutation(chunks)[: max(32, -(-count // chunk))])
    found = np.concatenate([images[first * chunk : (first + 1) * chunk] for first in chosen.tolist()])
    return found[rng.permutation(len(found))[:count]]
