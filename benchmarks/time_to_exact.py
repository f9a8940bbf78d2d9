"""How long ours takes until it is exact, and what the published systems' recipes have reached by then.

    python benchmarks/time_to_exact.py [FOLDER]

Same puzzle, same dataset file, same cores, one run after the other. Ours trains until the unseen walk has been exact
for three epochs; then each recipe trains, with its own batch size, for at least ten times as long. Training alone,
without the measurement at the end. Prints a table and writes results/time_to_exact.json.
"""

import csv
import math
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import evidence, tables
from pipeline.architectures import load_architecture

ROOT = Path(__file__).resolve().parents[1]
PUZZLE, SIZE, OURS, PEERS = "rubikscube", 300_000, "rubikscube", ("deepcubeai", "jaxtar")


def train(folder: Path, world_model: str, *options: str) -> list[dict]:
    """Train in a process of its own; gives the history."""
    run = folder / world_model
    words = ["--dataset", PUZZLE, "--dataset_size", str(SIZE), "--world_model", world_model, "--output_dir", str(run)]
    command = [sys.executable, str(ROOT / "train.py"), *words, "--data_dir", str(folder / "data"), *options]
    subprocess.run(command, check=True)
    with open(run / "history.csv") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def reached(history: list[dict], seconds: float) -> dict:
    """Give the row of the first epoch that ended at or after some seconds, the last if none did."""
    return next((row for row in history if row["seconds"] >= seconds), history[-1])


def at(row: dict) -> dict:
    """Give what the unseen walk said at the end of an epoch."""
    return {
        "seconds": row["seconds"],
        "one_step_exact": row["val_one_step_exact"],
        "bit_match": row["val_bit_match"],
    }


def main():
    """Run everything and print the table."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "models/time_to_exact")
    subprocess.run(
        [sys.executable, str(ROOT / "generate.py"), "--dataset", PUZZLE, "--dataset_size", str(SIZE),
         "--data_dir", str(folder / "data")], check=True,
    )  # fmt: skip
    started = time.perf_counter()
    ours = train(folder, OURS, "--train_epochs", "30", "--stop_when_exact", "3", "--retrain")
    whole = time.perf_counter() - started  # the process, TensorFlow's start included
    rows = {OURS: {"seconds": whole, "one_step_exact": ours[-1]["val_one_step_exact"]}}
    for peer in PEERS:
        recipe = load_architecture(peer).recipe
        options = ["--mini_batch_size", str(recipe.batch), "--retrain", "--train_epochs"]
        first, second = train(folder, peer, *options, "2")  # the first epoch builds the graph too
        epochs = math.ceil(10 * whole / (second["seconds"] - first["seconds"])) + 1
        history = train(folder, peer, *options, str(epochs))
        rate = SIZE * len(history) / history[-1]["seconds"]
        hours = recipe.steps * recipe.batch / rate / 3600
        rows[peer] = {
            "hours": hours,
            "samples_per_second": rate,
            "early": at(reached(history, whole)),
            "late": at(reached(history, 10 * whole)),
            "times_ours": hours * 3600 / whole,
        }
    evidence.record("time_to_exact", rows)
    print(tables.time_to_exact())


if __name__ == "__main__":
    main()
