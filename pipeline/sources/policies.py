"""What chooses the actions of a walk: `random`, `novel`, or a function of one's own."""

import importlib
import os
import sys
from collections import deque
from collections.abc import Callable, Hashable

import numpy as np

from ..system.errors import UserError, shown

POLICIES = ("random", "novel")
MOST_SEARCHED = 5000  # pictures among which a way is looked for


class Novel:
    """Goes where something was never tried: what was tried least in a picture, and the shortest known way there."""

    def __init__(self, actions: int):
        self.actions = actions
        self.tried: dict[Hashable, np.ndarray] = {}  # how often each action was, by what a picture is known by
        self.led: dict[Hashable, dict[int, Hashable]] = {}  # where it led last
        self.last: tuple[Hashable, int] | None = None

    def begin(self) -> None:
        """Begin another episode: no action led to its first picture."""
        self.last = None

    def choose(self, rng: np.random.Generator, picture: Hashable) -> int:
        """Choose an action by what the picture is known by."""
        if self.last is not None:
            before, action = self.last
            self.led.setdefault(before, {})[action] = picture
        tried = self.tried.setdefault(picture, np.zeros(self.actions, int))
        way = None if (tried == 0).any() else self._way(picture)
        action = int(rng.choice(np.flatnonzero(tried == tried.min()))) if way is None else way
        tried[action] += 1
        self.last = picture, action
        return action

    def _way(self, picture: Hashable) -> int | None:
        """Give the first action of the shortest known way to a picture in which something was never tried."""
        first_action: dict[Hashable, int | None] = {picture: None}
        waiting = deque([picture])
        while waiting and len(first_action) < MOST_SEARCHED:
            here = waiting.popleft()
            for action, there in self.led.get(here, {}).items():
                if there in first_action:
                    continue
                first_action[there] = action if here == picture else first_action[here]
                if there in self.tried and (self.tried[there] == 0).any():
                    return first_action[there]
                waiting.append(there)
        return None


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
