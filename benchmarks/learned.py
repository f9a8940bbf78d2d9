"""What learning a code gives: each puzzle, clean and with noise in all frames, from several seeds.

    python benchmarks/learned.py             all rows that aren't measured yet: it goes on where it was stopped
    python benchmarks/learned.py again       all rows
    python benchmarks/learned.py lightsout   the missing rows of a puzzle, or some by their names

Each row generates its dataset, with noise drawn into every frame of every split, trains as a whole process by the
documented command and ends with the quick measure. Prints a table and writes results/learned.json; the runs are in
models/learned/.
"""

import json
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import evidence, tables
from pipeline.command_line.cli import main as run_command
from pipeline.dataset.chunks import pack
from pipeline.evaluation.robustness import add_noise
from pipeline.generation import stage as generation
from pipeline.puzzles import PUZZLES

FOLDER = evidence.ROOT / "models" / "learned"
NOISE, SEEDS = (0, 8), (0, 1, 2)
NAMES = ("lightsout", "rubikscube", "slidepuzzle", "sokoban")
WAYS = {"learned": "learned", "found": None}  # the world model; None for the one of the puzzle's own name
ROWS = {
    f"{name}, {way}, σ {noise}, key {seed}": (name, model or name, noise, seed)
    for name in NAMES
    for way, model in WAYS.items()
    for noise in NOISE
    for seed in SEEDS
}
OPTIONS = ("--dataset_size", "100000", "--train_epochs", "12")
STEP_FIGURES = ("verdict", "one_step_exact", "told_apart", "true_pictures", "distinct_codes", "distinct_states")


def draw_noisy(name: str, img_size: tuple[int, int], states: np.ndarray, chunk_rows: int):
    """Draw states (n, S) with noise in every picture, and pack them."""
    rng = np.random.default_rng(zlib.crc32(states.tobytes()))
    return pack(add_noise(PUZZLES[name].render(states, img_size), 8, rng), chunk_rows)


def with_noise(*words: str) -> int:
    """Run our command so that every picture it draws for a dataset has noise."""
    generation.draw_and_pack = draw_noisy
    return run_command(["world_model_train", *words], parts=1)


def run(program: list[str], words: list[str]) -> float:
    """Run a program; gives its seconds."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *program, *words], check=True, cwd=FOLDER)
    return time.perf_counter() - began


def measure(row: str) -> dict:
    """Generate, train and measure; gives figures."""
    name, model, noise, seed = ROWS[row]
    place = Path("runs") / row.replace(", ", "-").replace(" ", "")
    of_data = ["--dataset", name, "--key", str(seed), "--data_dir", f"data-{noise}", *OPTIONS[:2]]
    words = [*of_data, "--world_model", model, *OPTIONS[2:], "--output_dir", str(place), "--retrain"]
    noisy, plain = [str(Path(__file__).resolve()), "with-noise"], [str(evidence.ROOT / "main.py"), "world_model_train"]
    run([*(noisy if noise else plain), "generate"], of_data)
    seconds = run([*plain, "train"], words)
    record, metrics = (json.loads((FOLDER / place / file).read_text()) for file in ("training.json", "metrics.json"))
    return {
        "seconds": round(seconds, 1),
        "best_epoch": record["summary"]["best_epoch"],
        "bits": metrics["bits"],
        **{figure: metrics[figure] for figure in STEP_FIGURES},
        "steps": metrics["rollout"]["steps"],
        "steps_all_exact": metrics["rollout"]["steps_all_exact"],
    }


def main(*words: str) -> int:
    """Measure the rows that are missing, or all again, and print the table."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    known = {} if "again" in words else evidence.read("learned")
    names = [word for word in words if word != "again"] or NAMES
    for row, (name, *_) in ROWS.items():
        if {name, row} & set(names) and row not in known:
            evidence.record("learned", {row: measure(row)}, among=ROWS)
    print(tables.learned())
    return 0


if __name__ == "__main__":
    sys.exit(with_noise(*sys.argv[2:]) if sys.argv[1:2] == ["with-noise"] else main(*sys.argv[1:]))
