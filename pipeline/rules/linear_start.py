"""A start for linear transitions, computed from transitions: next bits that are copies or linear functions of bits."""

import numpy as np

from ..codes.linear import ridge

LEAST_SEEN = 30  # how often a next bit must have been 0, and 1, before a copy counts as more than chance
CERTAIN = 8.0  # the logit of a bit that is known


def find_copies(codes: np.ndarray, next_codes: np.ndarray) -> np.ndarray:
    """Find the next bits that always equal one bit of the code before, or always its opposite.

    Args:
        codes, next_codes: (N, B) of 0 and 1, transitions by one action.

    Returns:
        (B, B) float32 of -1, 0 and 1: [i, j] is 1 where next bit j is a copy of bit i, -1 where it is the opposite.
    """
    before, after = codes.astype(np.float32) * 2 - 1, next_codes.astype(np.float32) * 2 - 1
    agreement = before.T @ after  # sums of whole numbers: exact in float32
    source, bits = np.abs(agreement).argmax(axis=0), np.arange(codes.shape[1])
    ones = next_codes.sum(axis=0)
    telling = np.minimum(ones, len(codes) - ones) >= LEAST_SEEN
    certain = telling & (np.abs(agreement[source, bits]) == len(codes))
    copies = np.zeros(agreement.shape, np.float32)
    copies[source[certain], bits[certain]] = np.sign(agreement[source, bits])[certain]
    return copies


def fit_linear(codes: np.ndarray, next_codes: np.ndarray):
    """Fit the next bits by least squares, and tell which of them the fit gives right on a held-out quarter.

    Args:
        codes, next_codes: (N, B) of 0 and 1, transitions by one action.

    Returns:
        kernel (B, B) and bias (B,), float32, from bits of -1 and 1 to estimates of -1 or 1; is_right (B,) bool.
    """
    before, after = codes.astype(np.float32) * 2 - 1, next_codes.astype(np.float32) * 2 - 1
    quarter = len(codes) // 4
    kernel, bias = ridge(before[quarter:], after[quarter:], 1e-3)
    return kernel, bias, (((before @ kernel + bias) > 0) == (after > 0)).all(axis=0)


def linear_start(codes: np.ndarray, next_codes: np.ndarray, actions: np.ndarray, count: int):
    """Give a linear map per action that copies what is always copied, and fits the other bits where a fit is exact.

    Args:
        codes, next_codes: (N, B) of 0 and 1.
        actions: (N,) int below `count`.

    Returns:
        kernel (count, B, B) and bias (count, B), float32; the shares of next bits that are copied, and fitted.
    """
    kernels, biases, copied, fitted = [], [], 0.0, 0.0
    for action in range(count):
        before, after = codes[actions == action], next_codes[actions == action]
        kernel, bias = find_copies(before, after), np.zeros(codes.shape[1], np.float32)
        rest = np.flatnonzero(~kernel.any(axis=0))
        copied += 1 - len(rest) / len(bias)
        if len(rest) and len(before) > 2 * len(bias):  # else a fit tells nothing
            fit, offset, is_right = fit_linear(before, after)
            known = rest[is_right[rest]]
            kernel[:, known], bias[known] = fit[:, known], offset[known]
            fitted += len(known) / len(bias)
        kernels.append(kernel * CERTAIN)
        biases.append(bias * CERTAIN)
    return np.stack(kernels), np.stack(biases), copied / count, fitted / count
