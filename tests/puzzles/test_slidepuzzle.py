"""The slide puzzle: moves worked out by hand, which states can be reached, and readable tiles."""

import numpy as np
import pytest

from pipeline.puzzles import PUZZLES
from pipeline.puzzles.slidepuzzle import SlidePuzzle

FIFTEEN, EIGHT, THREE = (
    PUZZLES["slidepuzzle"],
    PUZZLES["slidepuzzle_3x3"],
    SlidePuzzle("slidepuzzle_2x2", side=2),
)
every_side = pytest.mark.parametrize("puzzle", [THREE, EIGHT, FIFTEEN], ids=["2x2", "3x3", "4x4"])


def board(rows):
    return np.array([rows.split()], np.uint8)


def move(puzzle, states, name):
    return puzzle.step(states, np.full(len(states), puzzle.actions.index(name), np.uint8))


def permutations_of(n):
    """Give all orders of 0 … n-1: (n!, n) uint8."""
    orders = np.zeros((1, 0), np.uint8)
    for number in range(n):
        orders = np.concatenate([np.insert(orders, place, number, axis=1) for place in range(number + 1)])
    return orders


MIDDLE = "1 2 3  4 0 5  6 7 8"
HAND_WORKED = {  # what it shows: (the board before, an action, the board after)
    "blank up": (MIDDLE, "up", "1 0 3  4 2 5  6 7 8"),
    "blank down": (MIDDLE, "down", "1 2 3  4 7 5  6 0 8"),
    "blank left": (MIDDLE, "left", "1 2 3  0 4 5  6 7 8"),
    "blank right": (MIDDLE, "right", "1 2 3  4 5 0  6 7 8"),
    "upper edge": ("1 0 2  3 4 5  6 7 8", "up", "1 0 2  3 4 5  6 7 8"),
    "lower edge": ("1 2 3  4 5 6  7 0 8", "down", "1 2 3  4 5 6  7 0 8"),
    "left edge, not around the row's end": ("1 2 3  0 4 5  6 7 8", "left", "1 2 3  0 4 5  6 7 8"),
    "right edge, not around the row's end": ("1 2 3  4 5 0  6 7 8", "right", "1 2 3  4 5 0  6 7 8"),
    "first corner": ("0 1 2  3 4 5  6 7 8", "left", "0 1 2  3 4 5  6 7 8"),
    "last corner": ("1 2 3  4 5 6  7 8 0", "right", "1 2 3  4 5 6  7 8 0"),
}


@pytest.mark.parametrize("case", HAND_WORKED)
def test_moves_worked_out_by_hand(case):
    before, action, after = HAND_WORKED[case]
    assert np.array_equal(move(EIGHT, board(before), action), board(after))


def test_a_walk_on_the_fifteen_puzzle_worked_out_by_hand():
    state = board("1 2 3 4  5 6 7 8  9 10 11 12  13 14 15 0")
    assert np.array_equal(FIFTEEN.start(np.random.default_rng(0), 1, "solved"), state)
    for name in ("up", "left", "left", "down", "right"):
        state = move(FIFTEEN, state, name)
    assert np.array_equal(state, board("1 2 3 4  5 6 7 8  9 14 10 11  13 15 0 12"))


@every_side
def test_a_move_changes_nothing_or_swaps_the_blank_with_a_tile_beside_it(puzzle):
    rng = np.random.default_rng(0)
    states = puzzle.start(rng, 5000, "anywhere")
    after = puzzle.step(states, rng.integers(0, 4, len(states)).astype(np.uint8))
    changed = (after != states).sum(axis=1)
    assert set(changed) == {0, 2}
    was, now = (np.divmod(np.argmax(boards == 0, axis=1), puzzle.side) for boards in (states, after))
    assert np.array_equal(abs(was[0] - now[0]) + abs(was[1] - now[1]), changed // 2)
    assert np.array_equal(np.sort(after, axis=1), np.sort(states, axis=1))


# Which states can be reached.


@pytest.mark.parametrize(("puzzle", "half"), [(THREE, 12), (EIGHT, 181_440)], ids=["2x2", "3x3"])
def test_exactly_the_states_that_moves_lead_to_are_called_reachable(puzzle, half, breadth_first):
    layers = breadth_first(puzzle, puzzle.start(np.random.default_rng(0), 1, "solved"))
    all_states = permutations_of(puzzle.state_size)
    reached = {state.tobytes() for layer in layers for state in layer}
    assert len(reached) == half
    assert len(all_states) == 2 * half
    said = puzzle.is_reachable(all_states)
    assert said.sum() == half
    assert {state.tobytes() for state in all_states[said]} == reached


# The numbers of states a given number of moves away from the solved one: OEIS A089473 and A089484.
EIGHT_LAYERS = [
    1, 2, 4, 8, 16, 20, 39, 62, 116, 152, 286, 396, 748, 1024, 1893, 2512, 4485, 5638, 9529, 10878,
    16993, 17110, 23952, 20224, 24047, 15578, 14560, 6274, 3910, 760, 221, 2,
]  # fmt: skip
FIFTEEN_LAYERS = [1, 2, 4, 10, 24, 54, 107, 212, 446, 946, 1948, 3938, 7808]


@pytest.mark.parametrize(("puzzle", "known"), [(EIGHT, EIGHT_LAYERS), (FIFTEEN, FIFTEEN_LAYERS)], ids=["3x3", "4x4"])
def test_as_many_states_are_some_moves_away_as_is_known(puzzle, known, breadth_first):
    solved = puzzle.start(np.random.default_rng(0), 1, "solved")
    assert [len(layer) for layer in breadth_first(puzzle, solved, depth=len(known) - 1)] == known


def test_the_fifteen_puzzles_parity_agrees_with_a_count_of_cycles():
    # Every move is a swap and moves the blank by one; a permutation is even if size minus cycles is even.
    rng = np.random.default_rng(1)
    states = rng.permuted(np.tile(np.arange(16, dtype=np.uint8), (2000, 1)), axis=1)
    said = FIFTEEN.is_reachable(states)
    assert 0.4 < said.mean() < 0.6
    for state, reachable in zip(states.tolist(), said):
        home = [(number - 1) % 16 for number in state]
        cycles, seen = 0, set()
        for cell in range(16):
            cycles += cell not in seen
            while cell not in seen:
                seen.add(cell)
                cell = home[cell]
        row, column = divmod(state.index(0), 4)
        blank_moved = (3 - row) + (3 - column)
        assert ((16 - cycles) % 2 == blank_moved % 2) == reachable


def test_the_famous_swap_of_14_and_15_is_not_reachable():
    assert FIFTEEN.is_reachable(board("1 2 3 4  5 6 7 8  9 10 11 12  13 14 15 0"))[0]
    assert not FIFTEEN.is_reachable(board("1 2 3 4  5 6 7 8  9 10 11 12  13 15 14 0"))[0]


@every_side
@pytest.mark.parametrize("where", ["solved", "anywhere"])
def test_starts_are_reachable_and_stay_so(puzzle, where):
    rng = np.random.default_rng(2)
    states = puzzle.start(rng, 2000, where)
    for _ in range(40):
        assert puzzle.is_reachable(states).all()
        assert (np.sort(states, axis=1) == np.arange(puzzle.state_size)).all()
        states = puzzle.step(states, rng.integers(0, 4, len(states)).astype(np.uint8))


def test_anywhere_gives_each_state_of_the_smallest_puzzle_equally_often():
    n = 60_000
    _, counts = np.unique(THREE.start(np.random.default_rng(3), n, "anywhere"), axis=0, return_counts=True)
    assert len(counts) == 12
    assert abs(counts - n / 12).max() < 5 * np.sqrt(n / 12)


@every_side
def test_anywhere_puts_each_tile_on_each_cell_equally_often(puzzle):
    n = 40_000
    states = puzzle.start(np.random.default_rng(4), n, "anywhere")
    for tile in range(puzzle.state_size):
        counts = (states == tile).sum(axis=0)
        assert abs(counts - n / puzzle.state_size).max() < 5 * np.sqrt(n / puzzle.state_size)


# The picture.


@every_side
def test_all_tiles_look_different_at_every_size(puzzle):
    # A board's picture is made of its cells' pictures, so this makes any two states look different.
    numbers, side = puzzle.state_size, puzzle.side
    one_number = np.repeat(np.arange(numbers, dtype=np.uint8), numbers).reshape(numbers, numbers)
    height, width = puzzle.smallest_img_size
    sizes = [(height + more_height, width + more_width) for more_height in range(24) for more_width in range(24)]
    sizes += [(height, 4 * width), (4 * height, width), (48, 40), (64, 64), (32, 64), (64, 32), (128, 128)]
    for img_size in sizes:
        high, wide = img_size[0] // side, img_size[1] // side
        top, left = (img_size[0] - side * high) // 2, (img_size[1] - side * wide) // 2
        cells = puzzle.render(one_number, img_size)[:, top : top + high, left : left + wide]
        assert len({cell.tobytes() for cell in cells}) == numbers, img_size


@every_side
def test_below_the_smallest_size_tiles_look_alike(puzzle):
    height, width = puzzle.smallest_img_size
    one_number = np.repeat(np.arange(puzzle.state_size, dtype=np.uint8), puzzle.state_size)
    for img_size in ((height - 1, width), (height, width - 1)):
        images = puzzle.render(one_number.reshape(puzzle.state_size, -1), img_size)
        assert len({image.tobytes() for image in images}) < puzzle.state_size


def test_a_tile_is_drawn_where_it_lies():
    state = board("1 2 3 4  5 6 7 8  9 10 11 12  13 14 15 0")
    for img_size in ((32, 32), (41, 65)):
        image = FIFTEEN.render(state, img_size)[0]
        high, wide = img_size[0] // 4, img_size[1] // 4
        top, left = (img_size[0] - 4 * high) // 2, (img_size[1] - 4 * wide) // 2
        expected = np.full_like(image, 24)
        for place, number in enumerate(state[0]):
            y, x = top + place // 4 * high, left + place % 4 * wide
            uniform = FIFTEEN.render(np.full((1, 16), number, np.uint8), img_size)[0]
            expected[y : y + high, x : x + wide] = uniform[y : y + high, x : x + wide]
        assert np.array_equal(image, expected)
