"""Breadth-first search, layer by layer, on whole arrays: from one side, or from both until they meet."""

import time
from collections.abc import Callable

import numpy as np

from ..system.hashing import number_rows
from ..system.interruption import asked_to_end
from ..system.memory import available_bytes
from .numbers import Numbers
from .worlds import Moves

PART = 2**13  # states whose next are found at a time: what is made of more doesn't stay near the processor
OWN_BYTES = 64  # that a state takes beside its row, in the set and in the layers


TIME, MEMORY, ENDED = "time is up", "memory is full", "it was told to end"
UNSEEN = "the data never showed where some steps lead"
GUESSED = "no way leads there in the model, some of whose steps are chance or learned"


class Unsolved(Exception):
    """A search ended without a plan, and without a proof that there is none; says why."""


class Deadline:
    """How long a search may take, and how many states it may hold.

    Args:
        seconds: From now.
        state_bytes: S.
        at_once: How many searches share the memory.
    """

    def __init__(self, seconds: float, state_bytes: int, at_once: int = 1):
        self.seconds = seconds
        self.begin()
        self.most = available_bytes() // 3 // at_once // (state_bytes + OWN_BYTES)
        self.states = 0  # that were looked at

    def begin(self):
        """Let the time begin now."""
        self.begun = time.monotonic()
        self.ends = self.begun + self.seconds

    @property
    def spent(self) -> float:
        return time.monotonic() - self.begun

    def check(self, states: int):
        """Raise `Unsolved` where a search that holds so many states must end."""
        self.states = max(self.states, states)
        if asked_to_end():
            raise Unsolved(ENDED)
        if states > self.most or time.monotonic() > self.ends:
            raise Unsolved(MEMORY if states > self.most else TIME)


class Layers:
    """All states within so many steps of some, each with its distance, and the step by which it was found first.

    Args:
        expand: `World.children`, or `World.parents` for the states from which steps lead here.
        roots: (N, S) uint8, the states at distance 0.
    """

    def __init__(self, expand: Callable[[np.ndarray], Moves], roots: np.ndarray):
        self.expand, self.numbers = expand, Numbers()
        numbers = number_rows(roots)
        new = self.numbers.add(numbers)
        self.last, self.last_numbers = roots[new], numbers[new]  # the outermost layer
        self.starts = [0]  # the place of each layer's first state
        self.parents, self.actions = [np.full(len(self.last), -1)], [np.zeros(len(self.last), np.uint8)]

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def depth(self) -> int:
        return len(self.starts) - 1

    def grow(self, deadline: Deadline) -> np.ndarray:
        """Find the next layer; gives the numbers (n,) of its states, none where there are no more."""
        first, start, found = self.starts[-1], len(self), []
        for at in range(0, max(1, len(self.last)), PART):
            deadline.check(len(self))
            moves = self.expand(self.last[at : at + PART])
            numbers = moves.numbers(self.last_numbers[at : at + PART])
            new = np.flatnonzero(self.numbers.add(numbers))
            found.append((moves.made(new), first + at + moves.rows[new], moves.actions[new], numbers[new]))
        self.last, parents, actions, self.last_numbers = map(np.concatenate, zip(*found))
        self.starts.append(start)
        self.parents.append(parents)
        self.actions.append(actions)
        return self.last_numbers

    def distances(self, numbers: np.ndarray) -> np.ndarray:
        """Give the distances (N,) of states by their numbers; -1 where one isn't in the layers."""
        places = self.numbers.find(numbers)
        return np.where(places < 0, -1, np.searchsorted(self.starts, places, side="right") - 1)

    def back(self, number: np.uint64) -> list[int]:
        """Give the actions on the way from a state, by its number, back to a root."""
        place = int(self.numbers.find(np.array([number]))[0])
        actions: list[int] = []
        while True:
            layer = int(np.searchsorted(self.starts, place, side="right")) - 1
            within = place - self.starts[layer]
            if layer == 0:
                return actions
            actions.append(int(self.actions[layer][within]))
            place = int(self.parents[layer][within])


def meet(world, start: np.ndarray, goals: np.ndarray, deadline: Deadline) -> tuple[list[int] | None, int]:
    """Search from the start (S,) and, where the world goes back, from the goals (G, S), the smaller side first.

    Returns:
        The shortest plan, or None where a side has no more states: then there is no plan. And how many states were
        found.

    Raises:
        Unsolved: Neither was found.
    """
    ahead = Layers(world.children, start[None])
    behind = Layers(world.parents, goals)
    met = _met(behind.numbers, number_rows(start[None]))
    while not len(met):
        back = world.goes_back and len(behind.last) <= len(ahead.last)
        grown, other = (behind, ahead) if back else (ahead, behind)
        deadline.check(len(ahead) + len(behind))
        new = grown.grow(deadline)
        if not len(new):
            if world.unknown is not None and len(_met(ahead.numbers, number_rows(world.unknown[None]))):
                raise Unsolved(UNSEEN)
            return None, len(ahead) + len(behind)
        met = _met(other.numbers, new)
        if len(met):  # of those where both meet, the one nearest to the other side
            met = met[other.distances(met).argmin() :]
    return ahead.back(met[0])[::-1] + behind.back(met[0]), len(ahead) + len(behind)


def _met(numbers: Numbers, new: np.ndarray) -> np.ndarray:
    return new[numbers.find(new) >= 0]
