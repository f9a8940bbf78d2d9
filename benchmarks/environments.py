"""Gymnasium's environments by one command each: walked, modelled, measured.

    python benchmarks/environments.py [FOLDER] [CASE ...]

Each case is one `train` in a process of its own, from an empty data folder to the measured model, and then `evaluate`,
which measures in full, on walks of its own. `python benchmarks/environments.py FOLDER list` names the cases; what is
recorded is kept, so it can be cut short and gone on with. Writes results/environments.json.
"""

import json
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import evidence

ROOT = Path(__file__).resolve().parents[1]
FULL_VIEW = ["--env_options", "highlight=false"]
SMALL = ["--img_size", "64", "64", "--policy", "novel", "--shuffle_length", "100"]
TAXI = ["gym:Taxi-v4", "--dataset_size", "25000", "--img_size", "64", "64", "--policy", "novel"]  # many begin elsewhere
LAYOUTS = ["--shuffle_length", "100", *FULL_VIEW]  # another in each episode
CASES = {
    "FrozenLake-v1 8×8": [
        "gym:FrozenLake-v1", "--env_options", "map_name=8x8,is_slippery=false", "--dataset_size", "4000", *SMALL
    ],
    "CliffWalking-v1": ["gym:CliffWalking-v1", "--dataset_size", "4000", *SMALL],
    "MiniGrid-Empty-8x8-v0": [
        "gym:minigrid:MiniGrid-Empty-8x8-v0", "--dataset_size", "6000", *SMALL, *FULL_VIEW
    ],
    "Taxi-v4": [*TAXI],
    "Taxi-v4, key 1": [*TAXI, "--key", "1"],
    "Taxi-v4, key 2": [*TAXI, "--key", "2"],
    "FrozenLake-v1 8×8, slippery": [
        "gym:FrozenLake-v1", "--env_options", "map_name=8x8", "--dataset_size", "20000", *SMALL
    ],
    "MiniGrid-DoorKey-8x8-v0": [
        "gym:minigrid:MiniGrid-DoorKey-8x8-v0", "--img_size", "64", "64", "--dataset_size", "20000", *LAYOUTS
    ],
    "MiniGrid-FourRooms-v0": [
        "gym:minigrid:MiniGrid-FourRooms-v0", "--img_size", "76", "76", "--dataset_size", "30000", *LAYOUTS
    ],
}  # fmt: skip
FIGURES = (
    "verdict", "bits", "one_step_exact", "transitions", "unknown_steps", "distinct_states", "distinct_codes",
    "exact_where_certain", "chance", "outcome", "identity",
)  # fmt: skip
OF_ROLLOUT = ("episodes", "episodes_all_exact", "steps", "steps_walked", "first_failure")
TIME_LIMIT = 1800  # seconds


def run(words: list[str]) -> tuple[int, float, float]:
    """Run one of our commands; gives its exit code, its seconds and those of the processor."""
    before, began = evidence.cpu_of_children(), time.perf_counter()
    code = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), "world_model_train", *words], timeout=TIME_LIMIT, check=False
    ).returncode
    return code, time.perf_counter() - began, evidence.cpu_of_children() - before


def measure(folder: Path, case: str) -> dict:
    """Train a case by one command, and measure it in full by another."""
    place = folder / case.replace(" ", "-").replace(",", "")
    shutil.rmtree(place, ignore_errors=True)  # the walk counts, too
    data, model = ["--data_dir", str(place / "data")], ["--output_dir", str(place / "run")]
    words = ["--dataset", *CASES[case], "--world_model", "auto", "--train_epochs", "1"]
    code, seconds, cpu_seconds = run(["train", *words, *data, *model])
    found = {"command": " ".join(words), "exit": code, "seconds": seconds, "cpu_seconds": cpu_seconds}
    if code:
        return found
    run(["evaluate", *data, *model])
    metrics = json.loads((place / "run/metrics.json").read_text())
    record = json.loads((place / "run/training.json").read_text())
    rollout = {name: metrics["rollout"].get(name) for name in OF_ROLLOUT}
    chosen = record["summary"]["world_model"]
    return found | {name: metrics.get(name) for name in FIGURES} | {"rollout": rollout, "world_model": chosen}


def main(folder: str = "models/environments", *chosen: str) -> int | None:
    """Measure the chosen cases, all if none is, and record each once it is done."""
    return evidence.record_each("environments", CASES, chosen, Path(folder), partial(measure, Path(folder)))


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
