"""Train hopelessly in ten ways on four puzzles, and make sure that no output calls what comes of it exact falsely.

    python tools/hopeless.py --size 5k

What the closed forms have found is not hopeless: where a run is called exact, a hundred thousand open-loop steps and states
beside the true puzzle must bear it out. Ends with exit code 1 if one doesn't.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import fire
from tqdm import tqdm

ROOT = Path(__file__).parents[1]
PUZZLES = ("rubikscube", "sokoban", "slidepuzzle", "lightsout")
WAYS = {
    "rate 100": "--world_model {own} --learning_rate 100",
    "rate 100, sgd": "--world_model {own} --learning_rate 100 --optimizer sgd",
    "rate 1e-8": "--world_model {own} --learning_rate 1e-8",
    "rate 1e-8, sgd": "--world_model {own} --learning_rate 1e-8 --optimizer sgd",
    "one epoch": "--world_model {own}",
    "few transitions": "--world_model {own} --dataset_size 200 --mini_batch_size 50",
    "jaxtar": "--world_model jaxtar",
    "jaxtar, rate 100": "--world_model jaxtar --learning_rate 100",
    "deepcubeai": "--world_model deepcubeai",
    "deepcubeai, rate 1e-8": "--world_model deepcubeai --learning_rate 1e-8",
}


def main(size: str = "5k") -> int:
    """Train each way for an epoch; gives the exit code."""
    rows, false = [], 0
    with tempfile.TemporaryDirectory(prefix="hopeless-") as folder:
        for puzzle, (way, words) in tqdm([(puzzle, way) for puzzle in PUZZLES for way in WAYS.items()], unit="run"):
            run = Path(folder) / f"{puzzle}-{way}".replace(" ", "_")
            given = f"--dataset_size {size} " * ("--dataset_size" not in words) + words.format(own=puzzle)
            said = command(folder, f"train --dataset {puzzle} {given} --train_epochs 1 --stop_when_exact 1", run)
            metrics = read(run / "metrics.json")
            word = metrics.get("verdict", "went wrong, as was said")
            is_false = ("exact:" in said or "100%" in said.split("measuring")[-1]) and word != "exact"
            if word == "exact":
                command(folder, "evaluate --steps 1000 --states 100k", run)
                is_false = read(run / "metrics.json")["verdict"] != "exact"
            false += is_false
            rows.append(f"| {puzzle} | {way} | {word} | {metrics.get('one_step_exact', '')} | {'FALSE' * is_false} |")
    print("\n".join(["| puzzle | training | verdict | one step exact | |", "|---|---|---|---|---|", *rows]))
    return int(false > 0)


def command(folder: str, words: str, run: Path) -> str:
    """Run a command; gives what it printed."""
    line = [sys.executable, ROOT / "main.py", "world_model_train", *words.split(), "--output_dir", run]
    return subprocess.run(line, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def read(path: Path) -> dict:
    return json.loads(path.read_text()) if path.exists() else {}


if __name__ == "__main__":
    sys.exit(fire.Fire(main))
