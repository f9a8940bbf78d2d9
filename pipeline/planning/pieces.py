"""Pieces: bits that every action carries together, and where each piece is.

Where each action only moves bits, a cube's colours say which piece is where: in the start each piece of the goal is
looked for, turned as it may be. A state is then the places of the pieces, and the goal that each is at home, whatever
the goal looked like: one and the same problem for all pairs of start and goal.
"""

from functools import cached_property
from math import factorial

import numpy as np
import scipy  # its parts are imported where they are first used: models load sooner

from .invariants import Turns
from .worlds import Moves, World

MOST_PLACES = 256  # a place is a byte
MOST_BITS = 1024  # of which all pairs are looked at


class PieceWorld(World):
    """The places (N, P) uint8 of P pieces; where all are at home is the goal.

    Args:
        source: (A, B) int, which bit each next bit is a copy of: a permutation for each action.

    Raises:
        ValueError: There are no pieces, or too many places.

    Attributes:
        homes: (P,) uint8, the place of each piece in the goal.
        bits_at: For each place the bits (m,) that show a piece there, in the order of the piece.
        moved: (A, places) uint8, where each action brings what is at a place.
    """

    goes_back = can_undo = True

    def __init__(self, source: np.ndarray):
        count = source.shape[1]
        moving = np.flatnonzero((source != np.arange(count)).any(axis=0))
        if not len(moving) or len(moving) > MOST_BITS:
            raise ValueError(f"so many bits move: {len(moving)}")
        self.resting = np.setdiff1d(np.arange(count), moving)  # bits that no action moves
        to = np.argsort(source, axis=1)  # (A, B): where the bit goes
        alike, followers = _carried_together(to[:, moving], moving)
        self.actions = len(source)
        places: list[int] = []  # the leading bit of each
        self.bits_at: list[np.ndarray] = []
        homes = []
        taken = np.zeros(count, bool)
        for piece in alike:
            if not taken[piece[0]]:
                ways = followers(piece)  # (places, m): for each place of the leading bit where the others are
                taken[ways.reshape(-1)] = True
                places += ways[:, 0].tolist()
                self.bits_at += list(ways)
            homes.append(piece[0])
        if len(places) > MOST_PLACES:
            raise ValueError(f"pieces have at most {MOST_PLACES} places. Received: {len(places)}")
        number = np.zeros(count, np.int64)
        number[places] = np.arange(len(places))
        self.homes = number[homes].astype(np.uint8)
        self.moved = number[to[:, places]].astype(np.uint8)
        self.brought = np.argsort(self.moved, axis=1).astype(np.uint8)
        self.about = f"{len(homes)} pieces, each with places of its own, {len(places)} in all"

    def of_pair(self, start: np.ndarray, goal: np.ndarray) -> np.ndarray | None:
        """Give the state (P,) of a start (B,) seen from a goal (B,).

        Returns:
            None where no action makes one of the other, since some piece isn't there, or once for two.

        Raises:
            ValueError: Some piece could be in several places.
        """
        if (start[self.resting] != goal[self.resting]).any():
            return None
        shown: dict[bytes, list[int]] = {}
        for place, bits in enumerate(self.bits_at):
            shown.setdefault(self._kind(place) + start[bits].tobytes(), []).append(place)
        state = np.empty(len(self.homes), np.uint8)
        for piece, home in enumerate(self.homes):
            found = shown.get(self._kind(home) + goal[self.bits_at[home]].tobytes(), [])
            if not found:
                return None
            if len(found) > 1:
                raise ValueError("pieces look alike")
            state[piece] = found[0]
        leading = [int(self.turned[place].min()) for place in state]
        return state if len(set(leading)) == len(state) else None

    def _kind(self, place: int) -> bytes:
        return int(self.kinds[place]).to_bytes(2, "little")

    @cached_property
    def kinds(self) -> np.ndarray:
        """Number the places (places,) by which of them the actions bring to one another."""
        return _orbits(self.moved.astype(np.int64))

    def read(self, codes):
        raise NotImplementedError  # a state is of a pair

    def children(self, states):
        return _each(states, self.moved)

    def parents(self, states):
        return _each(states, self.brought)

    def most_states(self, state):
        at_home = self.kinds[self.homes]
        most = 1.0
        for kind in np.unique(self.kinds):
            pieces, places = int((at_home == kind).sum()), int((self.kinds == kind).sum())
            most *= factorial(pieces) * float(places // pieces) ** pieces
        return most

    def no_way(self, state, goal):
        return "" if (goal != self.homes).any() else self.turns.refusal(self.permutation_of(state))

    @cached_property
    def turns(self) -> Turns:
        """What actions never change of how the pieces are permuted and turned."""
        return Turns(self.moved, self.turned, self.kinds)

    def inverse_of(self, state: np.ndarray) -> np.ndarray:
        """Give the state (P,) that the reversed plans of a state (P,) solve."""
        group = self.permutation_of(state)
        return np.argsort(group)[self.homes].astype(np.uint8)

    def permutation_of(self, state: np.ndarray) -> np.ndarray:
        """Give where what is at each place at home is in a state, (places,)."""
        where = {}
        for piece, home in enumerate(self.homes):
            for own, now in zip(self.turned[home], self.turned[state[piece]]):
                where[int(own)] = int(now)
        return np.array([where[place] for place in range(self.moved.shape[1])])

    @cached_property
    def turned(self) -> list[np.ndarray]:
        """Give for each place those that a piece in it, turned in all ways, has, in an order that actions keep."""
        leading = [int(bits[0]) for bits in self.bits_at]
        number = {bit: place for place, bit in enumerate(leading)}
        return [np.array([number[bit] for bit in bits.tolist() if bit in number]) for bits in self.bits_at]


def _each(states: np.ndarray, to: np.ndarray) -> Moves:
    """Give the steps from states (N, P) by all actions, each of which brings pieces elsewhere (A, places)."""
    moving = np.flatnonzero((to != np.arange(to.shape[1])).any(axis=1))
    actions, rows = np.repeat(moving, len(states)), np.tile(np.arange(len(states)), len(moving))
    return Moves(rows, actions, lambda chosen: to[actions[chosen, None], states[rows[chosen]]])


def _orbits(to: np.ndarray) -> np.ndarray:
    """Number (n,) what permutations (A, n) bring to one another."""
    count = to.shape[1]
    rows = np.tile(np.arange(count), len(to))
    edges = scipy.sparse.coo_array((np.ones(len(rows)), (rows, to.reshape(-1))), (count, count))
    return scipy.sparse.csgraph.connected_components(edges)[1]


def _carried_together(to: np.ndarray, moving: np.ndarray):
    """Find the pieces: a bit belongs to another's if, wherever that is brought, there is one place for it.

    Then the pair of both has as many places as the first alone, which the components of the graph of pairs tell.

    Args:
        to: (A, n) int, where each action brings the bits that move at all.
        moving: (n,) int, these.
    """
    at = np.full(to.max() + 1, -1)
    at[moving] = np.arange(len(moving))
    to, n = at[to], len(moving)
    one, other = np.divmod(np.arange(n * n), n)
    pairs = _orbits(to[:, one] * n + to[:, other])
    size = np.bincount(pairs)[pairs].reshape(n, n)
    alone = np.diagonal(size)  # places of a bit
    together = (size == alone[:, None]) & (size == alone)  # (n, n): each tells where the other is
    labels = scipy.sparse.csgraph.connected_components(scipy.sparse.coo_array(together))[1]
    pieces = [np.flatnonzero(labels == label) for label in range(labels.max() + 1)]

    def followers(piece: np.ndarray) -> np.ndarray:
        local = at[piece]
        lead = local[0]
        columns = []
        for bit in local:
            both = np.flatnonzero(pairs == pairs[lead * n + bit])  # each place of the lead with its one of the other
            columns.append(moving[both[np.argsort(both // n)] % n])
        return np.stack(columns, axis=1)

    return [moving[piece] for piece in pieces], followers
