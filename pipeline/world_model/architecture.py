"""What an architecture is: all that building and training a world model ask of one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import h5py
import keras
import numpy as np

from ..rules.language import Rules

Parts = tuple[keras.Model, keras.Model, keras.Model]  # encoder, decoder and transition


@dataclass(frozen=True)
class Recipe:
    """How a published system trains all parts together by gradient descent, counted in its own steps.

    Attributes:
        both_losses: "cross_entropy" or "squared_error" between predicted and encoded next code, in both directions.
        share: (step, share) points of the transition loss's share in the sum; the rest is the reconstruction's.
        is_gradual: Whether the share moves evenly between two points, or keeps each value until the next.
        decay: (steps, factor) by which the learning rate falls exponentially.
        pixel_scale: What the reconstruction's squared error is multiplied by, pixels in 0…1.
        steps, batch: The whole recipe.
    """

    both_losses: str
    share: tuple[tuple[int, float], ...]
    is_gradual: bool
    decay: tuple[int, float]
    pixel_scale: float
    steps: int
    batch: int

    def share_at(self, step: int) -> float:
        """Give the transition loss's share at a step."""
        if not self.is_gradual:
            return [share for first, share in self.share if first <= step][-1]
        (first, low), (last, high) = self.share
        return low + (high - low) * min(max((step - first) / (last - first), 0.0), 1.0)


@dataclass(frozen=True)
class Architecture:
    """What a world model is made of. Shapes come from the dataset.

    Layers are Keras' own or registered with `@keras.saving.register_keras_serializable("discrete_world_model")`, and
    know by `get_config` how they were made.

    Attributes:
        code: How the code is found in the images: "tiles" (a lattice of equal pictures) or "pixels" (pixels that
            stand for parts of the picture); None where it is learned by gradient descent alone. Tiles fall back to
            pixels where the images show no lattice.
        max_bits: The most bits a code may have.
        transition: Builds the transition for a code's grid (rows, columns, bits per cell), which is (1, 1, B) where
            the code has no places, and a number of actions: from [code (N, B) of 0 and 1, action (N,) int] to the
            logits (N, B) of the next code.
        learning_rate: What suits the transition with Adam and batches of 1,000.
        coder: Builds the encoder, images (N, H, W, 3) uint8 to logits (N, B), and the decoder, codes (N, B) to images
            with pixels in 0…1, for images of (H, W) and B bits. A code that is found becomes the weights of their
            layers "logits" and "pixels", so these must be linear in all that comes before. None for one linear map each
            way between a cell of the code's lattice and its bits.
        start: Sets the transition's first weights for what rules leave over, from codes, next codes (N, B) of 0 and 1
            and actions (N,), and gives in words what was found; None where it begins as it was built.
        jit: Whether XLA compiles a training step; "auto" leaves it to Keras. It halves the time of a linear
            transition's step on the CPU, and lengthens that of a local rule's.
        recipe: For a published system: how it trains.
        finds: Finds code and rules together in a whole dataset file, within so many seconds where it has to search.
        parts_from: Makes encoder, decoder and transition of what `finds` gave, and the number of actions.
        parts_of_size: Makes a model's three parts again for images of another size, of more or fewer of the same cells,
            or gives None where what was learned depends on the size. None where `sizes` knows how.
        name: The name of its file, which the registry fills in.
    """

    code: Literal["tiles", "pixels"] | None
    max_bits: int
    transition: Callable[[tuple[int, int, int], int], keras.Model]
    learning_rate: float
    coder: Callable[[tuple[int, int], int], tuple[keras.Model, keras.Model]] | None = None
    start: Callable[[keras.Model, Rules, np.ndarray, np.ndarray, np.ndarray], str | None] | None = None
    jit: bool | Literal["auto"] = "auto"
    recipe: Recipe | None = None
    finds: Callable[[h5py.File, float], Any] | None = None
    parts_from: Callable[[Any, int], Parts] | None = None
    parts_of_size: Callable[[keras.Model, tuple[int, int]], Parts | None] | None = None
    name: str = ""
