"""Walking a puzzle: whoever chooses the actions."""

from collections.abc import Callable

import numpy as np

from .base import Puzzle


def walk(
    puzzle: Puzzle,
    rng: np.random.Generator,
    states: np.ndarray,
    steps: int,
    choose: Callable[[np.random.Generator, np.ndarray], np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Walk from states (N, S) uint8.

    Args:
        choose: Gives the actions (N,) uint8 in some states, as `Puzzle.random_actions` and `Puzzle.explore` do.

    Returns:
        states (steps + 1, N, S) uint8 and actions (steps, N) uint8.
    """
    found = np.empty((steps + 1, *states.shape), np.uint8)
    actions = np.empty((steps, len(states)), np.uint8)
    found[0] = states
    for t in range(steps):
        actions[t] = choose(rng, found[t])
        found[t + 1] = puzzle.step(found[t], actions[t])
    return found, actions
