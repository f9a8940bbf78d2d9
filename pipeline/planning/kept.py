"""Heuristics that were learned, kept beside a run."""

import hashlib
import time
from pathlib import Path

import keras
import numpy as np

from ..system.files import read_json, replacing, write_json
from .beam import Scores
from .heuristic import RATE, SHAPE, Clock, Task, Walks, build, told

EPOCH = 100  # batches
TRIED = 2048  # states by which the quickest kind of numbers is chosen


def identity_of(model_digest: str, task: Task) -> str:
    """Give what a heuristic belongs to: the model, the world made of it, the goal, and the network's shape."""
    said = f"{model_digest} {type(task.world).__name__} {SHAPE}".encode()
    return hashlib.sha256(said + task.goal.tobytes()).hexdigest()[:16]


def heuristic(task: Task, folder: Path, model_digest: str, seconds: float) -> Scores:
    """Give a heuristic for a task: the one that is kept, or else one that is learned now for so many seconds.

    It is saved after each epoch, and a killed training goes on from there.
    """
    name = identity_of(model_digest, task)
    weights, record = folder / f"{name}.weights.h5", folder / f"{name}.json"
    spent = float((read_json(record) or {}).get("seconds", 0.0)) if weights.exists() else 0.0
    network = _quickest(task)
    if spent:
        network.load_weights(weights)
    if spent < seconds:
        print(f"learning a heuristic on walks of {task.steps} steps, {seconds - spent:.0f} s ...", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        network.compile(keras.optimizers.Adam(RATE), loss=told, jit_compile=False)
        clock = Clock(seconds, spent)

        def keep(epoch, logs):
            with replacing(weights, sync=False) as partial:
                whole = partial.with_name(partial.name + ".weights.h5")
                network.save_weights(whole)
                whole.replace(partial)
            write_json(record, {"seconds": clock.spent, "loss": logs["loss"]})

        keeping = keras.callbacks.LambdaCallback(on_epoch_end=keep)
        network.fit(Walks(task, EPOCH, int(spent)), epochs=10**6, callbacks=[clock, keeping], verbose=0)
        print(f"learned: {weights}", flush=True)
    return lambda states: np.asarray(network.predict_on_batch(states))


def _quickest(task: Task) -> keras.Model:
    """Build the network with the kind of numbers that this machine is quickest with; outputs are float32 always."""
    before = keras.mixed_precision.dtype_policy()
    found: list[tuple[float, int, keras.Model]] = []
    states = np.repeat(task.goal[None], TRIED, axis=0)
    try:
        for policy in ("float32", "mixed_bfloat16"):
            keras.mixed_precision.set_dtype_policy(policy)
            network = build(task)
            network.compile(jit_compile=False)
            network.predict_on_batch(states)
            begun = time.perf_counter()
            for _ in range(3):
                network.predict_on_batch(states)
            found.append((time.perf_counter() - begun, len(found), network))
    finally:
        keras.mixed_precision.set_dtype_policy(before)
    return min(found)[2]
