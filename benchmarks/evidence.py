"""Figures of the benchmarks as JSON in benchmarks/results/: each row with its commit, its day and its machine."""

import platform
import resource
import subprocess
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from pipeline.system.executors import cores
from pipeline.system.files import read_json, write_json

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
Measure = Callable[[str], dict]  # a case's name to its figures
PACKAGES = ("numpy", "h5py", "tensorflow", "tensorflow-cpu", "keras", "torch", "jax")


def record(name: str, rows: dict[str, dict], among=None) -> None:
    """Write the rows of a benchmark, each under its name, to results/<name>.json.

    Args:
        rows: What was measured now: the figures of each row.
        among: The names of all rows that there are, in their order; rows recorded before that aren't measured now are
            kept if they are among them. None: what is measured now is all there is.
    """
    measured = {"commit": commit(), "date": datetime.now(UTC).date().isoformat(), "machine": machine()}
    known = read(name) | {row: {**measured, "figures": figures} for row, figures in rows.items()}
    RESULTS.mkdir(exist_ok=True)
    write_json(RESULTS / f"{name}.json", {"rows": {row: known[row] for row in among or rows if row in known}})


def record_each(name: str, cases: Collection[str], chosen: Sequence[str], folder: Path, measure: Measure) -> int | None:
    """Measure the chosen cases, all if none is, and record each once it is done: what takes an hour can be cut short.

    Returns:
        None; or the exit code where `list` asks what cases there are, which is said, or one isn't among them.
    """
    unknown = [case for case in chosen if case not in cases]
    if unknown:
        print(f"cases: {', '.join(cases)}" + ("" if unknown == ["list"] else f". Received: {unknown[0]}"))
        return 0 if unknown == ["list"] else 2
    folder.mkdir(parents=True, exist_ok=True)
    for case in chosen or cases:
        record(name, {case: measure(case)}, among=cases)
    return None


def read(name: str) -> dict[str, dict]:
    """Give the rows of a benchmark; none if it was never measured."""
    return (read_json(RESULTS / f"{name}.json") or {}).get("rows", {})


def cpu_of_children() -> float:
    """Give the seconds of processor time of the processes that were begun here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def commit() -> str:
    """Give the commit that is measured, with "+changes" if `pipeline/` isn't as in it."""
    try:
        return _git("rev-parse", "HEAD") + "+changes" * bool(_git("status", "--porcelain", "--", "pipeline"))
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


@cache
def machine() -> dict[str, str | int]:
    """Describe what is measured on, without a name or a path of it."""
    found: dict[str, str | int] = {
        "processor": _processor(),
        "cores": cores(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "python": platform.python_version(),
    }
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(": ")[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration, IndexError):
        return platform.processor() or platform.machine()
