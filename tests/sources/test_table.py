"""A table of pictures is exact on what it saw, and says of the rest that it is unknown."""

import json

import numpy as np
import pytest
from small_recordings import write_npz

import pipeline
from pipeline.codes.table import COARSE, Pictures, TooManyPictures, make_table
from pipeline.command_line.cli import main
from pipeline.evaluation.verdict import sentences, verdict
from pipeline.runs.folder import Run

TRAIN = ["world_model_train", "train", "--world_model=table", "--dataset=walk.npz"]


def walked(steps=40, episodes=30, chance=0.0, never=None) -> dict[str, np.ndarray]:
    """Walk a light on a ring of nine cells, of 2×2 pixels; action 0 and 1 move it."""
    rng = np.random.default_rng(0)
    images, actions = [], []
    for _ in range(episodes):
        place = int(rng.integers(9))
        for _ in range(steps):
            action = int(rng.integers(2))
            if (place, action) == never:
                action = 1 - action
            images.append(np.kron((np.arange(9) == place).reshape(3, 3), np.full((2, 2), 200)))
            actions.append(action)
            place = (place + (2 * action - 1) * int(rng.random() >= chance)) % 9
    return {
        "images": np.array(images, np.uint8),
        "episode": np.repeat(np.arange(episodes), steps),
        "action": np.array(actions),
    }


def test_pictures_a_few_grey_levels_off_are_the_same_and_others_are_not():
    rng = np.random.default_rng(0)
    first = rng.integers(10, 240, (20, 21, 17, 3), np.uint8)  # no whole number of coarse parts
    pictures = Pictures()
    assert pictures.number(first).tolist() == list(range(20))
    off = (first + rng.integers(-4, 5, first.shape)).astype(np.uint8)
    assert pictures.number(off).tolist() == list(range(20))
    off[:, 3, 5, 1] = first[:, 3, 5, 1] + 5
    assert pictures.number(off).tolist() == list(range(20, 40))
    assert COARSE < 17


def test_the_commonest_counts_where_an_action_led_to_several_and_what_was_not_seen_is_unknown():
    pictures = Pictures()
    shown = pictures.number(np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1).repeat(3, axis=3) * 50)
    shown = shown[[0, 1, 0, 2, 0, 1, 2, 2]]
    table = make_table(pictures, shown, np.array([0, 2, 4, 6]), np.array([0, 0, 0, 1]), 2)
    assert table.following.tolist() == [[1, 3, 3], [3, 3, 2]] and table.several == 1
    assert "a table of 3 pictures; 2 of 6 pairs of picture and action were seen, of which 1 led to diff" in str(table)


def test_more_pictures_than_a_table_is_for_are_noticed(monkeypatch):
    monkeypatch.setattr("pipeline.codes.table.MOST_PICTURES", 5)
    with pytest.raises(TooManyPictures):
        Pictures().number(np.random.default_rng(0).integers(0, 255, (6, 4, 4, 3), np.uint8))


@pytest.mark.usefixtures("few_measured", "quickly")
def test_a_run_with_a_table_is_exact_and_its_model_knows_what_it_does_not_know(place, capsys):
    write_npz(place / "walk.npz", walked(never=(4, 1)))
    assert main([*TRAIN, "--train_epochs=3"]) == 0
    losses = np.genfromtxt("models/walk-table/history.csv", delimiter=",", names=True)["loss"]
    assert len(losses) == 3 and (np.diff(losses) < 0).all()  # what is certain becomes more so
    metrics = json.loads(Run("models/walk-table").metrics_file.read_text())
    assert metrics["verdict"] == "exact" and metrics["chance"]["ambiguous_pairs"] == 0
    assert metrics["unknown_steps"] == 0  # the pair that is unknown was never met
    assert "a table of 9 pictures; 17 of 18 pairs of picture and action were seen; what" in capsys.readouterr().out
    model = pipeline.load("models/walk-table")
    images = np.stack([np.kron((np.arange(9) == at).reshape(3, 3), np.full((2, 2), 200)) for at in range(9)])
    images = images[..., None].repeat(3, axis=3).astype(np.uint8)
    codes = model.encode(images)
    assert (model.decode(codes) == images).all()
    assert (model.encode(images - (images > 0) * np.uint8(20)) == codes).all()  # the nearest, not an equal one
    after = model.step(codes, np.ones(9, int))
    right = (after == codes[(np.arange(9) + 1) % 9]).all(axis=1)
    assert right.tolist() == [at != 4 for at in range(9)] == model.known(codes, 1).tolist()
    assert (model.decode(after[4:5]) == 128).all()  # the picture of what is unknown
    assert (model.step(after[4:5], np.zeros(1, int)) == after[4]).all()


def test_more_data_is_what_to_try_where_pictures_were_never_seen_and_nothing_helps_against_chance():
    all_right = {
        "told_apart": 1.0, "true_pictures": 1.0, "one_step_exact": 1.0, "unknown_steps": 0, "transitions": 500,
        "distinct_states": 50, "distinct_codes": 50, "walk_states_seen_in_training": 50, "pixel_error": 0,
        "identity": {"states": 50, "shared_codes": 0}, "one_step_by_change": {"change": {"steps": 500, "exact": 500}},
        "rollout": {"steps": 100, "episodes": 10, "episodes_all_exact": 10, "first_failure": None},
    }  # fmt: skip
    assert verdict(all_right) == "exact"
    wrong = {"one_step_exact": 0.99, "one_step_by_change": {"change": {"steps": 500, "exact": 495}}}
    new = {"told_apart": 0.99, "distinct_codes": 49, "walk_states_seen_in_training": 49, "unknown_steps": 5}
    said = sentences(all_right | wrong | new)
    assert said[0].startswith("nearly: 49 codes for 50 states") and "--policy novel" in said[1]
    assert "never showed 1 of the 50 pictures" in said[1] and "5 of 500 unseen steps rest on what" in said[2]
    chance = {"pairs": 90, "ambiguous_pairs": 9, "ambiguous_steps": 0.1, "bound": 0.99}
    said = sentences(all_right | wrong | {"chance": chance, "exact_where_certain": 1.0})
    assert "no training helps" in said[1] and "no model of the picture can have more than 99.00%" in said[2]


def test_a_world_with_too_many_pictures_is_refused_in_one_line(place, monkeypatch, capsys):
    write_npz(place / "walk.npz", walked())
    monkeypatch.setattr("pipeline.codes.table.MOST_PICTURES", 8)
    assert main(TRAIN) == 2
    assert "error: a table is for worlds of at most " in capsys.readouterr().err
