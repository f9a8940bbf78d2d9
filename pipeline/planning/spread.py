"""Many problems, one to a core, or over the workers of a Dask cluster."""

import pickle
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial

import numpy as np

from ..system.executors import ahead, cores, workers
from ..system.interruption import asked_to_end
from .planner import Plan, Planner

Problem = tuple[np.ndarray, np.ndarray]  # a start (B,) and goals (G, B), codes
PORTIONS, MOST = 4, 50  # sent to each core of a cluster, and problems in one


def plans(
    planner: Planner, problems: Sequence[Problem], seconds: float, scheduler: str | None = None
) -> Iterator[Plan]:
    """Solve problems, each within so many seconds; gives their plans in order, fewer if it is told to end.

    Heuristics are learned before. The first problem is solved alone: others use its search of everything too.

    Args:
        scheduler: The address of a Dask scheduler; None for one thread for each core.
    """
    with workers(scheduler) as (executor, count):
        for problem in problems:
            planner.prepare(*problem)
        yield planner.solve(*problems[0], seconds)
        rest = problems[1:]
        if scheduler:
            size = max(1, min(MOST, len(rest) // (PORTIONS * count)))
            solve = partial(_solve_there, pickle.dumps(planner), seconds)
        else:
            size, planner.at_once = 1, count
            solve = partial(_solve, planner, seconds)
        portions = (rest[at : at + size] for at in range(0, len(rest), size) if not asked_to_end())
        for portion in ahead(executor, 2 * count, solve, portions):
            yield from portion


def _solve(planner: Planner, seconds: float, problems: Sequence[Problem]) -> list[Plan]:
    return [planner.solve(*problem, seconds) for problem in problems]


def _solve_there(packed: bytes, seconds: float, problems: Sequence[Problem]) -> list[Plan]:
    return _solve(_unpacked(packed), seconds, problems)


@lru_cache(maxsize=1)
def _unpacked(packed: bytes) -> Planner:
    planner = pickle.loads(packed)
    planner.at_once = cores()
    return planner
