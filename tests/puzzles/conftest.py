"""What the tests of the puzzles share."""

import numpy as np
import pytest


def rows_as_bytes(states: np.ndarray) -> list[bytes]:
    """Give every state (N, S) as one bytes object, so that sets can hold it."""
    return np.ascontiguousarray(states).view(f"V{states.shape[1]}").ravel().tolist()


def search(puzzle, states: np.ndarray, depth: int | None = None, enough: int | None = None) -> list[np.ndarray]:
    """Search breadth first, by the puzzle's own `step`.

    Args:
        puzzle: whose moves to make.
        states: (N, S) uint8, where to begin.
        depth: how many moves to go, None for all the way.
        enough: stop once this many states are known; the last layer is then cut to what is needed.

    Returns:
        The layers: the distinct states (n, S) that are 0, 1, 2 … moves away and not nearer.
    """
    known, layers = set(), []
    while len(states) and (depth is None or len(layers) <= depth):
        fresh = {key: row for row, key in enumerate(rows_as_bytes(states)) if key not in known}
        known.update(fresh)
        layers.append(states[list(fresh.values())])
        if enough is not None and len(known) >= enough:
            layers[-1] = layers[-1][: len(layers[-1]) - (len(known) - enough)]
            break
        each = [np.full(len(layers[-1]), action, np.uint8) for action in range(len(puzzle.actions))]
        states = np.concatenate([puzzle.step(layers[-1], actions) for actions in each])
    return [layer for layer in layers if len(layer)]


@pytest.fixture(scope="session")
def breadth_first():
    """Give the breadth-first search over a puzzle's states."""
    return search
