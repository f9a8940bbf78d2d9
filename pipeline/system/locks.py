"""One process at a time: locks that the system frees when the process that holds them ends, however it ends."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from filelock import FileLock, Timeout

try:
    import fcntl
except ImportError:  # Windows, where no file is removed while it is open
    fcntl = None  # type: ignore[assignment]

FOR_EVERYBODY = 0o666  # another user who shares the folder must be able to lock the file too


@contextmanager
def locked(path: Path, waiting: str) -> Iterator[None]:
    """Hold the lock at a path while the block runs; wait first, if another process holds it.

    Where no file can be made or locked there is no lock: that is said in one line, and the block runs all the same.

    Args:
        path: The lock's file, beside what it guards. It is there while the lock is held and removed with it; one that
            a dead process left locks nothing.
        waiting: What is said, once, if there is something to wait for.
    """
    lock = FileLock(path, mode=FOR_EVERYBODY, fallback_to_soft=False)
    new = [folder for folder in path.parents if not folder.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            if waiting:
                print(waiting, flush=True)
            lock.acquire()
    except OSError as error:
        print(f"another process at work here wouldn't be noticed: {path} can't be locked ({error.strerror or error})")
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()  # while it is locked: whoever waits for it sees that it is gone, and makes a new one
        lock.release()
        with suppress(OSError):  # one that holds something stays
            for folder in new:
                folder.rmdir()


def lock_open_file(file: IO, shared: bool = False) -> None:
    """Lock a file that is open for writing, until it is closed; several processes can share a lock.

    Raises:
        OSError: Another process has locked it, or its file system has no locks.
    """
    if fcntl:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
