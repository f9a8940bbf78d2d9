"""`load`: a finished run's model in other people's hands, on NumPy arrays, with every use checked."""

import doctest
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import pipeline
from pipeline import loaded
from pipeline.command_line.cli import main
from pipeline.puzzles import PUZZLES
from pipeline.system.errors import UserError

ROOT, PUZZLE, SIZE = Path(__file__).parents[1], PUZZLES["lightsout_4x4"], (8, 8)
TRAIN = "--dataset lightsout_4x4 --world_model lightsout --dataset_size 2000 --img_size 8 8 --train_epochs 1"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("loaded")
    words = [*TRAIN.split(), "--output_dir", str(place / "run"), "--data_dir", str(place / "data")]
    assert main(["world_model_train", "train", *words], parts=1) == 0
    return place / "run"


@pytest.fixture(scope="module")
def model(run):
    return pipeline.load(run)


@pytest.fixture(scope="module")
def states():
    return PUZZLE.start(np.random.default_rng(0), 5, "anywhere")


@pytest.fixture(scope="module")
def images(states):
    return PUZZLE.render(states, SIZE)


@pytest.mark.parametrize("run", ["nothing", "empty", "file"])
def test_a_folder_that_is_no_finished_run_is_refused_in_one_line(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("file").touch()
    with pytest.raises(UserError, match=rf"^it must be the folder of a finished run.*Received: {run}$"):
        pipeline.load(run)


@pytest.mark.parametrize(
    "name", ["encode", "decode", "step", "known", "successors", "rollout", "solve", "planner", "functions"]
)
def test_the_examples_of_its_functions_are_true(name, model, images):
    function = getattr(loaded.WorldModel, name)
    (example,) = doctest.DocTestFinder(recurse=False).find(
        function, name, globs={"np": np, "model": model, "images": images}
    )
    assert example.examples, "there is none"
    assert doctest.DocTestRunner(verbose=False).run(example).failed == 0


def test_it_says_what_it_is(model):
    assert (model.dataset, model.img_size, model.actions) == ("lightsout_4x4", SIZE, PUZZLE.actions)
    assert repr(model) == "<world model of lightsout_4x4: 16 bits, 16 actions, not measured>"


def test_successors_are_the_steps_by_all_actions_and_the_true_ones(model, states, images):
    codes = model.encode(images)
    found = model.successors(codes)
    for action, name in enumerate(PUZZLE.actions):
        assert np.array_equal(found[:, action], model.step(codes, name))
        true = PUZZLE.step(states, np.full(5, action))
        assert np.array_equal(model.decode(found[:, action]), PUZZLE.render(true, SIZE))
    assert np.array_equal(model.successors(codes[0]), found[0])


def test_codes_that_no_picture_has_are_stepped_by_the_network(model, images, monkeypatch):
    def refuse(*given):
        raise ValueError("a cell has several bits")

    codes = model.encode(images)
    expected = model.step(codes, 3), model.successors(codes)
    monkeypatch.setitem(model.__dict__, "_compiled", SimpleNamespace(step=refuse, successors=refuse))
    assert np.array_equal(model.step(codes, 3), expected[0]) and np.array_equal(model.successors(codes), expected[1])


def test_one_gives_what_it_gives_among_many(model, images):
    codes = model.encode(images)
    assert np.array_equal(model.encode(images[2]), codes[2]) and np.array_equal(model.decode(codes[2]), images[2])
    after = model.step(codes, [3, 1, 4, 1, 5])
    assert np.array_equal(model.step(codes[2], 4), after[2])
    assert np.array_equal(model.step(codes, 7), model.step(codes, np.full(5, 7)))
    assert np.array_equal(model.rollout(codes, [[3, 1, 4, 1, 5]])[1], after)
    assert model.known(codes[2], 4) == model.known(codes, [3, 1, 4, 1, 5])[2]


def test_none_at_all_gives_none(model, images):
    codes = model.encode(images[:0])
    assert codes.shape == (0, 16) and model.decode(codes).shape == (0, 8, 8, 3)
    assert model.step(codes, []).shape == (0, 16) and model.successors(codes).shape == (0, 16, 16)


def test_more_than_is_worked_on_at_a_time_gives_the_same(model, images, monkeypatch):
    monkeypatch.setattr(loaded, "ROWS", 2)
    codes = model.encode(images)
    assert np.array_equal(model.decode(codes), images) and len(model.step(codes, 0)) == 5


def test_a_plan_between_pictures_is_true(model, states, images):
    goal = PUZZLE.step(PUZZLE.step(states[:1], np.array([2])), np.array([11]))
    plan = model.solve(images[0], PUZZLE.render(goal, SIZE)[0])
    assert plan.status == "solved" and plan.optimal and sorted(plan.actions) == [2, 11]


CODE, IMAGE = np.zeros(16, np.uint8), np.zeros((8, 8, 3), np.uint8)
WRONG = [
    ("encode", [IMAGE / 255.0], "uint8, 0 to 255. Received: (8, 8, 3) float64 from 0 to 0"),
    ("encode", [IMAGE.astype(np.float32)], "Received: (8, 8, 3) float32"),
    ("encode", [IMAGE.astype(int)], "Received: (8, 8, 3) int64"),
    ("encode", [IMAGE[:4]], "images must be (8, 8, 3) or (N, 8, 8, 3)"),
    ("encode", [IMAGE[..., 0]], "Received: (8, 8) uint8"),
    ("encode", [IMAGE[..., :2]], "Received: (8, 8, 2) uint8"),
    ("encode", [IMAGE.transpose(2, 0, 1)], "Received: (3, 8, 8) uint8"),
    ("encode", [IMAGE[None, None]], "Received: (1, 1, 8, 8, 3) uint8"),
    ("encode", [np.zeros((2, 32, 32, 3), np.uint8)], "Received: (2, 32, 32, 3) uint8"),
    ("encode", [CODE], "Received: (16,) uint8"),
    ("encode", ["run/strip.png"], "Received: () <U13"),
    ("encode", [[]], "Received: (0,) float64"),
    ("decode", [CODE[:15]], "codes must be (16,) or (N, 16) of 0 and 1. Received: (15,) uint8"),
    ("decode", [CODE + 0.5], "must be of 0 and 1, as `encode` gives them. Received: (16,) float64 from 0.5 to 0.5"),
    ("decode", [CODE - 3.0], "Received: (16,) float64 from -3 to -3"),
    ("decode", [CODE + np.nan], "codes must be of 0 and 1"),
    ("decode", [CODE + 2], "Received: (16,) uint8 from 2 to 2"),
    ("decode", [IMAGE], "codes must be (16,) or (N, 16)"),
    ("decode", [5], "Received: () int64"),
    ("decode", [["a"] * 16], "Received: (16,) <U1"),
    ("step", [CODE, 16], "actions must be one or (N,), from 0 to 15. Received: () int64 from 16 to 16"),
    ("step", [CODE, -1], "from 0 to 15"),
    ("step", [CODE, 1.0], "actions must be whole numbers or names. Received: () float64"),
    ("step", [CODE, True], "actions must be whole numbers or names. Received: () bool"),
    ("step", [CODE, None], "an action must be one of 'press 1,1', 'press 1,2'"),
    ("step", [CODE, "up"], "'press 3,4', …. Received: up"),
    ("step", [CODE[None].repeat(3, 0), [1, 2]], "one for each of the 3 codes. Received: 2 actions"),
    ("step", [CODE, [[1, 2]]], "actions must be one or (N,)"),
    ("step", [IMAGE, 0], "codes must be (16,) or (N, 16)"),
    ("known", [CODE, 99], "from 0 to 15"),
    ("successors", [CODE[:3]], "codes must be (16,) or (N, 16)"),
    ("rollout", [CODE, [0, 16]], "from 0 to 15"),
    ("solve", [CODE, IMAGE[:4]], "images must be (8, 8, 3)"),
    ("solve", [CODE[:3], CODE], "codes must be (16,)"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given", "said"), WRONG)
def test_a_wrong_use_is_refused_in_one_line(name, given, said, model):
    with pytest.raises(ValueError) as refused:
        getattr(model, name)(*given)
    assert said in str(refused.value) and "\n" not in str(refused.value)


WITHOUT_TENSORFLOW = """
import importlib.abc, sys

class NotInstalled(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] == "tensorflow":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NotInstalled())
import numpy as np
from pipeline import load
model = load("run")
codes = model.encode(np.load("images.npy"))
import jax
encode, decode, step = map(jax.jit, model.functions())
jitted = step(encode(np.load("images.npy")), np.full(len(codes), 3))
np.savez("found", codes, model.successors(codes), model.step(codes, 3), model.decode(codes), jitted)
"""


def test_it_works_without_tensorflow_and_jax_compiles_its_functions(run, images, model, tmp_path):
    (tmp_path / "run").symlink_to(run)
    np.save(tmp_path / "images.npy", images)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORFLOW], cwd=tmp_path, capture_output=True, text=True,
        env=os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    codes = model.encode(images)
    expected = codes, model.successors(codes), model.step(codes, 3), images, model.step(codes, 3)
    with np.load(tmp_path / "found.npz") as found:
        assert all(np.array_equal(found[name], array) for name, array in zip(found.files, expected, strict=True))


# ---- its dream as an environment


def test_a_puzzle_is_dreamed_until_it_is_solved(run, states):
    from pipeline.dream import Dream

    env = Dream(str(run), codes=True, data_dir=str(run.parent / "data"), render_mode="rgb_array")
    check_env(env)
    solved = np.zeros((1, 16), np.uint8)
    before = PUZZLE.step(PUZZLE.step(solved, np.array([2])), np.array([11]))
    env.reset(options={"start": PUZZLE.render(before, SIZE)[0]})
    told = [env.step(action)[1:3] for action in (2, 11)]
    assert told == [(0, False), (1, True)] and np.array_equal(env.render(), PUZZLE.render(solved, SIZE)[0])


# ---- as ONNX, without us


RUN_ELSEWHERE = """
import sys
import numpy as np, onnxruntime
code, images, after = (onnxruntime.InferenceSession(f"run/export/{name}.onnx").run(None, given)[0] for name, given in (
    ("encoder", {"images": np.load("images.npy")}),
    ("decoder", {"code": np.load("codes.npy")}),
    ("transition", {"code": np.load("codes.npy"), "action": np.load("actions.npy")}),
))
assert not {"tensorflow", "keras", "pipeline"} & set(sys.modules)
np.savez("found", code, images, after)
"""


@pytest.fixture(scope="module")
def exported(run):
    pytest.importorskip("tf2onnx"), pytest.importorskip("onnxruntime")
    assert main(["world_model_train", "export", str(run), "--format", "onnx"]) == 0
    return run / "export"


def test_another_runtime_gives_the_same_bits_in_a_process_without_us(exported, run, model, tmp_path):
    rng = np.random.default_rng(1)
    images, actions = PUZZLE.render(PUZZLE.start(rng, 3000, "anywhere"), SIZE), rng.integers(0, 16, 3000)
    codes = model.encode(images)
    (tmp_path / "run").symlink_to(run)
    for name, array in (("images", images), ("codes", codes), ("actions", actions)):
        np.save(tmp_path / f"{name}.npy", array)
    done = subprocess.run([sys.executable, "-c", RUN_ELSEWHERE], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "found.npz") as found:
        expected = codes, images, model.step(codes, actions)
        assert all(np.array_equal(found[name], array) for name, array in zip(found.files, expected, strict=True))


def test_the_files_and_the_card_say_what_the_model_is(exported, run):
    import onnx

    summary = json.loads((run / "training.json").read_text())["summary"]
    facts = {entry.key: entry.value for entry in onnx.load(exported / "encoder.onnx").metadata_props}
    card = (exported / "README.md").read_text()
    assert facts["dataset"] == "lightsout_4x4" and json.loads(facts["actions"]) == list(PUZZLE.actions)
    for digest in ("dataset_digest", "model_digest"):
        assert facts[digest] == summary[digest] and summary[digest] in card
    assert "`press 1,1`" in card and "not measured" in card and "--dataset_size 2000" in card


def test_a_file_that_would_give_other_bits_is_not_written(run, monkeypatch, capsys):
    pytest.importorskip("tf2onnx"), pytest.importorskip("onnxruntime")
    monkeypatch.setattr(loaded.WorldModel, "encode", lambda self, images: np.ones((len(images), 16), np.uint8))
    before = {path: path.stat().st_mtime_ns for path in (run / "export").glob("*")}
    assert main(["world_model_train", "export", str(run), "--format", "onnx"]) == 2
    assert "encoder.onnx would give other bits than the model" in capsys.readouterr().err
    assert before == {path: path.stat().st_mtime_ns for path in (run / "export").glob("*")}


# ---- the blocks of the documents


def test_the_blocks_of_the_document_run_one_after_the_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = "--dataset rubikscube --world_model rubikscube --dataset_size 2000 --train_epochs 1"
    assert main(["world_model_train", "train", *words.split()], parts=1) == 0
    known: dict = {}
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/using-a-model.md").read_text(), re.DOTALL)
    of_agents = [block for block in blocks if "stable_baselines3" in block]  # which tools/check_all.py runs
    for block in blocks:
        if block not in of_agents:
            exec(block.replace("FrozenLake-v1-auto", "rubikscube-rubikscube"), known)
    assert (
        len(blocks) == 4
        and len(of_agents) == 1
        and known["plan"].status == "solved"
        and len(known["plan"].actions) == 1
    )
    assert known["after"].shape == (12, known["model"].bits) and known["envs"].num_envs == 64
