"""Bits for images without a lattice: thresholds on pixel values that determine all the others."""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from pipeline.world_model.linear import SKETCH, flat, main_directions, mixtures, ridge

MOST_LEVELS = 3  # a value that takes more is a mixture of parts
RANK_DROP = 20  # by which the diagonal falls where the next value is determined by those before
NOISE_LEVELS = (40, 20, 10, 5, 2, 1)  # of 255; the encoder is made for the strongest that leaves it exact


@dataclass(frozen=True)
class PixelBits:
    """The bits of N sample images: bit b tells whether the value at index[b] lies above level[b]."""

    images: np.ndarray  # (N, P) float32, pixel values in 0…1
    index: np.ndarray  # (B,) int
    level: np.ndarray  # (B,) float32, in 0…1
    description: str

    @property
    def bits(self) -> np.ndarray:
        """(N, B) bool."""
        return self.images[:, self.index] > self.level

    @property
    def grid(self) -> tuple[int, int, int]:
        """The bits have no places: one cell holds them all."""
        return 1, 1, len(self.index)

    def encoder(self):
        """Give the kernel (P, B) and bias (B,) that estimate each bit's value from a whole noisy image.

        Many pixels tell the same, so the estimate withstands noise that the bare value wouldn't.
        """
        directions = main_directions(self.images)  # (P, K)
        parts, values, bits = self.images @ directions, self.images[:, self.index], self.bits
        for noise in NOISE_LEVELS:
            kernel, bias = ridge(parts, values, noise / 255)
            if np.array_equal(parts @ kernel + bias > self.level, bits):
                break
        return directions @ kernel, bias - self.level

    def decoder(self):
        """Give the kernel (B, P) and bias (P,) of the regression from the bits to whole images."""
        return ridge(self.bits.astype(np.float32), self.images, 0.0)


def find(images: np.ndarray, max_bits: int) -> PixelBits | None:
    """Choose pixels by a column-pivoted QR decomposition and threshold their channels between neighbouring levels.

    The pivots are values that no linear function of those chosen before gives (Businger and Golub, 1965). All channels
    of their pixels are used: more bits than the least keep each next bit a function of few bits.

    Args:
        images: (N, H, W, 3) uint8.
        max_bits: Pixels are left out, the least telling first, until no more bits remain.

    Returns:
        None if no value of the images takes few levels.
    """
    values = images.reshape(len(images), -1)  # (N, P)
    thresholds = [_thresholds(column) for column in np.ascontiguousarray(values.T)]
    candidates = np.flatnonzero([len(levels) > 0 for levels in thresholds])
    if not len(candidates):
        return None
    chosen, pixels = [], _telling_pixels(values[:, candidates], candidates)
    for pixel in pixels:
        of_pixel = [(value, level) for value in range(3 * pixel, 3 * pixel + 3) for level in thresholds[value]]
        if len(chosen) + len(of_pixel) <= max_bits:
            chosen += of_pixel
    index, level = np.array(chosen).T
    description = f"{len(chosen)} bits at {len(pixels)} of {values.shape[1] // 3} pixels"
    return PixelBits(flat(images), index.astype(int), (level / 255).astype(np.float32), description)


def _thresholds(column: np.ndarray) -> np.ndarray:
    """Give the values halfway between a column's levels; none if it has too many levels."""
    levels = np.flatnonzero(np.bincount(column, minlength=256))
    return (levels[1:] + levels[:-1]) / 2 if len(levels) <= MOST_LEVELS else np.empty(0)


def _telling_pixels(values: np.ndarray, candidates: np.ndarray) -> list[int]:
    """Give the pixels of the values (N, C) that determine all others linearly, the most telling first."""
    centred = values - values.mean(axis=0, dtype=np.float32)
    sketch = mixtures(SKETCH, len(values)) @ centred if len(values) > SKETCH else centred
    triangle, order = linalg.qr(sketch, mode="r", pivoting=True, check_finite=False)
    diagonal = np.abs(np.diag(triangle))
    falls = diagonal[1:] * RANK_DROP < diagonal[:-1]
    rank = int(np.argmax(falls)) + 1 if falls.any() else len(diagonal)
    return list(dict.fromkeys((candidates[order[:rank]] // 3).tolist()))
