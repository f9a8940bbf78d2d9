"""How much memory is left where control groups limit it, by made-up ones."""

from pathlib import Path

import pytest

from pipeline.system.memory import available_bytes, left_in_control_groups

GB = 2**30


def group(folder: Path, version: int, limit, used: int, cached: int = 0):
    """Make a control group's files."""
    folder.mkdir(parents=True, exist_ok=True)
    names = ("memory.max", "memory.current") if version == 2 else ("memory.limit_in_bytes", "memory.usage_in_bytes")
    for name, value in zip(names, (limit, used)):
        (folder / name).write_text(f"{value}\n")
    stale = "" if version == 2 else "total_"
    (folder / "memory.stat").write_text(
        f"anon 12\n{stale}active_file {5 * GB}\n{stale}inactive_file {cached}\nslab 7\n"
    )


def process_in(root: Path, lines: str):
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(lines)


@pytest.fixture
def version_2(tmp_path) -> Path:
    process_in(tmp_path, "0::/outer/own\n")
    return tmp_path / "sys/fs/cgroup"


@pytest.fixture
def version_1(tmp_path) -> Path:
    process_in(tmp_path, "12:cpuset:/elsewhere\n7:hugetlb,memory:/outer/own\n1:name=systemd:/\n0::/x\n")
    return tmp_path / "sys/fs/cgroup/memory"


def least(root: Path) -> int | None:
    return min(left_in_control_groups(root), default=None)


@pytest.mark.parametrize("version", [1, 2])
def test_the_page_cache_that_can_be_given_up_is_free(version, tmp_path, request):
    group(request.getfixturevalue(f"version_{version}") / "outer/own", version, 6 * GB, 4 * GB, cached=3 * GB)
    assert least(tmp_path) == 5 * GB


@pytest.mark.parametrize("version", [1, 2])
def test_of_nested_groups_the_one_with_the_least_left_counts(version, tmp_path, request):
    top = request.getfixturevalue(f"version_{version}")
    group(top / "outer/own", version, 6 * GB, GB)
    group(top / "outer", version, 4 * GB, 3 * GB)
    group(top / "outer/other", version, 2 * GB, 2 * GB)  # somebody else's
    assert least(tmp_path) == GB
    group(top / "outer/own", version, GB, GB // 2)
    assert least(tmp_path) == GB // 2


@pytest.mark.parametrize("version", [1, 2])
def test_a_container_that_sees_only_its_own_group_finds_it_at_the_top(version, tmp_path, request):
    group(request.getfixturevalue(f"version_{version}"), version, 6 * GB, 2 * GB)
    assert least(tmp_path) == 4 * GB


def test_a_group_without_a_limit_limits_nothing(version_2, tmp_path):
    group(version_2 / "outer/own", 2, "max", 2 * GB)
    assert least(tmp_path) is None
    group(version_2 / "outer", 2, 6 * GB, 2 * GB)
    assert least(tmp_path) == 4 * GB


def test_more_used_than_allowed_leaves_nothing(version_2, tmp_path):
    group(version_2 / "outer/own", 2, GB, 2 * GB)
    assert least(tmp_path) == 0


def test_without_control_groups_the_machine_alone_limits(tmp_path):
    assert least(tmp_path) is None
    process_in(tmp_path, "0::/../other\n")
    assert least(tmp_path) is None
    assert available_bytes() > 0
