"""The linear algebra that codes are made with."""

import numpy as np
import scipy  # its parts are imported where they are first used: models load sooner

SKETCH = 1024  # random mixtures that stand for all rows or all directions; well above the rank of any code


def flat(images: np.ndarray) -> np.ndarray:
    """Give images (N, H, W, 3) uint8 as rows of pixel values in 0…1: (N, H * W * 3) float32."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


def mixtures(rows: int, columns: int) -> np.ndarray:
    """Give a fixed random matrix (rows, columns) float32 for sketching."""
    return np.random.default_rng(0).standard_normal((rows, columns), np.float32)


def ridge(inputs: np.ndarray, targets: np.ndarray, noise: float):
    """Fit targets (N, T) linearly to inputs (N, D), as if every input had noise of a standard deviation.

    Least squares under input noise is ridge regression with the noise's variance as the penalty (Bishop, 1995).

    Returns:
        kernel (D, T) float32 and bias (T,) float32.
    """
    input_mean, target_mean = inputs.mean(axis=0, dtype=np.float64), targets.mean(axis=0, dtype=np.float64)
    x, y = inputs - input_mean, targets - target_mean
    gram = x.T @ x / len(x)
    gram[np.diag_indices_from(gram)] += max(noise**2, 1e-9)
    kernel = scipy.linalg.solve(gram, x.T @ y / len(x), assume_a="pos", overwrite_a=True, check_finite=False)
    return kernel.astype(np.float32), (target_mean - input_mean @ kernel).astype(np.float32)


def main_directions(inputs: np.ndarray) -> np.ndarray:
    """Give an orthonormal basis (D, K) float32 of the directions in which inputs (N, D) float32 vary.

    They are those of random mixtures of the inputs (a randomised range finder: Halko, Martinsson and Tropp, 2011).
    """
    centred = inputs - inputs.mean(axis=0)
    mixed = (mixtures(min(SKETCH // 2, len(inputs)), len(inputs)) @ centred).astype(np.float64)
    strengths, mixes = np.linalg.eigh(mixed @ mixed.T)
    strong = strengths > strengths.max() * 1e-9
    return (mixed.T @ (mixes[:, strong] / np.sqrt(strengths[strong]))).astype(np.float32)
