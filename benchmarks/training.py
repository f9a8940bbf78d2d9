"""Where the time of a training step goes, and what the same step costs elsewhere.

    python benchmarks/training.py          everything
    python benchmarks/training.py learned  some of it by name; `list` lists the names

Medians of interleaved rounds. For some world models, with batches of 1,000: the step on one batch that is already
there, on some different ones that are, on batches from memory and on images streamed from disk; and what the step's
matrix products alone would take at the rate of plain products of the same shapes. Then one autoencoder's step here, in
PyTorch and in JAX, where they are installed. Prints the tables and writes results/training.json; the datasets are in
models/benchmark_training/.
"""

import math
import statistics
import sys
import time
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import h5py
import numpy as np
from tqdm import tqdm

from benchmarks import evidence, tables
from benchmarks.one_step import FRAMEWORKS, Framework
from pipeline.command_line.options import GenerateCommand, TrainCommand
from pipeline.system.backend import load_keras

BATCH, ROUNDS, SECONDS = 1000, 9, 1.5
READY = 30  # different batches that are already there
MODELS = {  # the puzzle that each is timed on, and its steps in a call, as in training
    "rubikscube": ("rubikscube", 30),
    "sokoban": ("sokoban", 30),
    "slidepuzzle": ("slidepuzzle", 30),
    "deepcubeai": ("rubikscube", 1),
    "jaxtar": ("rubikscube", 1),
    "learned": ("rubikscube", 30),
}
FOLDER = evidence.ROOT / "models" / "benchmark_training"
ADAM_BYTES = 28  # per weight: reads weight, gradient and two moments, writes weight and moments, 4 bytes each


def interleaved(calls: dict, rounds: int = ROUNDS, seconds: float = SECONDS) -> dict[str, float]:
    """Time calls in turn, so that what disturbs the machine disturbs all; gives the median seconds of each call."""
    counts = {}
    for name, call in calls.items():
        call()
        started = time.perf_counter()
        call()
        counts[name] = max(1, round(seconds / (time.perf_counter() - started)))
    times = {name: [] for name in calls}
    for _ in tqdm(range(rounds), "rounds", leave=False):
        for name, call in calls.items():
            started = time.perf_counter()
            for _ in range(counts[name]):
                call()
            times[name].append((time.perf_counter() - started) / counts[name])
    return {name: statistics.median(values) for name, values in times.items()}


def steps_of(name: str, file: h5py.File) -> tuple[dict, object]:
    """Give calls of a world model's training step on different inputs, and the model.

    Codes and rules are those that are found in the data, as in training.
    """
    import tensorflow as tf

    from pipeline.architectures import load_architecture
    from pipeline.training import fit, start

    options, architecture = TrainCommand(world_model=name, dataset=MODELS[name][0]), load_architecture(name)
    model = start.new_model(file, options)
    places = ("memory", "disk") if architecture.recipe else ("memory",)  # where images are trained on
    sources = {where: fit.read_split(file["train"], model, where) for where in places}
    if architecture.code:
        model = start.with_found_rules(model, sources["memory"], architecture, len(file.attrs["action_names"]))
    start.compile_for_training(model, options, 30_000, MODELS[name][1])
    model.make_train_function()
    inputs = {where: source.shuffled(BATCH, seed=0) for where, source in sources.items()}
    one = next(iter(inputs["memory"]))
    ready = inputs["memory"].take(READY).cache().repeat()
    inputs = {"fixed": tf.data.Dataset.from_tensors(one).repeat(), "ready": ready, **inputs}

    def call_of(batches):
        iterator = iter(batches)
        return lambda: float(model.train_function(iterator)["loss"])

    return {where: call_of(batches) for where, batches in inputs.items()}, model


def products(model) -> list[tuple[str, int, int, int]]:
    """List the matrix products of one step forward and back: layer, rows, inner and outer size."""
    import keras

    found, learns_before = [], False
    for part, batch in ((model.encoder, 2 * BATCH), (model.decoder, 2 * BATCH), (model.transition, BATCH)):
        if not part.trainable_variables:
            continue
        for layer in part.layers:
            kernel = getattr(layer, "kernel", None)
            if kernel is not None and not (model.both_losses == "learned" and layer.name in ("whiten", "pixels")):
                n, m = kernel.shape[-2:]
                places = math.prod(layer.input.shape[1:-1]) if isinstance(layer, keras.layers.Dense) else 1
                rows = batch * places
                found.append((f"{part.name} {layer.name}", rows, n, m))
                if layer.trainable_variables:
                    found.append((f"{part.name} {layer.name}", n, rows, m))
                if learns_before:
                    found.append((f"{part.name} {layer.name}", rows, m, n))
            learns_before |= bool(layer.trainable_variables)
    return found


def product_seconds(shapes: set[tuple[int, int, int]]) -> dict[tuple[int, int, int], float]:
    """Time plain float32 products through TensorFlow, (n, k) times (k, m)."""
    import tensorflow as tf

    def call_of(n, k, m):
        a, b = tf.random.normal((n, k)), tf.random.normal((k, m))
        multiply = tf.function(lambda: tf.reduce_sum(tf.matmul(a, b)[0]))
        several = 1 + int(1e9 / (n * k * m))
        return lambda: [multiply() for _ in range(several)][-1].numpy(), several

    calls = {shape: call_of(*shape) for shape in shapes}
    seconds = interleaved({shape: call for shape, (call, _) in calls.items()}, 5, 0.3)
    return {shape: seconds[shape] / several for shape, (_, several) in calls.items()}


@cache
def copy_rate() -> float:
    """Measure bytes per second read and written by a memory copy on one core."""
    source = np.zeros(2**26, np.float32)
    target = np.empty_like(source)
    return 2 * source.nbytes / interleaved({"copy": lambda: np.copyto(target, source)}, 5, 0.5)["copy"]


def measure_model(name: str, file: h5py.File) -> dict:
    """Measure a world model's step: by input, and against its products."""
    calls, model = steps_of(name, file)
    seconds = {where: value / MODELS[name][1] for where, value in interleaved(calls).items()}
    listed = products(model)
    plain = product_seconds({tuple(shape) for _, *shape in listed})
    layers: dict[str, dict] = {}
    for layer, *shape in listed:
        row = layers.setdefault(layer, {"gflop": 0.0, "plain_ms": 0.0})
        row["gflop"] += 2 * float(np.prod(shape)) / 1e9
        row["plain_ms"] += 1000 * plain[tuple(shape)]
    weights = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    products_ms, step_ms = sum(row["plain_ms"] for row in layers.values()), 1000 * seconds["fixed"]
    return {
        "step_ms": {where: 1000 * value for where, value in seconds.items()},
        "speed_of_fixed": {where: seconds["fixed"] / value for where, value in seconds.items()},
        "products_ms": products_ms,
        "share_of_product_rate": products_ms / step_ms,
        "layers": layers,
        "adam_megabytes": weights * ADAM_BYTES / 1e6,
        "adam_ms_at_copy_rate": 1000 * weights * ADAM_BYTES / copy_rate(),
    }


def compare_frameworks() -> dict[str, float]:
    """Time an autoencoder's step in every framework that is there, each in a process of its own, in turn."""
    workers = {name: worker for name in FRAMEWORKS if (worker := Framework(name)).starts()}
    try:
        return interleaved({name: worker.step for name, worker in workers.items()}, 11, 2.0)
    finally:
        for worker in workers.values():
            worker.end()


def measure(name: str) -> dict:
    """Measure a world model, or the frameworks."""
    if name == "autoencoder":
        return compare_frameworks()
    from pipeline.dataset.cache import use_dataset
    from pipeline.generation.stage import ensure_dataset

    load_keras()
    options = GenerateCommand(dataset=MODELS[name][0], dataset_size=30_000, data_dir=str(FOLDER))
    with use_dataset(ensure_dataset(options)) as file:
        return measure_model(name, file)


def main(*names: str) -> int:
    """Measure all or what is named, and print the tables."""
    code = evidence.record_each("training", ("autoencoder", *MODELS), names, FOLDER, measure)
    if code is None:
        print("\n\n".join([tables.training(), tables.training_layers(), tables.training_frameworks()]))
    return code or 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
