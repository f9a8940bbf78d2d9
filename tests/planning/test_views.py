"""A problem is looked at under other names of the same, and beams take the time there is."""

import numpy as np
import pytest
from planning.learned import Learned

from pipeline.planning import beam, planner
from pipeline.planning.beam import FIRST_WIDTH, Pace
from pipeline.planning.breadth import Deadline
from pipeline.planning.symmetries import symmetries


@pytest.fixture(scope="module")
def cube():
    return Learned("rubikscube_2x2x2", 2000)


def test_other_names_tell_the_same_steps(cube):
    pieces, rng = cube.planner.pieces, np.random.default_rng(0)
    found = symmetries(pieces, 1000)
    assert len(found) > 4 and np.array_equal(found[0].places, np.arange(len(found[0].places)))
    assert len({renamed.places.tobytes() for renamed in found}) == len(found)
    plan = rng.integers(pieces.actions, size=12).tolist()
    for renamed in found:
        told = np.argsort(renamed.old_actions)[plan].tolist()
        assert renamed.plan(told) == plan
        state, other = pieces.homes, renamed.state(pieces.homes)
        assert np.array_equal(other, pieces.homes)
        for action, new in zip(plan, told):
            state, other = pieces.moved[action][state], pieces.moved[new][other]
        assert np.array_equal(renamed.state(state), other)


def test_the_plan_of_each_view_is_one_of_the_problem(cube, monkeypatch):
    monkeypatch.setattr(planner, "MOST_STATES", 1000)
    monkeypatch.setattr("pipeline.planning.task.BALL", 20_000)
    found = planner.Planner(cube, cube.planner.count, lambda task: lambda states: np.zeros((len(states), task.actions)))
    rng, goal = np.random.default_rng(1), cube.puzzle.solved
    start = cube.replay(goal, rng.integers(cube.planner.count, size=50).astype(np.uint8))
    codes = cube.found.encode(np.stack([start, goal]))
    state = found.pieces.of_pair(codes[0], codes[1])
    search = found._beam(found.pieces, found.pieces.homes)
    views = found._views(search, state)
    assert len(views) == 2 * planner.SYMMETRIES
    for view, translated in views:
        plan = search.search(view, beam.fixed(3000), 100, Deadline(60, 24))
        assert np.array_equal(cube.replay(start, translated(plan)), goal)


def test_a_beam_is_as_wide_as_its_time_allows(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    deadline = Deadline(100, 24)
    deadline.states, now[0] = 500, 1.0  # 500 states a second at first
    pace, found = Pace(deadline, ends=11.0, layers=20), []
    for layer in range(20):
        found.append(pace(layer))
        deadline.states += found[-1]
        now[0] += found[-1] / 4000  # then 4,000
    assert found[0] == FIRST_WIDTH and 10 < now[0] < 11.1
    assert min(found[10:]) > 1900
