"""A world and one goal in it: the ball of exact distances around the goal, and walks that lead away from it."""

import math
from functools import cached_property

import numpy as np

from .breadth import Deadline, Layers
from .worlds import World

BALL = 1_000_000  # states around the goal whose distances are known exactly
SLACK = 1.05  # walks are so much longer than the ball's growth needs to fill the whole space
MOST_STEPS, FORGOTTEN = 1000, 0.05


class Task:
    """A world and one goal in it.

    Args:
        world: Whose actions can be undone.
        goal: (S,) uint8.
    """

    def __init__(self, world: World, goal: np.ndarray):
        self.world, self.goal = world, goal
        self.actions = world.actions

    def __getstate__(self):
        return {name: value for name, value in self.__dict__.items() if name not in ("ball", "far")}  # made anew there

    @cached_property
    def ball(self) -> Layers:
        """All states within some steps of the goal."""
        ball, deadline = Layers(self.world.parents, self.goal[None]), Deadline(600, len(self.goal))
        grown = 1.0
        while len(ball) + len(ball.last) * grown < BALL:
            before = len(ball.last)
            if not len(ball.grow(deadline)):
                break
            grown = len(ball.last) / before
        return ball

    @cached_property
    def inverse(self) -> np.ndarray:
        """(A,) int, the action that undoes each; -1 where none always does."""
        states, _ = self.walk(np.random.default_rng(0), 64, 8, np.full(self.actions, -1))
        one = self.world.children(states.reshape(-1, states.shape[-1]))
        two = self.world.children(one.states)
        inverse = np.full(self.actions, -1)
        returned = (two.states == states.reshape(-1, states.shape[-1])[one.rows[two.rows]]).all(axis=1)
        first = one.actions[two.rows]
        for action in range(self.actions):
            count = (one.actions == action).sum()
            for other in range(self.actions):
                if count and (returned & (first == action) & (two.actions == other)).sum() == count:
                    inverse[action] = other
        return inverse

    def walk(self, rng, walks: int, steps: int, inverse: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Walk from the goal without turning back; gives states (steps + 1, walks, S) and actions (steps, walks)."""
        states = np.empty((steps + 1, walks, len(self.goal)), np.uint8)
        actions = np.empty((steps, walks), np.int64)
        states[0], last, rows = self.goal, np.full(walks, -1), np.arange(walks)
        for step in range(steps):
            moves = self.world.children(states[step])
            chance = np.zeros((walks, self.actions), np.float32)
            chance[moves.rows, moves.actions] = rng.random(len(moves.rows), np.float32) + 1
            turned = inverse[last]
            back = (last >= 0) & (turned >= 0)
            chance[rows[back], turned[back]] /= 4  # below all others, and above what does nothing
            where = np.zeros((walks, self.actions), np.int64)
            where[moves.rows, moves.actions] = np.arange(len(moves.rows))
            last = actions[step] = chance.argmax(axis=1)
            states[step + 1] = moves.made(where[rows, last])
        return states, actions

    @cached_property
    def far(self) -> np.ndarray:
        """States (T, N, S) of long walks."""
        return self.walk(np.random.default_rng(1), 500, MOST_STEPS, self.inverse)[0]

    @cached_property
    def lowest(self) -> np.ndarray:
        """The smallest number of each part of a state, (S,) uint8."""
        return self.far.min(axis=(0, 1))

    @cached_property
    def values(self) -> int:
        """How many numbers a part has, at most."""
        return int((self.far.max(axis=(0, 1)) - self.lowest).max()) + 1

    @cached_property
    def steps(self) -> int:
        """How long walks are: as the ball's growth fills the space, and until nothing reminds of the goal."""
        growth = max(1.5, len(self.ball.last) / max(1, self.ball.starts[-1] - self.ball.starts[-2]))
        enough = math.ceil(SLACK * math.log(self.world.most_states(self.goal)) / math.log(growth))
        states = self.far
        reminds = (states == self.goal).mean(axis=(1, 2))
        rest = reminds[MOST_STEPS // 2 :].mean()
        forgotten = int(np.argmax(reminds - rest < FORGOTTEN * (1 - rest)))
        return max(enough, forgotten)
