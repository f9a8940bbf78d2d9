"""What holds for every architecture of the registry: it trains, and once saved gives the same bits anywhere."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from pipeline.architectures import WORLD_MODELS, load_architecture
from pipeline.codes.linear_code import find_code
from pipeline.puzzles import PUZZLES
from pipeline.rules.find import Arrays, find_rules
from pipeline.system.files import save_model
from pipeline.training.start import compile_for_training
from pipeline.world_model.loading import check_loadable, load_world_model, model_digest
from pipeline.world_model.model import DiscreteWorldModel, build_world_model
from pipeline.world_model.rule_layers import rules_layer
from pipeline.world_model.transition import behind

ROOT = Path(__file__).parents[2]
PUZZLE, SIZE = PUZZLES["lightsout_4x4"], (12, 12)
TIE = 1e-5  # a logit nearer to 0 than this may round to either bit
CHECK = """
import json, sys
from pathlib import Path
import numpy as np
from pipeline.system.backend import load_keras
keras = load_keras()
import pipeline.world_model
from pipeline.world_model.loading import load_world_model, model_digest
for place in sys.argv[1:]:
    made, model = np.load(place + ".npz"), load_world_model(Path(place + ".keras"))
    by_keras = keras.models.load_model(place + ".keras")
    differs = lambda bits, logits: int(((bits > 0) != (logits > 0))[np.abs(logits) > float(made["tie"])].sum())
    print(json.dumps({
        "backend": keras.backend.backend(),
        "codes": differs(model.encode(made["images"]), made["logits"]),
        "next codes": differs(model.step(made["codes"], made["actions"]), made["next_logits"]),
        "pixels": int((np.abs(model.decode(made["codes"]).astype(int) - made["decoded"]) > 1).sum()),
        "weights": int(model_digest(model) != model_digest(by_keras)),
    }))
"""


def transitions(n: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    states, actions = PUZZLE.start(rng, n, "anywhere"), rng.integers(0, len(PUZZLE.actions), n).astype(np.int32)
    after = PUZZLE.step(states, actions.astype(np.uint8))
    return {"image": PUZZLE.render(states, SIZE), "action": actions, "next_image": PUZZLE.render(after, SIZE)}


@cache
def code_of(kind: str, max_bits: int):
    return find_code(transitions(1000, seed=0)["image"], kind, max_bits)


def trained_a_step(
    name: str, optimizer: str = "adam", rate: float | None = None, rows: int = 100
) -> tuple[DiscreteWorldModel, dict, list]:
    """Build a model as training does and train a step by `fit`; gives it, the losses and the weights before."""
    keras.utils.set_random_seed(0)
    architecture = load_architecture(name)
    code = code_of(architecture.code, architecture.max_bits) if architecture.code else None
    model = build_world_model(architecture, SIZE, len(PUZZLE.actions), code)
    check_loadable(model)
    batch = transitions(100, seed=1)
    if not model.encoder.trainable_variables:
        code, action, next_code = model.encode(batch["image"]), batch["action"], model.encode(batch["next_image"])
        if not architecture.finds:  # else its rules are there already
            rules = find_rules(Arrays(code, action, next_code), model.grid, len(PUZZLE.actions))
            if architecture.start:
                told = architecture.start(model.transition, rules, code, next_code, action)
                assert told is None or "begin as linear" in told
            model = model.with_transition(behind(model.transition, rules_layer(rules, model.bits)))
            check_loadable(model)
        code, next_code = (np.packbits(codes, axis=1, bitorder="little") for codes in (code, next_code))
        batch = {"code": code, "action": action, "next_code": next_code}
    compile_for_training(model, SimpleNamespace(world_model=name, optimizer=optimizer, learning_rate=rate), steps=10)
    before = model.get_weights()
    history = model.fit(batch, batch_size=rows, epochs=1, verbose=0).history
    return model, history, before


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with each architecture's model, saved after a step, and with what it makes of images and actions."""
    folder = tmp_path_factory.mktemp("architectures")
    seen = transitions(1500, seed=2)  # more than a tile of rows for each action
    for name in WORLD_MODELS:
        model, history, before = trained_a_step(name)
        assert np.isfinite(history["loss"][0])
        assert any((old != new).any() for old, new in zip(before, model.get_weights())), name
        save_model(model, folder / f"{name}.keras")
        codes = model.encode(seen["image"])
        np.savez(
            folder / name, images=seen["image"], actions=seen["action"], codes=codes, tie=TIE,
            digest=model_digest(model), decoded=model.decode(codes),
            logits=model.encoder.predict_on_batch(seen["image"]),
            next_logits=model.transition.predict_on_batch([codes.astype(np.float32), seen["action"]]),
        )  # fmt: skip
    return folder


@pytest.fixture(scope="module", params=[pytest.param("tensorflow", marks=pytest.mark.long), "jax"])
def found(saved, request):
    """The backend, and how what it makes of the saved models differs, by architecture: all of them in one process."""
    done = subprocess.run(
        [sys.executable, "-c", CHECK, *(str(saved / name) for name in WORLD_MODELS)], capture_output=True, text=True,
        env={**os.environ, "KERAS_BACKEND": request.param, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    rows = done.stdout.splitlines()[-len(WORLD_MODELS) :]
    return request.param, {name: json.loads(row) for name, row in zip(WORLD_MODELS, rows)}


@pytest.mark.parametrize("name", WORLD_MODELS)
def test_what_was_trained_a_step_is_loaded_with_the_same_weights_and_knows_what_built_it(name, saved):
    made, model = np.load(saved / f"{name}.npz"), load_world_model(saved / f"{name}.keras", SIZE)
    assert model.architecture == name
    assert model_digest(model) == made["digest"]
    assert all((np.abs(made[logits]) > TIE).mean() > 0.95 for logits in ("logits", "next_logits"))


@pytest.mark.parametrize("name", WORLD_MODELS)
def test_a_saved_model_gives_the_same_bits_in_a_new_process_on_either_backend(name, found):
    backend, differences = found
    assert differences[name] == {"backend": backend, "codes": 0, "next codes": 0, "pixels": 0, "weights": 0}


@pytest.mark.parametrize("name", ["rubikscube", "sokoban", "cells", "table", "learned"])  # each kind of transition
def test_the_optimizer_its_rate_and_the_batch_change_what_is_trained(name, saved):
    others = {"optimizer": "sgd"}, {"rate": 0.05}, {"rows": 50}
    digests = [model_digest(trained_a_step(name, **other)[0]) for other in others]
    assert len({str(np.load(saved / f"{name}.npz")["digest"]), *digests}) == 4


@pytest.mark.parametrize("name", WORLD_MODELS)
def test_every_architecture_has_a_summary_of_one_line(name):
    assert 10 < len(WORLD_MODELS[name]) < 100 and "\n" not in WORLD_MODELS[name]
