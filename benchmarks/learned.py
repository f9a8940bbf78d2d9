"""What learning a code gives: each puzzle, clean and with noise in all frames, from several seeds, beside others' ways.

    python benchmarks/learned.py             all rows that aren't measured yet: it goes on where it was stopped
    python benchmarks/learned.py again       all rows
    python benchmarks/learned.py lightsout   the missing rows of a puzzle, or some by their names

Each row generates its dataset, with noise drawn into every frame of every split, trains as a whole process by the
documented command and ends with the quick measure. Beside the world model `learned` stand the same with only what
gradient descent made of the code, no search in the pictures that it gives back; both published recipes, for as many
epochs as take at least as much processor time; and the codes that are found without learning. Prints a table and
writes results/learned.json; the runs are in models/learned/.
"""

import json
import math
import resource
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import evidence, tables
from pipeline.architectures import load_architecture
from pipeline.command_line.cli import main as run_command
from pipeline.dataset.chunks import pack
from pipeline.evaluation.robustness import add_noise
from pipeline.generation import stage as generation
from pipeline.puzzles import PUZZLES

FOLDER = evidence.ROOT / "models" / "learned"
NOISE, SEEDS = (0, 8), (0, 1, 2)
NAMES = ("lightsout", "rubikscube", "slidepuzzle", "sokoban")
RECIPES = ("deepcubeai", "jaxtar")
ORDER = [
    ("learned", 0),
    *((way, 0) for way in ("descent alone", *RECIPES)),
    ("learned", 1),
    ("learned", 2),
    ("found", 0),
]
ROWS = {
    f"{name}, {way}, σ {noise}, key {seed}": (name, way, noise, seed)
    for way, seed in ORDER
    for name in NAMES
    for noise in NOISE
}  # in the order in which they are measured
SIZE, EPOCHS = 300_000, 4
STEP_FIGURES = (
    "verdict",
    "one_step_exact",
    "true_state",
    "told_apart",
    "true_pictures",
    "distinct_codes",
    "distinct_states",
)


def draw_noisy(name: str, img_size: tuple[int, int], states: np.ndarray, chunk_rows: int):
    """Draw states (n, S) with noise in every picture, and pack them."""
    rng = np.random.default_rng(zlib.crc32(states.tobytes()))
    return pack(add_noise(PUZZLES[name].render(states, img_size), 8, rng), chunk_rows)


def with_noise(*words: str) -> int:
    """Run our command so that every picture it draws for a dataset has noise."""
    generation.draw_and_pack = draw_noisy
    return run_command(["world_model_train", *words], parts=1)


def by_descent_alone(*words: str) -> int:
    """Run our command so that a learned code is settled as it is, without a search in the pictures it gives back."""
    from pipeline.training import code_learning

    code_learning.find_code_behind = lambda *_: None
    return run_command(["world_model_train", *words])


def run(program: list[str], words: list[str]) -> float:
    """Run a program; gives its seconds of processor time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *program, *words], check=True, cwd=FOLDER)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(row: str) -> dict:
    """Generate, train and measure; gives figures."""
    name, way, noise, seed = ROWS[row]
    place = Path("runs") / row.replace(", ", "-").replace(" ", "")
    of_data = ["--dataset", name, "--key", str(seed), "--data_dir", f"data-{noise}", "--dataset_size", str(SIZE)]
    plain, here = [str(evidence.ROOT / "main.py"), "world_model_train"], str(Path(__file__).resolve())
    run([*([here, "with-noise"] if noise else plain), "generate"], of_data)
    model = {"descent alone": "learned", "found": name}.get(way, way)
    words = [*of_data, "--world_model", model, "--output_dir", str(place), "--retrain"]
    train = [*([here, "by-descent-alone"] if way == "descent alone" else plain), "train"]
    epochs = EPOCHS
    if way in RECIPES:
        words += ["--mini_batch_size", str(load_architecture(way).recipe.batch)]
        seconds, epochs = run(train, [*words, "--train_epochs", "1"]), 1
        ours = evidence.read("learned")[row.replace(way, "learned")]["figures"]["cpu_seconds"]
        epochs = math.ceil(ours / seconds)
    if epochs > 1 or way not in RECIPES:
        seconds = run(train, [*words, "--train_epochs", str(epochs)])
    record, metrics = (json.loads((FOLDER / place / file).read_text()) for file in ("training.json", "metrics.json"))
    return {
        "transitions": SIZE,
        "epochs": epochs,
        "cpu_seconds": round(seconds, 1),
        "best_epoch": record["summary"]["best_epoch"],
        "bits": metrics["bits"],
        **{figure: metrics.get(figure) for figure in STEP_FIGURES},
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
    ways = {"with-noise": with_noise, "by-descent-alone": by_descent_alone}
    sys.exit(ways[sys.argv[1]](*sys.argv[2:]) if sys.argv[1:2] and sys.argv[1] in ways else main(*sys.argv[1:]))
