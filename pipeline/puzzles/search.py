"""Visiting a whole state space, for puzzles that are small enough."""

import numpy as np


def reachable_states(puzzle, starts: np.ndarray) -> np.ndarray:
    """Search breadth first from states (n, S) uint8; gives all states that moves reach, each once, (N, S) uint8."""
    found = starts
    known, frontier = np.sort(state_numbers(starts)), starts
    while len(frontier):
        actions = (np.full(len(frontier), action, np.uint8) for action in range(len(puzzle.actions)))
        following = np.concatenate([puzzle.step(frontier, action) for action in actions])
        numbers, first = np.unique(state_numbers(following), return_index=True)
        new = known[np.minimum(np.searchsorted(known, numbers), len(known) - 1)] != numbers
        frontier = following[first[new]]
        known = np.sort(np.concatenate([known, numbers[new]]))
        found = np.concatenate([found, frontier])
    return found


def state_numbers(states: np.ndarray) -> np.ndarray:
    """Number states (N, S) uint8 by 64 bits, (N,) uint64: a random linear hash, the same for equal states.

    Two given states collide with probability 2^-63 or so; among ten million states, once in a hundred thousand runs.
    """
    weights = np.random.default_rng(1).integers(0, 2**63, states.shape[1], np.uint64) * 2 + 1
    return states.astype(np.uint64) @ weights  # sums modulo 2^64
