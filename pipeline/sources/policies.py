"""What chooses the actions of a walk: `random`, `novel`, or a function of one's own."""

import importlib
import os
import sys
from collections.abc import Callable, Hashable

import numpy as np

from ..system.errors import UserError, shown

POLICIES = ("random", "novel")


class Novel:
    """Chooses what was tried least often in a picture, so that pictures seldom seen are met again."""

    def __init__(self, actions: int):
        self.actions = actions
        self.tried: dict[Hashable, np.ndarray] = {}

    def choose(self, rng: np.random.Generator, picture: Hashable) -> int:
        """Choose an action by what the picture is known by."""
        tried = self.tried.setdefault(picture, np.zeros(self.actions, int))
        action = int(rng.choice(np.flatnonzero(tried == tried.min())))
        tried[action] += 1
        return action


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
