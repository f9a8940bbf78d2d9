"""Next bits that are linear functions of several bits, found by least squares: a start for a linear transition."""

import numpy as np

from ..codes.linear import ridge

CERTAIN = 8.0  # the logit of a bit that is known


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


def linear_fits(codes: np.ndarray, next_codes: np.ndarray, actions: np.ndarray, wanted: np.ndarray):
    """Give a linear map for each action that fits those of the wanted bits which a fit gives right.

    Args:
        codes, next_codes: (N, B) of 0 and 1.
        actions: (N,) int.
        wanted: (A, B) bool, the next bits to fit.

    Returns:
        kernel (A, B, B) and bias (A, B), float32, zero elsewhere; the share of all next bits that are fitted.
    """
    kernels, biases = np.zeros((*wanted.shape, wanted.shape[1]), np.float32), np.zeros(wanted.shape, np.float32)
    for action, wants in enumerate(wanted):
        rows = actions == action
        if wants.any() and rows.sum() > 2 * len(wants):  # else a fit tells nothing
            kernel, bias, is_right = fit_linear(codes[rows], next_codes[rows])
            known = wants & is_right
            kernels[action][:, known], biases[action, known] = kernel[:, known] * CERTAIN, bias[known] * CERTAIN
    return kernels, biases, float((biases != 0).mean())
