"""Plans where every action only flips bits: a system of linear equations over GF(2)."""

import numpy as np

MOST_FREE = 16  # actions in whose choice a solution is free, of which all combinations are tried


class Elimination:
    """Which of the actions to take, once each, in any order, so that their flips add up to what must change.

    Args:
        flips: (A, B) of 0 and 1, what each action flips.
    """

    def __init__(self, flips: np.ndarray):
        count, bits = flips.shape
        rows = np.concatenate([flips.T, np.eye(bits)], axis=1).astype(bool)  # (B, A + B)
        self.pivots: list[int] = []
        for column in range(count):
            found = np.flatnonzero(rows[len(self.pivots) :, column])
            if len(found):
                row = len(self.pivots)
                rows[[row, row + found[0]]] = rows[[row + found[0], row]]
                others = rows[:, column].copy()
                others[row] = False
                rows[others] ^= rows[row]
                self.pivots.append(column)
        self.solves = rows[:, count:]  # (B, B): makes of what must change the pivots' actions, and then zeros
        free = [column for column in range(count) if column not in self.pivots]
        self.nothing = np.zeros((len(free), count), bool)  # what changes nothing altogether
        for number, column in enumerate(free):
            self.nothing[number, self.pivots] = rows[: len(self.pivots), column]
            self.nothing[number, column] = True

    def solve(self, change: np.ndarray) -> tuple[list[int] | None, bool]:
        """Give the actions that flip the bits of change (B,) and no others, and whether no fewer do; None: none do."""
        wanted = (self.solves & change.astype(bool)).sum(axis=1) % 2 == 1
        if wanted[len(self.pivots) :].any():
            return None, True
        chosen = np.zeros(self.nothing.shape[1], bool)
        chosen[self.pivots] = wanted[: len(self.pivots)]
        free = self.nothing[:MOST_FREE]
        choices = np.arange(2 ** len(free))[:, None] >> np.arange(len(free)) & 1
        all_of_them = chosen ^ (choices @ free.astype(np.int64) % 2 == 1)
        best = all_of_them[all_of_them.sum(axis=1).argmin()]
        return np.flatnonzero(best).tolist(), len(self.nothing) <= MOST_FREE
