"""One process at a time: locks that the kernel frees when the process that holds them ends, however it ends."""

import fcntl
import os
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def locked(path: Path, waiting: str):
    """Hold the lock at a path while the block runs; wait first, if another process holds it.

    Where no file can be made or locked there is no lock: that is said in one line, and the block runs all the same.

    Args:
        path: The lock's file, beside what it guards. It is there while the lock is held and removed with it; one that
            a dead process left locks nothing.
        waiting: What is said, once, if there is something to wait for.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = _take(path, waiting)
    except OSError as error:
        print(f"another process at work here wouldn't be noticed: {path} can't be locked ({error.strerror})")
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()  # while it is locked: whoever waits for it sees that it is gone, and makes a new one
        os.close(handle)


def _take(path: Path, waiting: str) -> int:
    """Lock the file that is at the path, made now if none is there; gives its handle."""
    while True:
        handle = os.open(path, os.O_RDONLY | os.O_CREAT, 0o666)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if waiting:
                    print(waiting, flush=True)
                waiting = ""
                fcntl.flock(handle, fcntl.LOCK_EX)
            if _is_at(path, handle):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _is_at(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except FileNotFoundError:
        return False
