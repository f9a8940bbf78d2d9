"""Random streams: one for each purpose, no two alike."""

import zlib

import numpy as np


def stream(seed: int, *purpose: str | int) -> np.random.Generator:
    """Give the random stream of a seed for one purpose: words, and numbers below 2^32.

    The purpose is the stream's spawn key. Numbers put beside the seed as entropy would be filled up with zeros, and
    [seed] and [seed, 0] be one stream.

    Example:
        >>> stream(0, "epoch", 3, "pool", 0).integers(0, 10**6) == stream(0, "epoch", 3).integers(0, 10**6)
        False
    """
    words = tuple(zlib.crc32(part.encode()) if isinstance(part, str) else part for part in purpose)
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=words)))
