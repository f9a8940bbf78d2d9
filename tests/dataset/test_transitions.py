"""What the transitions of a dataset are: the puzzle's own, from a start on, exactly as many as asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.generation.stage import BLOCK_TRANSITIONS, trajectories
from pipeline.puzzles import PUZZLES

BLOCK = BLOCK_TRANSITIONS // 30 * 30  # transitions in a block of trajectories of 30


def check_split(puzzle, arrays, transitions, length, img_size):
    """Compare every row of a split with what the puzzle itself makes of it."""
    images, states, actions, frames = (arrays[name] for name in ("images", "states", "actions", "frames"))
    assert len(actions) == len(frames) == transitions
    assert len(states) == len(images) == transitions + -(-transitions // length)  # each trajectory has one frame more
    ends = np.arange(1, transitions // length + 1) * (length + 1) - 1  # frames that nothing follows
    begins = np.setdiff1d(np.arange(len(states)), [*ends, len(states) - 1])
    assert np.array_equal(frames, begins)
    assert actions.max() < len(puzzle.actions)
    assert np.array_equal(puzzle.step(states[frames], actions), states[frames + 1])
    assert np.array_equal(puzzle.render(states, img_size), images)


def first_states(arrays, length):
    return arrays["states"][:: length + 1]


@pytest.mark.parametrize("name", PUZZLES)
def test_every_transition_is_a_step_of_the_puzzle_and_every_image_shows_its_state(name, made, contents):
    puzzle = PUZZLES[name]
    path = made(dataset=name, start="anywhere", dataset_size=1000, shuffle_length=7, dataset_minibatch_size=300)
    check_split(puzzle, contents(path), 1000, 7, puzzle.smallest_img_size)
    check_split(puzzle, contents(path, "test"), 10_000, 100, puzzle.smallest_img_size)


@pytest.mark.parametrize("size", [1, 7, 29, 30, 31, 60, 1000, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 31])
@pytest.mark.parametrize("minibatch_size", [997, 30_000])
def test_a_dataset_has_exactly_as_many_transitions_as_asked_for(size, minibatch_size, made, contents):
    path = made(dataset_size=size, dataset_minibatch_size=minibatch_size)
    check_split(PUZZLES["lightsout_4x4"], contents(path), size, 30, (4, 4))


@given(size=st.integers(1, 2000), length=st.integers(1, 2500))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_trajectories_hold_together_for_any_size_and_length(size, length):
    puzzle = PUZZLES["lightsout_4x4"]
    states, actions = (np.concatenate(part) for part in zip(*trajectories(puzzle, 3, "train", "solved", size, length)))
    frames = np.arange(size) + np.arange(size) // length
    assert len(actions) == size and len(states) == frames[-1] + 2
    assert np.array_equal(puzzle.step(states[frames], actions), states[frames + 1])
    assert not states[:: length + 1].any()


def test_a_trajectory_may_be_longer_than_a_block_and_than_the_dataset(made, contents):
    puzzle = PUZZLES["lightsout_4x4"]
    path = made(dataset_size=BLOCK_TRANSITIONS + 5000, shuffle_length=BLOCK_TRANSITIONS + 2000)
    check_split(puzzle, contents(path), BLOCK_TRANSITIONS + 5000, BLOCK_TRANSITIONS + 2000, (4, 4))
    check_split(puzzle, contents(made(dataset_size=7, shuffle_length=90_000)), 7, 90_000, (4, 4))


@pytest.mark.parametrize("name", PUZZLES)
def test_all_actions_occur_equally_often(name, made, contents):
    actions = contents(made(dataset=name, dataset_size=10_000))["actions"]
    kinds = len(PUZZLES[name].actions)
    expected = len(actions) / kinds
    counts = np.bincount(actions, minlength=kinds)
    assert counts.shape == (kinds,) and (abs(counts - expected) < 5 * expected**0.5).all()


@pytest.mark.parametrize("name", ["rubikscube", "rubikscube_2x2x2", "slidepuzzle", "lightsout"])
def test_trajectories_that_start_solved_begin_at_the_solved_state(name, made, contents):
    solved = PUZZLES[name].start(np.random.default_rng(0), 1, "solved")
    path = made(dataset=name, start="solved", shuffle_length=9)
    assert (first_states(contents(path), 9) == solved).all()
    assert (first_states(contents(path, "test"), 100) == solved).all()


@pytest.mark.parametrize("name", PUZZLES)
def test_trajectories_that_start_anywhere_begin_at_different_states(name, made, contents):
    path = made(dataset=name, start="anywhere", shuffle_length=1)  # 100 trajectories
    starts = first_states(contents(path), 1)
    assert len(np.unique(starts, axis=0)) > 0.95 * len(starts)
    walks = first_states(contents(path, "test"), 100)
    assert len(np.unique(walks, axis=0)) == len(walks) == 100


def test_slide_puzzles_that_start_anywhere_can_all_be_solved(made, contents):
    starts = first_states(contents(made(dataset="slidepuzzle", start="anywhere", shuffle_length=1)), 1)
    assert PUZZLES["slidepuzzle"].is_reachable(starts).all()


def test_a_sokoban_trajectory_keeps_its_level_and_the_next_one_has_another(made, contents):
    walls = contents(made(dataset="sokoban", dataset_size=300))["states"].reshape(10, 31, 100) == 1
    assert (walls == walls[:, :1]).all()
    assert len(np.unique(walls[:, 0], axis=0)) == 10


def test_each_trajectory_makes_moves_of_its_own(made, contents):
    moves = contents(made(dataset_size=2 * BLOCK))["actions"].reshape(-1, 30)
    assert len(np.unique(moves, axis=0)) == len(moves)


def test_a_smaller_dataset_is_the_beginning_of_a_larger_one(made, contents):
    small, large = contents(made(dataset_size=500)), contents(made(dataset_size=BLOCK + 500))
    assert all(np.array_equal(small[name], large[name][: len(small[name])]) for name in ("actions", "frames"))
    shared = 500 + 500 // 30  # frames; the smaller one's last trajectory ends early
    assert all(np.array_equal(small[name][:shared], large[name][:shared]) for name in ("images", "states"))


def test_the_start_and_the_image_size_leave_the_moves_as_they_are(made, contents):
    plain = contents(made())
    other_start, larger = contents(made(start="anywhere")), contents(made(img_size=(8, 9)))
    assert np.array_equal(plain["states"], larger["states"]) and larger["images"].shape[1:] == (8, 9, 3)
    assert not np.array_equal(plain["states"], other_start["states"])
