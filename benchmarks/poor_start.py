"""What becomes of a training whose code is poor to begin with: random bits, half of the bits, bits at wrong pixels.

    python benchmarks/poor_start.py [FOLDER]

Each start is trained on the default cube dataset, until the unseen walk has been exact for three epochs: the code is
mended before the transition is fitted. Prints a table and writes results/poor_start.json.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import evidence, tables
from pipeline.codes import pixel_bits
from pipeline.codes.linear import flat
from pipeline.codes.linear_code import LinearCode, make_code, mend
from pipeline.codes.value_bits import ValueBits
from pipeline.command_line.cli import main as run_command
from pipeline.training import start

BITS = 192  # as many as a good code has here


def random_bits(images: np.ndarray) -> LinearCode:
    """Threshold random functions of the whole image at their medians."""
    pixels = flat(images)
    values = pixels @ np.random.default_rng(1).standard_normal((pixels.shape[1], BITS), np.float32)
    return make_code(ValueBits(pixels, values, np.median(values, axis=0), "random bits"), images)


def half_the_bits(images: np.ndarray) -> LinearCode:
    """Take every second bit of a good code."""
    good = pixel_bits.find(images, 400)
    return make_code(ValueBits(good.images, good.values[:, ::2], good.level[::2], "half the bits"), images)


def wrong_pixels(images: np.ndarray) -> LinearCode:
    """Threshold pixels that are mixtures of several stickers, as far as there are such, at their medians."""
    pixels = flat(images)
    levels = np.array([len(np.unique(column)) for column in images.reshape(len(images), -1).T])
    wrong = np.random.default_rng(1).permutation(np.flatnonzero(levels > pixel_bits.MOST_LEVELS))[:BITS]
    values = pixels[:, wrong]
    return make_code(ValueBits(pixels, values, np.median(values, axis=0), "wrong pixels"), images)


def train(poor_start, folder: Path) -> dict:
    """Train from a poor start and measure the model in full; gives the figures."""
    began = {}

    def find_code(images, kind, max_bits):
        began["code"] = poor_start(images)
        began["time"] = time.perf_counter()
        return mend(began["code"], images, max_bits)

    start.find_code = find_code
    run = folder / poor_start.__name__
    words = ["--output_dir", str(run), "--data_dir", str(folder / "data")]
    epochs = ["--train_epochs", "30", "--stop_when_exact", "3"]
    assert run_command(["world_model_train", "train", *words, *epochs, "--retrain"]) == 0
    seconds = time.perf_counter() - began["time"]
    assert run_command(["world_model_train", "evaluate", *words, "--episodes", "100", "--steps", "10000"]) == 0
    metrics, code = json.loads((run / "metrics.json").read_text()), began["code"]
    named = ("verdict", "one_step_exact", "bit_match", "reconstruction_mse")
    return {
        "codes": code.distinct_codes,
        "images": code.distinct_images,
        "worst_error": int(code.worst_error),
        "seconds": seconds,
        **{name: metrics[name] for name in named},
        "steps": metrics["rollout"]["steps"],
        "steps_all_exact": metrics["rollout"]["steps_all_exact"],
    }


STARTS = {kind.__name__.replace("_", " "): kind for kind in (random_bits, half_the_bits, wrong_pixels)}


def main(folder: str = "models/poor_start"):
    """Run every start and print the table."""
    for name, poor in STARTS.items():
        evidence.record("poor_start", {name: train(poor, Path(folder))}, among=STARTS)
    print(tables.poor_start())


if __name__ == "__main__":
    main(*sys.argv[1:])
