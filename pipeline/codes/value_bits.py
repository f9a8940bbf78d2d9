"""Bits that are thresholds on values which follow linearly from the image, with their encoder and decoder."""

from dataclasses import dataclass

import numpy as np

from .linear import main_directions, ridge

NOISE_LEVELS = (40, 20, 10, 5, 2, 1)  # of 255; the encoder is made for the strongest that leaves it exact


@dataclass(frozen=True)
class ValueBits:
    """The bits of N sample images: bit b tells whether values[:, b] lies above level[b]."""

    images: np.ndarray  # (N, P) float32, pixel values in 0…1
    values: np.ndarray  # (N, B) float32, linear functions of the image
    level: np.ndarray  # (B,) float32
    description: str

    @property
    def bits(self) -> np.ndarray:
        """(N, B) bool."""
        return self.values > self.level

    def encoder(self):
        """Give the kernel (P, B) and bias (B,) that estimate each bit's value from a whole noisy image.

        Many pixels tell the same, so the estimate withstands noise that a single pixel wouldn't.
        """
        directions = main_directions(self.images)  # (P, K)
        parts, bits = self.images @ directions, self.bits
        for noise in NOISE_LEVELS:
            kernel, bias = ridge(parts, self.values, noise / 255)
            if np.array_equal(parts @ kernel + bias > self.level, bits):
                break
        return directions @ kernel, bias - self.level

    def decoder(self):
        """Give the kernel (B, P) and bias (P,) of the regression from the bits to whole images."""
        return ridge(self.bits.astype(np.float32), self.images, 0.0)
