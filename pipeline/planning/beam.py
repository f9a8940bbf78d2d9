"""Beam search by a heuristic that scores all actions of a state at once, until it touches the ball around the goal."""

import time
from collections.abc import Callable

import numpy as np

from ..system.hashing import number_rows
from .breadth import TIME, Deadline, Layers, Unsolved
from .numbers import Numbers

FIRST_WIDTH = 2**8
WIDENING, LEAST_WIDENING = 4, 1.2  # a beam is so many times as wide as the last
SAFE = 0.8  # of the time that is left may be planned for
SPARE = 1.5  # candidates that are looked at for each place in the beam: some are there twice

PART = 2**14  # states that are scored at a time
NARROW = "the beam is too narrow"

Scores = Callable[[np.ndarray], np.ndarray]  # states (N, S) uint8 to distances (N, A) float32
Problem = tuple[np.ndarray, Callable[[list[int]], list[int]]]  # a start (S,), and what makes a plan of its plan


class Beam:
    """The best so many states of each layer.

    Args:
        task: The `Task` whose goal is searched for, with the ball of exact distances around it.
        scores: The heuristic.
    """

    def __init__(self, task, scores: Scores):
        self.task, self.world, self.inverse, self.scores = task, task.world, task.inverse, scores
        self.was_cut = False  # whether the last search left out states: else it was a breadth-first search

    @property
    def ball(self) -> Layers:
        return self.task.ball

    def search(self, start: np.ndarray, width: int, most: int, deadline: Deadline) -> list[int] | None:
        """Give a plan of fewer than `most` actions from a start (S,), if the beam finds one.

        Raises:
            Unsolved: It took too long.
        """
        states, seen = start[None], Numbers()
        numbers, self.was_cut = number_rows(states), False
        seen.add(numbers)
        trace: list[tuple[np.ndarray, np.ndarray]] = []  # of each layer the rows they come from, and the actions
        while len(states):
            distances = self.ball.distances(numbers)
            touching = np.flatnonzero(distances >= 0)
            if len(touching):
                best = touching[distances[touching].argmin()]
                plan = _way(trace, int(best)) + self.ball.back(numbers[best])
                return plan if len(plan) < most else None
            if len(trace) + self.ball.depth + 1 >= most:
                return None
            deadline.states += len(states)
            deadline.check(len(seen))
            moves = self.world.children(states)
            scores = scored(self.scores, states, deadline)[moves.rows, moves.actions]
            few = _lowest(scores, int(SPARE * width))
            few = few[np.argsort(scores[few], kind="stable")]
            numbers = number_rows(moves.states[few])
            new = seen.add(numbers)
            self.was_cut |= len(few) < len(scores) or int(new.sum()) > width
            few, numbers = few[new][:width], numbers[new][:width]
            states = moves.states[few]
            trace.append((moves.rows[few], moves.actions[few]))
        return None


def scored(scores: Scores, states: np.ndarray, deadline: Deadline) -> np.ndarray:
    """Give the scores (N, A) of states (N, S), some at a time: very many take seconds."""
    found = []
    for at in range(0, len(states), PART):
        deadline.check(0)
        found.append(scores(states[at : at + PART]))
    return np.concatenate(found)


def _lowest(scores: np.ndarray, count: int) -> np.ndarray:
    return np.argpartition(scores, count)[:count] if count < len(scores) else np.arange(len(scores))


def _way(trace: list[tuple[np.ndarray, np.ndarray]], row: int) -> list[int]:
    actions = []
    for rows, chosen in reversed(trace):
        actions.append(int(chosen[row]))
        row = int(rows[row])
    return actions[::-1]


def widening(
    beam: Beam, problems: list[Problem], width: int | None, deadline: Deadline
) -> tuple[list[int] | None, bool]:
    """Search with wider and wider beams until the time is used, and keep the shortest plan.

    Args:
        problems: Starts (S,) whose plans solve the problem, each with a function that makes its plan of theirs.
        width: The only one to use, if given.

    Returns:
        It, and whether none is shorter; None where there is none.

    Raises:
        Unsolved: None was found.
    """
    best: list[int] | None = None
    now = width or FIRST_WIDTH
    try:
        while True:
            round_begun = time.monotonic()
            for start, translated in problems:
                most = len(best) if best is not None else 10**9
                found = beam.search(start, now, most, deadline)
                if found is not None:
                    best = translated(found)
                if not beam.was_cut:
                    return best, True
            spent = time.monotonic() - round_begun
            left = SAFE * (deadline.ends - time.monotonic()) / spent  # times as wide a beam can be
            if width or left < LEAST_WIDENING:
                raise Unsolved(NARROW if width else TIME)
            now = int(now * (left if left < WIDENING**2 else WIDENING))  # the last one takes all that is left
    except Unsolved:
        if best is None:
            raise
        return best, False
