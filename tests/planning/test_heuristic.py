"""A heuristic learned for a moment leads a beam to the goal, is kept, and is used again."""

import pickle

import numpy as np
import pytest
from planning.learned import Learned

from pipeline.planning import planner
from pipeline.planning.heuristic import Normalized, Walks, build, for_use
from pipeline.planning.kept import heuristic
from pipeline.planning.task import Task


@pytest.fixture(scope="module")
def world():
    return Learned("slidepuzzle_3x3", 2000)


@pytest.fixture
def task(world):
    tables = world.planner.world
    return Task(tables, tables.read(world.found.encode(world.puzzle.solved[None]))[0])


def test_walks_tell_of_two_actions_how_far_the_goal_is_then(task):
    states, labels = Walks(task, 1)[0]
    distance, is_back = labels[..., 0], labels[..., 1]
    known = distance >= 0
    assert (known.sum(axis=1) <= 2).all() and (is_back.sum(axis=1) <= 1).all()
    moves = task.world.children(states)
    step = np.repeat(np.arange(task.steps + 1), len(states) // (task.steps + 1))
    back = is_back[moves.rows, moves.actions] == 1
    rows = moves.rows[back]
    assert len(rows) == (step > 0).sum()  # what leads back is always a step that changes something
    assert (distance[rows, moves.actions[back]] == step[rows] - 1).all()
    first = back & (step[moves.rows] == 1)
    assert (moves.states[first] == task.goal).all()


def test_the_network_is_the_same_without_its_normalization(task, monkeypatch):
    monkeypatch.setattr("pipeline.planning.heuristic.SKIPPED", 1)
    monkeypatch.setattr("pipeline.planning.heuristic.LAST_MEANS", 1)
    network, states = build(task), Walks(task, 1)[0][0]
    for layer in network.layers:
        if isinstance(layer, Normalized):
            layer.set_weights([np.random.default_rng(0).uniform(0.5, 2, part.shape) for part in layer.get_weights()])
    before, after = network.predict_on_batch(states), for_use(network, task).predict_on_batch(states)
    assert np.allclose(before, after, rtol=1e-3, atol=1e-2 * abs(before).max())


def test_a_space_called_too_large_is_solved_by_a_beam_and_the_heuristic_is_kept(
    world, task, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(planner, "MOST_STATES", 1000)
    monkeypatch.setattr("pipeline.planning.task.BALL", 1000)
    rng = np.random.default_rng(0)
    starts, goal = world.puzzle.start(rng, 2, "anywhere"), world.puzzle.solved
    for has_learned in (False, True):
        found = planner.Planner(world, 4, lambda task: heuristic(task, tmp_path, "digest", 2.0))
        for start in starts:
            codes = world.found.encode(np.stack([start, goal]))
            plan = found.solve(codes[0], codes[1:], seconds=1.0)
            assert plan.status == "solved" and "learned heuristic" in plan.method
            assert np.array_equal(world.replay(start, plan.actions), goal)
            assert plan.seconds < 3
        assert ("learning a heuristic" not in capsys.readouterr().out) == has_learned
    sent = pickle.loads(pickle.dumps(found))  # to a worker, with its heuristic and without its model
    assert sent.model is None and sent.uses_all_cores
    plan = sent.solve(codes[0], codes[1:], seconds=1.0)
    assert np.array_equal(world.replay(start, plan.actions), goal)


def test_the_other_goals_of_a_puzzle_share_a_heuristic_where_the_blank_is_at_the_same_place(world, monkeypatch):
    monkeypatch.setattr(planner, "MOST_STATES", 1000)
    monkeypatch.setattr("pipeline.planning.task.BALL", 5)
    goals = []

    def learn(task):
        goals.append(task.goal)
        return lambda states: np.zeros((len(states), 4), np.float32)

    found = planner.Planner(world, 4, learn, width=100)
    for tiles in ([1, 2, 3, 4, 5, 6, 7, 8, 0], [2, 3, 1, 4, 5, 6, 7, 8, 0], [2, 3, 1, 4, 5, 6, 8, 7, 0]):
        goal = np.array(tiles, np.uint8)
        codes = world.found.encode(np.stack([world.replay(goal, [0, 2, 1, 3]), goal]))
        plan = found.solve(codes[0], codes[1:], 10)
        assert np.array_equal(world.replay(world.replay(goal, [0, 2, 1, 3]), plan.actions), goal)
    assert len(goals) == 1


def test_near_the_goal_nothing_is_learned_for_the_distances_are_known(world, monkeypatch):
    monkeypatch.setattr(planner, "MOST_STATES", 1000)
    monkeypatch.setattr("pipeline.planning.task.BALL", 1000)
    found = planner.Planner(world, 4, lambda task: pytest.fail("it learns"))
    codes = world.found.encode(np.stack([world.replay(world.puzzle.solved, [0, 2, 0]), world.puzzle.solved]))
    plan = found.solve(codes[0], codes[1:], 10)
    assert len(plan.actions) == 3 and plan.optimal and "within" in plan.method
