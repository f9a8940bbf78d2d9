"""How well plans are found in learned worlds: solved, how long they are, how long it takes, and whether they are true.

    python benchmarks/solving.py                    all cases
    python benchmarks/solving.py rubikscube sokoban these cases
    python benchmarks/solving.py list               what cases there are

Each case trains a world model, makes its problems and solves them by the commands that anyone uses. What is done is in
models/solving/ and isn't done again: started once more it goes on where it was stopped. Plans of 15-puzzles are
compared with the shortest, which `shortest_slides.c` finds where there is a C compiler. Prints a table and writes
results/solving.json.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import evidence, tables
from pipeline.puzzles import PUZZLES
from pipeline.puzzles.sokoban import Sokoban

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "models" / "solving"
NOT_SOLVED = 3  # the exit code of a single problem without a plan
DOOR_KEY = "gym:minigrid:MiniGrid-DoorKey-8x8-v0"
TRAIN = "--dataset_size 20000 --train_epochs 1"
CASES = {  # name: the puzzle, what `problems` gets, or how many boxes, or nothing; what `solve` gets
    "rubikscube": ("rubikscube", "--count 1000 --length 1000", "--seconds 1.5"),
    "rubikscube, 5 s": ("rubikscube", "--count 200 --length 1000 --key 1", "--seconds 5"),
    "rubikscube, any goal": ("rubikscube", "--count 60 --length 1000 --key 2 --goal random", "--seconds 1.5"),
    "rubikscube, start and goal swapped": ("rubikscube", "--count 60 --length 1000 --key 5", "--seconds 1.5"),
    "rubikscube, 300 at 1.5 s": ("rubikscube", "--count 300 --length 1000 --key 6", "--seconds 1.5"),
    "rubikscube, 60 at 5 s": ("rubikscube", "--count 60 --length 1000 --key 3", "--seconds 5"),
    "slidepuzzle, 60 at 1 s": ("slidepuzzle", "--count 60 --length 10000 --key 3", "--seconds 1"),
    "slidepuzzle": ("slidepuzzle", "--count 1000 --length 10000", "--seconds 1"),
    "slidepuzzle, 5 s": ("slidepuzzle", "--count 200 --length 10000 --key 1", "--seconds 5"),
    "lightsout": ("lightsout", "--count 1000 --length 1000", ""),
    "sokoban": ("sokoban", "--count 1000 --length 1000", ""),
    "sokoban, player free": ("sokoban", "--count 1000 --length 1000", "--free_goal"),
    "sokoban, 6 boxes": ("sokoban", 6, "--seconds 10"),
    "sokoban, 8 boxes": ("sokoban", 8, "--seconds 10"),
    "sokoban, 12 boxes": ("sokoban", 12, "--seconds 10"),
    "FrozenLake": ("gym:FrozenLake-v1", "", "--goal terminal"),
    "Taxi": ("gym:Taxi-v4", "", "--goal terminal"),
    "DoorKey": (DOOR_KEY, "", "--goal terminal --seconds 60"),  # in layouts that training never saw
    "rubikscube_2x2x2": ("rubikscube_2x2x2", "--count 1000 --length 1000", "--seconds 60"),
    "slidepuzzle_3x3": ("slidepuzzle_3x3", "--count 1000 --length 1000", ""),
    "lightsout_4x4": ("lightsout_4x4", "--count 1000 --length 1000", ""),
}
WIDTHS = (2**8, 2**10, 2**12, 2**14)
CURVE = {  # the same of searches and widths: time and length over width, and A* with the tables alone beside them
    f"{puzzle}, {search}, {width:,}": (puzzle, made, f"--seconds 10 --search {search} --width {width}")
    for puzzle, made in (
        ("rubikscube", "--count 10 --length 1000 --key 4"),
        ("slidepuzzle", "--count 10 --length 10000 --key 4"),
    )
    for search, widths in (("beam", WIDTHS), ("qstar", WIDTHS), ("astar", WIDTHS), ("blind", WIDTHS[-1:]))
    for width in widths
}
CASES |= CURVE
LEVELS = 20  # of other numbers of boxes than the model learned from, solved from start to targets
STARTS = 5  # of an environment
COMPARED = 200  # problems whose shortest plans are found beside ours: some 0.2 s each
OWN_TRAIN = {
    "gym:FrozenLake-v1": "--dataset_size 8000 --train_epochs 1 --policy novel --shuffle_length 100 --img_size 64 64 "
    "--env_options map_name=8x8,is_slippery=false",
    "gym:Taxi-v4": "--dataset_size 30000 --train_epochs 1 --policy novel --shuffle_length 200 --img_size 48 48",
    DOOR_KEY: "--dataset_size 20000 --train_epochs 1 --policy novel --shuffle_length 1000 --img_size 64 64 "
    "--env_options highlight=false",  # long episodes: else the data shows no end
}
WORLD_MODELS = {
    "gym:FrozenLake-v1": "auto",
    "gym:Taxi-v4": "table",
    DOOR_KEY: "cells",
    "rubikscube_2x2x2": "rubikscube",
    "slidepuzzle_3x3": "slidepuzzle",
    "lightsout_4x4": "lightsout",
}


def run(*words: str):
    """Run one of our commands."""
    command = [sys.executable, str(ROOT / "main.py"), "world_model_train", *words]
    code = subprocess.run(command, cwd=FOLDER).returncode
    if code not in (0, NOT_SOLVED):
        raise subprocess.CalledProcessError(code, command)


def levels_of(boxes: int, path: Path):
    """Write problems from levels of so many boxes."""
    puzzle = Sokoban("sokoban", boxes=boxes)
    pairs = puzzle.levels(np.random.default_rng(1), LEVELS)
    np.savez(path, **{name: puzzle.render(states, (32, 32)) for name, states in zip(("start", "goal"), pairs)})


def stem(case: str) -> str:
    """Name the files of a case."""
    return case.replace(", ", "-").replace(" ", "_").replace(",", "")


def solve(case: str) -> list[dict]:
    """Give the plans of a case, found now unless they were found before."""
    puzzle, made, asked = CASES[case]
    name = stem(case)
    model, problems, plans = f"runs/{puzzle.removeprefix('gym:')}", f"{name}.npz", f"{name}.json"
    if not (FOLDER / model / "training.json").exists():
        world_model, train = WORLD_MODELS.get(puzzle, puzzle), OWN_TRAIN.get(puzzle, TRAIN)
        run("train", "--dataset", puzzle, "--world_model", world_model, *train.split(), "--output_dir", model)
    if not (FOLDER / problems).exists():
        if isinstance(made, int):
            levels_of(made, FOLDER / problems)
        elif made:
            run("problems", model, *made.split(), "--save", problems)
            if case.endswith("swapped"):
                with np.load(FOLDER / problems) as pairs:
                    np.savez(FOLDER / problems, start=pairs["goal"], goal=pairs["start"])
    if not (FOLDER / plans).exists():
        given = [("--problems", problems)] if made else [("--key", str(key)) for key in range(STARTS)]
        parts = [f"{plans}.part{number}.json" for number in range(len(given))]
        for words, part in zip(given, parts):
            run("solve", model, *words, *asked.split(), "--save", part)
        found = [plan for part in parts for plan in json.loads((FOLDER / part).read_text())]
        (FOLDER / plans).write_text(json.dumps(found))
    return json.loads((FOLDER / plans).read_text())


def longer_than_shortest(problems: Path, plans: list[dict]) -> float | None:
    """Say how much longer plans of 15-puzzles are than the shortest, in the mean; None without a compiler."""
    if (compiler := shutil.which("cc")) is None:
        return None
    some = [(n, len(plan["actions"])) for n, plan in enumerate(plans[:COMPARED]) if plan["status"] == "solved"]
    rows, lengths = map(list, zip(*some))
    boards = PUZZLES["slidepuzzle"].read(np.load(problems)["start"][rows])  # (n, 16), as their goal is the solved board
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "shortest"
        subprocess.run([compiler, "-O2", "-o", program, ROOT / "benchmarks" / "shortest_slides.c"], check=True)
        given = "\n".join(" ".join(map(str, board)) for board in boards.tolist())
        found = subprocess.run([program], input=given, capture_output=True, text=True, check=True).stdout.split()
    return sum(lengths) / sum(map(int, found)) - 1


def figures(case: str) -> dict:
    """Give the figures of a case."""
    plans = solve(case)
    lengths = [len(plan["actions"]) for plan in plans if plan["status"] == "solved"]
    seconds = [plan["seconds"] for plan in plans]
    is_compared = CASES[case][0] == "slidepuzzle" and case not in CURVE
    longer = longer_than_shortest(FOLDER / f"{stem(case)}.npz", plans) if is_compared else None
    kind = dict(zip(("puzzle", "search", "width"), case.split(", "))) if case in CURVE else {}
    return kind | {
        "problems": len(plans),
        "solved": len(lengths),
        "impossible": sum(plan["status"] == "impossible" for plan in plans),
        "actions": float(np.mean(lengths)) if lengths else None,
        "longer_than_shortest": longer,
        "optimal": sum(plan["optimal"] is True for plan in plans),
        "refused": sum(plan["verified"] is False for plan in plans),
        "seconds": float(np.mean(seconds)),
        "most_seconds": max(seconds),
    }


def main(*chosen: str) -> int:
    """Solve the chosen cases, all if none is, and print the table."""
    code = evidence.record_each("solving", CASES, chosen, FOLDER, figures)
    if code is not None:
        return code
    print(tables.solving(), tables.solving_curve(), sep="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
