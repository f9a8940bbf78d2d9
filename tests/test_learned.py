"""A code that gradient descent learns: it doesn't collapse, is settled, and a run with it goes on like any other."""

import json
import zlib

import keras
import numpy as np
import pytest

from pipeline.architectures import load_architecture
from pipeline.codes.learned import begin
from pipeline.codes.linear import flat
from pipeline.command_line.cli import main
from pipeline.command_line.options import TrainCommand
from pipeline.dataset import key
from pipeline.dataset.chunks import pack
from pipeline.evaluation import stage as evaluation
from pipeline.evaluation.report import QuickEffort
from pipeline.evaluation.robustness import add_noise
from pipeline.generation import stage as generation
from pipeline.puzzles import PUZZLES
from pipeline.runs.folder import Run
from pipeline.training import fit, keeper, start
from pipeline.training.code_learning import learning_steps, mend, settled_model
from pipeline.training.keeper import RunKeeper
from pipeline.world_model.learning import UnitDense, logit_map, set_logit_map
from pipeline.world_model.model import DiscreteWorldModel, build_world_model

PUZZLE, SIZE = PUZZLES["lightsout_4x4"], (8, 8)
SMALL = {
    "dataset": "lightsout_4x4", "world_model": "learned", "dataset_size": "3k", "train_epochs": "6",
    "mini_batch_size": "500", "img_size": "8x8", "output_dir": "run",
}  # fmt: skip
STEPS = 6  # batches in an epoch of the small run


def transitions(n: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    states, actions = PUZZLE.start(rng, n, "anywhere"), rng.integers(0, len(PUZZLE.actions), n).astype(np.int32)
    after = PUZZLE.step(states, actions.astype(np.uint8))
    images = (add_noise(PUZZLE.render(part, SIZE), 8, rng) for part in (states, after))
    return {"state": states, "image": next(images), "action": actions, "next_image": next(images)}


@pytest.fixture(scope="module")
def begun():
    """Transitions with noise in all pictures, and what learning a code of them begins with."""
    seen = transitions(2000)
    return seen, begin(seen["image"], 40)


def new_model(begun) -> DiscreteWorldModel:
    keras.utils.set_random_seed(0)
    return build_world_model(load_architecture("learned"), SIZE, len(PUZZLE.actions), None, begun[1])


def in_points(begun) -> dict[str, np.ndarray]:
    """Give all transitions as training has them: images as their points."""
    seen, first = begun
    points = {f"{name}point": first.white.points(flat(seen[f"{name}image"])) for name in ("", "next_")}
    return {**points, "action": seen["action"]}


def share_told_apart(model: DiscreteWorldModel, seen: dict) -> float:
    """Give how many codes there are for each state; 0 where a state has several."""
    codes, states = model.encode(seen["image"]), seen["state"]
    both = len(np.unique(np.concatenate([states, codes], axis=1), axis=0))
    return len(np.unique(codes, axis=0)) / both * (both == len(np.unique(states, axis=0)))


def compiled(model: DiscreteWorldModel, optimizer: str, rate: float | None = None) -> DiscreteWorldModel:
    options = TrainCommand(world_model="learned", optimizer=optimizer, learning_rate=rate)
    start.compile_for_training(model, options, steps=40)
    return model


# ---- learning


def test_logits_do_not_shrink_with_the_weights():
    points = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    layer = UnitDense(3)
    logits = np.asarray(layer(points))
    layer.kernel.assign(np.asarray(layer.kernel) * 1e-3)
    np.testing.assert_allclose(np.asarray(layer(points)), logits, rtol=1e-3)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "muon"])
def test_a_short_training_does_not_collapse_the_code(optimizer, begun):
    seen, _ = begun
    model = compiled(new_model(begun), optimizer)
    history = model.fit(in_points(begun), batch_size=200, epochs=4, verbose=0).history
    assert int(model.optimizer.iterations) == 40
    assert history["loss"][-1] < history["loss"][0]
    assert history["bits_in_use"][-1] == 1
    assert share_told_apart(model, seen) == 1


def test_no_gradient_of_the_prediction_reaches_what_is_predicted(begun):
    import tensorflow as tf

    model, few = new_model(begun), {name: values[:20] for name, values in in_points(begun).items()}
    outputs = model(few)
    with tf.GradientTape() as tape:
        tape.watch(outputs["next_code"])
        outputs["decoded_points"] = tf.stop_gradient(outputs["points"])
        loss = model.compute_loss(few, y_pred=outputs)
    assert tape.gradient(loss, outputs["next_code"]) is None


def test_bits_that_tell_nothing_are_set_anew_until_states_are_told_apart_again(begun):
    seen, first = begun
    model = new_model(begun)
    assert mend(model, first, first.white.points(flat(seen["image"]))) == (0, 0)
    kernel, bias = logit_map(model.encoder)
    kernel[:, 1], bias[1] = kernel[:, 0], bias[0]  # the same twice
    bias[2] = 9.9  # always 1
    set_logit_map(model.encoder, (kernel, bias))
    assert share_told_apart(model, seen) < 1
    assert mend(model, first, first.white.points(flat(seen["image"]))) == (2, 2)
    assert share_told_apart(model, seen) == 1


@pytest.mark.parametrize(
    ("epochs", "steps", "learning"), [(1, 30, 15), (1, 31, 15), (3, 30, 30), (20, 300, 1500), (2000, 30, 1500)]
)
def test_a_code_is_learned_in_at_most_half_of_the_batches(epochs, steps, learning):
    assert learning_steps(epochs, steps) == learning


# ---- a run


@pytest.fixture
def place(monkeypatch, tmp_path, few_measured):
    """An empty folder, short unseen walks, noise in every picture, and a short measurement at the end."""

    def draw_noisy(name, img_size, states, chunk_rows):
        rng = np.random.default_rng(zlib.crc32(states.tobytes()))
        return pack(add_noise(PUZZLES[name].render(states, img_size), 8, rng), chunk_rows)

    monkeypatch.setattr(generation, "draw_and_pack", draw_noisy)
    monkeypatch.setattr(key, "WALKS", 20)
    monkeypatch.setattr(key, "WALK_LENGTH", 20)
    monkeypatch.setattr(evaluation, "QuickEffort", lambda: QuickEffort(episodes=2, steps=20, states=200))
    monkeypatch.setattr(fit.drawing, "curve", lambda *_: None)
    monkeypatch.setattr(fit, "MOST_BATCHES_PER_CALL", 1)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def unkilled():
    """What the small run leaves that is never killed: made by the first test that is asked for it."""
    return {}


def train(parts: int | None = 1, **other) -> int:
    words = [f"--{name}={value}" for name, value in (SMALL | other).items()]
    return main(["world_model_train", "train", *words], parts=parts)


def outcome(folder: str) -> tuple:
    run = Run(folder)
    history = [{**row, "seconds": 0} for row in csv_rows(run)]
    return history, json.loads(run.record_file.read_text())["summary"]["model_digest"]


def csv_rows(run: Run) -> list[dict]:
    import csv

    with open(run.history_file) as file:
        return list(csv.DictReader(file))


def test_a_code_is_learned_then_settled_and_the_run_is_exact_in_spite_of_noise(place, unkilled, capsys):
    assert train(parts=None) == 0
    unkilled["small run"] = outcome("run")
    said = capsys.readouterr().out
    assert "learning a code of 16 bits by gradient descent" in said
    assert "the learned code is settled: 16 bits on a lattice of 4 × 4 cells" in said
    metrics = json.loads(Run("run").metrics_file.read_text())
    assert metrics["verdict"] == "exact" and metrics["one_step_exact"] == 1
    history = csv_rows(Run("run"))
    assert len(history) == 6 and all(float(row["loss"]) > 0 for row in history)
    assert [row["bits_in_use"] != "" for row in history] == [True] * 3 + [False] * 3
    assert json.loads(Run("run").record_file.read_text())["summary"]["best_epoch"] > 3


class Killed(BaseException):
    """Ends the process' work without a chance to clean up, as a kill would."""


def killed_after(batches: int, monkeypatch, **other):
    """Train until so many batches are done."""
    batch_end = RunKeeper.on_train_batch_end

    def dying(self, batch, logs=None):
        if self.epoch * self.steps + self._offset + batch + 1 > batches:
            raise Killed
        batch_end(self, batch, logs)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(keeper, "SECONDS_BETWEEN_STATES", 0)
        patch.setattr(RunKeeper, "on_train_batch_end", dying)
        train(**other)


def test_a_run_killed_while_it_learns_and_when_its_code_is_settled_ends_equal(place, unkilled, monkeypatch):
    for batches in (STEPS + 3, 3 * STEPS + 2):
        killed_after(batches, monkeypatch)
    assert train() == 0
    if not unkilled:
        assert train(output_dir="unkilled") == 0
        unkilled["small run"] = outcome("unkilled")
    assert outcome("run") == unkilled["small run"]


def test_the_only_epoch_learns_the_code_and_then_trains_on_it_and_ends_equal_if_killed(place, monkeypatch):
    one = {"train_epochs": "1", "dataset_size": "1k", "mini_batch_size": "200"}  # five batches
    seen = []
    monkeypatch.setattr(fit, "settled_model", lambda model, *rest: seen.append(model) or settled_model(model, *rest))
    assert train(**one, output_dir="unkilled") == 0
    assert [int(model.optimizer.iterations) for model in seen] == [2]
    (row,), _ = outcome("unkilled")
    assert float(row["loss"]) > 0 and float(row["code_match"]) == 1 and not row.get("bits_in_use")
    killed_after(3, monkeypatch, **one)
    assert train(**one) == 0
    assert outcome("run") == outcome("unkilled")


def test_options_change_what_is_learned(place, monkeypatch):
    losses = set()

    def dying(self, epoch, logs):
        losses.add(logs["loss"])
        raise Killed

    monkeypatch.setattr(RunKeeper, "on_epoch_end", dying)
    for name, value in {"key": 0, "learning_rate": 0.01, "optimizer": "sgd"}.items():
        with pytest.raises(Killed):
            train(**{name: value}, output_dir=name)
    assert len(losses) == 3


def test_a_code_behind_noise_is_found_for_every_world_model_that_finds_codes(place, capsys):
    assert train(parts=None, world_model="lightsout", train_epochs=2) == 0
    said = capsys.readouterr().out
    assert "16 bits on a lattice of 4 × 4 cells" in said and "images with noise of σ" in said
    assert json.loads(Run("run").metrics_file.read_text())["verdict"] == "exact"


def test_where_no_code_is_found_it_is_learned(place, monkeypatch, capsys):
    for name in ("find_code", "find_code_in_noise"):
        monkeypatch.setattr(start, name, lambda *_: None)
    assert train(world_model="lightsout") == 0
    said = capsys.readouterr().out
    assert "no exact one was found in the images" in said and "the learned code is settled" in said
