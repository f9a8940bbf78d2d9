"""What chooses the actions of a walk: `random`, `novel`, or a function of one's own."""

import importlib
import inspect
import os
import sys
from collections import deque
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import numpy as np

from ..system.errors import UserError, shown
from ..system.hashing import file_digest, number_rows

POLICIES = ("random", "novel")
MOST_SEARCHED = 5000  # pictures among which a way is looked for


class Chosen:
    """Chooses each action by a function of the picture alone, `function(rng, picture)`."""

    def __init__(self, policy: str, actions: int):
        self.policy, self.actions = policy, actions
        self.function = imported(policy)

    def begin(self, known_by: Hashable) -> None:
        """Begin an episode."""

    def choose(self, rng: np.random.Generator, picture: np.ndarray) -> int | None:
        """Choose an action in a picture (H, W, 3) uint8; None ends the episode."""
        try:
            action = self.function(rng, picture)
            if 0 <= int(action) < self.actions:
                return int(action)
            received = str(action)
        except Exception as error:  # whatever somebody's function raises
            received = f"{type(error).__name__}: {error}".split("\n")[0]
        raise UserError(
            f"--policy must give an action from 0 to {self.actions - 1}. Received: {shown(received)} of {self.policy}"
        )

    def took(self, action: int, known_by: Hashable, ended: bool) -> None:
        """Hear what an action led to."""


class Random(Chosen):
    """Chooses all actions equally often."""

    def __init__(self, actions: int):
        self.actions = actions

    def choose(self, rng: np.random.Generator, picture: np.ndarray) -> int:
        return int(rng.integers(self.actions))


class Novel(Chosen):
    """Goes where something was never tried: such an action here, else the shortest known way to one.

    Where no way leads to any it does what was tried least, and soon ends the episode, since others may begin elsewhere;
    the later, the more episodes in a row there were in which nothing new was tried. Where an action led elsewhere than
    before, it ends none: by chance it may come to what no known way leads to.

    Args:
        patience: So many of them make it a step later; 0 never ends an episode.
    """

    def __init__(self, actions: int, patience: int = 0):
        self.actions, self.patience = actions, patience
        self.tried: dict[Hashable, list[int]] = {}  # how often each action was, by what a picture is known by
        self.led: dict[Hashable, list[Hashable | None]] = {}  # where it led last
        self.ends: set[Hashable] = set()  # pictures in which the world ended
        self.spent: set[Hashable] = set()  # from which no known way leads to anything untried
        self.way: deque[tuple[Hashable, int]] = deque()  # what is being walked
        self.fruitless, self.has_found = 0, True  # episodes in a row; whether this one tried something new
        self.here: Hashable = None
        self.steps = 0

    def begin(self, known_by: Hashable) -> None:
        self.fruitless = 0 if self.has_found else self.fruitless + 1
        self.has_found, self.steps = False, 0
        self._see(known_by)

    def choose(self, rng: np.random.Generator, picture: np.ndarray | None = None) -> int | None:
        tried = self.tried[self.here]
        if min(tried) and (action := self._way_on(rng)) is not None:
            return action
        if min(tried) and self.steps * self.patience > self.fruitless:
            return None
        return int(rng.choice(np.flatnonzero(np.array(tried) == min(tried))))

    def took(self, action: int, known_by: Hashable, ended: bool) -> None:
        self.has_found |= not self.tried[self.here][action]
        self.tried[self.here][action] += 1
        self.steps += 1
        if (before := self.led[self.here][action]) != known_by:
            self.patience = 0 if before is not None else self.patience
            self.led[self.here][action] = known_by
            self.spent.clear()
        if ended:
            self.ends.add(known_by)
        self._see(known_by)

    def _see(self, known_by: Hashable) -> None:
        self.here = known_by
        if known_by not in self.tried:
            self.tried[known_by], self.led[known_by] = [0] * self.actions, [None] * self.actions
            self.spent.clear()

    def _way_on(self, rng: np.random.Generator) -> int | None:
        """Give the next action on the shortest known way to a picture in which something was never tried."""
        if not self.way or self.way[0][0] != self.here:
            self.way = self._shortest_way(rng.permutation(self.actions).tolist())
        return self.way.popleft()[1] if self.way else None

    def _shortest_way(self, order: list[int]) -> deque[tuple[Hashable, int]]:
        """Search in breadth, actions in an order; what was searched in vain is left out until something new is seen."""
        way: deque[tuple[Hashable, int]] = deque()
        came: dict[Hashable, tuple[Hashable, int] | None] = {self.here: None}  # from where, and by which action
        waiting = deque([] if self.here in self.spent else [self.here])
        while waiting and len(came) < MOST_SEARCHED:
            place = waiting.popleft()
            for action in order:
                there = self.led[place][action]
                if there is None or there in came or there in self.spent or there in self.ends:
                    continue
                came[there] = place, action
                if not min(self.tried[there]):
                    while step := came[there]:
                        way.appendleft(step)
                        there = step[0]
                    return way
                waiting.append(there)
        self.spent.update(came)
        return way


class NovelInStates:
    """The same for many walks of a puzzle at once: in each state what was tried least."""

    def __init__(self, actions: int):
        self.numbers, self.tried = np.empty(0, np.uint64), np.empty((0, actions), int)  # of states, in order

    def choose(self, rng: np.random.Generator, states: np.ndarray) -> np.ndarray:
        """Choose an action (N,) uint8 for each of the states (N, S) uint8."""
        numbers = number_rows(states)
        new = np.setdiff1d(numbers, self.numbers)
        places = np.searchsorted(self.numbers, new)
        self.numbers = np.insert(self.numbers, places, new)
        self.tried = np.insert(self.tried, places, 0, axis=0)
        rows = np.searchsorted(self.numbers, numbers)
        tried = self.tried[rows]
        actions = (tried + rng.random(tried.shape)).argmin(axis=1).astype(np.uint8)  # at random among equals
        np.add.at(self.tried, (rows, actions), 1)
        return actions


def policy_of(name: str, actions: int, patience: int = 0) -> Chosen:
    """Give what chooses, by the name of a policy."""
    if name == "random":
        return Random(actions)
    return Novel(actions, patience) if name == "novel" else Chosen(name, actions)


def identity_of(policy: str) -> str:
    """Give what a policy is, for a dataset's key: its name, and what stands in its file if it is one of one's own."""
    return policy if policy in POLICIES else f"{policy} {source_digest(imported(policy))}"


def source_digest(thing: Any) -> str:
    """Give the SHA-256 of the file in which a function or class stands; "unknown" without one."""
    try:
        return file_digest(Path(inspect.getfile(thing)))
    except (OSError, TypeError):
        return "unknown"


def imported(policy: str) -> Callable:
    """Give the function that `module:function` names.

    Raises:
        UserError: There is none.
    """
    module, _, name = policy.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        function = getattr(importlib.import_module(module), name)
    except Exception as error:  # whatever somebody's module raises
        text = f"{type(error).__name__}: {error}".split("\n")[0]
        raise UserError(f"--policy must be importable. Received: --policy {shown(policy)} ({text})") from None
    if not callable(function):
        raise UserError(f"--policy must name a function. Received: --policy {shown(policy)}")
    return function
