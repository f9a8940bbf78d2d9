"""Images as points of unit variance in the few directions in which they vary by more than their noise."""

from dataclasses import dataclass

import numpy as np

from .linear import mixtures

MOST_DIRECTIONS = 512
PASSES = 2  # of subspace iteration: noise needs some, a sketch alone finds directions between signal and noise
LEAST_VARIANCE = 10 / 255**2  # of a direction; below, images differ by the rounding of their pixels only
MAY_BE_NOISE = 10  # times the most variance of a direction of equal noise everywhere: noise of pixels isn't equal


@dataclass(frozen=True)
class Whitening:
    """An affine map from images of P values in 0…1 to points of K values, and back.

    Attributes:
        mean: (P,) float32.
        kernel: (P, K) float32; points = (image - mean) @ kernel, of unit variance in every direction.
        back: (K, P) float32; image = mean + point @ back, without what isn't in these directions.
        noise: (P,) float32, the standard deviation of what is left over of each pixel.
        seen: How many images have shown them.
    """

    mean: np.ndarray
    kernel: np.ndarray
    back: np.ndarray
    noise: np.ndarray
    seen: int

    @property
    def spread(self) -> np.ndarray:
        """(P,) the standard deviation of the noise that is left in an image that has been a point.

        It is what of noise lies in these directions, and what they are off, since noisy images have shown them.
        """
        inside = np.sum(self.kernel.T * self.back, axis=0)  # the projection's diagonal
        return self.noise * np.sqrt(inside + self.kernel.shape[1] / self.seen)

    @property
    def grey_levels(self) -> float:
        """The noise of nearly all pixels in grey levels of 255; 0 where it is no more than what rounding gives."""
        level = 255 * float(np.quantile(self.noise, 0.95))
        return level if level > 1 else 0.0

    def points(self, pixels: np.ndarray) -> np.ndarray:
        """Give the points (N, K) of images (N, P)."""
        return (pixels - self.mean) @ self.kernel

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Give the images (N, P) of points (N, K)."""
        return self.mean + points @ self.back


def whiten(pixels: np.ndarray) -> Whitening:
    """Find the directions in which images (N, P) float32 vary by more than their noise.

    The noise is the median of all directions' variances. Where it differs from pixel to pixel its strongest directions
    pass for signal, so that these end at the largest drop of the variances near the noise.
    """
    mean = pixels.mean(axis=0)
    centred = pixels - mean
    count = min(MOST_DIRECTIONS, *centred.shape)
    basis = np.linalg.qr(centred.T @ mixtures(len(centred), count))[0]
    for _ in range(PASSES):
        basis = np.linalg.qr(centred.T @ (centred @ basis))[0]
    inside = centred @ basis
    variances, turn = np.linalg.eigh((inside.T @ inside).astype(np.float64) / len(inside))
    variances, turn = variances[::-1], turn[:, ::-1]
    kept = _above_noise(variances, float(np.einsum("np,np->", centred, centred)) / len(centred), centred.shape)
    scale, basis = np.sqrt(variances[:kept]).astype(np.float32), (basis @ turn[:, :kept]).astype(np.float32)
    left_over = centred - (inside @ turn[:, :kept].astype(np.float32)) @ basis.T
    return Whitening(mean, basis / scale, scale[:, None] * basis.T, left_over.std(axis=0), len(pixels))


def _above_noise(variances: np.ndarray, total: float, shape: tuple[int, int]) -> int:
    """Count the directions that are more than noise, of variances (M,) in falling order and their sum over all."""
    count, others = len(variances), min(shape) - len(variances)
    rest = max(total - variances.sum(), 0) / others if others else 0.0
    middle = np.median(np.concatenate([variances, np.full(others, rest)]))
    least = max(middle * (1 + np.sqrt(shape[1] / shape[0])) ** 2, LEAST_VARIANCE)  # Marchenko and Pastur, 1967
    surely, perhaps = int((variances > MAY_BE_NOISE * least).sum()), int((variances > least).sum())
    ends = np.arange(max(surely, 1), min(max(perhaps, 1), count - 1) + 1)  # how many directions there may be
    if not len(ends):
        return max(perhaps, 1)
    return int(ends[np.argmax(variances[ends - 1] / np.maximum(variances[ends], least / 2))])
