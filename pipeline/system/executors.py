"""Where tasks run: on threads or processes of this machine, or on the workers of a Dask cluster.

A task is a pure function with its arguments, so where and in which order tasks run changes nothing.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

from .errors import UserError
from .interruption import only_note_ctrl_c
from .program import INSTALLED

WAIT_SECONDS = 10  # for the scheduler to answer


def cores() -> int:
    """Count the processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def workers(scheduler: str | None = None) -> Iterator[tuple[Executor, int]]:
    """Give an executor and how many tasks it runs at a time.

    Args:
        scheduler: The address of a Dask scheduler; None for one thread for each core.

    Raises:
        UserError: Dask isn't installed, or no scheduler with workers is there.
    """
    if scheduler:
        with _dask_client(scheduler) as client:
            count = sum(client.ncores().values())
            if not count:
                raise UserError(f"--scheduler must have workers; `dask worker` starts one. Received: {scheduler}")
            yield client.get_executor(), count
        return
    pool = ThreadPoolExecutor(cores())
    try:
        yield pool, cores()
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def processes(count: int) -> Iterator[Executor]:
    """Give an executor of so many processes, for work that holds Python's lock.

    Ctrl-C ends none of them: it is noted there, for `asked_to_end`, and this process decides.
    """
    with ProcessPoolExecutor(count, get_context("spawn"), only_note_ctrl_c) as executor:
        try:
            yield executor
        finally:
            executor.shutdown(wait=True, cancel_futures=True)


def _dask_client(scheduler: str):
    try:
        from distributed import Client
    except ImportError:
        hint = "pip install distributed" if INSTALLED else "pip install -r requirements-dask.txt"
        raise UserError(f"--scheduler needs the package distributed ({hint}). Received: {scheduler}") from None
    try:
        return Client(scheduler, timeout=WAIT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        reason = str(error).split("\n")[0]
        raise UserError(
            f"--scheduler must be a Dask scheduler that answers. Received: {scheduler} ({reason})"
        ) from None


class InOrder:
    """Runs tasks on an executor and takes their results in the order in which they were submitted.

    At most `most` results wait at a time: `submit` waits when there are more. Memory is bounded by them.
    """

    def __init__(self, executor: Executor, most: int):
        self.executor, self.most = executor, most
        self.waiting: deque = deque()

    def submit(self, take: Callable[[Any], None], task: Callable, *given):
        """Run `task(*given)` somewhere, and `take` its result here when all earlier ones are taken."""
        while len(self.waiting) >= self.most:
            self._take_one()
        self.waiting.append((take, self.executor.submit(task, *given)))

    def finish(self):
        """Take all results that are still to come."""
        while self.waiting:
            self._take_one()

    def _take_one(self):
        take, future = self.waiting.popleft()
        take(future.result())


def ahead(executor: Executor, most: int, task: Callable, many: Iterable) -> Iterator:
    """Yield `task(given)` for each of many, in order, computed up to `most` ahead of what was asked for."""
    futures: deque = deque()
    for given in many:
        futures.append(executor.submit(task, given))
        if len(futures) > most:
            yield futures.popleft().result()
    while futures:
        yield futures.popleft().result()
