"""Rules: found in few transitions, the puzzle's own, contradicted by nothing, and honest about what they never saw."""

from functools import cache

import keras
import numpy as np
import pytest

from pipeline.codes.linear_code import find_code
from pipeline.puzzles import PUZZLES
from pipeline.rules.covering import find_local
from pipeline.rules.find import Arrays, find_rules
from pipeline.rules.language import HERE, CopyRules, LocalRules, Rule, Test, cell_bits, cell_values
from pipeline.rules.linear_fits import linear_fits
from pipeline.world_model.rule_layers import rules_layer
from pipeline.world_model.transition import signs, transition_inputs

KINDS = {
    "rubikscube": "pixels",
    "lightsout": "tiles",
    "slidepuzzle": "tiles",
    "slidepuzzle_3x3": "tiles",
    "sokoban": "tiles",
}
ENOUGH = {"rubikscube": 1000, "lightsout": 2000, "slidepuzzle": 200, "slidepuzzle_3x3": 200, "sokoban": 3000}
PLACED = ("slidepuzzle", "slidepuzzle_3x3", "sokoban")  # whose codes have a lattice, and whose rules are local


@cache
def seen(name: str, count: int = 6000) -> tuple[Arrays, tuple[int, int, int]]:
    """Draw random transitions from anywhere and encode them by a code found in the pictures; gives its grid, too."""
    puzzle, rng = PUZZLES[name], np.random.default_rng(0)
    states = puzzle.start(rng, count, "anywhere")
    for _ in range(5):  # random starts of Sokoban have no box near the player
        states = puzzle.step(states, puzzle.explore(rng, states)) if name == "sokoban" else states
    actions = rng.integers(0, len(puzzle.actions), count).astype(np.uint8)
    code = find_code(puzzle.render(states[:800], (32, 32)), KINDS[name], 400)
    codes, next_codes = (
        code.encode(puzzle.render(part, (32, 32))).astype(np.uint8) for part in (states, puzzle.step(states, actions))
    )
    return Arrays(codes, actions, next_codes), code.grid


def rules_of(name: str, count: int):
    transitions, grid = seen(name)
    return find_rules(Arrays(*transitions.part(np.arange(count))), grid, len(PUZZLES[name].actions))


@pytest.mark.parametrize("name", ENOUGH)
def test_rules_from_few_transitions_hold_for_all_others(name):
    rules = rules_of(name, ENOUGH[name])
    codes, actions, next_codes = seen(name)[0].part(np.arange(6000))
    assert rules.is_complete
    np.testing.assert_array_equal(rules.step(codes, actions), next_codes)


@pytest.mark.parametrize(("name", "count"), [("slidepuzzle", 2), ("sokoban", 5)])
def test_local_rules_are_as_many_as_the_game_s_own_and_look_no_farther_than_they_must(name, count):
    rules = rules_of(name, 6000)
    for action in range(4):
        assert len(rules.of(action)) == count
        assert max(abs(far) for test in rules.tests(action) for far in test.offset) == {2: 1, 5: 2}[count]


def test_the_rules_of_the_slide_puzzle_say_what_a_player_would_say():
    rules = rules_of("slidepuzzle_3x3", 500)
    [blank] = {test.value for rule in rules.rules for test in rule.tests if test.value is not None}
    for action, (down, right) in enumerate([(-1, 0), (1, 0), (0, -1), (0, 1)]):
        takes = Rule(action, (Test(HERE, blank), Test((down, right), None)), (down, right), None)
        leaves = Rule(action, (Test((-down, -right), blank),), None, blank)
        assert {rule.says for rule in rules.of(action)} == {takes.says, leaves.says}


@pytest.mark.parametrize("name", ["slidepuzzle", pytest.param("sokoban", marks=pytest.mark.long)])
def test_a_wrong_bit_in_a_thousand_leaves_the_rules_as_they_are(name):
    (codes, actions, next_codes), grid = seen(name)[0].part(np.arange(2000)), seen(name)[1]
    rng = np.random.default_rng(1)
    noisy = [part ^ (rng.random(part.shape) < 0.001) for part in (codes, next_codes)]
    clean = find_local(codes, actions, next_codes, 4, grid)
    found = find_local(noisy[0], actions, noisy[1], 4, grid, has_noise=True)
    assert {rule.says for rule in found.rules} == {rule.says for rule in clean.rules}


@pytest.mark.parametrize("name", ENOUGH)
def test_what_is_known_is_right_and_what_was_never_seen_is_unknown(name):
    transitions, grid = seen(name)
    few = Arrays(*transitions.part(np.flatnonzero(transitions.actions != 0)[: ENOUGH[name]]))
    rules = find_rules(few, grid, len(PUZZLES[name].actions))
    codes, actions, next_codes = transitions.part(np.arange(6000))
    known = rules.known(codes, actions)
    assert not known[actions == 0].any() and known[actions == 1].mean() > 0.8
    np.testing.assert_array_equal(rules.step(codes[known], actions[known]), next_codes[known])


@pytest.mark.parametrize("name", ["sokoban", "rubikscube"])
def test_transitions_that_follow_no_rule_get_none(name):
    (codes, actions, next_codes), grid = seen(name)[0].part(np.arange(2000)), seen(name)[1]
    after = np.random.default_rng(0).permutation(next_codes)
    rules = find_rules(Arrays(codes, actions, after), grid, len(PUZZLES[name].actions))
    assert not rules.is_complete and rules.share < 0.1


def test_a_rule_says_how_often_it_was_seen_and_contradicted():
    codes, actions, next_codes = seen("slidepuzzle_3x3")[0].part(np.arange(2000))
    moved = np.flatnonzero((codes != next_codes).any(axis=1))[:3]  # once more, as if nothing had moved
    twice = [np.concatenate([part, part[moved]]) for part in (codes, actions)]
    rules = find_rules(Arrays(*twice, np.concatenate([next_codes, codes[moved]])), seen("slidepuzzle_3x3")[1], 4)
    assert not rules.is_complete and sum(rule.wrong for rule in rules.rules) == rules.left_over == 6
    assert all(rule.seen > 100 for rule in rules.rules)


def test_bits_that_are_always_copied_or_turned_over_are_found_and_others_are_not():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, (500, 4)).astype(np.uint8)
    rare = np.zeros(500, np.uint8)
    rare[:5] = 1
    after = np.stack([codes[:, 2], 1 - codes[:, 0], codes[:, 1] & codes[:, 3], rare], axis=1)
    rules = find_rules(Arrays(codes, np.zeros(500, np.uint8), after), (1, 1, 4), 1)
    assert rules.source.tolist() == [[2, 0, -1, -1]] and rules.flipped.tolist() == [[False, True, False, False]]


def test_agreement_that_may_be_chance_is_no_copy():
    rng = np.random.default_rng(0)
    codes, after = (rng.integers(0, 2, (8, 200)).astype(np.uint8) for _ in range(2))
    assert ((codes[:, :, None] == after[:, None]).all(axis=0)).any()
    rules = find_rules(Arrays(codes, np.zeros(8, np.uint8), after), (1, 1, 200), 1)
    assert (rules.source[0] != np.arange(200))[rules.source[0] >= 0].sum() == 0


def test_next_bits_that_are_no_copies_but_linear_are_fitted_and_others_are_left_alone():
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 3, (2, 3000))  # two stickers of three colours, told by the bits "not 0" and "2"
    codes = np.concatenate([colour > 0, colour == 2]).T.astype(np.uint8)
    after = np.stack([colour[0] == 1, colour[0] != 1, codes[:, 0] & codes[:, 1], codes[:, 2]], axis=1).astype(np.uint8)
    wanted = np.array([[True, True, True, False]])
    kernel, bias, fitted = linear_fits(codes, after, np.zeros(3000, int), wanted)
    assert fitted == 0.75  # a conjunction of two bits is linear too, with a threshold
    signed = codes.astype(np.float32) * 2 - 1
    np.testing.assert_array_equal((signed @ kernel[0] + bias[0] > 0)[:, :3], after[:, :3] > 0)
    assert not kernel[0, :, 3].any()
    parity = (codes[:, 0] ^ codes[:, 1])[:, None].repeat(4, axis=1)
    assert linear_fits(codes, parity, np.zeros(3000, int), wanted)[2] == 0


def test_values_of_cells_and_codes_are_the_same_thing():
    values = np.random.default_rng(0).integers(1, 6, (50, 3, 4))
    codes = cell_bits(values, 4)
    assert codes.shape == (50, 48) and codes.reshape(50, 3, 4, 4).sum(axis=-1).max() == 1
    np.testing.assert_array_equal(cell_values(codes, (3, 4, 4)), values)
    codes[0, :2] = 1
    assert cell_values(codes, (3, 4, 4))[0, 0, 0] == 6


# ---- as layers


def as_model(rules, grid) -> keras.Model:
    code, action = transition_inputs(grid)
    return keras.Model([code, action], rules_layer(rules, code.shape[-1])([signs(code), action]))


@pytest.mark.parametrize("name", ["sokoban", "slidepuzzle", "rubikscube", "lightsout"])
def test_the_layer_gives_the_bits_that_the_rules_give_also_for_codes_that_no_picture_has(name):
    rules, grid = rules_of(name, 3000), seen(name)[1]
    model = as_model(rules, grid)
    rng = np.random.default_rng(0)
    values = rng.integers(1, grid[2] + 2, (500, *grid[:2]))
    codes = cell_bits(values, grid[2]) if name in PLACED else rng.integers(0, 2, (500, grid[2] * grid[0] * grid[1]))
    actions = rng.integers(0, len(PUZZLES[name].actions), 500).astype(np.int32)
    bits = model.predict_on_batch([codes.astype(np.float32), actions]) > 0
    np.testing.assert_array_equal(bits, rules.step(codes.astype(np.uint8), actions))


@pytest.mark.parametrize("name", ["sokoban", "rubikscube"])
def test_a_layer_gives_back_the_rules_it_was_made_of(name):
    rules = rules_of(name, 3000)
    again = rules_layer(rules, 192).rules
    if isinstance(rules, LocalRules):
        assert again == rules
    else:
        for one, other in zip(vars(again).values(), vars(rules).values()):
            np.testing.assert_array_equal(one, other)


def test_a_rule_that_was_contradicted_often_is_less_certain():
    grid = (1, 3, 1)
    rules = [Rule(0, (Test(HERE, 1),), None, 2, seen=seen, wrong=wrong) for seen, wrong in ((10_000, 0), (100, 20))]
    logits = []
    for rule in rules:
        found = LocalRules(grid, 1, (rule,), (frozenset(),))
        logits.append(as_model(found, grid).predict_on_batch([np.zeros((1, 3), np.float32), np.zeros(1, np.int32)]))
    assert (logits[0] == 8).all() and (logits[1] > 0).all() and (logits[1] < 2).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"rules": None}, {"grid": [8, 8]}, {"cases": []}, {"actions": "many"},
        {"rules": [{"action": 9, "tests": [], "copied": None, "value": 1, "seen": 1, "wrong": 0}]},
        {"rules": [{"action": 0, "tests": [], "copied": [1000, 0], "value": None, "seen": 1, "wrong": 0}]},
        {"rules": [{"action": 0, "tests": [], "copied": None, "value": 99, "seen": 1, "wrong": 0}]},
    ],
)  # fmt: skip
def test_rules_that_a_file_describes_wrongly_are_refused(wrong):
    with pytest.raises(ValueError, match="rules must be"):
        LocalRules.from_config({**LocalRules.of_nothing((8, 8, 3), 4).to_config(), **wrong})


def test_copies_of_an_action_never_seen_stay_as_they_are_and_are_unknown():
    codes = np.random.default_rng(0).integers(0, 2, (100, 6)).astype(np.uint8)
    rules = find_rules(Arrays(codes, np.zeros(100, np.uint8), codes), (1, 1, 6), 2)
    assert isinstance(rules, CopyRules)
    np.testing.assert_array_equal(rules.step(codes, np.ones(100, np.uint8)), codes)
    assert rules.known(codes, np.zeros(100, np.uint8)).all() and not rules.known(codes, np.ones(100, np.uint8)).any()
