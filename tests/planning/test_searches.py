"""Searches that are asked for by name find plans that hold, or say in one line why they don't fit."""

import numpy as np
import pytest
from planning.learned import Learned

from pipeline.planning import breadth
from pipeline.planning import task as tasks
from pipeline.planning.beam import Beam
from pipeline.planning.best_first import Open
from pipeline.planning.breadth import TIME
from pipeline.planning.planner import Planner
from pipeline.planning.task import Task


@pytest.fixture(scope="module")
def tiles():
    return Learned("slidepuzzle_3x3", 2000)


@pytest.fixture(autouse=True)
def small_ball(monkeypatch):
    monkeypatch.setattr(tasks, "BALL", 1000)


def manhattan(task: Task):
    """Give a heuristic that isn't learned: how far tiles are from their cells, after each action."""
    cells = np.arange(9)
    distance = abs(cells[:, None] // 3 - cells // 3) + abs(cells[:, None] % 3 - cells % 3)
    home = np.argsort(task.goal[:-1])
    values = np.sort(task.goal[:-1])

    def scores(states):
        moves = task.world.children(states)
        found = np.full((len(states), task.actions), np.inf, np.float32)
        boards = moves.states[:, :-1]
        at_home = home[np.searchsorted(values, boards)]
        far = distance[cells, at_home]
        found[moves.rows, moves.actions] = (far * (boards != task.world.thing)).sum(axis=1)
        return found

    return scores


def planner(tiles, search, **more):
    return Planner(tiles, 4, manhattan, search=search, **more)


def solved(tiles, found, start):
    codes = tiles.found.encode(np.stack([start, tiles.puzzle.solved]))
    return found.solve(codes[0], codes[1:], 20)


@pytest.mark.parametrize(
    ("search", "width"), [("blind", 1), ("blind", 300), ("astar", 1), ("astar", 50), ("qstar", 50)]
)
def test_plans_are_shortest_by_a_heuristic_that_never_says_too_much(tiles, search, width):
    distances = tiles.distances(tiles.puzzle.solved)
    found = planner(tiles, search, width=width, weight=1.0)
    for start in tiles.puzzle.start(np.random.default_rng(0), 10 if width > 1 else 2, "anywhere"):
        plan = solved(tiles, found, start)
        assert plan.status == "solved" and len(plan.actions) == distances[start.tobytes()]
        assert np.array_equal(tiles.replay(start, plan.actions), tiles.puzzle.solved)
        assert plan.optimal or search != "blind"


def test_less_weight_of_the_steps_so_far_looks_at_fewer_states_for_longer_plans(tiles):
    starts = tiles.puzzle.start(np.random.default_rng(1), 20, "anywhere")
    looked, lengths = [], []
    for weight in (1.0, 0.2):
        found = [solved(tiles, planner(tiles, "astar", width=1, weight=weight), start) for start in starts[:4]]
        looked.append(sum(plan.states for plan in found))
        lengths.append(sum(len(plan.actions) for plan in found))
    assert looked[1] < looked[0] and lengths[1] >= lengths[0]


def test_a_beam_of_one_width_says_that_it_is_too_narrow(tiles):
    plan = solved(
        tiles, planner(tiles, "beam", width=1), tiles.puzzle.start(np.random.default_rng(3), 1, "anywhere")[0]
    )
    assert plan.status == "solved" or plan.ended_by == "the beam is too narrow"


def test_a_search_that_runs_out_of_time_says_so(tiles):
    start = tiles.puzzle.start(np.random.default_rng(2), 1, "anywhere")[0]
    codes = tiles.found.encode(np.stack([start, tiles.puzzle.solved]))
    plan = planner(tiles, "blind", width=1).solve(codes[0], codes[1:], 1e-6)
    assert plan.status == "unsolved" and plan.ended_by == TIME


def test_where_a_search_does_not_fit_is_said(tiles):
    assert "here are 2" in planner(tiles, "blind").search_unfit(2)
    assert not planner(tiles, "qstar").search_unfit(1)
    sokoban = Learned("sokoban", 9000)
    assert "not every action can be undone" in Planner(sokoban, 4, search="astar").search_unfit(1)
    assert not Planner(sokoban, 4, search="blind").search_unfit(1)


def test_what_waits_is_taken_by_its_priority():
    rng, waiting = np.random.default_rng(4), Open()
    priorities = rng.integers(0, 50, 1000) / 8
    for part in np.split(np.arange(1000), 10):
        waiting.put(part, priorities[part])
    taken = []
    while waiting:
        assert waiting.lowest == priorities[np.setdiff1d(np.arange(1000), taken)].min()
        taken += waiting.take(7).tolist()
    assert sorted(taken) == list(range(1000)) and (np.diff(priorities[taken]) >= 0).all()


def test_a_beam_that_is_told_to_end_keeps_the_plan_it_has(tiles, monkeypatch):
    found, done, search = planner(tiles, "beam"), [], Beam.search
    starts = tiles.puzzle.start(np.random.default_rng(5), 20, "anywhere")
    monkeypatch.setattr(Beam, "search", lambda *given: (search(*given), done.append(given[2]))[0])
    monkeypatch.setattr(breadth, "asked_to_end", lambda: done)
    for start in starts:
        done.clear()
        plan = solved(tiles, found, start)
        assert plan.status == "solved" and len(done) == 1
        assert np.array_equal(tiles.replay(start, plan.actions), tiles.puzzle.solved)


def test_a_beam_that_leaves_nothing_out_has_the_shortest_plan(tiles):
    distances, found = tiles.distances(tiles.puzzle.solved), planner(tiles, "beam")
    for start in tiles.puzzle.start(np.random.default_rng(7), 20, "anywhere"):
        plan = solved(tiles, found, start)
        assert plan.optimal and len(plan.actions) == distances[start.tobytes()] and plan.seconds < 10


@pytest.mark.parametrize("search", ["beam", "astar"])
def test_a_search_that_is_told_to_end_before_there_is_a_plan_says_so(tiles, search, monkeypatch):
    found, start = planner(tiles, search), tiles.puzzle.start(np.random.default_rng(6), 1, "anywhere")[0]
    solved(tiles, found, tiles.puzzle.solved)  # the ball is made
    monkeypatch.setattr(breadth, "asked_to_end", lambda: 2)
    plan = solved(tiles, found, start)
    assert plan.status == "unsolved" and plan.ended_by == breadth.ENDED
