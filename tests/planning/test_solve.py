"""`solve` and `problems` at the command line, on a small run."""

import json
import os
import signal
import time
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline import load
from pipeline.command_line.cli import main
from pipeline.planning import spread
from pipeline.planning.planner import Planner
from pipeline.puzzles import PUZZLES

ROOT = Path(__file__).resolve().parents[2]
PUZZLE, SIZE = PUZZLES["lightsout_4x4"], (16, 16)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Train a small run; gives its folder. Its model is loaded once for all tests."""
    folder = tmp_path_factory.mktemp("solve")
    words = "--dataset lightsout_4x4 --world_model lightsout --dataset_size 2000 --train_epochs 1 --img_size 16 16"
    places = ["--output_dir", str(folder / "run"), "--data_dir", str(folder)]
    assert main(["world_model_train", "train", *words.split(), *places], parts=1) == 0
    from pipeline.world_model import loading

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "load_world_model", cache(loading.load_world_model))
        yield folder / "run"


@pytest.fixture
def call(run, capsys):
    """Run a command about the run; gives its exit code and what it printed."""

    def run_command(command, *words):
        capsys.readouterr()
        code = main(["world_model_train", command, str(run), *map(str, words)])
        printed = capsys.readouterr()
        return code, printed.out if code != 2 else printed.err

    return run_command


def picture(state, path):
    Image.fromarray(PUZZLE.render(state[None], SIZE)[0]).save(path)
    return path


def test_a_plan_is_told_checked_and_drawn(call, run, tmp_path):
    code, told = call("solve", "--save", tmp_path / "plans.json", "--picture", tmp_path / "plan.png")
    assert code == 0
    assert "the dream ends in the goal; its picture ends in the goal; what truly happens ends in the goal" in told
    (plan,) = json.loads((tmp_path / "plans.json").read_text())
    assert plan["status"] == "solved" and plan["optimal"] and plan["verified"]
    assert f"plan: {' '.join(plan['actions'])}" in told
    assert Image.open(tmp_path / "plan.png").size[0] > 100


def test_pictures_are_start_and_goal(call, tmp_path):
    start, goal = np.zeros(16, np.uint8), PUZZLE.toggles[5]
    np.save(tmp_path / "goal.npy", PUZZLE.render(goal[None], SIZE)[0])
    code, told = call("solve", "--start", picture(start, tmp_path / "start.png"), "--goal", tmp_path / "goal.npy")
    assert code == 0 and "plan: press 2,2\n" in told


def test_what_is_impossible_is_proved_and_ends_with_three(call, tmp_path):
    start = np.zeros(16, np.uint8)
    start[0] = 1
    code, told = call("solve", "--start", picture(start, tmp_path / "start.png"))
    assert code == 3 and "impossible: there is no plan: proved" in told


def test_many_problems_are_made_solved_and_replayed(call, tmp_path):
    file, plans = tmp_path / "many.npz", tmp_path / "plans.json"
    assert call("problems", "--count", 20, "--length", 50, "--goal", "random", "--save", file)[0] == 0
    code, told = call("solve", "--problems", file, "--save", plans)
    assert code == 0 and "20 of 20 solved" in told and "20 replayed in the true world, 0 of them wrong" in told
    found = json.loads(plans.read_text())
    assert len(found) == 20 and all(plan["optimal"] and plan["verified"] for plan in found)
    assert call("problems", "--count", 20, "--length", 50, "--goal", "random", "--save", tmp_path / "again.npz")[0] == 0
    assert (tmp_path / "again.npz").read_bytes() == file.read_bytes()


def test_unsolvable_among_many_still_ends_with_zero(call, tmp_path):
    states = np.zeros((2, 16), np.uint8)
    states[1, 0] = 1
    goal = PUZZLE.render(np.zeros((2, 16), np.uint8), SIZE)
    np.savez(tmp_path / "two.npz", start=PUZZLE.render(states, SIZE), goal=goal)
    code, told = call("solve", "--problems", tmp_path / "two.npz", "--save", tmp_path / "plans.json")
    assert code == 0 and "1 of 2 solved, 1 proved impossible, 0 unsolved" in told
    assert [plan["actions"] for plan in json.loads((tmp_path / "plans.json").read_text())] == [[], None]


@pytest.fixture
def twenty(call, tmp_path):
    assert call("problems", "--count", 20, "--length", 50, "--goal", "random", "--save", tmp_path / "many.npz")[0] == 0
    return tmp_path / "many.npz"


def test_processes_and_a_dask_cluster_find_the_same_plans(call, twenty, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # where the workers find the project's code
    assert call("solve", "--problems", twenty, "--save", tmp_path / "here.json")[0] == 0
    with monkeypatch.context() as patch:
        patch.setattr(spread, "WORTH_SECONDS", 0.0)
        patch.setattr(spread, "cores", lambda: 2)
        assert call("solve", "--problems", twenty, "--save", tmp_path / "spread.json")[0] == 0
    with distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster:
        words = ["--problems", twenty, "--save", tmp_path / "there.json", "--scheduler", cluster.scheduler_address]
        assert call("solve", *words)[0] == 0
    here, beside, there = (
        [[plan[name] for name in ("actions", "status", "optimal", "verified")] for plan in json.loads(file.read_text())]
        for file in (tmp_path / "here.json", tmp_path / "spread.json", tmp_path / "there.json")
    )
    assert here == beside == there and len(here) == 20


@pytest.mark.parametrize("signals", [1, 2])
def test_ctrl_c_saves_what_was_done(call, twenty, tmp_path, monkeypatch, signals):
    solved, done = Planner.solve, []

    def solve(*given):
        done.append(1)
        if len(done) == 5:
            for _ in range(signals):
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.2)
        return solved(*given)

    monkeypatch.setattr(Planner, "solve", solve)
    code, told = call("solve", "--problems", twenty, "--save", tmp_path / "plans.json")
    found = json.loads((tmp_path / "plans.json").read_text())
    assert code == 130 and 1 <= len(found) < 20 and all(plan["verified"] for plan in found)
    assert f"{len(found)} of {len(found)} solved" in told


def test_ctrl_c_on_a_single_problem_tells_what_there_is(call, monkeypatch, tmp_path):
    solved = Planner.solve

    def solve(*given):
        plan = solved(*given)
        os.kill(os.getpid(), signal.SIGINT)
        return plan

    monkeypatch.setattr(Planner, "solve", solve)
    code, told = call("solve", "--save", tmp_path / "plans.json")
    assert code == 130 and "plan: " in told and json.loads((tmp_path / "plans.json").read_text())[0]["verified"]


def test_a_search_by_name_finds_the_plan_too(call, tmp_path):
    assert call("solve", "--start", picture(PUZZLE.toggles[3] ^ PUZZLE.toggles[9], tmp_path / "start.png"))[0] == 0
    code, told = call("solve", "--start", tmp_path / "start.png", "--search", "blind", "--width", 10)
    assert code == 0 and "blind, 10 at a time" in told and "2 actions, no plan is shorter" in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--start", "noise.png"], "pictures must be as those of the run"),
        (["--start", "large.png"], "--start must be a picture of 16 × 16 pixels"),
        (["--start", "none.png"], "no file is there"),
        (["--goal", "terminal"], "--goal must be a picture, or terminal where the data shows an end"),
        (["--goal", "terminal", "--search", "blind"], "--goal terminal needs --search auto"),
        (["--problems", "text.npz"], "--problems must be an .npz file"),
        (["--problems", "other.npz"], "--problems must hold the arrays start and goal"),
        (["--problems", "shapes.npz"], "goal of --problems must be (N, 16, 16, 3) uint8"),
        (["--problems", "other.npz", "--start", "random"], "--start is for one problem"),
        (["--save", "plans.txt"], "--save must end in .json"),
        (["--seconds", "0"], "--seconds must be a number above 0"),
        (["--search", "bread"], "unknown search 'bread'"),
        (["--weight", "0.5"], "--weight is for --search astar, qstar"),
        (["--search", "blind", "--train_seconds", "5"], "--train_seconds is for --search auto, beam, astar, qstar"),
        (["--scheduler", "tcp://localhost:9"], "--scheduler is for many problems"),
        (["--free_goal"], "--free_goal is for worlds in which one thing moves"),
    ],
)
def test_bad_input_is_one_line(call, run, words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for name, size in (("noise", SIZE), ("large", (32, 32))):
        noise = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
        Image.fromarray(noise).save(f"{name}.png")
    (tmp_path / "text.npz").write_text("no archive")
    np.savez("other.npz", begin=np.zeros(3))
    np.savez("shapes.npz", start=np.zeros((1, *SIZE, 3), np.uint8), goal=np.zeros((2, *SIZE, 3), np.uint8))
    words = [*words, "--data_dir", run.parent]
    code, told = call("solve", *words)
    assert code == 2 and said in told and told.count("\n") == 1


def test_the_same_plans_come_from_arrays(run):
    model = load(run)
    states = np.stack([PUZZLE.toggles[3] ^ PUZZLE.toggles[9], np.zeros(16, np.uint8)])
    codes = model.encode(PUZZLE.render(states, SIZE))
    plan = Planner(model, 16).solve(codes[0], codes[1:], seconds=5)
    assert plan.status == "solved" and sorted(plan.actions) == [3, 9]
