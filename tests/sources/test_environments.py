"""A Gymnasium environment is walked, its episodes become a dataset, and the model of it is measured in new walks."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline import load
from pipeline.command_line.cli import main
from pipeline.command_line.options import GenerateCommand
from pipeline.dataset.checks import check_digest, open_dataset
from pipeline.generation import environments
from pipeline.generation.stage import ensure_dataset
from pipeline.runs.folder import Run
from pipeline.sources import environment as walking
from pipeline.sources.environment import Environment
from pipeline.sources.policies import Novel
from pipeline.system.errors import UserError

pytest.importorskip("gymnasium")
HERE = Path(__file__).parent
WORD = "gym:strip_env:Strip-v0"
CHANGES = ({"env_options": "chance=0.5"}, {"policy": "novel"}, {"key": 1})
SMALL = {"dataset": WORD, "dataset_size": 600, "img_size": (2, 12), "shuffle_length": 20}


@pytest.fixture(autouse=True)
def own_module(place, monkeypatch):
    """Let the environment's module lie in the folder that the command is called in."""
    shutil.copy(HERE / "strip_env.py", place)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(environments, "LEAST_UNSEEN", 100)


def make(**given) -> Path:
    return ensure_dataset(GenerateCommand(**(SMALL | given)))


def test_the_episodes_of_a_walk_hold_together_and_end_where_the_world_ends(place):
    with open_dataset(make()) as file:
        check_digest(file)
        assert {split: len(file[split]["actions"]) for split in file} == {"train": 600, "validation": 100, "test": 100}
        assert file.attrs["action_names"].tolist() == ["0", "1", "2"]
        for split in ("train", "validation", "test"):
            arrays = {name: values[:] for name, values in file[split].items()}
            frames, actions, ended = arrays["frames"].astype(int), arrays["actions"], arrays["terminated"] == 1
            places = arrays["images"][:, 0, ::2, 0].argmax(axis=1)
            assert ((arrays["images"] == 255).sum(axis=(1, 2, 3)) == 2 * 2 * 3).all()  # resized by area, and sharp
            after = np.clip(places[frames] + np.array([-1, 1, 0])[actions], 0, 5)
            assert (after == places[frames + 1]).all()
            assert (ended == ((places[frames] == 5) & (actions == 1))).all() and (arrays["rewards"] == ended).all()
            new = np.diff(frames, append=10**9) > 1  # the last transition of an episode
            assert ended[~new].sum() == 0 and ended.any()
            lengths = np.diff(np.flatnonzero(np.concatenate([[True], new])))
            assert lengths.max() > 5  # Gymnasium's own time limit is switched off


def test_a_walk_is_the_same_on_any_number_of_processes_and_another_by_other_options(place, monkeypatch):
    monkeypatch.setattr(environments, "BLOCK_TRANSITIONS", 70)
    first = make().read_bytes()
    others = {str(changed): make(**changed, data_dir=str(changed)).read_bytes() for changed in CHANGES}
    assert len({first, *others.values()}) == 1 + len(CHANGES)
    monkeypatch.setattr(walking, "WORTH_PROCESSES", 500)
    monkeypatch.setattr(walking, "cores", lambda: 2)
    assert make(policy="novel", data_dir="again").read_bytes() == others[str({"policy": "novel"})]


def test_an_environment_that_was_edited_is_walked_again(place):
    module = place / "edited_env.py"
    found = []
    for text in ((place / "strip_env.py").read_text(), (place / "strip_env.py").read_text() + "\n# changed"):
        module.write_text(text)
        environments.describe.cache_clear()
        with open_dataset(make(dataset="gym:edited_env:Strip-v0")) as file:
            found.append(file.attrs["source"])
        sys.modules.pop("edited_env")
    assert found[0] != found[1]


@pytest.mark.usefixtures("few_measured", "quickly")
def test_a_model_of_an_environment_is_measured_in_walks_of_its_own_and_chance_is_told(place, capsys):
    words = [f"--dataset={WORD}", "--world_model=lightsout", "--dataset_size=600", "--img_size=2 12"]
    more = ["--env_options=chance=0.3", "--policy=novel", "--train_epochs=3"]
    assert main(["world_model_train", "train", *words, *more]) == 0
    said = capsys.readouterr().out
    metrics = json.loads(Run("models/Strip-v0-lightsout").metrics_file.read_text())
    # In each of six pictures two actions move the light or don't, but for the left one at the left end.
    assert (metrics["chance"]["pairs"], metrics["chance"]["ambiguous_pairs"]) == (18, 10)
    assert 0.5 < metrics["chance"]["bound"] < 0.95 and metrics["one_step_exact"] <= metrics["chance"]["bound"]
    assert "chance or hidden state: 10 of 18 pairs of picture and action led to different pictures" in said
    assert metrics["rollout"]["steps"] == 30 and "not measured without `states`: identity.two_ways" in said
    first, last = np.kron(np.eye(6)[[0, 5], None], np.full((2, 2), 255))[..., None].repeat(3, axis=3).astype(np.uint8)
    plan = load("models/Strip-v0-lightsout").solve(last, first, seconds=2, train_seconds=1)
    assert plan.status != "impossible" and not plan.optimal  # nothing is proved where steps are chance


def test_novel_tries_everything_equally_often():
    novel, rng, chosen = Novel(5), np.random.default_rng(0), []
    novel.begin("a picture")
    for _ in range(20):
        chosen.append(novel.choose(rng))
        novel.took(chosen[-1], "a picture", False)
    assert np.bincount(chosen).tolist() == [4] * 5 and chosen[:5] != list(range(5))


def walked_line(novel, rng, steps, begins=lambda: 0, length=1000):
    """Walk a line of thirty places, whose right end ends the world; gives the tried pairs, and how many episodes."""
    tried, episodes = set(), 0
    while steps:
        place, here, episodes = begins(), 0, episodes + 1
        novel.begin(place)
        while steps and here < length and place < 29 and (action := novel.choose(rng)) is not None:
            tried.add((place, action))
            place = max(0, place + (1 if action else -1))
            novel.took(action, place, place == 29)
            steps, here = steps - 1, here + 1
    return tried, episodes


def test_novel_ends_no_episode_early_where_there_is_chance():
    novel, rng = Novel(1, patience=5), np.random.default_rng(0)
    for place in ("a picture", "another", "a picture", "another", "a third"):
        novel.begin("a picture")
        assert novel.choose(rng) == 0
        novel.took(0, place, False)
    assert novel.choose(rng) == 0
    novel.took(0, "a picture", False)
    assert [novel.choose(rng) for _ in range(3)] == [0] * 3


def test_novel_goes_where_something_was_never_tried():
    # Random steps would need thousands.
    assert len(walked_line(Novel(2), np.random.default_rng(0), 120)[0]) == 58


def test_novel_ends_episodes_early_only_while_others_begin_in_something_new():
    rng = np.random.default_rng(0)
    elsewhere = {"begins": lambda: int(rng.integers(29)), "length": 3}  # most places are only seen by beginning there
    tried, episodes = walked_line(Novel(2, patience=5), rng, 200, **elsewhere)
    assert len(tried) == 58 and episodes > walked_line(Novel(2), rng, 200, **elsewhere)[1]
    assert walked_line(Novel(2, patience=5), rng, 2000)[1] < 200  # later and later, where nothing new comes


def test_a_policy_of_ones_own_chooses(place):
    (place / "mine.py").write_text("def right(rng, picture):\n    return 1 if picture.shape == (8, 48, 3) else 0\n")
    with open_dataset(make(policy="mine:right")) as file:
        assert (file["train/actions"][:] == 1).all()
    sys.modules.pop("mine")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"dataset": "gym:Nothing-v0"}, "can't be used: it must work. Received: NameNotFound: Environment `Nothing`"),
        ({"dataset": "gym:no_module:Nothing-v0"}, "ModuleNotFoundError: No module named 'no_module'"),
        ({"env_options": "sizes=[3,4],chance=0"}, "TypeError: Strip.__init__() got an unexpected"),
        ({"env_options": "size"}, "--env_options must be name=value,name=value. Received: --env_options size"),
        ({"env_options": "kind=continuous"}, "its actions must be discrete. Received: Box"),
        ({"env_options": "kind=many"}, "at most 256 actions. Received: 300"),
        ({"env_options": "kind=raises"}, "Received: RuntimeError: it broke badly"),
        ({"env_options": "kind=alike"}, "100 steps whose pictures are all alike"),
        ({"env_options": "kind=floats"}, "its render must give (H, W, 3) uint8. Received: (8, 48, 3) float32"),
        ({"policy": "no.module:function"}, "--policy must be importable. Received: --policy no.module:function"),
        ({"policy": "json:nothing"}, "--policy must be importable. Received: --policy json:nothing"),
        ({"policy": "curious"}, "unknown policy 'curious'; choose from: random, novel"),
        ({"dataset": str(HERE), "policy": "novel"}, "--policy is for puzzles and environments"),
        ({"policy": "json:dumps"}, "--policy must give an action from 0 to 2. Received: 'TypeError: dumps"),
        ({"dataset": "rubikscube", "env_options": "a=1"}, "--env_options is for environments"),
        ({"scheduler": "tcp://localhost:1"}, "--scheduler is for the puzzles that are drawn here"),
    ],
)  # fmt: skip
def test_an_environment_that_cannot_be_used_is_refused_in_one_line(options, told, place, capsys):
    words = [f"--{name}={value}" for name, value in ({"dataset": WORD} | options).items()]
    assert main(["world_model_train", "generate", *words]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and told in said[0], said
    assert not (place / "data").exists()


def test_without_gymnasium_one_line_says_what_to_install(place, monkeypatch):
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(UserError, match="an environment needs the package gymnasium"):
        Environment(WORD, "", "random").check((2, 12))
