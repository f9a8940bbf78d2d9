"""How exact a model is on the validation split after an epoch: what chooses the best one and stops a run."""

from collections.abc import Callable
from functools import cached_property

import h5py
import numpy as np

from ..codes.exactness import Frames, exact_steps, judge_frames, noise_of, pixel_bound
from ..system.hashing import number_rows
from ..system.memory import rows_within
from ..world_model.model import DiscreteWorldModel
from .code_batches import CodeTransitions

BATCH, BATCH_BYTES = 2000, 2**26  # frames or transitions at a time: at most so many, and images of so many bytes


class Validation:
    """The validation split of a dataset file, beside a model that is being trained.

    Args:
        split: N transitions and F frames.
        settled: The split in codes, where encoder and decoder stay as they are: frames are then judged once.
    """

    def __init__(self, split: h5py.Group, settled: CodeTransitions | None = None):
        self.images, self.is_settled = split["images"], settled is not None
        self.actions, self.frames = split["actions"][:], split["frames"][:].astype(np.int64)  # (N,)
        self.shown = number_rows(split["states"][:])  # (F,)
        self._encode: Callable | None = None  # of the model that is measured, which is the same after every epoch
        self._settled = settled and self._judge(settled.codes(np.arange(len(self.images))), settled.errors)

    @cached_property
    def bound(self) -> float:
        """The most grey levels by which a pixel of a decoded picture may be off."""
        return pixel_bound(noise_of(self.images, self.shown))

    def measure(self, model: DiscreteWorldModel) -> dict[str, float]:
        """Give the share of steps that are exact, of frames that are told apart and of true pictures; code counts."""
        codes, judged = self._settled or self._judge(*self._there_and_back(model))
        exact, sound = [], judged.is_sound
        for first in range(0, len(self.actions), BATCH):
            frame = self.frames[first : first + BATCH]
            predicted = model.step(codes[frame], self.actions[first : first + BATCH])
            exact.append(exact_steps(predicted, codes[frame + 1], sound[frame], sound[frame + 1]))
        figures = judged.figures()
        return {"one_step_exact": float(np.concatenate(exact).mean()), **figures}

    def _there_and_back(self, model: DiscreteWorldModel) -> tuple[np.ndarray, np.ndarray]:
        """Encode and decode all frames; gives their codes (F, B), and how far off the pictures are, (F,)."""
        encode = self._encode = self._encode or model.there_and_back()
        rows = rows_within(BATCH_BYTES, int(np.prod(self.images.shape[1:])), BATCH)
        parts = [encode(self.images[first : first + rows]) for first in range(0, len(self.images), rows)]
        codes, errors = (np.concatenate(part) for part in zip(*parts))
        return codes, np.rint(errors)

    def _judge(self, codes: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, Frames]:
        return codes, judge_frames(number_rows(codes), self.shown, errors, self.bound)
