"""Kill generation, training and evaluation at random moments, go on, and compare with what was never killed.

    python tools/kill.py 200 --seed 1
    python tools/kill.py 20 --only "dvc repro"

Works in scratch copies of the repository, in which states are saved all the time. SIGKILL, SIGTERM and SIGINT take
turns. A command is killed once or several times, then run to its end; what it leaves must equal what the same command
leaves that was never killed. Ends with exit code 1 if anything differs.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import fire
from scratch import COMMANDS, copy_tree, differences, finish, start, what_is_left
from tqdm import tqdm

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
TURNS = ("train", "generate", "train from images") * 3 + ("evaluate", "dvc repro")
AGAIN = 0.6  # the chance that what goes on is killed once more


@dataclass
class Tally:
    """What came of killing one command."""

    signals: Counter = field(default_factory=Counter)
    with_state: int = 0  # kills after which there was a state to go on from
    runs: int = 0
    differences: list[str] = field(default_factory=list)


def main(kills: int, seed: int = 0, only: str = "") -> int:
    """Kill so many times, all commands in turn or one of them only; gives the exit code."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it, and what they start
    turns = (only,) if only else TURNS
    rng, tallies = random.Random(seed), {}
    with tempfile.TemporaryDirectory(prefix="kill-") as scratch, tqdm(total=kills, unit="kill") as progress:
        unkilled = {}
        turn = 0
        try:
            while progress.n < kills:
                name = turns[turn % len(turns)]
                turn += 1
                if name not in unkilled:
                    unkilled[name] = run_unkilled(Path(scratch) / "unkilled", name)
                tally = tallies.setdefault(name, Tally())
                run_killed(Path(scratch) / "killed", name, unkilled[name], tally, rng, progress)
        finally:  # also after Ctrl-C: what was found until then
            print("\n".join(table(tallies)))
    return int(any(tally.differences for tally in tallies.values()))


def run_unkilled(folder: Path, name: str) -> tuple[dict, float]:
    """Run a command to its end; gives what it left, and the seconds it took."""
    copy_tree(folder)
    *before, command = COMMANDS[name]
    for earlier in before:
        finish(folder, earlier)
    started = time.monotonic()
    finish(folder, command)
    seconds = time.monotonic() - started
    found = what_is_left(folder)
    shutil.rmtree(folder)
    return found, seconds


def run_killed(folder: Path, name: str, unkilled: tuple[dict, float], tally: Tally, rng: random.Random, progress):
    """Kill a command at least once, run it to its end, and note how what it left differs."""
    wanted, seconds = unkilled
    copy_tree(folder)
    *before, command = COMMANDS[name]
    for earlier in before:
        finish(folder, earlier)
    killed = 0
    while progress.n < progress.total and (killed == 0 or rng.random() < AGAIN):
        number = SIGNALS[progress.n % len(SIGNALS)]
        if kill(folder, command, rng.uniform(0, seconds), number, tally):
            killed += 1
            progress.update()
        else:
            break  # it was done before
    tally.runs += 1
    try:
        finish(folder, command)
        tally.differences += [f"{name}: {text}" for text in differences(what_is_left(folder), wanted)]
    except RuntimeError as error:
        tally.differences.append(f"{name}: {error}")
    shutil.rmtree(folder)


def kill(folder: Path, command: str, delay: float, number: int, tally: Tally) -> bool:
    """Start a command and send it a signal after a while; tells whether it was still running."""
    process = start(folder, command)
    try:
        process.communicate(timeout=delay)
        return False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, number)
    said = process.communicate()[0]
    tally.signals[signal.Signals(number).name] += 1
    tally.with_state += any(folder.glob("models/*/checkpoint/state-*.json"))
    if "dvc" not in command and not ended_as_it_should(process.returncode, said, number):
        tally.differences.append(f"{signal.Signals(number).name}, exit code {process.returncode}: {said[-1500:]}")
    return True


def ended_as_it_should(code: int, said: str, number: int) -> bool:
    """Tell whether a command that got a signal ended by it, without a traceback, or was done just then."""
    return code in (0, -number, 128 + number) and "Traceback" not in said


def table(tallies: dict[str, Tally]) -> list[str]:
    """Write the result as lines."""
    head = ["command", *(number.name for number in SIGNALS), "states kept", "runs ended", "differences"]
    rows = [
        [
            name,
            *(tally.signals[number.name] for number in SIGNALS),
            tally.with_state,
            tally.runs,
            len(tally.differences),
        ]
        for name, tally in tallies.items()
    ]
    rows.append(["together", *(sum(row[column] for row in rows) for column in range(1, len(head)))])
    lines = [f"{row[0]:20}" + "".join(f"{cell!s:>13}" for cell in row[1:]) for row in [head, *rows]]
    return lines + [text for tally in tallies.values() for text in tally.differences]


if __name__ == "__main__":
    sys.exit(fire.Fire(main, serialize=lambda code: None))
