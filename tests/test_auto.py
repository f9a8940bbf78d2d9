"""`--world_model auto`: what the data shows decides, the run says which and why, and keeps to it."""

import json

import numpy as np
import pytest

from pipeline.command_line.cli import main
from pipeline.evaluation import stage as evaluation
from pipeline.evaluation.report import QuickEffort

TRAIN = ["world_model_train", "train", "--world_model", "auto", "--train_epochs", "1", "--output_dir", "run"]


@pytest.fixture
def place(tmp_path, monkeypatch, few_measured):
    """An empty folder, and a short measurement."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(evaluation, "QuickEffort", lambda: QuickEffort(episodes=2, steps=20, states=100))
    return tmp_path


def unlike_pictures(count: int) -> dict[str, np.ndarray]:
    """Walk among pictures that have nothing in common; where an action leads to from each was drawn at random."""
    rng = np.random.default_rng(0)
    shown, following = rng.integers(0, 256, (count, 8, 8, 3), np.uint8), rng.integers(0, count, (2, count))
    places, actions = np.zeros((100, 20), int), rng.integers(0, 2, (100, 20))
    places[:, 0] = rng.integers(0, count, 100)
    for step in range(1, 20):
        places[:, step] = following[actions[:, step - 1], places[:, step - 1]]
    return {"images": shown[places.ravel()], "episode": np.repeat(np.arange(100), 20), "action": actions.ravel()}


@pytest.mark.parametrize(
    ("dataset", "size", "chosen", "why"),
    [
        ("slidepuzzle_3x3", "18x12", "sokoban", "3 × 3 cells, and 8 rules for 4 actions explain"),
        ("rubikscube_2x2x2", "16x16", "rubikscube", "without places, and 100.0% of the next bits follow from one bit"),
    ],
)
def test_a_code_whose_rules_leave_nothing_over_comes_first(place, capsys, dataset, size, chosen, why):
    assert main([*TRAIN, "--dataset", dataset, "--img_size", size, "--dataset_size", "3000"]) == 0
    said = capsys.readouterr().out
    assert f"world model chosen: {chosen} (" in said and why in said
    summary = json.loads((place / "run/training.json").read_text())["summary"]
    assert summary["world_model"] == chosen and why in summary["chosen_for"]
    assert json.loads((place / "run/metrics.json").read_text())["verdict"] == "exact"


def test_few_pictures_that_no_rules_fit_are_a_table_and_the_run_is_found_again(place, capsys):
    np.savez(place / "walk.npz", **unlike_pictures(15))
    words = [*TRAIN, "--dataset", "walk.npz", "--mini_batch_size", "100"]
    assert main(words) == 0
    assert "world model chosen: table (15 different pictures among 1," in capsys.readouterr().out
    assert json.loads((place / "run/metrics.json").read_text())["verdict"] == "exact"
    assert main(words) == 0
    assert "is finished" in capsys.readouterr().out
