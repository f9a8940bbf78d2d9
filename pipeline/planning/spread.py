"""Many problems: one after the other where each uses all cores, else one to a core, or over a Dask cluster."""

import pickle
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from functools import lru_cache, partial

import numpy as np

from ..system.executors import ahead, cores, processes, workers
from ..system.interruption import asked_to_end
from .planner import Plan, Planner

WORTH_SECONDS = 5.0  # of work, below which processes aren't started
PORTIONS, MOST = 4, 50  # sent to each core, and problems in one
Problem = tuple[np.ndarray, np.ndarray]  # a start (B,) and goals (G, B), codes


def plans(
    planner: Planner, problems: Sequence[Problem], seconds: float, scheduler: str | None = None
) -> Iterator[Plan]:
    """Solve problems, each within so many seconds; gives their plans in order, fewer if it is told to end.

    Args:
        scheduler: The address of a Dask scheduler; None for this machine's cores.
    """
    if scheduler:
        with workers(scheduler) as (executor, count):
            _prepare(planner, problems)
            yield from _spread(executor, count, planner, problems, seconds)
        return
    _prepare(planner, problems)
    spent = 0.0
    for done, problem in enumerate(problems):
        left = problems[done:]
        if done > 1 and not planner.uses_all_cores and spent / (done - 1) * len(left) > WORTH_SECONDS and cores() > 1:
            with processes(cores()) as executor:
                yield from _spread(executor, cores(), planner, left, seconds)
            return
        plan = planner.solve(*problem, seconds)
        spent += plan.seconds if done else 0.0  # what the first makes may serve all
        yield plan
        if asked_to_end():
            return


def _prepare(planner: Planner, problems: Sequence[Problem]):
    """Learn all heuristics that there will be need of."""
    for problem in problems:
        planner.prepare(*problem)


def _spread(
    executor: Executor, count: int, planner: Planner, problems: Sequence[Problem], seconds: float
) -> Iterator[Plan]:
    size = max(1, min(MOST, len(problems) // (PORTIONS * count)))
    portions = [problems[at : at + size] for at in range(0, len(problems), size)]
    for found in ahead(executor, 2 * count, partial(_solve, pickle.dumps(planner), seconds), portions):
        yield from found
        if asked_to_end():
            return


def _solve(packed: bytes, seconds: float, problems: Sequence[Problem]) -> list[Plan]:
    planner = _unpacked(packed)
    return [planner.solve(*problem, seconds) for problem in problems]


@lru_cache(maxsize=1)
def _unpacked(packed: bytes) -> Planner:
    planner = pickle.loads(packed)
    planner.at_once = cores()
    return planner
