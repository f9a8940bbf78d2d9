"""From a dataset file to batches: read once into memory, shuffled by index, gathered and prefetched by tf.data."""

from dataclasses import dataclass

import h5py
import numpy as np
import tensorflow as tf
from tqdm import tqdm

READ_BYTES = 2**25  # of images read and encoded at a time


@dataclass(frozen=True)
class Transitions:
    """A split in memory. N transitions; transition n leads from frame frames[n] to frame frames[n] + 1."""

    kind: str  # "image" or "code": what the frames are
    of_frames: np.ndarray  # (F, H, W, 3) images or (F, B) codes, uint8
    actions: np.ndarray  # (N,) uint8
    frames: np.ndarray  # (N,) uint32

    def __len__(self) -> int:
        return len(self.actions)

    def batches(self, batch_size: int) -> tf.data.Dataset:
        """Give all transitions once, in order."""
        return tf.data.Dataset.range(len(self)).batch(batch_size).map(self._gather()).prefetch(2)

    def shuffled(self, batch_size: int, seed: int, first_epoch: int) -> tf.data.Dataset:
        """Give all transitions in a new order every epoch, without end.

        An epoch's order follows from the seed and its number alone, so a run that goes on later sees the same batches.
        """

        def one_epoch(epoch):
            order = tf.random.experimental.stateless_shuffle(tf.range(len(self), dtype=tf.int64), [seed, epoch])
            return tf.data.Dataset.from_tensor_slices(order).batch(batch_size)

        epochs = tf.data.Dataset.counter(first_epoch).flat_map(one_epoch)
        return epochs.map(self._gather(), num_parallel_calls=2).prefetch(4)

    def _gather(self):
        with tf.device("CPU"):  # whatever the device, the whole dataset stays in main memory
            of_frames, actions = tf.constant(self.of_frames), tf.constant(self.actions)
            frames = tf.constant(self.frames.astype(np.int64))

        def gather(index):
            frame = tf.gather(frames, index)
            return {
                self.kind: tf.gather(of_frames, frame),
                "action": tf.cast(tf.gather(actions, index), tf.int32),
                f"next_{self.kind}": tf.gather(of_frames, frame + 1),
            }

        return gather


def read_images(split: h5py.Group) -> Transitions:
    """Read a split with its images."""
    return Transitions("image", split["images"][:], split["actions"][:], split["frames"][:])


def read_codes(split: h5py.Group, encode, bits: int, quiet: bool = False) -> Transitions:
    """Read a split and keep only the codes of its images; memory holds a few thousand images at a time.

    Args:
        encode: From images (n, H, W, 3) uint8 to codes (n, bits) uint8.
    """
    images = split["images"]
    codes = np.empty((len(images), bits), np.uint8)
    chunk = images.chunks[0]
    step = max(1, READ_BYTES // int(np.prod(images.shape[1:])) // chunk) * chunk
    for first in tqdm(range(0, len(images), step), "encoding", unit="part", leave=False, disable=quiet):
        codes[first : first + step] = encode(images[first : first + step])
    return Transitions("code", codes, split["actions"][:], split["frames"][:])


def sample_images(split: h5py.Group, count: int, seed: int) -> np.ndarray:
    """Read `count` images (count, H, W, 3) from all over a split, in whole chunks for speed, in random order."""
    images = split["images"]
    chunk = images.chunks[0]
    chunks = np.arange(-(-len(images) // chunk))
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(chunks)[: max(32, -(-count // chunk))])
    found = np.concatenate([images[first * chunk : (first + 1) * chunk] for first in chosen.tolist()])
    return found[rng.permutation(len(found))[:count]]
