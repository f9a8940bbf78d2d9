"""Plans of the learned world hold in the true puzzle, are shortest where that is said, and impossible is proved."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from planning.learned import Learned

from pipeline.planning.breadth import Deadline, Layers, Unsolved, meet
from pipeline.planning.numbers import Numbers
from pipeline.planning.pieces import PieceWorld
from pipeline.planning.planner import Planner
from pipeline.planning.worlds import BoardWorld, CodeWorld, EndingWorld, TableWorld
from pipeline.rules.language import EMPTY

WORLDS = {"lightsout_4x4": 1500, "slidepuzzle_3x3": 2000, "sokoban": 9000, "rubikscube_2x2x2": 3000, "rubikscube": 3000}
EXACT = [name for name in WORLDS if name != "rubikscube"]


@cache
def learned(name) -> Learned:
    return Learned(name, WORLDS[name])


def pair(world, rng, steps):
    """Give a random state (S,) and one that so many steps lead to."""
    start = state = world.puzzle.start(rng, 1, "anywhere")
    for _ in range(steps):
        state = world.puzzle.step(state, world.puzzle.explore(rng, state))
    return start[0], state[0]


@pytest.mark.parametrize("name", WORLDS)
def test_compiled_tables_are_equal_to_the_model_on_its_data_and_on_walks(name):
    world, rng = learned(name), np.random.default_rng(1)
    some = rng.permutation(len(world.found))[:500]
    before, actions, after = world.found.part(some)
    tables = world.planner.world
    states = tables.read(before)
    moves = tables.children(states)
    found = states.copy()
    chosen = moves.actions == actions[moves.rows]
    found[moves.rows[chosen]] = moves.states[chosen]
    assert np.array_equal(found, tables.read(after))
    assert world.planner.check(before)[0] == 1000 and world.planner.world is tables


@pytest.mark.parametrize("name", WORLDS)
def test_steps_and_successors_of_compiled_tables_are_those_of_the_rules_on_any_codes(name):
    world, rng = learned(name), np.random.default_rng(2)
    tables, bits = world.planner.world, world.found.code.grid[2]
    codes = rng.integers(0, 2, (300, world.bits), dtype=np.uint8)
    if isinstance(tables, BoardWorld):  # any boards where one cell alone shows the thing
        with pytest.raises(ValueError, match="a cell has several bits"):
            tables.step(codes, np.zeros(300, int))
        boards = rng.permuted(np.tile(np.arange(EMPTY, bits + 2), (300, tables.cells)), axis=1)[:, : tables.cells + 1]
        boards[boards == tables.thing] = bits + 1 if tables.thing == EMPTY else EMPTY
        boards[np.arange(300), rng.integers(tables.cells, size=300)] = tables.thing
        codes = tables.write(boards.astype(np.uint8))
    after = tables.successors(codes)
    assert after.shape == (300, tables.actions, world.bits) and after.dtype == np.uint8
    for action in range(tables.actions):
        assert np.array_equal(after[:, action], world.step(codes, np.full(300, action)))
    chosen = rng.integers(tables.actions, size=300)
    assert np.array_equal(tables.step(codes, chosen), after[np.arange(300), chosen])


@pytest.mark.parametrize("name", WORLDS)
def test_steps_run_backwards_are_those_that_lead_here(name):
    world = learned(name)
    tables = world.planner.pieces or world.planner.world
    begin = tables.homes[None] if world.planner.pieces else tables.read(world.found.before[:10])
    states = tables.children(begin).states
    ahead, back = tables.children(states), tables.parents(tables.children(states).states)
    came_from = {(row, action, state.tobytes()) for state, row, action in zip(back.states, back.rows, back.actions)}
    assert all((at, ahead.actions[at], states[ahead.rows[at]].tobytes()) in came_from for at in range(len(ahead.rows)))
    again = tables.children(back.states)
    leads_to = {(row, action, state.tobytes()) for state, row, action in zip(again.states, again.rows, again.actions)}
    assert all(
        (at, back.actions[at], ahead.states[back.rows[at]].tobytes()) in leads_to for at in range(len(back.rows))
    )


@pytest.mark.parametrize("name", ["lightsout_4x4", "slidepuzzle_3x3"])
def test_plans_are_as_short_as_an_independent_search_of_the_true_puzzle_finds(name):
    world, rng = learned(name), np.random.default_rng(2)
    goal = world.puzzle.start(rng, 1, "solved")[0]
    distances = world.distances(goal)
    for start in world.puzzle.start(rng, 100, "anywhere"):
        plan = world.solve(start, goal)
        if start.tobytes() in distances:
            assert plan.status == "solved" and plan.optimal
            assert len(plan.actions) == distances[start.tobytes()]
            assert np.array_equal(world.replay(start, plan.actions), goal)
        else:
            assert plan.status == "impossible" and plan.actions is None


@pytest.mark.parametrize("name", EXACT)
def test_a_plan_between_any_two_states_ends_in_the_goal(name):
    world, rng = learned(name), np.random.default_rng(3)
    for _ in range(10):
        start, goal = pair(world, rng, 30)
        plan = world.solve(start, goal)
        assert plan.status == "solved" and plan.optimal
        assert np.array_equal(world.replay(start, plan.actions), goal)


def test_two_sides_find_plans_as_short_as_one_side_does():
    world, rng = learned("sokoban"), np.random.default_rng(4)
    tables = world.planner.world
    for _ in range(10):
        start, goal = tables.read(world.found.encode(np.stack(pair(world, rng, 20))))
        one_side = Layers(tables.children, start[None])
        deadline = Deadline(60, len(start))
        while not (one_side.last == goal).all(axis=1).any():
            one_side.grow(deadline)
        assert len(meet(tables, start, goal[None], deadline)[0]) == one_side.depth


def test_a_slide_puzzle_of_the_other_parity_is_proved_impossible():
    world = learned("slidepuzzle_3x3")
    goal = world.puzzle.solved
    start = goal.copy()
    start[[0, 1]] = start[[1, 0]]
    plan = world.solve(start, goal)
    assert plan.status == "impossible" and plan.actions is None and "permuted oddly" in plan.method


def test_a_box_in_a_corner_is_proved_to_stay():
    world = learned("sokoban")
    start = np.ones((10, 10), np.uint8)
    start[1:9, 1:9] = 0
    start[1, 1], start[5, 5], start[3, 3] = 2, 2, 3
    goal = np.where(start == 2, 0, start)
    goal[1, 2], goal[5, 5] = 2, 2
    plan = world.solve(start.reshape(-1), goal.reshape(-1))
    assert plan.status == "impossible"


def test_another_level_is_known_at_once():
    world, rng = learned("sokoban"), np.random.default_rng(5)
    start, goal = world.puzzle.start(rng, 2, "anywhere")
    plan = world.solve(start, goal)
    assert plan.status == "impossible" and "no action ever changes" in plan.method


def test_a_goal_that_leaves_the_player_free_needs_no_more_steps():
    world, rng = learned("sokoban"), np.random.default_rng(6)
    for _ in range(5):
        start, goal = pair(world, rng, 30)
        codes = world.found.encode(np.stack([start, goal]))
        fixed = world.planner.solve(codes[0], codes[1:], 60)
        free = world.planner.solve(codes[0], world.planner.goals(codes[1], True), 60)
        assert free.optimal and len(free.actions) <= len(fixed.actions)
        end = world.replay(start, free.actions)
        assert np.array_equal(end == 2, goal == 2)


def test_a_cube_has_twenty_pieces_that_move():
    pieces = learned("rubikscube").planner.pieces
    assert len(pieces.homes) == 20
    assert sorted(np.bincount(pieces.kinds)) == [24, 24]


def test_a_piece_world_says_the_same_of_any_pair_of_states_as_the_true_cube():
    world, rng = learned("rubikscube"), np.random.default_rng(7)
    pieces: PieceWorld = world.planner.pieces
    starts, goals = (world.puzzle.start(rng, 20, "anywhere") for _ in range(2))
    for start, goal in zip(starts, goals):
        actions = rng.integers(12, size=20).astype(np.uint8)
        goal_code = world.found.encode(goal[None])[0]
        state = pieces.of_pair(world.found.encode(start[None])[0], goal_code)
        for action in actions:
            state = pieces.moved[action][state]
        assert np.array_equal(
            state, pieces.of_pair(world.found.encode(world.replay(start, actions)[None])[0], goal_code)
        )


def test_a_reversed_plan_solves_the_inverse_problem():
    world, rng = learned("rubikscube"), np.random.default_rng(8)
    pieces, actions = world.planner.pieces, rng.integers(12, size=30)
    state = pieces.homes
    for action in actions:
        state = pieces.moved[action][state]
    inverse = pieces.inverse_of(state)
    for action in actions:
        inverse = pieces.moved[action][inverse]
    assert np.array_equal(inverse, pieces.homes)


@pytest.mark.parametrize("bits", [1100, 5000])
def test_a_code_of_more_bits_than_a_float_can_count_states_of_is_planned_in(bits):
    def step(codes, actions):  # what is set moves on, or stays
        return np.where(actions[:, None] == 0, np.roll(codes, 1, axis=1), codes)

    model = SimpleNamespace(
        bits=bits, rules=None, rules_are_all=False, step=step, transition=SimpleNamespace(layers=[])
    )
    start = np.eye(bits, dtype=np.uint8)
    assert Planner(model, 2).solve(start[3], start[[7]], 20).actions == [0] * 4


def test_a_world_known_as_a_black_box_is_searched_from_the_start():
    world, rng = learned("lightsout_4x4"), np.random.default_rng(9)
    start, goal = pair(world, rng, 3)
    codes = world.found.encode(np.stack([start, goal]))
    box = CodeWorld(world.step, 16, world.bits, "a black box")
    actions, _ = meet(box, box.read(codes[:1])[0], box.read(codes[1:]), Deadline(60, 2))
    assert np.array_equal(world.replay(start, actions), goal)


def test_out_of_time_is_unsolved():
    world = learned("rubikscube_2x2x2")
    world.planner._complete = None
    start, goal = pair(world, np.random.default_rng(10), 50)
    plan = world.solve(start, goal, seconds=1e-9)
    assert plan.status == "unsolved" and plan.actions is None and not plan.optimal


def test_a_set_of_numbers_knows_each_once_and_its_place():
    rng, numbers = np.random.default_rng(11), Numbers()
    seen: dict[int, int] = {}
    for _ in range(20):
        batch = rng.integers(1, 3000, 1000).astype(np.uint64)
        is_new = numbers.add(batch)
        assert len(set(batch[is_new].tolist())) == is_new.sum()
        assert set(batch[is_new].tolist()) == set(batch.tolist()) - seen.keys()
        for number in batch[is_new].tolist():
            seen[number] = len(seen)
    assert len(numbers) == len(seen)
    wanted = np.arange(1, 4000, dtype=np.uint64)
    assert numbers.find(wanted).tolist() == [seen.get(number, -1) for number in wanted.tolist()]


def test_a_table_is_searched_and_what_it_never_saw_proves_nothing():
    following = np.array([[1, 2, 3, 4, 4, 5], [0, 6, 1, 0, 4, 6]])  # six pictures; 6 is unknown
    world = TableWorld(following)
    codes = (np.array([[0], [3], [4], [5]]) >> np.arange(3) & 1).astype(np.uint8)
    states = world.read(codes)
    assert meet(world, states[0], states[1:2], Deadline(10, 2))[0] == [0, 0, 0]
    assert meet(world, states[2], states[:1], Deadline(10, 2))[0] is None
    with pytest.raises(Unsolved, match="never showed"):
        meet(world, states[3], states[:1], Deadline(10, 2))


def test_a_plan_to_an_end_goes_round_those_that_are_not_the_best():
    def step(codes, actions):  # around a ring of six places
        return np.eye(6, dtype=np.uint8)[(codes.argmax(axis=1) + np.where(actions, -1, 1)) % 6]

    def told(codes, actions, after):  # the next place but one is the goal, and the one between ends the world, too
        return after[:, 2] * 1.0, (after[:, 1] | after[:, 2]) == 1

    world = EndingWorld(CodeWorld(step, 2, 6, "a ring"), 6, told, 1.0)
    start = world.read(np.eye(6, dtype=np.uint8)[:1])[0]
    assert meet(world, start, world.goal[None], Deadline(5, 2))[0] == [1, 1, 1, 1]
