"""A start for linear transitions, computed from transitions: which next bits are copies of one bit of the code."""

import numpy as np

LEAST_SEEN = 30  # how often a next bit must have been 0, and 1, before a copy counts as more than chance
CERTAIN = 8.0  # the logit of a copied bit


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


def linear_start(codes: np.ndarray, next_codes: np.ndarray, actions: np.ndarray, count: int):
    """Give the kernel (B, count * B) of a linear map per action that copies what is always copied.

    Args:
        codes, next_codes: (N, B) of 0 and 1.
        actions: (N,) int below `count`.

    Returns:
        The kernel, float32, and the share of next bits that it copies.
    """
    of_action = (actions == action for action in range(count))
    copies = np.stack([find_copies(codes[chosen], next_codes[chosen]) for chosen in of_action], axis=1)
    return (copies * CERTAIN).reshape(len(copies), -1), float(np.abs(copies).sum(axis=0).mean())
