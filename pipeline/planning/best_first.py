"""Best-first search in batches: weighted A* and Q* by a heuristic, or A* by the ball of exact distances alone."""

import numpy as np

from ..system.hashing import number_rows
from .beam import Scores, scored
from .breadth import Deadline, Unsolved
from .numbers import Numbers
from .task import Task
from .worlds import Moves

PARTS = 8  # of a step, by which priorities are told apart
FIRST_SIZE = 2**12


class Open:
    """What is still to be looked at, whole numbers, the lowest priority first; of equal ones the latest."""

    def __init__(self):
        self.count = 0
        self.buckets: dict[int, list[np.ndarray]] = {}

    def __len__(self) -> int:
        return self.count

    @property
    def lowest(self) -> float:
        """The lowest priority, rounded down."""
        return min(self.buckets) / PARTS if self.buckets else float("inf")

    def put(self, items: np.ndarray, priorities: np.ndarray):
        """Add items (n,) int64 with priorities (n,) float."""
        keys = np.floor(priorities * PARTS).astype(np.int64)
        order = np.argsort(keys, kind="stable")
        values, firsts = np.unique(keys[order], return_index=True)
        for key, part in zip(values.tolist(), np.split(items[order], firsts[1:])):
            self.buckets.setdefault(key, []).append(part)
        self.count += len(items)

    def take(self, most: int) -> np.ndarray:
        """Take at most so many items, (n,) int64."""
        taken: list[np.ndarray] = []
        left = min(most, self.count)
        self.count -= left
        while left:
            key = min(self.buckets)
            part = self.buckets[key].pop()
            if len(part) > left:
                self.buckets[key].append(part[left:])
            if not self.buckets[key]:
                del self.buckets[key]
            taken.append(part[:left])
            left -= len(taken[-1])
        return np.concatenate(taken)


class Reached:
    """States in the order in which they were found, each with the shortest way to it that is known."""

    def __init__(self, start: np.ndarray):
        self.numbers = Numbers()
        self.arrays: dict[str, np.ndarray] = {
            "states": np.empty((FIRST_SIZE, len(start)), np.uint8),
            "steps": np.empty(FIRST_SIZE, np.int32),
            "parents": np.empty(FIRST_SIZE, np.int64),
            "actions": np.empty(FIRST_SIZE, np.uint8),
        }
        self.better(start[None], number_rows(start[None]), *np.zeros((3, 1), np.int64))

    def __len__(self) -> int:
        return len(self.numbers)

    def better(self, states, numbers, steps, parents, actions) -> np.ndarray:
        """Take in ways to states, each (n, …); gives the places of those to which none so short was known."""
        order = np.argsort(steps, kind="stable")
        order = order[np.unique(numbers[order], return_index=True)[1]]  # of several ways to a state the shortest
        places = self.numbers.find(numbers[order]).astype(np.int64)
        is_new = places < 0
        places[is_new] = len(self) + np.arange(is_new.sum())
        self.numbers.add(numbers[order][is_new])
        while len(self) > len(self.arrays["steps"]):
            self.arrays = {name: np.concatenate([array, np.empty_like(array)]) for name, array in self.arrays.items()}
        is_better = is_new.copy()
        is_better[~is_new] = steps[order][~is_new] < self.arrays["steps"][places[~is_new]]
        places, order = places[is_better], order[is_better]
        for name, given in (("states", states), ("steps", steps), ("parents", parents), ("actions", actions)):
            self.arrays[name][places] = given[order]
        return places

    def way(self, place: int) -> list[int]:
        """Give the actions that lead from the start to a place."""
        actions = []
        while place:
            actions.append(int(self.arrays["actions"][place]))
            place = int(self.arrays["parents"][place])
        return actions[::-1]


class BestFirst:
    """Weighted A* looks at the states of least `weight * steps so far + steps to come`, Q* at such states and actions.

    Q* doesn't ask for the children of what it looks at: one evaluation of a state tells of all its actions.

    Args:
        task: The `Task` whose goal is searched for, with the ball of exact distances around it.
        scores: The heuristic; None: outside the ball it is one step more than its radius, and plans are shortest.
        weight: Of the steps so far, from 0 to 1.
        by_action: Q*.
    """

    def __init__(self, task: Task, scores: Scores | None, weight: float, by_action: bool):
        self.task, self.scores, self.weight, self.by_action = task, scores, weight, by_action

    def search(self, start: np.ndarray, width: int, deadline: Deadline) -> tuple[list[int] | None, bool]:
        """Give a plan from a start (S,), so many states at a time; None where no states are left: there is none.

        Returns:
            It, and whether no plan is shorter.

        Raises:
            Unsolved: It took too long.
        """
        ball, number = self.task.ball, number_rows(start[None])
        if ball.distances(number)[0] >= 0:
            return ball.back(number[0]), True
        reached, waiting = Reached(start), Open()
        self._put(waiting, reached, np.array([0]), deadline)
        best: tuple[float, int, int, np.uint64] | None = None  # priority, place, action, and the number it leads to
        proved = False
        try:
            while waiting and not (best and best[0] <= waiting.lowest):
                deadline.check(len(reached) + len(waiting) // 4)
                rows, moves = self._taken(waiting, reached, width)
                numbers = number_rows(moves.states)
                steps = reached.arrays["steps"][rows] + 1
                left = ball.distances(numbers)
                touching = np.flatnonzero(left >= 0)
                if len(touching):
                    priorities = self.weight * steps[touching] + left[touching]
                    at = touching[priorities.argmin()]
                    if not best or priorities.min() < best[0]:
                        best = float(priorities.min()), int(rows[at]), int(moves.actions[at]), numbers[at]
                out = left < 0
                new = reached.better(moves.states[out], numbers[out], steps[out], rows[out], moves.actions[out])
                self._put(waiting, reached, new, deadline)
            proved = self.scores is None
        except Unsolved:
            if not best:
                raise
        if not best:
            return None, True
        plan = [*reached.way(best[1]), best[2], *ball.back(best[3])]
        return plan, proved or len(plan) <= ball.depth

    def _put(self, waiting: Open, reached: Reached, places: np.ndarray, deadline: Deadline):
        """Let places (n,) wait, or each of their actions, by what the heuristic says."""
        so_far, beyond = self.weight * reached.arrays["steps"][places], self.task.ball.depth + 1
        if self.scores is None or not len(places):
            waiting.put(places, so_far + beyond)
            return
        states = reached.arrays["states"][places]
        moves = self.task.world.children(states)
        scores = scored(self.scores, states, deadline)[moves.rows, moves.actions]  # of what the actions lead to
        if self.by_action:
            items = places[moves.rows] * self.task.actions + moves.actions
            waiting.put(items, so_far[moves.rows] + self.weight + np.maximum(scores, 0))
            return
        least = np.full(len(places), np.inf, np.float32)
        np.minimum.at(least, moves.rows, scores)
        alive = np.isfinite(least)
        waiting.put(places[alive], (so_far + np.maximum(least + 1, beyond))[alive])

    def _taken(self, waiting: Open, reached: Reached, width: int):
        """Take what is best; gives the places (m,) that it leads on from, and the `Moves`."""
        items = waiting.take(width)
        places = np.unique(items // self.task.actions if self.by_action else items)
        moves = self.task.world.children(reached.arrays["states"][places])
        rows = places[moves.rows]
        if not self.by_action:
            return rows, moves
        wanted = np.flatnonzero(np.isin(rows * self.task.actions + moves.actions, items))
        return rows[wanted], Moves(moves.rows[wanted], moves.actions[wanted], lambda chosen: moves.made(wanted[chosen]))
