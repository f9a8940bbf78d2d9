"""Visiting a whole state space, for puzzles that are small enough."""

import numpy as np

from ..system.hashing import number_rows


def reachable_states(puzzle, starts: np.ndarray) -> np.ndarray:
    """Search breadth first from states (n, S) uint8; gives all states that moves reach, each once, (N, S) uint8."""
    found = starts
    known, frontier = np.sort(number_rows(starts)), starts
    while len(frontier):
        actions = (np.full(len(frontier), action, np.uint8) for action in range(len(puzzle.actions)))
        following = np.concatenate([puzzle.step(frontier, action) for action in actions])
        numbers, first = np.unique(number_rows(following), return_index=True)
        new = known[np.minimum(np.searchsorted(known, numbers), len(known) - 1)] != numbers
        frontier = following[first[new]]
        known = np.sort(np.concatenate([known, numbers[new]]))
        found = np.concatenate([found, frontier])
    return found
