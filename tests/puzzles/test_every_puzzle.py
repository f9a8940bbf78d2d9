"""What holds for every puzzle of the registry. A new puzzle needs only a line in GOLDEN."""

from hashlib import blake2b

import numpy as np
import pytest

from pipeline.puzzles import PUZZLES

MANY, SOME = 120_000, 1_500  # states whose images are compared at the usual size, and at the other sizes
ALL = {"slidepuzzle_3x3": 181_440, "lightsout_4x4": 4_096}  # every state there is
OTHER_SIZES = [(24, 24), (48, 40), (64, 64), (32, 64), (33, 47)]

# Digests of starts and of images, the same on every machine. Where a change of levels, scrambles or pictures
# is meant, copy the new values from the failing test's message.
GOLDEN = {  # name: (starts, images)
    "rubikscube": ("221c003fc104629c4d90e1cad825a4d6", "193887e77227058ab213d39f77a498e7"),
    "sokoban": ("0ec1c3bb030a8af72d3ff3e3e1120b78", "903968d4891bdcd7d35aeee320697c4b"),
    "slidepuzzle": ("287ad1b2fac5c8a05adae117debd21eb", "61095edbbc003577d5575a59bd40c60a"),
    "lightsout": ("66189228ae0c4630fb4e3570d4ef86fc", "13f727f1aee7f05aa6f7d17c0f4b85a7"),
    "rubikscube_2x2x2": ("a2bbc0bdc09f4158d09b9f8209933f08", "98b744d5ffc7d07a778cf1e8daabb49c"),
    "slidepuzzle_3x3": ("8d76a555b6f2d9f9072ef03e5e2b52de", "bfc8554d1d89e1c6a6183ba72c78055f"),
    "lightsout_4x4": ("31cf27a82c9c7fef45c61ae42433c502", "973d2fd6bdc743dadd16d6c14b5580a8"),
}


@pytest.fixture(params=PUZZLES.values(), ids=PUZZLES.keys())
def puzzle(request):
    return request.param


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def random_actions(puzzle, rng, n):
    return rng.integers(0, len(puzzle.actions), n).astype(np.uint8)


def positions(puzzle, rng, n):
    """Give n states that a few random moves lead to."""
    states = puzzle.start(rng, n, "anywhere")
    for _ in range(5):
        states = puzzle.step(states, random_actions(puzzle, rng, n))
    return states


def digests(puzzle, states, img_size):
    """Give a digest of each state's image, drawn part by part."""
    found = []
    for first in range(0, len(states), 2048):
        images = puzzle.render(states[first : first + 2048], img_size)
        found += [blake2b(image, digest_size=16).digest() for image in images.reshape(len(images), -1)]
    return found


def fits(puzzle, img_size):
    return all(has >= needs for has, needs in zip(img_size, puzzle.smallest_img_size))


def test_the_registry_knows_each_puzzle_by_its_own_name():
    assert all(name == puzzle.name for name, puzzle in PUZZLES.items())


def test_actions_have_different_names_and_fit_in_a_byte(puzzle):
    assert len(set(puzzle.actions)) == len(puzzle.actions) <= 256


def test_auto_start_means_the_puzzles_own_choice_and_says_why(puzzle):
    assert puzzle.resolve_start("auto") == puzzle.default_start
    assert puzzle.default_start in ("solved", "anywhere")
    assert puzzle.start_reason
    assert [puzzle.resolve_start(where) for where in ("solved", "anywhere")] == ["solved", "anywhere"]


@pytest.mark.parametrize("where", ["solved", "anywhere"])
@pytest.mark.parametrize("n", [0, 1, 1000])
def test_starts_are_rows_of_bytes(puzzle, rng, where, n):
    states = puzzle.start(rng, n, where)
    assert states.shape == (n, puzzle.state_size)
    assert states.dtype == np.uint8


@pytest.mark.parametrize("n", [0, 1, 1000])
def test_a_step_gives_rows_of_bytes_within_the_range_of_the_states(puzzle, rng, n):
    highest = positions(puzzle, rng, 1000).max()
    after = puzzle.step(positions(puzzle, rng, n), random_actions(puzzle, rng, n))
    assert after.shape == (n, puzzle.state_size)
    assert after.dtype == np.uint8
    assert after.max(initial=0) <= highest


@pytest.mark.parametrize("n", [0, 1, 1000])
def test_a_picture_is_height_by_width_by_colour(puzzle, rng, n):
    images = puzzle.render(positions(puzzle, rng, n), (40, 48))
    assert images.shape == (n, 40, 48, 3)
    assert images.dtype == np.uint8


def test_every_action_changes_some_state(puzzle, rng):
    states = positions(puzzle, rng, 200)
    for action in range(len(puzzle.actions)):
        assert (puzzle.step(states, np.full(len(states), action, np.uint8)) != states).any()


def test_an_action_and_its_inverse_give_back_the_state(puzzle, rng):
    if puzzle.inverse is None:
        pytest.skip("this puzzle has moves that can't be undone")
    states, actions = positions(puzzle, rng, 20_000), random_actions(puzzle, rng, 20_000)
    after = puzzle.step(states, actions)
    back = puzzle.step(after, np.array(puzzle.inverse, np.uint8)[actions])
    changed = (after != states).any(axis=1)
    assert changed.mean() > 0.5
    assert np.array_equal(back[changed], states[changed])


def test_the_inverse_of_the_inverse_is_the_action_itself(puzzle):
    if puzzle.inverse is None:
        pytest.skip("this puzzle has moves that can't be undone")
    assert [puzzle.inverse[action] for action in puzzle.inverse] == list(range(len(puzzle.actions)))


def test_step_and_render_leave_their_input_as_it_is(puzzle, rng):
    states, actions = positions(puzzle, rng, 300), random_actions(puzzle, rng, 300)
    states.flags.writeable = actions.flags.writeable = False
    before = states.copy(), actions.copy()
    after = puzzle.step(states, actions)
    puzzle.render(states, (32, 32))
    assert np.array_equal(states, before[0])
    assert np.array_equal(actions, before[1])
    assert not np.shares_memory(after, states)


def test_starts_can_be_changed_without_changing_later_starts(puzzle):
    for where in ("solved", "anywhere"):
        first = puzzle.start(np.random.default_rng(3), 5, where)
        kept = first.copy()
        first[:] = 0
        assert np.array_equal(puzzle.start(np.random.default_rng(3), 5, where), kept)


def test_a_batch_is_stepped_and_drawn_as_one_by_one(puzzle, rng):
    states, actions = positions(puzzle, rng, 1100), random_actions(puzzle, rng, 1100)
    after, images = puzzle.step(states, actions), puzzle.render(states, (32, 32))
    for i in [*range(30), *range(500, 530), *range(1080, 1100)]:  # on both sides of any power of two
        alone = slice(i, i + 1)
        assert np.array_equal(puzzle.step(states[alone], actions[alone]), after[alone])
        assert np.array_equal(puzzle.render(states[alone], (32, 32)), images[alone])


def test_the_same_seed_gives_the_same_states_and_images(puzzle):
    def made(seed):
        rng = np.random.default_rng(seed)
        states = positions(puzzle, rng, 100)
        return states.tobytes(), puzzle.render(states, (32, 32)).tobytes()

    assert made(0) == made(0)
    assert made(0) != made(1)


def test_distinct_states_give_distinct_images(puzzle, rng, breadth_first):
    # Random states and what is a move or a few away from them: states that differ little are the hard cases.
    enough = ALL.get(puzzle.name, MANY)
    states = np.concatenate(breadth_first(puzzle, puzzle.start(rng, 5_000, "anywhere"), enough=enough))
    assert len(states) == enough
    assert len(set(digests(puzzle, states, (32, 32)))) == len(states)


def sizes_of(puzzle):
    height, width = puzzle.smallest_img_size
    return {(height, width), (height, 3 * width), (3 * height, width), (height + 1, width + 1), *OTHER_SIZES}


def test_distinct_states_give_distinct_images_at_every_size(puzzle, rng, breadth_first):
    states = np.concatenate(breadth_first(puzzle, puzzle.start(rng, 40, "anywhere"), enough=SOME))
    for img_size in filter(lambda size: fits(puzzle, size), sorted(sizes_of(puzzle))):
        assert len(set(digests(puzzle, states, img_size))) == len(states), img_size


def test_states_and_pictures_are_the_same_on_every_machine(puzzle):
    starts = puzzle.start(np.random.default_rng(0), 200, "anywhere")
    # The images show walks from the solved position, whatever "anywhere" does.
    rng = np.random.default_rng(1)
    walks = [puzzle.start(rng, 20, "solved")]
    for _ in range(50):
        walks.append(puzzle.step(walks[-1], random_actions(puzzle, rng, 20)))
    images = blake2b(digest_size=16)
    for img_size in ((32, 32), (48, 40)):
        images.update(puzzle.render(np.concatenate(walks), img_size))
    made = blake2b(starts, digest_size=16).hexdigest(), images.hexdigest()
    assert made == GOLDEN.get(puzzle.name), f"GOLDEN[{puzzle.name!r}] would now be {made}"
