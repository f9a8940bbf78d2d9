"""What actions never change of permutations: why some states can't become others, told without a search."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

MOST_TOGETHER = 3  # invariants that are looked at together
Vector = tuple[int, ...]


def is_odd(permutation: Sequence[int] | np.ndarray) -> int:
    """Give the parity of a permutation (n,): 1 where it takes an odd number of swaps, else 0."""
    left, odd = np.array(permutation), 0
    for place in range(len(left)):
        while left[place] != place:
            other = left[place]
            left[place], left[other] = left[other], left[place]
            odd ^= 1
    return odd


class Turns:
    """Pieces that are permuted and turned: a parity for those of each kind, and what their turns add up to.

    Both are numbers that add up, modulo 2 and modulo the ways to turn a piece, when actions follow one another. So what
    actions can make together is the subgroup that theirs generate.

    Args:
        moved: (A, places) int, where each action brings what is at a place.
        turned: For each place all places of the piece in it (m,), in an order that actions keep.
        kinds: (places,) int, which of them actions bring to one another.
    """

    def __init__(self, moved: np.ndarray, turned: list[np.ndarray], kinds: np.ndarray):
        self.parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self.moduli: list[int] = []
        for kind in np.unique(kinds):
            leads = np.array([at for at in np.flatnonzero(kinds == kind) if at == turned[at].min()])
            ways = len(turned[leads[0]])
            around = next((way for way in range(ways) if _order(turned, leads[0], way) == ways), None)
            piece, turn = np.full(len(kinds), -1), np.zeros(len(kinds), np.int64)
            for number, lead in enumerate(leads):
                piece[turned[lead]], place = number, int(lead)
                for times in range(0 if around is None else ways):
                    turn[place], place = times, int(turned[place][around])
            self.parts.append((leads, piece, turn))
            self.moduli += [2, 1 if around is None else ways]
        made = [self.vector(to) for to in moved]
        self.possible = [
            (chosen, together)
            for count in range(1, MOST_TOGETHER + 1)
            for chosen in combinations([at for at, modulus in enumerate(self.moduli) if modulus > 1], count)
            for together in [_generated([_of(vector, chosen) for vector in made], _of(self.moduli, chosen))]
            if len(together) < np.prod(_of(self.moduli, chosen))
        ]

    def vector(self, to: np.ndarray) -> Vector:
        """Give parity and turns of each kind of pieces for a permutation of places (places,)."""
        found: list[int] = []
        for (leads, piece, turn), ways in zip(self.parts, self.moduli[1::2]):
            found += [is_odd(piece[to[leads]]), int(turn[to[leads]].sum()) % ways]
        return tuple(found)

    def refusal(self, to: np.ndarray) -> str:
        """Say why no actions make a permutation of places (places,); nothing where nothing speaks against it."""
        vector = self.vector(to)
        for chosen, together in self.possible:
            if _of(vector, chosen) not in together:
                said = " and ".join(self._said(at, vector[at]) for at in chosen)
                return f"{said}, which no actions make of the goal"
        return ""

    def _said(self, at: int, value: int) -> str:
        count, ways = len(self.parts[at // 2][0]), self.moduli[at]
        if at % 2:
            return f"the turns of {count} pieces add up to {value} of {ways}"
        return f"the permutation of {count} pieces is {'odd' if value else 'even'}"


def _order(turned: list[np.ndarray], place: int, way: int) -> int:
    now, count = turned[place][way], 1
    while now != place:
        now, count = turned[now][way], count + 1
    return count


def _of(vector: Sequence[int], chosen: tuple[int, ...]) -> Vector:
    return tuple(vector[at] for at in chosen)


def _generated(made: list[Vector], moduli: Vector) -> set[Vector]:
    """Give all that vectors add up to, each number by its modulus."""
    found = {(0,) * len(moduli)}
    new = list(found)
    while new:
        sums = {tuple((a + b) % m for a, b, m in zip(one, other, moduli)) for one in new for other in made}
        new = list(sums - found)
        found |= sums
    return found
