"""What every puzzle is: pure functions over batches of states, in NumPy."""

from abc import ABC, abstractmethod

import numpy as np


class Puzzle(ABC):
    """A deterministic puzzle. N is the batch size, S the number of bytes in a state.

    A state is a row of bytes that says everything about the position; the picture shows all of it, so two
    different states always give two different pictures. An action that can do nothing (a wall in the way)
    leaves the state as it is.
    """

    name: str
    actions: tuple[str, ...]  # A names; an action is an index into them
    inverse: tuple[int, ...] | None  # (A,) the action that undoes each action; None: some can't be undone
    state_size: int  # S
    smallest_img_size: tuple[int, int]  # (height, width) below which a state can't be read
    default_start: str  # what `start="auto"` means here: "solved" or "anywhere"
    start_reason: str  # why, in words that follow "because"
    state_count: int | None  # the size of the state space; None where each level has its own
    kinds: tuple[str, ...] = ("nothing", "change")  # what a step can do; figures are given for each
    lacks: tuple[str, ...] = ()  # what of this a world of somebody's own hasn't: what needs it isn't measured

    @abstractmethod
    def start(self, rng: np.random.Generator, n: int, where: str) -> np.ndarray:
        """Give the (n, S) uint8 states that n trajectories begin from.

        `where` is "solved" (the solved position) or "anywhere" (spread over the reachable states).
        """

    @abstractmethod
    def step(self, states: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Apply actions (N,) uint8 to states (N, S) uint8; gives the next states (N, S) uint8."""

    @abstractmethod
    def render(self, states: np.ndarray, img_size: tuple[int, int]) -> np.ndarray:
        """Draw states (N, S) uint8 as images (N, height, width, 3) uint8; exact in integers everywhere."""

    def read(self, images: np.ndarray) -> np.ndarray:
        """Read images (N, height, width, 3) uint8 back: the states (N, S) uint8 whose parts look most like them.

        The opposite of `render`, by nearest pictures, without any learning. What comes back from a blurred or wrong
        image need not be a state that moves can reach.
        """
        raise NotImplementedError

    def kind_of(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Tell what steps did, as indices (N,) into `kinds`, from the states (N, S) uint8 before and after them."""
        return (before != after).any(axis=1).astype(np.uint8)

    def random_actions(self, rng: np.random.Generator, states: np.ndarray) -> np.ndarray:
        """Choose an action (N,) uint8 for each of the states (N, S) uint8, all equally likely."""
        return rng.integers(0, len(self.actions), len(states), np.uint8)

    def explore(self, rng: np.random.Generator, states: np.ndarray) -> np.ndarray:
        """Choose actions (N,) uint8 for walks on which a model is tested, so that every kind of step comes often.

        At random, unless random actions jam the puzzle.
        """
        return self.random_actions(rng, states)

    def all_states(self) -> np.ndarray:
        """List the whole state space, (state_count, S) uint8, by a search from the solved state."""
        from .search import reachable_states

        return reachable_states(self, self.start(np.random.default_rng(0), 1, "solved"))

    def resolve_start(self, where: str) -> str:
        """Turn "auto" into this puzzle's own choice."""
        return self.default_start if where == "auto" else where
