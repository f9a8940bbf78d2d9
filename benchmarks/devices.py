"""What a GPU gives beside the processor: samples a second of training, and of the transition, on both.

    KERAS_BACKEND=jax python benchmarks/devices.py           on the device that the backend chooses, and on the CPU
    KERAS_BACKEND=jax python benchmarks/devices.py learned   of these world models alone
    KERAS_BACKEND=jax taskset -c 0,1 python benchmarks/devices.py     on two cores, as a laptop has

Each world model is built as training builds it, on 20,000 transitions of its puzzle in memory, and fitted by `fit` in
batches of 1,000; the first epoch, which compiles, isn't counted. Bits of codes and of steps are compared between the
devices. Needs no TensorFlow under another backend; DEVICE_NAME says what the device is called. Prints a table and
writes results/devices.json.
"""

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import keras
import numpy as np

from benchmarks import evidence, tables
from pipeline.architectures import load_architecture
from pipeline.codes.learned import begin
from pipeline.codes.linear_code import find_code
from pipeline.puzzles import PUZZLES
from pipeline.puzzles.walks import walk
from pipeline.rules.find import Arrays, find_rules
from pipeline.system.executors import cores
from pipeline.world_model.learning import whitened
from pipeline.world_model.model import DiscreteWorldModel, build_world_model
from pipeline.world_model.transition import with_rules

SIZE, LENGTH, BATCH, EPOCHS = (32, 32), 20, 1000, 3
TRANSITIONS, IMAGES = 20_000, 4096
COMPILED = keras.backend.backend() != "torch"  # as training does
CASES = {  # the world model, its puzzle, whether rules are found first
    "rubikscube, rules": ("rubikscube", "rubikscube", True),
    "sokoban, rules": ("sokoban", "sokoban", True),
    "sokoban, the network alone": ("sokoban", "sokoban", False),
    "learned": ("learned", "rubikscube", False),
    "jaxtar": ("jaxtar", "rubikscube", False),
    "deepcubeai": ("deepcubeai", "rubikscube", False),
}


def walked(puzzle: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give images (N, H, W, 3), actions (N,) and next images (N, H, W, 3) of random walks."""
    world, rng = PUZZLES[puzzle], np.random.default_rng(0)
    starts = world.start(rng, TRANSITIONS // LENGTH, "anywhere")
    states, actions = walk(world, rng, starts, LENGTH, world.random_actions)
    before, after = (part.reshape(-1, part.shape[-1]) for part in (states[:-1], states[1:]))
    return world.render(before, SIZE), actions.reshape(-1).astype(np.int32), world.render(after, SIZE)


def built(name: str, puzzle: str, has_rules: bool) -> tuple[DiscreteWorldModel, dict]:
    """Build a world model as training does; gives it and what it is fitted on."""
    architecture, actions = load_architecture(name), len(PUZZLES[puzzle].actions)
    images, action, next_images = walked(puzzle)
    code = find_code(images[:IMAGES], architecture.code, architecture.max_bits) if architecture.code else None
    start = None if code or architecture.recipe else begin(images[:IMAGES], architecture.max_bits)
    model = build_world_model(architecture, SIZE, actions, code, start)
    if start:
        whiten = whitened(model.encoder)
        return model, {"point": whiten.predict(images), "action": action, "next_point": whiten.predict(next_images)}
    if code is None:
        return model, {"image": images, "action": action, "next_image": next_images}
    before, after = (np.concatenate([model.encode(part) for part in np.split(of, 20)]) for of in (images, next_images))
    if has_rules:
        rules = find_rules(Arrays(before, action, after), model.grid, actions)
        model = model.with_transition(with_rules(model.transition, rules))
    packed = (np.packbits(codes, axis=1, bitorder="little") for codes in (before, after))
    return model, dict(zip(("code", "action", "next_code"), (next(packed), action, next(packed))))


def measure(name: str) -> tuple[dict, list[np.ndarray]]:
    """Measure a case on the device in use; gives the figures, and bits to compare."""
    world_model, puzzle, has_rules = CASES[name]
    keras.utils.set_random_seed(0)
    model, data = built(world_model, puzzle, has_rules)
    images = walked(puzzle)[0][:BATCH]
    codes, action = model.encode(images), data["action"][:BATCH]
    bits = [codes, model.step(codes, action)]
    model.compile(optimizer="adam", jit_compile=COMPILED)
    seconds: list[float] = []

    class Clock(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seconds.append(time.perf_counter())

    model.fit(data, batch_size=BATCH, epochs=1 + EPOCHS, verbose=0, callbacks=[Clock()])
    epoch = float(np.median(np.diff(seconds)))
    model.transition.compile(jit_compile=COMPILED)
    model.step(codes, action)
    began, count = time.perf_counter(), 0
    while count < 20 or time.perf_counter() - began < 1:
        model.step(codes, action)
        count += 1
    steps = BATCH * count / (time.perf_counter() - began)
    return {"fitted": TRANSITIONS / epoch, "stepped": steps}, bits


def main(*chosen: str) -> int:
    """Measure on the device that the backend chooses and on the CPU; print the table."""
    known = [name for name in CASES if not chosen or CASES[name][0] in chosen]
    device = os.environ.get("DEVICE_NAME", "the one it chooses")
    for name in known:
        found, bits = measure(name)
        with keras.device("cpu:0"):
            beside, same_bits = measure(name)
        figures = {
            "backend": keras.backend.backend(), "device": device, **found,
            "cpu": beside, "cpu_cores": cores(), "same_bits": all(map(np.array_equal, bits, same_bits)),
        }  # fmt: skip
        print(name, figures, flush=True)
        row = f"{name}, {keras.backend.backend()}"
        evidence.record("devices", {row: figures}, among=[*evidence.read("devices"), row])
    print(tables.devices())
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
