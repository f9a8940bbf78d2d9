"""What a model is worth in other hands: as ONNX in a process without TensorFlow, and its successors in a search.

    python benchmarks/exports.py                    all cases
    python benchmarks/exports.py rubikscube sokoban these cases
    python benchmarks/exports.py list               what cases there are
    ELSEWHERE=/path/to/python python benchmarks/exports.py   the ONNX files in that Python, with onnxruntime alone

Each case trains a world model by the command that anyone uses and exports it. Then 10,000 pictures of states drawn
with another key, their codes and a random action for each go to a process that imports NumPy and onnxruntime and
nothing else; what it gives is compared with the model, bit for bit. Times are processor time, medians of one process,
so that what runs beside changes them little. The runs are in models/exports/. Prints the tables and writes
results/exports.json.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import evidence, tables
from pipeline.puzzles import PUZZLES

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "models" / "exports"
IMAGES, KEY, CODES, TIMES = 10_000, 12_345, 1000, 31
TRAIN = "--dataset_size 20000 --train_epochs 1"
LAKE = "--dataset gym:FrozenLake-v1 --env_options map_name=8x8,is_slippery=false --shuffle_length 100 --policy novel"
CASES = {  # name: what train gets
    **{name: f"--dataset {name} --world_model {name.partition('_')[0]} {TRAIN}" for name in PUZZLES},
    "rubikscube, 48x40, key 1": f"--dataset rubikscube --world_model rubikscube {TRAIN} --img_size 48 40 --key 1",
    "sokoban, the network alone": f"--dataset sokoban --world_model deepcubeai {TRAIN}",
    "rubikscube, jaxtar": "--dataset rubikscube --world_model jaxtar --dataset_size 5000 --train_epochs 1",
    "slidepuzzle, learned": "--dataset slidepuzzle --world_model learned --dataset_size 5000 --train_epochs 1",
    "FrozenLake-v1 8x8, table": f"{LAKE} --world_model table --dataset_size 4000 --train_epochs 1",
    "FrozenLake-v1 8x8, cells": f"{LAKE} --world_model cells --img_size 64 64 --dataset_size 8000 --train_epochs 1",
}
RUN_ELSEWHERE = """
import importlib.util, sys
import numpy as np, onnxruntime

given, found = np.load("given.npz"), {}
for name, words in (("encoder", ["images"]), ("decoder", ["code"]), ("transition", ["code", "action"])):
    session = onnxruntime.InferenceSession(sys.argv[1] + f"/{name}.onnx")
    ends = [0, 1, *range(8, len(given["action"]), 999), len(given["action"])]  # any batch size
    parts = [{word: given[word][first:end] for word in words} for first, end in zip(ends, ends[1:])]
    found[name] = np.concatenate([session.run(None, part)[0] for part in parts])
assert not {"tensorflow", "keras", "torch", "jax", "pipeline"} & set(sys.modules)
np.savez("found", **found)
print("there, not imported" if importlib.util.find_spec("tensorflow") else "not installed")
"""
FIRST_SUCCESSOR = """
import os, sys, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
image = np.load(sys.argv[2])  # a code that no picture has would go through the network
begun = time.process_time()
from pipeline import load
model = load(sys.argv[1])
model.successors(model.encode(image))
print(time.process_time() - begun)
"""


def run(*words: str) -> subprocess.CompletedProcess:
    """Run one of our commands."""
    return subprocess.run(
        [sys.executable, str(ROOT / "main.py"), "world_model_train", *words],
        cwd=FOLDER,
        stderr=subprocess.PIPE,
        text=True,
    )


def median(function: Callable[[], Any]) -> float:
    """Give the processor time of a call in milliseconds, the median of many."""
    function()
    times = []
    for _ in range(TIMES):
        begun = process_time()
        function()
        times.append(process_time() - begun)
    return 1000 * float(np.median(times))


def pictures(model) -> np.ndarray:
    """Give pictures (N, H, W, 3) of a puzzle's states that training didn't see, or those that the data shows."""
    if puzzle := PUZZLES.get(model.dataset):
        return puzzle.render(puzzle.start(np.random.default_rng(KEY), IMAGES, "anywhere"), model.img_size)
    from pipeline.dataset.cache import use_dataset
    from pipeline.generation.stage import ensure_dataset

    with use_dataset(ensure_dataset(model.options.model_copy(update={"data_dir": str(FOLDER / "data")}))) as file:
        images = file["train/images"][:IMAGES]
    return np.resize(images, (IMAGES, *images.shape[1:]))


def measure(case: str) -> dict:
    """Train, export and run elsewhere; gives how many of each are equal, and what successors cost."""
    place = FOLDER / "runs" / case.replace(", ", "-").replace(" ", "_")
    if not (place / "training.json").exists():
        assert run("train", *CASES[case].split(), "--output_dir", str(place)).returncode == 0
    exported = run("export", str(place), "--format", "onnx")
    figures: dict[str, Any] = {"refused": exported.stderr.strip().split("\n")[-1] if exported.returncode else None}
    from pipeline import load

    model = load(place)
    images = pictures(model)
    codes = model.encode(images)
    actions = np.random.default_rng(KEY).integers(0, len(model.actions), IMAGES)
    if not exported.returncode:
        np.savez(FOLDER / "given.npz", images=images, code=codes, action=actions)
        python = os.environ.get("ELSEWHERE", sys.executable)
        said = subprocess.run(
            [python, "-c", RUN_ELSEWHERE, str(place / "export")], cwd=FOLDER, check=True, capture_output=True, text=True
        )
        parts = [slice(first, first + CODES) for first in range(0, IMAGES, CODES)]
        expected = {
            "encoder": codes,
            "decoder": model.decode(codes),
            "transition": np.concatenate([model.model.step(codes[part], actions[part]) for part in parts]),
        }
        with np.load(FOLDER / "found.npz") as found:
            for name, array in expected.items():
                same = (found[name] == array).reshape(IMAGES, -1).all(axis=1)
                figures[name] = int(same.sum())
        figures["tensorflow"] = said.stdout.strip()
    some, count = codes[:CODES], len(model.actions)
    many, each = np.repeat(some, count, axis=0), np.tile(np.arange(count), CODES)
    world = model.planner(1.0).world
    states, after = world.read(some), model.successors(some)
    np.save(FOLDER / "image.npy", images[0])
    words = [sys.executable, "-c", FIRST_SUCCESSOR, str(place), str(FOLDER / "image.npy")]
    first = subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    return figures | {
        "images": IMAGES,
        "bits": model.bits,
        "actions": count,
        "by": world.about,
        "successors_equal": bool((after.reshape(-1, model.bits) == model.model.step(many, each)).all()),
        "successors": median(lambda: model.successors(some)),
        "tables": median(lambda: world.children(states)),
        "network": median(lambda: model.model.step(many, each)),
        "first_successor": float(first.stdout.split()[-1]),
    }


def main(*chosen: str) -> int:
    """Measure the chosen cases, all if none is, and print the tables."""
    code = evidence.record_each("exports", CASES, chosen, FOLDER, measure)
    if code is not None:
        return code
    print(tables.exports(), tables.successors(), sep="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
