"""`check` says in seconds what a source is, what it lacks, and whether it can be used."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from small_recordings import recorded, write_npz

from pipeline.command_line.cli import main


def check(word, capsys, *options) -> str:
    assert main(["world_model_train", "check", str(word), *options]) == 0
    said = capsys.readouterr().out
    assert said.endswith("it can be used\n")
    return said


def test_of_a_recording_it_says_what_is_in_it_and_what_will_not_be_measured(place, capsys):
    write_npz(place / "walk.npz", recorded() | {"reward": np.zeros(1040), "rewards": np.zeros(1040)})
    said = check("walk.npz", capsys)
    assert (
        "walk.npz: a recording of 1,000 transitions in 40 episodes, 16 actions (0, 1, 2, 3, 4, 5, 6, 7, ...), " in said
    )
    assert "pictures of 8x8, with rewards" in said and "--world_model table is for at most 4,096" in said
    assert "not used: rewards; what is used is called images, episode, action, state, reward, terminated" in said
    assert "actions that are never taken" not in said
    assert "not measured without `step`: " in said and "chance" not in said
    assert [path.name for path in place.iterdir()] == ["walk.npz"]


def test_it_notices_chance_and_worlds_of_few_pictures(place, capsys):
    rng = np.random.default_rng(0)
    places = rng.integers(0, 5, 400)
    images = np.kron(np.eye(5, dtype=np.uint8)[places][:, None], np.full((3, 3), 9, np.uint8))
    write_npz(place / "walk.npz", {"images": images, "episode": np.arange(400) // 40, "action": 3 * (places % 2)})
    said = check("walk.npz", capsys)
    assert "actions that are never taken, and stay unknown: 1, 2\n" in said
    assert "5 different pictures among 400 frames: so few that --world_model table may be exact" in said
    assert "chance or hidden state: an action led elsewhere from the same picture, 20×" in said


def test_states_that_are_not_one_to_one_with_pictures_are_told(place, capsys):
    found = recorded()
    write_npz(place / "walk.npz", found | {"state": np.arange(1040) // 2})
    assert "one state has several pictures, " in (said := check("walk.npz", capsys)) and "has several states" in said
    write_npz(place / "walk.npz", found | {"state": found["images"]})
    assert "has several" not in check("walk.npz", capsys)


def test_of_an_environment_and_a_puzzle_too(place, capsys):
    assert "lightsout: a puzzle with 49 actions, states of 49 bytes" in check("lightsout", capsys)
    pytest.importorskip("gymnasium")
    shutil.copy(Path(__file__).parent / "strip_env.py", place)
    said = check("gym:strip_env:Strip-v0", capsys, "--img_size=2 12")
    assert "20,000 steps of --dataset_size take about" in said
    assert "an environment with 3 actions; 300 steps showed 6 different pictures in " in said
    assert not (place / "data").exists()


def test_what_cannot_be_used_is_refused_as_by_generate(place, capsys):
    assert main(["world_model_train", "check", "none.npz"]) == 2
    assert "there is no recording at none.npz" in capsys.readouterr().err
