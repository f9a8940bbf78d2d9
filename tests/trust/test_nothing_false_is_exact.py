"""What has collapsed or was trained hopelessly is nowhere called exact: on no screen, in no file, by no early stop."""

import json
import zlib

import keras
import numpy as np
import pytest
from small_run import history_of

from pipeline.command_line.cli import main
from pipeline.dataset.chunks import pack
from pipeline.evaluation import stage as evaluation
from pipeline.evaluation.report import QuickEffort
from pipeline.evaluation.robustness import add_noise
from pipeline.generation import stage as generation
from pipeline.puzzles import PUZZLES
from pipeline.runs.folder import Run
from pipeline.training import fit, start
from pipeline.world_model.model import DiscreteWorldModel

RUN = "run"


@pytest.fixture(autouse=True)
def quick(few_measured, monkeypatch, tmp_path):
    """A folder of the test's own, where training ends with a short measurement."""
    monkeypatch.setattr(evaluation, "QuickEffort", lambda: QuickEffort(episodes=3, steps=30, states=300))
    monkeypatch.chdir(tmp_path)


def train(**options) -> int:
    given = {"dataset_size": "1k", "train_epochs": "2", "mini_batch_size": "200", "output_dir": RUN} | options
    return main(["world_model_train", "train", *(f"--{name}={value}" for name, value in given.items())])


def check_is_not_called_exact(said: str, epochs: int):
    metrics = json.loads(Run(RUN).metrics_file.read_text())
    assert metrics["verdict"] != "exact" and metrics["one_step_exact"] < 1
    assert "100%" not in said and "100.0" not in said.split("transition begins")[-1].split("trained:")[-1]
    assert not any(line.startswith("exact") for line in said.splitlines())
    history = history_of(Run(RUN).folder)
    assert len(history) == epochs  # no early stop
    assert all(float(row["val_one_step_exact"]) < 1 for row in history)


def test_a_cube_with_too_much_noise_in_all_frames_is_not_called_exact(monkeypatch, capsys):
    def draw_noisy(name, img_size, states, chunk_rows):
        rng = np.random.default_rng(zlib.crc32(states.tobytes()))
        return pack(add_noise(PUZZLES[name].render(states, img_size), 80, rng), chunk_rows)

    monkeypatch.setattr(generation, "draw_and_pack", draw_noisy)
    assert train(dataset="rubikscube", world_model="rubikscube", img_size="24x24", stop_when_exact="1") == 0
    check_is_not_called_exact(capsys.readouterr().out, epochs=2)


def test_an_encoder_that_gives_one_code_is_not_called_exact_however_well_it_is_predicted(monkeypatch, capsys):
    new_model = fit.new_model

    def constant(*given) -> DiscreteWorldModel:
        model = new_model(*given)
        model.encoder.set_weights([np.zeros_like(weight) for weight in model.encoder.get_weights()])
        model.encoder.trainable = False
        return model

    monkeypatch.setattr(start, "find_code", lambda *_: None)
    monkeypatch.setattr(fit, "new_model", constant)
    options = {"dataset": "lightsout_4x4", "world_model": "slidepuzzle", "train_epochs": "3", "img_size": "16x16"}
    assert train(**options, stop_when_exact="1") == 0
    assert float(history_of(Run(RUN).folder)[-1]["val_code_match"]) == 1  # every prediction is right
    said = capsys.readouterr().out
    check_is_not_called_exact(said, epochs=3)
    assert "useless: one code for" in said


@pytest.mark.parametrize(
    ("dataset", "img_size", "world_model", "learning_rate"),
    [
        ("sokoban", "20x20", "deepcubeai", "100"),
        ("lightsout_4x4", "8x8", "jaxtar", "1e-8"),
    ],
)
def test_a_hopeless_training_is_not_called_exact(dataset, img_size, world_model, learning_rate, capsys):
    keras.utils.set_random_seed(0)
    options = {"dataset": dataset, "img_size": img_size, "world_model": world_model}
    code = train(**options, learning_rate=learning_rate, train_epochs="1", stop_when_exact="1")
    if code == 0:
        check_is_not_called_exact(capsys.readouterr().out, epochs=1)
    else:  # numbers that aren't finite end a training
        assert code == 2 and "training went wrong" in capsys.readouterr().err
        assert not Run(RUN).is_finished()
