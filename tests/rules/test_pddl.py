"""Rules in PDDL say the same as the rules, and plans that classical planners find are plans in the true puzzle."""

import re

import numpy as np
import pytest
from rules.worlds import world

from pipeline.command_line.cli import main
from pipeline.puzzles import PUZZLES
from pipeline.rules.language import EMPTY, HERE, OUTSIDE, LocalRules, Rule, Somewhere, Test, cell_bits
from pipeline.rules.operators import operators_of
from pipeline.rules.parts import parts_of, tiles_of
from pipeline.rules.pddl import action_names, copy_domain, local_domain
from pipeline.show.given import state_of

planning = pytest.importorskip("unified_planning.shortcuts")
UP_READER = pytest.importorskip("unified_planning.io").PDDLReader
GRID = (2, 2, 2)


def read(domain, start, goal):
    """Read a domain, and a problem of two codes."""
    return UP_READER().parse_problem_string(domain.text, domain.problem(start, goal))


def domain_of(found, start=None):
    actions = found.puzzle.actions
    if isinstance(found.rules, LocalRules):
        return local_domain(found.rules, actions, tiles_of(found.pixels, found.rules), start)
    return copy_domain(found.rules, actions, parts_of(found.rules, found.pixels))


def number_of(name: str, actions) -> int:
    """Give the number of the action that a planner's step is: its name, or that and the number of a case."""
    names = [known.replace("-", "_") for known in action_names(actions)]
    name = name.replace("-", "_")
    return names.index(name if name in names else re.sub("_[0-9]+$", "", name))


@pytest.mark.parametrize(
    ("name", "transitions", "steps", "planner"),
    [
        ("slidepuzzle_3x3", 2000, 30, "fast-downward"), ("slidepuzzle_3x3", 2000, 30, "pyperplan"),
        ("sokoban", 9000, 20, "fast-downward"), ("sokoban", 9000, 6, "pyperplan"),
        ("lightsout_4x4", 1500, 5, "fast-downward"),
    ],
)  # fmt: skip
def test_a_planner_solves_the_puzzle_from_two_pictures(name, transitions, steps, planner):
    pytest.importorskip(f"up_{planner.replace('-', '_')}")
    found, rng = world(name, "tiles", transitions), np.random.default_rng(5)
    puzzle = found.puzzle
    state = puzzle.start(rng, 1, "anywhere")
    goal = state
    for _ in range(steps):
        goal = puzzle.step(goal, puzzle.explore(rng, goal))
    start_code, goal_code = found.encode(np.concatenate([state, goal]))
    planning.get_environment().credits_stream = None
    with planning.OneshotPlanner(name=planner) as search:
        result = search.solve(read(domain_of(found, start_code), start_code, goal_code))
    assert result.plan.actions
    for step in result.plan.actions:
        state = puzzle.step(state, np.array([number_of(step.action.name, puzzle.actions)]))
    assert np.array_equal(state, goal)


def after_each_action(problem, grid) -> dict[str, set]:
    """Give the boards, as tuples of values, that each action of a problem's start can lead to."""
    with planning.SequentialSimulator(problem) as simulator:
        state = simulator.get_initial_state()
        boards: dict[str, set] = {}
        for action, parameters in simulator.get_applicable_actions(state):
            after = simulator.apply(state, action, parameters)
            boards.setdefault(action.name, set()).add(board_of(problem, after, grid))
    return boards


def board_of(problem, state, grid) -> tuple:
    shows, names = problem.fluent("is"), {value.name: value for value in problem.all_objects}
    values = [value for name, value in names.items() if re.fullmatch("v[0-9]+", name)]
    board = []
    for row, column in np.ndindex(*grid[:2]):
        cell = names[f"c{row + 1}-{column + 1}"]
        (value,) = [value.name for value in values if state.get_value(shows(cell, value)).is_true()]
        board.append(int(value[1:]))
    return tuple(board)


def stepped(rules, board) -> tuple:
    """Apply the rules of action 0 to a board of values."""
    code = cell_bits(np.array(board).reshape(1, *GRID[:2]), GRID[2])
    after = rules.step(code, np.zeros(1, int)).reshape(*GRID)
    return tuple(int(value) for value in (after @ np.arange(1, GRID[2] + 1) + EMPTY).ravel())


def some_rules(rng) -> LocalRules:
    """Make rules of all kinds of tests and outcomes, that overlap and contradict one another."""
    offsets, rules = [HERE, (-1, 0), (0, 1)], []
    for _ in range(3):
        places = rng.permutation(len(offsets))[: rng.integers(1, 4)]
        asked = [((None,), (0,), (1,), (2,), (3,), (3, 1))[rng.integers(6)] for _ in places]
        tests = tuple(Test(offsets[place], values[0], values[1:]) for place, values in zip(places, asked))
        copied = offsets[rng.integers(3)] if rng.random() < 0.5 else None
        board = (Somewhere(int(rng.integers(EMPTY, 4)), bool(rng.integers(2))),) * int(rng.integers(2))
        rules.append(Rule(0, tests, copied, None if copied else int(rng.integers(EMPTY, 4)), board=board))
    return LocalRules(GRID, 1, tuple(rules), (frozenset(),))


@pytest.mark.parametrize("seed", range(4))
def test_effects_change_a_board_as_the_rules_do_also_where_these_overlap(seed):
    rng = np.random.default_rng(seed)
    rules, tiles = some_rules(rng), np.zeros((3, 2, 2, 3), np.uint8)
    for board in rng.integers(EMPTY, 4, (2, 4)):
        code = cell_bits(board.reshape(1, *GRID[:2]), GRID[2])[0]
        domain = local_domain(rules, ["act"], tiles, code)
        if ":strips" in domain.text:
            continue
        assert after_each_action(read(domain, code, code), GRID) == {"act": {stepped(rules, board)}}


def operated(operator, board: list[int], thing: int) -> list[int] | None:
    """Apply an operator to a column of values; None where it asks for what isn't there."""
    here, after = board.index(thing), board.copy()
    shown = {(row - here, 0): value for row, value in enumerate(board)}
    for place, asked in operator.asks.items():
        if not (place in shown if asked is None else shown.get(place, OUTSIDE) == asked):
            return None
    for (row, _), new in operator.becomes.items():
        after[here + row] = shown[new] if isinstance(new, tuple) else new
    return after


def test_operators_are_what_the_rules_change_and_nothing_else():
    player, box, floor = 3, 2, 1
    above, above_2 = (-1, 0), (-2, 0)
    rules = LocalRules(
        (4, 1, 2), 1,
        (
            Rule(0, (Test(HERE, player), Test(above, floor)), None, floor),
            Rule(0, (Test(HERE, floor), Test((1, 0), player)), None, player),
            Rule(0, (Test(HERE, player), Test(above, box), Test(above_2, floor)), above_2, None),
            Rule(0, (Test(HERE, box), Test((1, 0), player), Test(above, floor)), None, player),
            Rule(0, (Test(HERE, floor), Test((1, 0), box), Test((2, 0), player)), (1, 0), None),
        ),
        (frozenset(),),
    )  # fmt: skip
    assert list(operators_of(rules)) == [player, floor]  # a single floor would do as well
    for board in ([1, 2, 3, 1], [1, 1, 3, 2], [2, 2, 3, 1], [3, 1, 2, 2], [1, 1, 2, 3]):
        code = cell_bits(np.array(board).reshape(1, 4, 1), 2)
        domain = local_domain(rules, ["up"], np.zeros((3, 2, 2, 3), np.uint8), code[0])
        assert ":strips" in domain.text
        after = (rules.step(code, np.zeros(1, int)).reshape(4, 2) @ [1, 2] + EMPTY).tolist()
        boards = [operated(operator, board, player) for operator in operators_of(rules)[player]]
        assert [found for found in boards if found] == [after] * (after != board)


def test_without_the_one_thing_that_operators_are_about_the_effects_are_written():
    found = world("slidepuzzle_3x3", "tiles", 2000)
    blank = next(iter(operators_of(found.rules)))
    code = found.before[0].copy()
    code.reshape(-1, found.code.grid[2])[:2] = 0
    code.reshape(-1, found.code.grid[2])[:2, blank - 2] = 1
    domain = domain_of(found, code)
    assert ":strips" not in domain.text and "forall" in domain.text
    with pytest.raises(ValueError, match="exactly one cell of the start must be v9"):
        domain_of(found).problem(code, code)
    code[:2] = 1
    with pytest.raises(ValueError, match="one has several bits set"):
        domain.problem(code, code)


def test_actions_keep_their_names_as_far_as_pddl_allows_and_no_two_are_alike():
    names = ["up", "press 1,1", "U", "U'", "3 ", "on", "cell-above", "Up"]
    assert action_names(names) == ["up", "press-1-1", "u", "u-prime", "do-3", "do-on", "do-cell-above", "up-8"]


def test_export_wants_a_finished_run_and_both_start_and_goal(tmp_path, capsys):
    for words, told in {
        (tmp_path / "none",): "--path must be the folder of a run",
        (tmp_path,): "it must be the folder of a finished run",
        (tmp_path, "--start", "random"): "--start needs --goal too",
        (tmp_path, "--start", "solved", "--goal", "solved"): "--goal must be another than --start",
        (tmp_path, "--start", "random", "--goal", "x.png"): "and no file is there. Received: --goal x.png",
        (tmp_path, "--format", "sas"): "unknown format 'sas'",
    }.items():
        assert main(["world_model_train", "export", *map(str, words)]) == 2
        assert told in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_random_state_is_one_that_plans_can_lead_from():
    for name in ("slidepuzzle_3x3", "lightsout_4x4", "sokoban"):
        start, goal = (state_of(PUZZLES[name], which, 3) for which in ("random", "solved"))
        assert np.array_equal(start, state_of(PUZZLES[name], "random", 3)) and not np.array_equal(start, goal)
        if name == "sokoban":  # the same level
            assert np.array_equal(start == 1, goal == 1) and (start == 2).sum() == (goal == 2).sum()
