"""Heuristics that were learned, kept beside a run."""

import hashlib
import time
from pathlib import Path

import keras
import numpy as np

from ..system.files import read_json, replacing, write_json
from .beam import Scores
from .heuristic import RATE, SHAPE, Clock, Distances, Walks, build, for_use, loss_for
from .task import Task

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
    before = keras.mixed_precision.dtype_policy()
    try:
        keras.mixed_precision.set_dtype_policy(quickest_policy(task))
        network = build(task)
        if spent:
            network.load_weights(weights)
        if spent < seconds:
            _learn(network, task, weights, record, seconds, spent)
        used = for_use(network, task)
    finally:
        keras.mixed_precision.set_dtype_policy(before)
    return Distances(used, task)


def _learn(network: keras.Model, task: Task, weights: Path, record: Path, seconds: float, spent: float):
    print(f"learning a heuristic on walks of {task.steps} steps, {seconds - spent:.0f} s ...", flush=True)
    weights.parent.mkdir(parents=True, exist_ok=True)
    network.compile(keras.optimizers.Adam(RATE), loss=loss_for(task))
    clock = Clock(seconds, spent)

    def keep(epoch, logs):
        with replacing(weights, sync=False) as partial:
            whole = partial.with_name(f"{partial.name}.weights.h5")  # as Keras wants its files named
            network.save_weights(whole)
            whole.replace(partial)
        write_json(record, {"seconds": clock.spent, "loss": logs["loss"]})

    keeping = keras.callbacks.LambdaCallback(on_epoch_end=keep)
    network.fit(Walks(task, EPOCH, int(spent)), epochs=10**6, callbacks=[clock, keeping], verbose=0)
    print(f"learned: {weights}", flush=True)


def quickest_policy(task: Task) -> str:
    """Give the kind of numbers that this machine is quickest with; what the network gives is float32 always."""
    found: list[tuple[float, str]] = []
    states = np.repeat(task.goal[None], TRIED, axis=0)
    for policy in ("float32", "mixed_bfloat16"):
        keras.mixed_precision.set_dtype_policy(policy)
        network = build(task, is_trained=False)
        network.compile()
        network.predict_on_batch(states)
        begun = time.perf_counter()
        for _ in range(3):
            network.predict_on_batch(states)
        found.append((time.perf_counter() - begun, policy))
    return min(found)[1]
