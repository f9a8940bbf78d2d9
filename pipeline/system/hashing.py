"""Numbers that stand for rows of bytes, and digests of whole files."""

import hashlib
import math
from functools import cache
from pathlib import Path

import numpy as np

MIX = np.uint64(0x9E3779B97F4A7C15)  # an odd number, by which an action changes what it is paired with


def number_rows(rows: np.ndarray) -> np.ndarray:
    """Number rows (N, …) of bytes by 64 bits, (N,) uint64: a random linear hash, the same for equal rows.

    Two given rows collide with probability 2^-63 or so; among ten million, once in a hundred thousand runs.
    """
    rows = rows.reshape(len(rows), math.prod(rows.shape[1:])).astype(np.uint8, copy=False)
    if missing := -rows.shape[1] % 4:
        rows = np.pad(rows, ((0, 0), (0, missing)))
    words = np.ascontiguousarray(rows).view(np.uint32).astype(np.uint64)
    return words @ _weights(words.shape[1])  # sums modulo 2^64


def byte_weights(count: int) -> np.ndarray:
    """Give what each byte of a row of so many is multiplied by in its number, (count,) uint64."""
    places = np.arange(count)
    return _weights(-(-count // 4))[places // 4] << (8 * (places % 4)).astype(np.uint64)


def number_pairs(numbers: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """Number pairs of what `number_rows` gives, (N,) uint64, and an action, (N,) int: (N,) uint64."""
    return numbers * MIX + actions.astype(np.uint64) + np.uint64(1)


@cache
def _weights(count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 2**63, count, np.uint64) * 2 + 1


def file_digest(path: Path) -> str:
    """Give the SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
