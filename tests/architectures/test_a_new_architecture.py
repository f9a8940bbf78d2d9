"""A new architecture is one file in `pipeline/architectures/`, and nothing else."""

import json
import os
import signal
import time
from textwrap import dedent

import pytest

from pipeline import architectures
from pipeline.command_line.cli import main
from pipeline.system.errors import UserError
from pipeline.world_model.loading import check_loadable
from pipeline.world_model.model import build_world_model
from tools.scratch import copy_files, save_states_all_the_time, start

FILE = '''
"""tile code of at most 400 bits, convolutions over the cells

The action's own map of the cells lies beside them.
"""

import keras
from keras import layers, ops

from ..world_model.architecture import Architecture
from ..world_model.transition import signs, transition_inputs


@keras.saving.register_keras_serializable("discrete_world_model")
class Doubtful(layers.Layer):
    """Logits no larger than a bound."""

    def __init__(self, bound, **kwargs):
        super().__init__(**kwargs)
        self.bound = bound

    def call(self, logits):
        return self.bound * ops.tanh(logits / self.bound)

    def get_config(self):
        return {**super().get_config(), "bound": self.bound}


def transition(grid, actions):
    code, action = transition_inputs(grid)
    cells = layers.Reshape(grid)(signs(code))
    asked = layers.Reshape((*grid[:2], 1))(layers.Embedding(actions, grid[0] * grid[1])(action))
    seen = layers.Conv2D(64, 3, padding="same", activation="relu")(layers.Concatenate()([cells, asked]))
    logits = layers.Flatten()(layers.Conv2D(grid[2], 1)(seen))
    return keras.Model([code, action], Doubtful(9.0)(logits), name="transition")


ARCHITECTURE = Architecture(code="tiles", max_bits=400, transition=transition, learning_rate=5e-3)
'''
DATA = "--dataset lightsout_4x4 --dataset_size 5k --img_size 12 12"
TRAIN = f"{DATA} --world_model convolutional --train_epochs 8 --mini_batch_size 50"
EVALUATE = "--world_model convolutional --dataset lightsout_4x4 --episodes 2 --steps 20 --states 100"
RUN = "models/lightsout_4x4-convolutional"
GO_ON = f"""
import sys
from pipeline.command_line.cli import main

trained = main("world_model_train train {TRAIN}".split(), parts=1)
sys.exit(trained or main("world_model_train evaluate {EVALUATE}".split()))
"""


def finish(folder, command) -> str:
    process = start(folder, command)
    said = process.communicate(timeout=120)[0]
    assert process.returncode == 0, said[-2000:]
    return said


def test_a_file_with_layers_of_another_kind_is_trained_killed_resumed_and_evaluated(tmp_path):
    copy_files(tmp_path)
    save_states_all_the_time(tmp_path)
    (tmp_path / "pipeline/architectures/convolutional.py").write_text(FILE.lstrip())
    said = finish(tmp_path, "main.py world_model_train train --help")
    assert "- convolutional: tile code of at most 400 bits, convolutions over the cells" in " ".join(said.split())

    process = start(tmp_path, f"train.py {TRAIN}")
    while not any(tmp_path.glob(f"{RUN}/checkpoint/state-*.json")) and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, process.stdout.read()[-2000:]
    process.stdout.close()

    (tmp_path / "go_on.py").write_text(GO_ON)
    assert "going on after epoch" in finish(tmp_path, "go_on.py")
    metrics = json.loads((tmp_path / RUN / "metrics.json").read_text())
    assert metrics["bit_match"] > 0.9 and metrics["reconstruction_mse"] < 1e-6


# ---- what could not be loaded again is refused before it is trained


BAD = {
    "a Lambda": ("", "layers.Lambda(lambda x: 2 * x)"),
    "a function of its own": (
        '@keras.saving.register_keras_serializable("discrete_world_model")\ndef bent(x):\n    return 2 * x',
        'layers.Dense(code.shape[-1], activation=bent)',
    ),
    "an unregistered layer": ("class Plain(layers.Layer):\n    def call(self, x):\n        return x", "Plain()"),
    "a layer that doesn't tell how it is made": (
        '@keras.saving.register_keras_serializable("discrete_world_model")\nclass Forgetful(layers.Layer):\n'
        "    def __init__(self, factor):\n        super().__init__()\n        self.factor = factor\n"
        "    def call(self, x):\n        return self.factor * x",
        "Forgetful(2.0)",
    ),
}  # fmt: skip


@pytest.fixture
def planted(request, tmp_path, monkeypatch):
    """The name of an architecture that is there for one test, made of what can't be loaded safely."""
    name = "planted" + "".join(filter(str.isalpha, request.param))
    above, layer = BAD[request.param]
    (tmp_path / f"{name}.py").write_text(
        "import keras\nfrom keras import layers\nfrom pipeline.world_model.architecture import Architecture\n"
        f"from pipeline.world_model.transition import transition_inputs\n{above}\n\n"
        + dedent(f"""
        def transition(grid, actions):
            code, action = transition_inputs(grid)
            return keras.Model([code, action], {layer}(code), name="transition")

        ARCHITECTURE = Architecture(code="tiles", max_bits=400, transition=transition, learning_rate=1e-3)
        """)
    )
    monkeypatch.setattr(architectures, "__path__", [*architectures.__path__, str(tmp_path)])
    monkeypatch.setitem(architectures.WORLD_MODELS, name, "planted")
    return name


@pytest.mark.parametrize("planted", BAD, indirect=True)
def test_an_architecture_whose_model_could_not_be_loaded_is_refused_before_it_is_trained(planted):
    model = build_world_model(architectures.load_architecture(planted), (12, 12), 16, None)
    with pytest.raises(UserError) as refusal:
        check_loadable(model)
    said = str(refusal.value)
    assert "\n" not in said and said.startswith(
        f"the world model {planted} can't be trained, since it couldn't be loaded"
    )


@pytest.mark.parametrize("planted", ["a Lambda"], indirect=True)
def test_the_refusal_comes_at_once_and_in_one_line(planted, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = f"{DATA} --dataset_size 500 --mini_batch_size 100".replace("--dataset_size 5k ", "").split()
    assert main(["world_model_train", "train", *words, "--world_model", planted]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"error: the world model {planted} can't be trained")
    assert not list(tmp_path.rglob("*.keras"))
