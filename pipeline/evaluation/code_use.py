"""What the bits of a code are used for."""

from collections.abc import Mapping

import numpy as np

from .subject import Subject

WALK = 20  # states of each walk


def measure_code_use(subject: Subject, states: int, walk: Mapping | None = None) -> dict:
    """Look at the bits over so many random states; over the unseen walk where the world isn't at hand.

    Returns:
        constant_bits: How many bits never change.
        entropy: The sum of the bits' entropies, in bits; more than the information in the code where bits depend on
            one another.
        least_bits: log2 of the puzzle's number of states, the least that any exact code needs; null if unknown.
    """
    if walk is None or subject.is_live:
        walks, _ = subject.walk(subject.rng("code use"), states // WALK, WALK - 1)
        codes = subject.encode_states(walks.reshape(-1, walks.shape[-1]))
    else:
        codes = subject.encode(walk["images"])
    ones = codes.mean(axis=0)
    inner = ones[(ones > 0) & (ones < 1)]
    entropy = -(inner * np.log2(inner) + (1 - inner) * np.log2(1 - inner)).sum()
    count = subject.puzzle.state_count
    return {
        "constant_bits": len(ones) - len(inner),
        "entropy": float(entropy),
        "least_bits": float(np.log2(float(count))) if count else None,
    }
