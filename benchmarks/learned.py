"""What learning a code gives: each puzzle, clean and with noise in all frames, from several seeds, beside others' ways.

    python benchmarks/learned.py             all rows that aren't measured yet: it goes on where it was stopped
    python benchmarks/learned.py again       all rows
    python benchmarks/learned.py lightsout   the missing rows of a puzzle, or some by their names
    python benchmarks/learned.py short       whether codes collapse in short trainings, by puzzle and optimizer

Each row generates its dataset, with noise drawn into every frame of every split, trains as a whole process by the
documented command and ends with the quick measure. Beside the world model `learned` stand the same with only what
gradient descent made of the code, no search in the pictures that it gives back; both published recipes, for as many
epochs as take at least as much processor time; and the codes that are found without learning. Prints a table and
writes results/learned.json; the runs are in models/learned/. The short trainings, by descent
alone, are in results/short_trainings.json.
"""

import json
import math
import subprocess
import sys
import zlib
from functools import cache
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import evidence, tables
from pipeline.architectures import load_architecture
from pipeline.codes.learned import Start, begin
from pipeline.codes.linear import flat
from pipeline.command_line.cli import main as run_command
from pipeline.command_line.options import TrainCommand
from pipeline.dataset.chunks import pack
from pipeline.evaluation.robustness import add_noise
from pipeline.generation import stage as generation
from pipeline.puzzles import PUZZLES
from pipeline.system.backend import load_keras

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
OPTIMIZERS = ("adam", "sgd", "adamw", "muon", "adadelta")
SHORT = {f"{name}, {optimizer}, key {seed}": (name, optimizer, seed)
         for name in NAMES for seed in SEEDS[:2] for optimizer in OPTIMIZERS}  # fmt: skip
SHORT_SIZE, SHORT_EPOCHS, SHORT_BATCH, UNSEEN = 5000, 3, 250, 2000
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
    before = evidence.cpu_of_children()
    subprocess.run([sys.executable, *program, *words], check=True, cwd=FOLDER)
    return evidence.cpu_of_children() - before


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


def code_figures(model, states: np.ndarray, drawn: list[np.ndarray]) -> dict:
    """Say what codes tell of states (n, S), each drawn twice with another noise: two of (n, H, W, 3) uint8."""
    first, second = (model.encode(images) for images in drawn)
    return {
        "states": len(np.unique(states, axis=0)),
        "codes": len(np.unique(first, axis=0)),
        "same_code_twice": float((first == second).all(axis=1).mean()),
        "bits_in_use": float((first != first[0]).any(axis=0).mean()),
    }


@cache
def short_data(name: str, seed: int) -> tuple[dict, tuple, Start]:
    """Give a batch of all transitions, unseen states with two pictures of each, and what learning begins with."""
    puzzle, rng = PUZZLES[name], np.random.default_rng(seed)
    states = puzzle.start(rng, SHORT_SIZE + UNSEEN, "anywhere")
    actions = rng.integers(0, len(puzzle.actions), SHORT_SIZE).astype(np.uint8)

    def draw(some: np.ndarray) -> np.ndarray:
        return add_noise(puzzle.render(some, (32, 32)), 8, rng)

    seen, unseen = states[:SHORT_SIZE], states[SHORT_SIZE:]
    batch = {"image": draw(seen), "action": actions.astype(np.int32), "next_image": draw(puzzle.step(seen, actions))}
    both = np.concatenate([batch["image"], batch["next_image"]])
    return batch, (unseen, [draw(unseen), draw(unseen)]), begin(both, load_architecture("learned").max_bits)


def measure_short(row: str) -> dict:
    """Learn a code for some batches by descent alone, with what sets bits anew between epochs; gives figures."""
    name, optimizer, seed = SHORT[row]
    keras = load_keras()
    from pipeline.training.code_learning import mend
    from pipeline.training.start import compile_for_training
    from pipeline.world_model.model import build_world_model

    batch, unseen, start = short_data(name, seed)
    keras.utils.set_random_seed(seed)
    size, actions = batch["image"].shape[1:3], len(PUZZLES[name].actions)
    model = build_world_model(load_architecture("learned"), size, actions, None, start)
    before = code_figures(model, *unseen)
    steps = SHORT_EPOCHS * math.ceil(SHORT_SIZE / SHORT_BATCH)
    compile_for_training(model, TrainCommand(world_model="learned", optimizer=optimizer), steps)
    points, next_points = (start.white.points(flat(batch[name])) for name in ("image", "next_image"))
    batch, losses = {"point": points, "action": batch["action"], "next_point": next_points}, []
    for epoch in range(SHORT_EPOCHS):
        if epoch:
            mend(model, start, points)
        losses += model.fit(batch, batch_size=SHORT_BATCH, verbose=0).history["loss"]
    return {"steps": steps, "before": before, "after": code_figures(model, *unseen), "losses": losses}


def main(*words: str) -> int:
    """Measure the rows that are missing, or all again, and print the table."""
    if words[:1] == ("short",):
        known = evidence.read("short_trainings")
        evidence.record_each(
            "short_trainings", SHORT, [row for row in SHORT if row not in known], FOLDER, measure_short
        )
        print(tables.short_trainings())
        return 0
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
