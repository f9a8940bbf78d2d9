"""How a dataset file is laid out: what the writer writes, and what every reader checks.

Three splits: `train`; `validation`, by which training chooses its best epoch and stops; `test`, which is measured once
at the end. For each (F frames, N transitions, S bytes in a state):

    /<split>/images   (F, H, W, 3) uint8   every frame of every trajectory, in order
    /<split>/states   (F, S) uint8         the puzzle's state that each frame shows
    /<split>/actions  (N,) uint8           the action of each transition
    /<split>/frames   (N,) uint32          transition n leads from frame frames[n] to frame frames[n] + 1

The file's attributes hold every option that shapes the content, the names of the actions and a digest of the arrays.
Nothing else goes in, no time, host or path, so that equal options give equal bytes.
"""

import json
import zlib

import numpy as np

FORMAT_VERSION = 4
SPLITS = ("train", "validation", "test")
ARRAYS = ("images", "states", "actions", "frames")
CHUNK_BYTES = 2**19  # of raw data in a chunk: small against the minibatch, large against the work per chunk


def checksum_of(attributes: dict) -> int:
    """Give the checksum of attributes, as they were given or as they were read."""
    plain = {name: np.asarray(value).tolist() for name, value in attributes.items()}
    return zlib.crc32(json.dumps(plain, sort_keys=True).encode())


def chunk_shape(shape: tuple[int, ...], dtype) -> tuple[int, ...]:
    """Give the shape of an array's chunks."""
    row_bytes = int(np.prod(shape[1:])) * np.dtype(dtype).itemsize
    return (max(1, min(shape[0], CHUNK_BYTES // row_bytes)), *shape[1:])


def frame_count(transitions: int, length: int) -> int:
    """Count the frames of trajectories of `length` transitions, the last of them shorter where need be."""
    return transitions + -(-transitions // length)
