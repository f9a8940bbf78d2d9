"""How much memory there is to use, and whether it is enough."""

from collections.abc import Callable
from pathlib import Path

import psutil

from .errors import UserError

CONTROL_GROUPS = (  # limit and use of a container: version 2, then version 1
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def available_bytes() -> int:
    """Give what this process may still take, by the machine's memory and by its container's limit."""
    return min([psutil.virtual_memory().available, *_left_in_container()])


def _left_in_container():
    for limit_file, use_file in CONTROL_GROUPS:
        try:
            limit, used = Path(limit_file).read_text().strip(), int(Path(use_file).read_text())
        except (OSError, ValueError):
            continue
        if limit.isdigit():
            yield max(0, int(limit) - used)


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
