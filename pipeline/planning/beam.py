"""Beam search by a heuristic that scores all actions of a state at once, until it touches the ball around the goal."""

import time
from collections.abc import Callable

import numpy as np

from ..system.hashing import number_rows
from .breadth import Deadline, Layers, Unsolved
from .numbers import Numbers

FIRST_WIDTH = 2**8
WIDENING = 4  # a beam is so many times as wide as the last that found no plan
USED = 0.95  # of the time
SPARE = 1.5  # candidates that are looked at for each place in the beam: some are there twice

PART = 2**11  # states that are scored at a time: what a network makes of more doesn't stay near the processor
NARROW = "the beam is too narrow"

Scores = Callable[[np.ndarray], np.ndarray]  # states (N, S) uint8 to distances (N, A) float32
Problem = tuple[np.ndarray, Callable[[list[int]], list[int]]]  # a start (S,), and what makes a plan of its plan
Width = Callable[[int], int]  # the number of a layer to how wide the next may be


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

    def search(self, start: np.ndarray, width: Width, most: int, deadline: Deadline) -> list[int] | None:
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
            wide = width(len(trace))
            few = _lowest(scores, int(SPARE * wide))
            few = few[np.argsort(scores[few], kind="stable")]
            states = moves.made(few)
            numbers = number_rows(states)
            new = seen.add(numbers)
            self.was_cut |= len(few) < len(scores) or int(new.sum()) > wide
            few, numbers, states = (part[new][:wide] for part in (few, numbers, states))
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


class Pace:
    """Widths such that the layers which a plan may still have take the time that is left.

    Args:
        deadline: Which counts the states that are looked at.
        ends: When the last layer is to be done, as `time.monotonic` tells it.
        layers: How many there are at most.
    """

    def __init__(self, deadline: Deadline, ends: float, layers: int):
        self.deadline, self.ends, self.layers = deadline, ends, layers
        self.begun, self.looked = time.monotonic(), deadline.states

    def __call__(self, layer: int) -> int:
        now, looked = time.monotonic(), self.deadline.states - self.looked
        is_known = looked > 4 * FIRST_WIDTH
        speed = looked / (now - self.begun) if is_known else self.deadline.states / self.deadline.spent
        return max(FIRST_WIDTH, int(speed * (self.ends - now) / max(1, self.layers - layer)))


def fixed(width: int) -> Width:
    """Give one width for all layers."""
    return lambda layer: width


def widening(
    beam: Beam, problems: list[Problem], width: int | None, deadline: Deadline
) -> tuple[list[int] | None, bool]:
    """Search with wider and wider beams until there is a plan, then use the time that is left; keep the shortest plan.

    Args:
        problems: Views of the problem, each of which gets a share of the time: starts (S,), each with a function that
            makes a plan of its plan.
        width: The only one to use, if given.

    Returns:
        It, and whether none is shorter; None where there is none.

    Raises:
        Unsolved: None was found.
    """
    best: list[int] | None = None

    def is_proved(number: int, wide: Width) -> bool:
        nonlocal best
        start, translated = problems[number % len(problems)]
        found = beam.search(start, wide, len(best) if best is not None else 10**9, deadline)
        if found is not None:
            best = translated(found)
        return not beam.was_cut

    try:
        tried = 0
        while best is None if width is None else tried < len(problems):
            if is_proved(tried, fixed(width or FIRST_WIDTH * WIDENING**tried)):
                return best, True
            tried += 1
        if width:
            raise Unsolved(NARROW)
        ends = deadline.begun + USED * deadline.seconds
        for number in range(len(problems)):
            now = time.monotonic()
            share = (ends - now) / (len(problems) - number)
            if is_proved(number, Pace(deadline, now + share, len(best or ()) - 1 - beam.ball.depth)):
                return best, True
        return best, False
    except Unsolved:
        if best is None:
            raise
        return best, False
