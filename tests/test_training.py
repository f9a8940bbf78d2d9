"""Stage 2 through the command line: what a run leaves, how it goes on, what it says."""

import csv
import json
import shutil

import pytest
from PIL import Image

from pipeline.architectures import load_architecture
from pipeline.command_line.cli import main
from pipeline.command_line.options import OPTIMIZERS, TrainCommand
from pipeline.evaluation import stage
from pipeline.evaluation.report import QuickEffort
from pipeline.runs.folder import Run
from pipeline.training import fit, start
from pipeline.world_model.model import build_world_model

COMMAND = ["world_model_train", "train"]
SMALL = (
    "--dataset lightsout_4x4 --world_model lightsout --dataset_size 4k --img_size 8x8 --train_epochs 6 "
    "--mini_batch_size 300"
)
FOLDER = "models/lightsout_4x4-lightsout"
EVALUATE = ["world_model_train", "evaluate", "--episodes=2", "--steps=20", "--states=200"]
OF_TRAINING = {"training.json", "history.csv", "model.keras", "last.keras", "curve.png"}
OF_EVALUATION = {"metrics.json", "strip.png", "dream.png"}


def train(parts: int | None = None, **other) -> int:
    """Run the small training with some options other than usual; 1 part is stage 2 alone, which measures nothing."""
    words = SMALL.split()
    given = {name[2:]: value for name, value in zip(words[::2], words[1::2])} | other
    return main([*COMMAND, *(f"--{name}={value}" for name, value in given.items())], parts=parts)


@pytest.fixture(scope="module", autouse=True)
def quickly_measured(few_measured):
    """Let training end with a short measurement; evaluation has tests of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "QuickEffort", lambda: QuickEffort(episodes=2, steps=20, states=200))
        yield


@pytest.fixture(scope="module")
def trained(quickly_measured, tmp_path_factory):
    """A folder in which the small run has been made."""
    folder = tmp_path_factory.mktemp("place")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert train() == 0
    return folder


@pytest.fixture
def place(trained, monkeypatch, tmp_path):
    """An empty folder in which the dataset is there already."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to(trained / "data")
    return tmp_path


@pytest.fixture
def finished(trained, place):
    """A folder with the dataset and a copy of the small run."""
    shutil.copytree(trained / FOLDER, place / FOLDER)
    return place


def read_history(folder):
    with open(folder / "history.csv") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]


def without_times(history):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]


# ---- what a run leaves


def test_a_run_leaves_models_figures_and_pictures_and_nothing_else(trained):
    run = trained / FOLDER
    assert {path.name for path in run.iterdir()} == OF_TRAINING | OF_EVALUATION
    assert Image.open(run / "strip.png").size[0] > 500
    assert Image.open(run / "curve.png").size[0] > 500


def test_the_history_has_a_row_per_epoch_with_each_loss_on_training_and_unseen_data(trained):
    history = read_history(trained / FOLDER)
    assert [row["epoch"] for row in history] == [1, 2, 3, 4, 5, 6]
    assert {"seconds", "loss", "transition", "bit_match", "code_match", "learning_rate"} <= set(history[0])
    assert {"val_loss", "val_transition", "val_bit_match", "val_one_step_exact"} <= set(history[0])
    assert {"val_distinct_codes", "val_distinct_states", "val_told_apart", "val_true_pictures"} <= set(history[0])
    assert history[-1]["loss"] < history[0]["loss"]
    assert history[-1]["learning_rate"] < history[0]["learning_rate"]


def test_lights_out_is_exact_on_the_unseen_walk(trained):
    metrics = json.loads((trained / FOLDER / "metrics.json").read_text())
    assert metrics["one_step_exact"] == 1.0 and metrics["bit_match"] == 1.0
    assert metrics["reconstruction_mse"] < 1e-10
    assert metrics["transitions"] == 10_000
    assert metrics["distinct_codes"] == metrics["distinct_states"] > 1000
    assert list(metrics)[:4] == ["one_step_exact", "bit_match", "reconstruction_mse", "verdict"]
    assert metrics["verdict"] == "exact"


def test_the_run_records_what_was_asked_for(trained):
    record = json.loads((trained / FOLDER / "training.json").read_text())
    options, summary = record["options"], record["summary"]
    assert (summary["epochs"], summary["stopped"]) == (6, "all 6 epochs are done")
    assert summary["best_epoch"] in range(1, 7) and record["format_version"] == 1
    assert options["dataset_size"] == 4000 and options["optimizer"] == "adam" and options["img_size"] == [8, 8]
    assert "data_dir" not in options and "output_dir" not in options  # places don't change the result


def test_show_tells_the_options_and_every_figure_of_a_run(trained, monkeypatch, capsys):
    monkeypatch.chdir(trained)
    assert main(["world_model_train", "show", FOLDER]) == 0
    shown, metrics = capsys.readouterr().out, json.loads((trained / FOLDER / "metrics.json").read_text())
    assert "finished" in shown and metrics["dataset_digest"] in shown
    for name in [*metrics, *metrics["rollout"], *metrics["identity"], *metrics["robustness"], *metrics["code_use"]]:
        assert f"  {name} " in shown or f"  {name}\n" in shown


def test_evaluate_needs_only_the_folder_and_finds_the_same_figures(trained, monkeypatch, capsys):
    monkeypatch.chdir(trained)
    before = json.loads((trained / FOLDER / "metrics.json").read_text())
    assert main([*EVALUATE, "--output_dir", FOLDER]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown or f"  {name}\n" in shown for name in before if "digest" not in name)
    assert json.loads((trained / FOLDER / "metrics.json").read_text()) == before


def test_evaluate_measures_another_walk_when_another_key_is_asked_for_and_names_figures_and_pictures_after_it(finished):
    run, other = Run(FOLDER), "lightsout_4x4-size4000-key7-shuffle30-img8x8-auto"
    before = [place.read_bytes() for place in run.pictures_of()]
    assert main([*EVALUATE, "--output_dir", FOLDER, "--key", "7", "--data_dir", "other"]) == 0
    assert (finished / f"other/{other}.h5").exists()
    assert all(place.exists() for place in run.pictures_of(other))
    assert [place.read_bytes() for place in run.pictures_of()] == before


@pytest.mark.parametrize("missing", sorted(OF_EVALUATION))
def test_figures_and_pictures_that_are_missing_are_made_again_and_nothing_is_trained_again(
    missing, finished, monkeypatch
):
    wanted = json.loads((finished / FOLDER / "metrics.json").read_text())
    (finished / FOLDER / missing).unlink()
    if missing == "metrics.json":
        (finished / FOLDER / missing).write_text('{"bits": 1')  # cut short counts as missing
    monkeypatch.setattr(fit, "fit", lambda *_: pytest.fail("trained again"))
    assert train() == 0
    assert json.loads((finished / FOLDER / "metrics.json").read_text()) == wanted
    assert (finished / FOLDER / missing).exists()


def test_the_stage_alone_trains_and_leaves_the_measuring_to_evaluate(place):
    assert main([*COMMAND, *SMALL.split()], parts=1) == 0
    assert {path.name for path in (place / FOLDER).iterdir()} == OF_TRAINING
    assert main([*EVALUATE, "--output_dir", FOLDER]) == 0
    assert {path.name for path in (place / FOLDER).iterdir()} == OF_TRAINING | OF_EVALUATION


def test_evaluate_without_a_run_says_what_would_make_one(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["world_model_train", "evaluate"]) == 2
    assert "train" in capsys.readouterr().err and not list(tmp_path.iterdir())


# ---- the same again, other options, going on


def test_a_finished_run_is_not_made_again_unless_asked(finished, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        patch.setattr(fit, "fit", lambda *_: pytest.fail("trained again"))
        capsys.readouterr()
        assert train() == 0
        assert "finished" in capsys.readouterr().out
    assert train(parts=1, retrain=True) == 0
    assert without_times(read_history(finished / FOLDER)) == without_times(read_history(finished / f"{FOLDER}.1"))


def test_a_run_with_other_options_is_moved_aside_and_named(finished, capsys):
    assert train(parts=1, learning_rate=0.01) == 0
    assert f"{FOLDER}.1" in (said := capsys.readouterr().out) and "never changes" not in said
    assert Run(f"{FOLDER}.1").recorded_options()["learning_rate"] is None
    assert Run(FOLDER).recorded_options()["learning_rate"] == 0.01


def test_training_stops_once_the_unseen_walk_has_been_exact_long_enough(place):
    assert train(parts=1, stop_when_exact=2) == 0
    history = read_history(place / FOLDER)
    assert len(history) < 6
    assert [row["val_one_step_exact"] for row in history[-2:]] == [1, 1]


def test_batches_need_not_divide_the_dataset(trained):
    options = Run(trained / FOLDER).recorded_options()
    assert options["dataset_size"] % options["mini_batch_size"] and len(read_history(trained / FOLDER)) == 6


def test_what_is_not_settled_is_trained_end_to_end_from_images(place, capsys):
    few = {"dataset_size": 600, "mini_batch_size": 200, "train_epochs": 2, "img_size": "24x32", "data_dir": "other"}
    assert train(parts=1, dataset="slidepuzzle", world_model="sokoban_optimized", **few) == 0
    assert "bits by gradient descent, no exact one was found" in capsys.readouterr().out
    history = read_history(place / "models/slidepuzzle-sokoban_optimized")
    assert history[0]["reconstruction"] > 0


def test_what_the_data_never_shows_is_said_before_training_unless_local_rules_know_it(place, capsys, monkeypatch):
    few = {"dataset_size": 300, "mini_batch_size": 100, "train_epochs": 1, "img_size": "18x12", "data_dir": "other"}
    begins = {"dataset": "slidepuzzle_3x3", "start": "solved", "shuffle_length": 2}
    assert train(parts=1, world_model="slidepuzzle", **few, **begins) == 0
    assert "never changes" not in capsys.readouterr().out
    monkeypatch.setattr(fit, "with_found_rules", lambda model, *rest: model)
    assert train(parts=1, world_model="slidepuzzle", **few, **begins, retrain=True) == 0
    assert "never changes" in (said := capsys.readouterr().out) and "--start anywhere" in said


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_of_the_list_can_be_built(optimizer):
    model = build_world_model(load_architecture("lightsout"), (4, 4), 2, None)
    start.compile_for_training(model, TrainCommand(optimizer=optimizer, world_model="lightsout"), steps=10)
    assert type(model.optimizer).__name__.lower() == optimizer


def test_the_defaults_are_those_of_the_reference():
    options = TrainCommand()
    assert (options.train_epochs, options.mini_batch_size, options.optimizer) == (2000, 1000, "adam")


# ---- what the sample of images didn't show


@pytest.fixture
def one_light_stays_off_in_the_sample(monkeypatch):
    """Find the code in images in which one light is always off, as if it were rare."""
    sample_images = start.sample_images

    def without(*given):
        images = sample_images(*given)
        return images[images[:, 3, 3, 0] < 100]  # the light in the second row and column

    monkeypatch.setattr(start, "sample_images", without)


def test_frames_that_the_code_does_not_give_back_are_named_and_the_code_is_found_anew_with_them(
    one_light_stays_off_in_the_sample, place, capsys
):
    assert train(world_model="rubikscube", train_epochs=1) == 0
    said = capsys.readouterr().out
    assert "45 bits of 15 parts" in said and "48 bits of 16 parts" in said
    assert "of 4,134 frames, the first " in said and "don't come back from their code within 4 grey levels" in said
    assert json.loads((place / "models/lightsout_4x4-rubikscube/metrics.json").read_text())["true_pictures"] == 1


def test_a_code_that_cannot_be_mended_is_trained_and_not_called_settled(
    one_light_stays_off_in_the_sample, place, monkeypatch, capsys
):
    monkeypatch.setattr(fit, "mended_model", lambda file, options, frames: start.new_model(file, options))
    assert train(parts=1, world_model="rubikscube", train_epochs=2) == 0
    said = capsys.readouterr().out
    assert "frames still don't come back" in said and "bits by gradient descent" in said
    assert read_history(place / "models/lightsout_4x4-rubikscube")[0]["reconstruction"] > 0
