"""Reading pictures back, and visiting whole state spaces."""

import numpy as np
import pytest

from pipeline.puzzles import PUZZLES
from pipeline.puzzles.search import reachable_states
from pipeline.system.hashing import number_rows

SIZES = ((32, 32), (24, 24), (48, 40), (64, 64))


@pytest.mark.parametrize("name", PUZZLES)
def test_a_picture_reads_back_as_its_state_even_with_some_noise(name):
    puzzle, rng = PUZZLES[name], np.random.default_rng(0)
    states = puzzle.start(rng, 300, "anywhere")
    for size in (puzzle.smallest_img_size, *SIZES):
        if size[0] < puzzle.smallest_img_size[0] or size[1] < puzzle.smallest_img_size[1]:
            continue
        images = puzzle.render(states, size)
        np.testing.assert_array_equal(puzzle.read(images), states)
        noisy = np.clip(images + rng.normal(0, 4, images.shape), 0, 255).astype(np.uint8)
        np.testing.assert_array_equal(puzzle.read(noisy), states)


@pytest.mark.parametrize("name", PUZZLES)
def test_a_wrong_picture_does_not_read_back_as_the_state(name):
    puzzle, rng = PUZZLES[name], np.random.default_rng(0)
    states = puzzle.start(rng, 200, "anywhere")
    others = puzzle.start(rng, 200, "anywhere")
    different = (states != others).any(axis=1)
    read = puzzle.read(puzzle.render(others, (32, 32)))
    assert (read[different] != states[different]).any(axis=1).all()


@pytest.mark.parametrize(("name", "count"), [("slidepuzzle_3x3", 181_440), ("lightsout_4x4", 65_536)])
def test_all_states_are_as_many_as_they_should_be_each_once_and_closed_under_moves(name, count):
    puzzle = PUZZLES[name]
    states = puzzle.all_states()
    numbers = np.sort(number_rows(states))
    assert len(states) == len(np.unique(states, axis=0)) == len(np.unique(numbers)) == puzzle.state_count == count
    for action in range(len(puzzle.actions)):
        following = puzzle.step(states, np.full(count, action, np.uint8))
        assert np.isin(number_rows(following), numbers).all()


def test_a_search_finds_what_a_set_of_bytes_finds():
    puzzle = PUZZLES["lightsout_4x4"]
    start = puzzle.start(np.random.default_rng(0), 1, "solved")
    known, todo = {start[0].tobytes()}, [start[0]]
    while todo:
        state = todo.pop()
        for action in range(len(puzzle.actions)):
            following = puzzle.step(state[None], np.array([action], np.uint8))[0]
            if following.tobytes() not in known:
                known.add(following.tobytes())
                todo.append(following)
    found = reachable_states(puzzle, start)
    assert len(found) == len(known) == 4096
    assert {state.tobytes() for state in found} == known
