"""What no plan can reach is proved by what actions never change, and only that."""

import numpy as np
import pytest
from planning.learned import Learned

from pipeline.planning.breadth import Deadline, Layers
from pipeline.planning.invariants import is_odd
from pipeline.system.hashing import number_rows


@pytest.fixture(scope="module")
def pocket():
    return Learned("rubikscube_2x2x2", 3000)


@pytest.fixture(scope="module")
def cube():
    return Learned("rubikscube", 3000)


@pytest.fixture(scope="module")
def tiles():
    return Learned("slidepuzzle_3x3", 2000)


def everything(tables, goal):
    layers, deadline = Layers(tables.parents, goal[None]), Deadline(60, len(goal))
    while len(layers.grow(deadline)):
        pass
    return layers


def assembled(pieces, rng, permuted=(), turned=()):
    """Give a state (P,) of pieces put together anyhow: those of some kinds permuted, and some turned."""
    state = pieces.homes.copy()
    for kind in permuted:
        of_kind = np.flatnonzero(pieces.kinds[state] == kind)
        state[of_kind] = state[rng.permutation(of_kind)]
    for piece in turned:
        state[piece] = rng.choice(pieces.turned[state[piece]])
    return state


def test_parity_is_that_of_the_swaps():
    rng = np.random.default_rng(0)
    for swaps in range(20):
        permutation = np.arange(9)
        for _ in range(swaps):
            one, other = rng.choice(9, 2, replace=False)
            permutation[[one, other]] = permutation[[other, one]]
        assert is_odd(permutation) == swaps % 2


def test_a_pocket_cube_put_together_anyhow_is_refused_exactly_where_a_search_of_everything_misses_it(pocket):
    pieces, rng = pocket.planner.pieces, np.random.default_rng(1)
    reached, refused = everything(pieces, pieces.homes), 0
    for _ in range(100):
        state = assembled(pieces, rng, np.unique(pieces.kinds[pieces.homes]), range(len(pieces.homes)))
        why = pieces.no_way(state, pieces.homes)
        assert bool(why) == (reached.distances(number_rows(state[None]))[0] < 0)
        refused += bool(why)
    assert 40 < refused < 95


def test_tiles_put_in_anyhow_are_refused_exactly_where_a_search_of_everything_misses_them(tiles):
    tables, rng = tiles.planner.world, np.random.default_rng(2)
    goal = tables.read(tiles.found.encode(tiles.puzzle.solved[None]))[0]
    reached, refused = everything(tables, goal), 0
    for _ in range(200):
        state = tables.read(tiles.found.encode(rng.permutation(9).astype(np.uint8)[None]))[0]
        why = tables.no_way(state, goal)
        assert bool(why) == (reached.distances(number_rows(state[None]))[0] < 0)
        refused += bool(why)
    assert 70 < refused < 130


def test_a_cube_that_was_taken_apart_is_refused_by_the_invariant_that_says_so(cube):
    pieces, rng = cube.planner.pieces, np.random.default_rng(3)
    corners, edges = sorted(np.unique(pieces.kinds), key=lambda kind: (pieces.kinds[pieces.homes] == kind).sum())

    def said(state):
        return pieces.no_way(state, pieces.homes)

    one_corner = np.flatnonzero(pieces.kinds[pieces.homes] == corners)[0]
    one_edge = np.flatnonzero(pieces.kinds[pieces.homes] == edges)[0]
    turned = pieces.homes.copy()
    turned[one_corner] = next(place for place in pieces.turned[turned[one_corner]] if place != turned[one_corner])
    assert "the turns of 8 pieces add up to" in said(turned) and "of 3" in said(turned)
    flipped = pieces.homes.copy()
    flipped[one_edge] = next(place for place in pieces.turned[flipped[one_edge]] if place != flipped[one_edge])
    assert said(flipped).startswith("the turns of 12 pieces add up to 1 of 2")
    swapped = pieces.homes.copy()
    swapped[[one_edge, one_edge + 1]] = swapped[[one_edge + 1, one_edge]]
    assert "8 pieces is even" in said(swapped) or "turns" in said(swapped)
    refused = [bool(said(assembled(pieces, rng, (corners, edges), range(20)))) for _ in range(400)]
    assert 0.85 < np.mean(refused) < 0.97  # one of twelve is a cube that turns lead to


def test_no_cube_that_turns_lead_to_is_refused(cube):
    pieces, rng = cube.planner.pieces, np.random.default_rng(4)
    state = pieces.homes
    for _ in range(300):
        state = pieces.moved[rng.integers(12)][state]
        assert not pieces.no_way(state, pieces.homes)


def test_a_cube_whose_edges_are_swapped_is_proved_impossible_before_anything_is_learned(cube):
    goal = cube.found.encode(cube.puzzle.start(np.random.default_rng(5), 1, "solved"))[0]
    pieces = cube.planner.pieces
    one, other = pieces.homes[np.flatnonzero(np.bincount(pieces.kinds)[pieces.kinds[pieces.homes]] == 24)[:2]]
    start = goal.copy()
    start[pieces.bits_at[one]], start[pieces.bits_at[other]] = goal[pieces.bits_at[other]], goal[pieces.bits_at[one]]
    plan = cube.planner.solve(start, goal[None], 5)
    assert plan.status == "impossible" and plan.states == 1 and "no actions make of the goal" in plan.method


def test_another_number_of_boxes_is_another_level():
    world, rng = Learned("sokoban", 9000), np.random.default_rng(6)
    start = world.puzzle.start(rng, 1, "anywhere")[0]
    goal = start.copy()
    goal[np.flatnonzero(start == 2)[0]] = 0
    plan = world.solve(start, goal)
    assert plan.status == "impossible" and "no action changes how many cells show" in plan.method
