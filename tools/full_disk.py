"""Let the disk get full at random points of generation, training and evaluation, and see what becomes of the work.

    python tools/full_disk.py 60 --seed 1
    python tools/full_disk.py 20 --only train

Works in scratch copies of the repository on a small tmpfs. In turn, the disk is too small from the beginning, or
another program's file fills it at a random moment. A command must then end well or say in one line that there is no
room, and leave no half file; when there is room, it must end with what it leaves on a disk that was never full. Linux
only: it mounts in a namespace of its own (`unshare`), which needs no root where the system allows it. Ends with exit
code 1 if anything is otherwise.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import fire
from scratch import COMMANDS, copy_tree, differences, finish, start, what_is_left
from tqdm import tqdm

TURNS = ("generate", "train", "generate", "train", "evaluate")
PLENTY = 2**28  # bytes of a disk with room
INSIDE = "FULL_DISK_NAMESPACE"
OTHERS = "data/another program's file"


def main(number: int = 20, seed: int = 0, only: str = "") -> int:
    """Fill the disk so many times, for all commands in turn or for one only; gives the exit code."""
    if INSIDE not in os.environ:
        enter_namespace()
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    rng, tally, wrong, unfilled = random.Random(seed), Counter(), [], {}
    with tempfile.TemporaryDirectory(prefix="full-") as scratch:
        try:
            for turn in tqdm(range(number), unit="disk"):
                name, is_small = only or TURNS[turn % len(TURNS)], rng.random() < 0.5
                with Disk(Path(scratch)) as disk:
                    if name not in unfilled:
                        unfilled[name] = run_unfilled(disk, name)
                with Disk(Path(scratch)) as disk:
                    ended, faults = run_full(disk, name, is_small, *unfilled[name], rng)
                tally[name, "too small" if is_small else "filled by others", ended] += 1
                wrong += [f"{name}: {fault}" for fault in faults]
        finally:  # also after Ctrl-C: what was found until then
            print("\n".join(table(tally, wrong)))
    return int(bool(wrong))


def table(tally: Counter, wrong: list[str]) -> list[str]:
    """Write the result as lines."""
    rows = [f"{name:10} {how:18} {ended:20} {count:5}" for (name, how, ended), count in sorted(tally.items())]
    return [*rows, f"{len(wrong)} wrong", *wrong]


def enter_namespace():
    """Start again where mounting is allowed and seen by nobody else."""
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", *as_root, "--mount", sys.executable, *sys.argv])


class Disk:
    """A tmpfs with a scratch repository on it.

    Args:
        folder: Where it is mounted.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def __enter__(self):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={PLENTY}", "tmpfs", self.folder], check=True)
        copy_tree(self.folder)
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "--lazy", self.folder], check=True)

    @property
    def used(self) -> int:
        found = os.statvfs(self.folder)
        return (found.f_blocks - found.f_bfree) * found.f_frsize

    def resize(self, size: int):
        subprocess.run(["mount", "-o", f"remount,size={size}", self.folder], check=True)

    def fill(self) -> Path:
        """Fill it to the last byte with a file; gives the file."""
        ballast = self.folder / "ballast"
        with open(ballast, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                return ballast


def run_unfilled(disk: Disk, name: str) -> tuple[dict, float, int]:
    """Run a command where there is room; gives what it leaves, its seconds and the bytes it adds."""
    *before, command = COMMANDS[name]
    for earlier in before:
        finish(disk.folder, earlier)
    began, used = time.monotonic(), disk.used
    finish(disk.folder, command)
    return what_is_left(disk.folder), time.monotonic() - began, disk.used - used


def run_full(disk: Disk, name: str, is_small: bool, wanted: dict, seconds: float, added: int, rng: random.Random):
    """Run a command while the disk gets full, then where there is room; gives how it ended and what was wrong."""
    *before, command = COMMANDS[name]
    for earlier in before:
        finish(disk.folder, earlier)
    others = disk.folder / OTHERS
    others.write_text("mine")
    most = max(added, 2**20)
    disk.resize(disk.used + int(rng.uniform(0, 1.5 * most) if is_small else 8 * most))
    process, ballast = start(disk.folder, command), None
    if not is_small:
        try:
            process.wait(rng.uniform(0, seconds))
        except subprocess.TimeoutExpired:
            ballast = disk.fill()
    said = process.communicate()[0]
    faults = []
    if process.returncode not in (0, 2) or "Traceback" in said:
        faults.append(f"exit code {process.returncode}: {said[-1500:]}")
    elif process.returncode == 2 and not is_about_room(said):
        faults.append(f"doesn't say that there is no room: {said[-300:]}")
    half = [path.name for part in ("data", "models") for path in (disk.folder / part).rglob("*.partial*")]
    faults += [f"left {name}" for name in half]
    if ballast:
        ballast.unlink()
    disk.resize(PLENTY)
    try:
        finish(disk.folder, command)
        if others.read_text() == "mine":
            others.unlink()
        faults += differences(what_is_left(disk.folder), wanted)
    except RuntimeError as error:
        faults.append(f"when there was room: {error}")
    return {0: "ended well", 2: "said no room"}.get(process.returncode, "broke"), faults


def is_about_room(said: str) -> bool:
    """Tell whether the last line is an error that speaks of room on the disk."""
    last = said.replace("\r", "\n").strip().split("\n")[-1]
    return last.startswith("error: ") and ("No space left" in last or "on the disk" in last)


if __name__ == "__main__":
    sys.exit(fire.Fire(main, serialize=lambda code: None))
