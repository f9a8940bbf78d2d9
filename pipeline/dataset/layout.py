"""How a dataset file is laid out: what the writer writes, and what every reader checks.

Three splits: `train`; `validation`, by which training chooses its best epoch and stops; `test`, which is measured once
at the end. For each (F frames, N transitions, S bytes in a state):

    /<split>/images   (F, H, W, 3) uint8   every frame of every trajectory, in order
    /<split>/states   (F, S) uint8         the puzzle's state that each frame shows
    /<split>/actions  (N,) uint8           the action of each transition
    /<split>/frames   (N,) uint32          transition n leads from frame frames[n] to frame frames[n] + 1

A dataset of somebody's own source may have more: /<split>/rewards (N,) float32, what each transition was rewarded with;
/<split>/terminated (N,) uint8, 1 where it ended the world; and /<split>/pictures (F,) uint64, equal numbers for equal
pictures, where the source has states too. Where it has none, /<split>/states holds these numbers, as eight bytes.

The file's attributes hold every option that shapes the content, the names of the actions and a digest of the arrays.
Nothing else goes in, no time, host or path, so that equal options give equal bytes.
"""

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

FORMAT_VERSION = 4
SPLITS = ("train", "validation", "test")
ARRAYS = ("images", "states", "actions", "frames")
EXTRAS: dict[str, tuple[str, Any]] = {  # what a source may have beside them: of transitions (N,) or frames (F,), type
    "rewards": ("transitions", np.float32),
    "terminated": ("transitions", np.uint8),
    "pictures": ("frames", np.uint64),
}
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


@dataclass(frozen=True)
class SplitSize:
    """How large the arrays of a split are."""

    transitions: int  # N
    frames: int  # F
    img_size: tuple[int, int]
    state_size: int  # S
    extras: tuple[str, ...] = ()

    def arrays(self) -> dict[str, tuple[tuple[int, ...], Any]]:
        """Give the shape and type of each array, in the order in which they are written."""
        counts = {"transitions": self.transitions, "frames": self.frames}
        return {
            "images": ((self.frames, *self.img_size, 3), np.uint8),
            "states": ((self.frames, self.state_size), np.uint8),
            "actions": ((self.transitions,), np.uint8),
            "frames": ((self.transitions,), np.uint32),
            **{name: ((counts[of],), dtype) for name, (of, dtype) in EXTRAS.items() if name in self.extras},
        }


def array_names(split: Iterable[str]) -> list[str]:
    """Give the names of the arrays that a split has, in the order in which they are written."""
    return [name for name in (*ARRAYS, *EXTRAS) if name in split]
