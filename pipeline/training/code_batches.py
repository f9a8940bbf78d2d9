"""From a dataset file to batches of codes.

Codes stay packed, eight bits to a byte, until the model has them: ten million transitions of 192 bits are 250 MB.
"""

from dataclasses import dataclass

import h5py
import numpy as np

from ..world_model.model import DiscreteWorldModel
from .in_memory import InMemory, in_parts


@dataclass(frozen=True)
class CodeTransitions(InMemory):
    """A split in codes: its rows are those of all frames with eight bits to a byte, (F, ceil(B / 8)) uint8."""

    name = "code"

    bits: int  # B
    errors: np.ndarray  # (F,) uint8, by how many grey levels the farthest pixel of each decoded picture is off

    @classmethod
    def read(cls, split: h5py.Group, model: DiscreteWorldModel, quiet: bool = False) -> "CodeTransitions":
        """Read a split and keep only the codes of its images, each decoded and compared with the image."""
        images, bits = split["images"], model.bits
        packed, errors = np.empty((len(images), -(-bits // 8)), np.uint8), np.empty(len(images), np.uint8)
        encode = model.there_and_back()
        for first, part in in_parts(images, quiet):
            codes, off = encode(part)
            packed[first : first + len(part)] = np.packbits(codes, axis=1, bitorder="little")
            errors[first : first + len(part)] = np.rint(off)
        return cls(packed, split["actions"][:], split["frames"][:], bits, errors)

    def misread(self, bound: float) -> np.ndarray:
        """Give the frames (M,) int whose picture doesn't come back from its code within so many grey levels."""
        return np.flatnonzero(self.errors > bound)

    def codes(self, frames: np.ndarray) -> np.ndarray:
        """Give the codes (n, B) uint8 of 0 and 1 of some frames."""
        return np.unpackbits(self.rows[frames], axis=1, count=self.bits, bitorder="little")

    def part(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give codes (n, B) uint8 of 0 and 1, actions (n,) and next codes (n, B) of some transitions."""
        frames = self.frames[index]
        return self.codes(frames), self.actions[index], self.codes(frames + 1)

    def unchanging_bits(self) -> int:
        """Count the bits that are the same in all codes."""
        changes = np.bitwise_or.reduce(self.rows) ^ np.bitwise_and.reduce(self.rows)
        return self.bits - int(np.unpackbits(changes).sum())
