"""Rewards and ends are told by short rules that nothing contradicts, and case by case where there are none."""

import json

import numpy as np
import pytest

from pipeline.evaluation.outcome import measure_outcome
from pipeline.rules.outcomes import Outcomes, find_outcomes, outcome_sentences

GRID, VALUES = (4, 4, 3), {0: "floor", 1: "agent", 2: "agent on goal"}


def walk(steps: int, seed: int):
    """Walk a light over a 4 × 4 board with a goal in its last cell, which ends the world; it begins anew anywhere."""
    rng = np.random.default_rng(seed)
    place, before, after, actions = 0, [], [], rng.integers(0, 4, steps)
    for action in actions:
        row, column = divmod(place, 4)
        row, column = (row + (-1, 1, 0, 0)[action]) % 4, (column + (0, 0, -1, 1)[action]) % 4
        before.append(place)
        after.append(4 * row + column)
        place = int(rng.integers(15)) if after[-1] == 15 else after[-1]
    return board(np.array(before)), actions, board(np.array(after)), np.array(after) == 15


def board(places: np.ndarray) -> np.ndarray:
    shown = np.where(np.arange(16) == places[:, None], 1 + (places[:, None] == 15), 0)
    return (shown[..., None] == np.arange(3)).reshape(len(places), -1).astype(np.uint8)


def test_a_goal_is_told_by_one_rule_that_holds_on_steps_never_seen():
    codes, actions, after, ends = walk(1000, seed=0)
    found = find_outcomes(codes, actions, after, 5.0 * ends, ends, GRID)
    assert [len(rule.tests) for rule in found.rules] == [1] and not found.cases
    *unseen, true = walk(5000, seed=1)
    rewards, told = found.told(*unseen)
    assert np.array_equal(told, true) and np.array_equal(rewards, 5.0 * true)
    *_, rule, rest = outcome_sentences(found, "udlr", VALUES)
    assert "some cell shows agent on goal: a step is rewarded with 5 and ends the world" in rule
    assert rest == "  - else a step is rewarded with 0"


@pytest.mark.parametrize("looks", [1, 2])
def test_a_thing_over_another_is_one_test_wherever_both_are_and_whichever_way_it_looks(looks):
    rng = np.random.default_rng(0)
    codes, after = np.zeros((2, 2000, 16, 2, looks + 2), np.uint8)  # cells of two layers: an agent; floor or goal
    for part, (agents, goals) in zip((codes, after), rng.integers(0, 16, (2, 2, 2000))):
        part[np.arange(2000), agents, 0, rng.integers(0, looks, 2000)] = part[:, :, 1, looks] = 1
        part[np.arange(2000), goals, 1, looks:] = 0, 1
    ends = (after[:, :, 0, :looks].any(axis=2) & after[:, :, 1, looks + 1]).any(axis=1)
    steps = codes.reshape(2000, -1), np.zeros(2000, int), after.reshape(2000, -1)
    grid = 4, 8, looks + 2
    found = find_outcomes(*(part[:1000] for part in steps), 1.0 * ends[:1000], ends[:1000], grid, layers=2)
    assert Outcomes.from_config(json.loads(json.dumps(found.to_config()))) == found
    assert np.array_equal(found.told(*steps)[1], ends)
    words = outcome_sentences(found, ["go"], {0: "agent", looks: "floor", looks + 1: "goal"})
    what = ("some cell shows agent over goal", "no cell shows goal and nothing over it")[looks - 1]
    assert len(words) == 3 and f"after it {what}: a step is rewarded with 1 and ends the world" in words[1]


def test_a_reward_of_an_action_where_something_shows_takes_two_tests():
    codes, actions, after, _ = walk(3000, seed=0)
    rewards = -1.0 * ((actions == 2) & (codes[:, 3 * 5 + 1] == 1))  # to the left from the cell in the second row
    found = find_outcomes(codes, actions, after, rewards, np.zeros(3000, bool), GRID)
    assert np.array_equal(found.told(codes, actions, after)[0], rewards)
    *unseen, _ = walk(3000, seed=1)
    true = -1.0 * ((unseen[1] == 2) & (unseen[0][:, 3 * 5 + 1] == 1))
    assert np.array_equal(found.told(*unseen)[0], true)


def test_what_follows_no_rule_is_listed_and_nothing_that_was_seen_is_told_wrongly():
    rng = np.random.default_rng(0)
    codes, after = rng.integers(0, 2, (2, 300, 40), np.uint8)
    actions, rewards = rng.integers(0, 3, 300), rng.integers(0, 2, 300) * 1.0
    found = find_outcomes(codes, actions, after, rewards, rewards > 0, (1, 1, 40))
    again = Outcomes.from_config(json.loads(json.dumps(found.to_config())))
    assert again == found and np.array_equal(again.told(codes, actions, after)[0], rewards)


def test_a_reward_that_is_a_quantity_is_not_told():
    codes, actions, after, ends = walk(200, seed=0)
    assert find_outcomes(codes, actions, after, np.random.default_rng(0).random(200), ends, GRID) is None


def test_an_end_is_told_where_its_reward_follows_a_clock():
    codes, actions, after, ends = walk(1000, seed=0)
    rewards = np.where(ends, np.random.default_rng(0).random(1000).astype(np.float32), 0)
    found = find_outcomes(codes, actions, after, rewards, ends, GRID)
    *unseen, true = walk(2000, seed=1)
    told_rewards, told = found.told(*unseen)
    assert np.array_equal(told, true) and 0.3 < found.best_end < 0.7 and set(told_rewards[true]) == {found.best_end}
    walked = {"actions": actions, "terminated": ends, "rewards": rewards}
    measured = measure_outcome(walked, found, np.ones(1000, bool), codes, after)
    assert (measured["uncertain_steps"], measured["wrong_steps"]) == (ends.sum(), 0)


def test_an_end_that_is_told_wrongly_is_counted_in_the_report():
    codes, actions, after, ends = walk(1000, seed=0)
    found = find_outcomes(codes, actions, after, 5.0 * ends, ends, GRID)
    walked, certain = {"actions": actions}, np.arange(1000) != 5
    right = {"rewards_right": 1.0, "ends_right": 1.0, "unusual_steps": ends.sum(), "unusual_right": ends.sum()}
    assert measure_outcome({**walked, "terminated": ends, "rewards": 5.0 * ends}, found, certain, codes, after) == {
        **right, "uncertain_steps": 1, "wrong_steps": 0
    }  # fmt: skip
    ends[3] = not ends[3]
    told = found.told(codes, actions, after)[0]
    assert measure_outcome({**walked, "terminated": ends, "rewards": told}, found, certain, codes, after) == {
        "rewards_right": 1.0, "ends_right": 0.999, "unusual_steps": ends.sum(), "unusual_right": ends.sum() - 1,
        "uncertain_steps": 1, "wrong_steps": 1,
    }  # fmt: skip
    assert measure_outcome(walked, found, certain, codes, after) is None
