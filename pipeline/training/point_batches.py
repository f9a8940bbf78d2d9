"""From a dataset file to batches of whitened images, from which a code is learned.

Whitening isn't trained, so it is done once. A point takes two bytes for each direction: 262 for the cube, whose
images of 32×32 take 3,072.
"""

from dataclasses import dataclass

import h5py
import numpy as np

from ..world_model.learning import whitened
from ..world_model.model import DiscreteWorldModel
from .in_memory import InMemory, in_parts

POINT = np.dtype(np.float16)  # as they are kept; they are about as large as 1


@dataclass(frozen=True)
class PointTransitions(InMemory):
    """A split in points: its rows are those of all frames, (F, K)."""

    name = "point"

    @classmethod
    def read(cls, split: h5py.Group, model: DiscreteWorldModel, quiet: bool = False) -> "PointTransitions":
        """Read a split and keep only the points of its images."""
        images, whiten = split["images"], whitened(model.encoder)
        points = np.empty((len(images), whiten.output_shape[-1]), POINT)
        for first, part in in_parts(images, quiet):
            points[first : first + len(part)] = whiten.predict_on_batch(part)
        return cls(points, split["actions"][:], split["frames"][:])
