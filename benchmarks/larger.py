"""Worlds larger than those of training: a model's rules, cells and pictures on more of the same cells.

    python benchmarks/larger.py [FOLDER] [CASE ...]

Each case is one `train` in a small world, and one `evaluate --dataset OTHER --img_size …` in a larger one, which
measures in full. Writes results/larger.json.
"""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import evidence
from benchmarks.environments import FIGURES, OF_ROLLOUT, ROOT
from pipeline.puzzles.sokoban import Sokoban

sokoban_14x14 = Sokoban("sokoban_14x14", side=14, boxes=6)
GRID = ["--env_options", "highlight=false", "--world_model", "cells", "--img_size", "64", "64"]
NOVEL = ["--policy", "novel", "--dataset_size", "8000", "--shuffle_length", "100"]
CASES = {  # name: what is trained on, and what is measured on
    "Sokoban, 10 × 10 to 14 × 14": (
        ["sokoban", "--world_model", "sokoban", "--dataset_size", "20000"],
        # Cells of 3 pixels and a rim of one, as at 32 × 32.
        ["benchmarks.larger:sokoban_14x14", "--img_size", "44", "44", "--steps", "1000", "--states", "100000"],
    ),
    "MiniGrid-Empty, 8 × 8 to 16 × 16": (
        ["gym:minigrid:MiniGrid-Empty-8x8-v0", *GRID, *NOVEL],
        ["gym:minigrid:MiniGrid-Empty-16x16-v0", "--img_size", "128", "128"],
    ),
    "MiniGrid-DoorKey, 8 × 8 to 16 × 16": (
        ["gym:minigrid:MiniGrid-DoorKey-8x8-v0", *GRID, "--dataset_size", "20000", "--shuffle_length", "200"],
        ["gym:minigrid:MiniGrid-DoorKey-16x16-v0", "--img_size", "128", "128", "--shuffle_length", "200"],
    ),
}


def run(*words: str) -> None:
    """Run one of our commands."""
    subprocess.run([sys.executable, "main.py", "world_model_train", *words], cwd=ROOT, check=True)


def measure(folder: Path, case: str) -> dict:
    """Train on a small world, if that wasn't done before, and measure on a larger one."""
    small, large = CASES[case]
    place = folder.resolve() / case.partition(",")[0]
    data, model = ["--data_dir", str(folder.resolve() / "data")], ["--output_dir", str(place)]
    run("train", "--dataset", *small, "--train_epochs", "1", *data, *model)
    run("evaluate", "--dataset", *large, *data, *model)
    newest = max(place.glob("metrics-*.json"), key=lambda path: path.stat().st_mtime)
    metrics = json.loads(newest.read_text())
    rollout = {name: metrics["rollout"].get(name) for name in OF_ROLLOUT}
    return {name: metrics.get(name) for name in (*FIGURES, "pixel_error")} | {"rollout": rollout}


def main(folder: str = "models/larger", *chosen: str) -> int | None:
    """Measure the chosen cases, all if none is, and record each once it is done."""
    return evidence.record_each("larger", CASES, chosen, Path(folder), partial(measure, Path(folder)))


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
