"""How much memory there is to use, and whether it is enough."""

import ctypes
import platform
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import psutil

from .errors import UserError

KEPT = {-1: 2**30, -2: 2**28, -3: 2**30}  # glibc's M_TRIM_THRESHOLD, M_TOP_PAD and M_MMAP_THRESHOLD, in bytes
CONTROL_GROUPS = {  # by version: where they are, and the names of limit, use, and cached pages among the use
    2: ("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    1: ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}


def available_bytes() -> int:
    """Give what this process may still take, by the machine's memory and by the limits of its control groups."""
    return min([psutil.virtual_memory().available, *left_in_control_groups(Path("/"))])


def left_in_control_groups(root: Path) -> Iterator[int]:
    """Give the bytes that are left in this process' control group, and in each one around it, where there is a limit.

    Pages of files that nobody has used for a while count as free: the kernel gives them up when memory is asked for.

    Args:
        root: The folder that holds `proc` and `sys`.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except (OSError, ValueError):
        return
    for line in lines:  # "0::/path" in version 2, "7:memory,hugetlb:/path" in version 1
        number, kinds, own = line.split(":", 2)
        if number != "0" and "memory" not in kinds.split(","):
            continue
        place, *names = CONTROL_GROUPS[2 if number == "0" else 1]
        group = PurePosixPath(own.lstrip("/"))
        for around in (group, *group.parents):  # in a container the own path may not be there, but its top is
            try:
                yield _left_in(root / place / around, *names)
            except (OSError, ValueError, KeyError):  # no such group, or one without a limit
                continue


def _left_in(group: Path, limit: str, used: str, cached: str) -> int:
    """Give the bytes that are left in a control group; `ValueError` where it has no limit."""
    statistics = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    in_use = int((group / used).read_text()) - int(statistics[cached])
    return max(0, int((group / limit).read_text()) - in_use)


def keep_freed_memory():
    """Keep what is freed for what is asked for next, where glibc is the C library.

    Else each batch of images is given back to the kernel and asked for again, page by page.
    """
    if platform.libc_ver()[0] == "glibc":
        for parameter, count in KEPT.items():
            ctypes.CDLL(None).mallopt(parameter, count)


def check_memory(what: str, needed: float, cure: Callable[[int], str], received: str):
    """Make sure that something fits in memory.

    Args:
        what: What needs it.
        needed: How many bytes.
        cure: Says what would fit in so many bytes.
        received: What was asked for.

    Raises:
        UserError: It doesn't; says what needs how much, how much is free, what would fit and what was asked for.
    """
    free = available_bytes()
    if needed > free:
        raise UserError(
            f"{what} needs about {said_size(needed)} of memory, and {said_size(free)} are free; {cure(free)}. "
            f"Received: {received}"
        )


def said_size(count: float) -> str:
    """Write a number of bytes for a person."""
    return f"{count / 1e6:,.1f} MB" if count < 1e9 else f"{count / 1e9:,.1f} GB"


def rows_within(count: int, row_bytes: int, most: int) -> int:
    """Give how many rows, of the most, to hold at a time so that they take at most `count` bytes; at least one."""
    return max(1, min(most, count // row_bytes))
