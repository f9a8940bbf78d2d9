"""How much memory there is to use."""

from pathlib import Path

import psutil

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
