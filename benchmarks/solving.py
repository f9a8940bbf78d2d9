"""How well plans are found in learned worlds: solved, how long they are, how long it takes, and whether they are true.

    python benchmarks/solving.py                    all cases
    python benchmarks/solving.py rubikscube sokoban these cases
    python benchmarks/solving.py list               what cases there are

Each case trains a world model, makes its problems and solves them by the commands that anyone uses. What is done is in
models/solving/ and isn't done again: started once more it goes on where it was stopped. Prints a table and writes
results/solving.json.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import evidence, tables

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "models" / "solving"
TRAIN = "--dataset_size 20000 --train_epochs 1"
CASES = {  # name: the puzzle, what `problems` gets, what `solve` gets
    "rubikscube": ("rubikscube", "--count 1000 --length 1000", "--seconds 1.5"),
    "rubikscube, 5 s": ("rubikscube", "--count 200 --length 1000 --key 1", "--seconds 5"),
    "rubikscube, any goal": ("rubikscube", "--count 200 --length 1000 --key 2 --goal random", "--seconds 1.5"),
    "rubikscube, 60 at 5 s": ("rubikscube", "--count 60 --length 1000 --key 3", "--seconds 5"),
    "slidepuzzle, 60 at 1 s": ("slidepuzzle", "--count 60 --length 10000 --key 3", "--seconds 1"),
    "slidepuzzle": ("slidepuzzle", "--count 1000 --length 10000", "--seconds 1"),
    "slidepuzzle, 5 s": ("slidepuzzle", "--count 200 --length 10000 --key 1", "--seconds 5"),
    "lightsout": ("lightsout", "--count 1000 --length 1000", ""),
    "sokoban": ("sokoban", "--count 1000 --length 1000", ""),
    "sokoban, player free": ("sokoban", "--count 1000 --length 1000", "--free_goal"),
    "rubikscube_2x2x2": ("rubikscube_2x2x2", "--count 1000 --length 1000", "--seconds 60"),
    "slidepuzzle_3x3": ("slidepuzzle_3x3", "--count 1000 --length 1000", ""),
    "lightsout_4x4": ("lightsout_4x4", "--count 1000 --length 1000", ""),
}
WIDTHS = (2**8, 2**10, 2**12, 2**14)
CURVE = {  # the same of searches and widths: time and length over width, and A* with the tables alone beside them
    f"{puzzle}, {search}, {width:,}": (puzzle, made, f"--seconds 20 --search {search} --width {width}")
    for puzzle, made in (
        ("rubikscube", "--count 20 --length 1000 --key 4"),
        ("slidepuzzle", "--count 20 --length 10000 --key 4"),
    )
    for search, widths in (("beam", WIDTHS), ("qstar", WIDTHS), ("astar", WIDTHS), ("blind", WIDTHS[-1:]))
    for width in widths
}
CASES |= CURVE
WORLD_MODELS = {"rubikscube_2x2x2": "rubikscube", "slidepuzzle_3x3": "slidepuzzle", "lightsout_4x4": "lightsout"}


def run(*words: str):
    """Run one of our commands."""
    subprocess.run([sys.executable, str(ROOT / "main.py"), "world_model_train", *words], check=True, cwd=FOLDER)


def solve(case: str) -> list[dict]:
    """Give the plans of a case, found now unless they were found before."""
    puzzle, made, asked = CASES[case]
    name = case.replace(", ", "-").replace(" ", "_").replace(",", "")
    model, problems, plans = f"runs/{puzzle}", f"{name}.npz", f"{name}.json"
    if not (FOLDER / model / "training.json").exists():
        world_model = WORLD_MODELS.get(puzzle, puzzle)
        run("train", "--dataset", puzzle, "--world_model", world_model, *TRAIN.split(), "--output_dir", model)
    if not (FOLDER / problems).exists():
        run("problems", model, *made.split(), "--save", problems)
    if not (FOLDER / plans).exists():
        run("solve", model, "--problems", problems, *asked.split(), "--save", f"{plans}.part.json")
        (FOLDER / f"{plans}.part.json").rename(FOLDER / plans)
    return json.loads((FOLDER / plans).read_text())


def figures(case: str) -> dict:
    """Give the figures of a case."""
    plans = solve(case)
    lengths = [len(plan["actions"]) for plan in plans if plan["status"] == "solved"]
    seconds = [plan["seconds"] for plan in plans]
    kind = dict(zip(("puzzle", "search", "width"), case.split(", "))) if case in CURVE else {}
    return kind | {
        "problems": len(plans),
        "solved": len(lengths),
        "impossible": sum(plan["status"] == "impossible" for plan in plans),
        "actions": float(np.mean(lengths)) if lengths else None,
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
