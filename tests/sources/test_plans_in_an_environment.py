"""A world that was brought in is planned in by the same command, and the plan is replayed in the true environment."""

import json
import shutil
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from pipeline import load
from pipeline.command_line.cli import main
from pipeline.evaluation.plans import replayed_live
from pipeline.generation import environments
from pipeline.sources.environment import Environment

gymnasium = pytest.importorskip("gymnasium")
check_env = pytest.importorskip("gymnasium.utils.env_checker").check_env
WORD = "gym:strip_env:Strip-v0"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Train a table of the strip; gives its folder, in which the environment's module lies."""
    folder = tmp_path_factory.mktemp("strip")
    shutil.copy(Path(__file__).parent / "strip_env.py", folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "path", [*sys.path])
        patch.setattr(environments, "LEAST_UNSEEN", 100)
        words = f"--dataset {WORD} --world_model table --dataset_size 600 --img_size 2 12 --shuffle_length 20"
        assert (
            main(["world_model_train", "train", *words.split(), "--train_epochs", "1", "--output_dir", "run"], parts=1)
            == 0
        )
        yield folder


def light(place):
    return np.kron(np.arange(6) == place, np.full((2, 2), 255))[..., None].repeat(3, axis=2).astype(np.uint8)


def solve(folder, monkeypatch, *words):
    monkeypatch.chdir(folder)
    code = main(["world_model_train", "solve", "run", "--save", "plans.json", *words])
    return code, json.loads((folder / "plans.json").read_text())[0] if code != 2 else None


def test_the_end_that_the_data_shows_is_reached_in_the_true_environment(run, monkeypatch, capsys):
    np.save(run / "left.npy", light(0))
    code, plan = solve(run, monkeypatch, "--start", "left.npy", "--goal", "terminal")
    assert code == 0 and plan["actions"] == ["1"] * 6 and plan["optimal"] and plan["verified"]
    assert "what truly happens ends in the goal" in capsys.readouterr().out


def test_an_episode_of_the_data_gives_the_start_and_a_picture_the_goal(run, monkeypatch):
    np.save(run / "right.npy", light(5))
    for key in range(4):
        code, plan = solve(run, monkeypatch, "--key", str(key), "--goal", "right.npy")
        assert code == 0 and plan["verified"] and set(plan["actions"]) <= {"1"} and len(plan["actions"]) < 6


def test_what_is_solved_no_environment_says(run, monkeypatch, capsys):
    assert solve(run, monkeypatch)[0] == 2
    said = capsys.readouterr().err
    assert "--goal must be a picture, or terminal where the data shows an end" in said


def test_of_several_goals_the_nearest_is_reached(run):
    from pipeline.planning.planner import Planner

    model = load(run / "run")
    codes = model.encode(np.stack([light(2), light(5), light(1)]))
    plan = Planner(model, 3).solve(codes[0], codes[1:], 5)
    assert plan.actions == [0] and plan.optimal


def test_what_truly_happens_ends_with_the_world(run, monkeypatch):
    monkeypatch.chdir(run)
    images, ended = replayed_live(Environment(WORD, "", "random"), light(3), [1, 1, 1, 0, 0])
    assert ended and len(images) == 4 and np.array_equal(images[-1], light(5))


# ---- its dream as an environment


@pytest.fixture
def dream(run, monkeypatch):
    monkeypatch.chdir(run)
    env = gymnasium.make("pipeline.dream:Dream-v0", run="run")
    yield env
    env.close()


def test_a_dream_is_an_environment_as_gymnasium_wants_it(dream):
    check_env(dream.unwrapped, skip_render_check=True)


def test_a_dream_has_the_rewards_and_ends_that_the_data_showed(dream):
    dream.reset(seed=0, options={"start": light(4)})
    image, reward, ended, _, told = dream.step(1)
    assert np.array_equal(image, light(5)) and (reward, ended, told["known"]) == (0, False, True)
    image, reward, ended, _, _ = dream.step(1)
    assert np.array_equal(image, light(5)) and (reward, ended) == (1, True)


def test_what_an_agent_learns_in_the_dream_is_right_in_the_true_environment(dream, run):
    """Q-learning (Watkins, 1989) on the pictures that it dreams."""
    rng, values = np.random.default_rng(0), defaultdict(lambda: np.zeros(3))
    for episode in range(400):
        image, _ = dream.reset(seed=episode)
        for _ in range(20):
            here = image.tobytes()
            action = rng.integers(3) if rng.random() < 0.5 else values[here].argmax()
            image, reward, ended, _, _ = dream.step(action)
            values[here][action] = reward + 0.9 * (not ended) * values[image.tobytes()].max()
            if ended:
                break
    learned = [int(values[light(place).tobytes()].argmax()) for place in range(6)]
    true, ended = replayed_live(Environment(WORD, "", "random"), light(0), learned)
    assert ended and len(true) == 7 and np.array_equal(true[5], light(5))  # the sixth step ends the world


def test_many_dreams_at_once_are_each_as_one_alone(dream, run):
    many = gymnasium.make_vec("pipeline.dream:Dream-v0", num_envs=5, run="run", max_episode_steps=7)
    rng, (images, told) = np.random.default_rng(0), many.reset(seed=3)
    over, lengths = np.zeros(5, bool), np.zeros(5, int)
    for _ in range(40):
        before, actions = images, rng.integers(0, 3, 5)
        images, rewards, ended, cut, told = many.step(actions)
        lengths = np.where(over, 0, lengths + 1)
        for at in np.flatnonzero(~over):
            dream.reset(options={"start": before[at]})
            image, reward, end, _, alone = dream.step(actions[at])
            assert np.array_equal(image, images[at]) and np.array_equal(alone["code"], told["code"][at])
            assert (reward, end) == (rewards[at], ended[at])
        assert not rewards[over].any() and np.array_equal(cut, (lengths == 7) & ~ended)
        over = ended | cut
    assert many.observation_space.contains(images) and many.action_space.contains(actions)
