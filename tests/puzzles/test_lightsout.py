"""Lights Out: presses worked out by hand, and what can be reached, by linear algebra and by brute force."""

import numpy as np
import pytest

from pipeline.puzzles import PUZZLES
from pipeline.puzzles.lightsout import LightsOut

SEVEN, FOUR = PUZZLES["lightsout"], PUZZLES["lightsout_4x4"]
both_boards = pytest.mark.parametrize("puzzle", [SEVEN, FOUR], ids=["7x7", "4x4"])


def board(rows):
    """Read a state from rows of signs: o is on, . is off."""
    return np.array([[sign == "o" for sign in rows if sign in "o."]], np.uint8)


def press(puzzle, states, row, column):
    action = puzzle.actions.index(f"press {row},{column}")  # both count from 1
    return puzzle.step(states, np.full(len(states), action, np.uint8))


OFF = ".... .... .... ...."
HAND_WORKED = {  # what it shows: (the board before, the light pressed, the board after)
    "middle": (OFF, (2, 3), "..o. .ooo ..o. ...."),
    "upper left corner": (OFF, (1, 1), "oo.. o... .... ...."),
    "upper right corner": (OFF, (1, 4), "..oo ...o .... ...."),
    "lower left corner": (OFF, (4, 1), ".... .... o... oo.."),
    "lower right corner": (OFF, (4, 4), ".... .... ...o ..oo"),
    "upper edge": (OFF, (1, 2), "ooo. .o.. .... ...."),
    "right edge": (OFF, (3, 4), ".... ...o ..oo ...o"),
    "turns off what is on": ("oooo oooo oooo oooo", (2, 2), "o.oo ...o o.oo oooo"),
    "turns on and off": ("oo.. .... .... ....", (1, 1), ".... o... .... ...."),
}


@pytest.mark.parametrize("case", HAND_WORKED)
def test_presses_worked_out_by_hand(case):
    before, light, after = HAND_WORKED[case]
    assert np.array_equal(press(FOUR, board(before), *light), board(after))


def test_a_press_in_the_middle_of_the_large_board_toggles_a_cross():
    cross = "....... ....... ...o... ..ooo.. ...o... ....... ......."
    assert np.array_equal(press(SEVEN, board(". " * 49), 4, 4), board(cross))


def test_solved_means_all_lights_off():
    assert not SEVEN.start(np.random.default_rng(0), 3, "solved").any()


@both_boards
def test_every_press_undoes_itself(puzzle):
    states = np.random.default_rng(0).integers(0, 2, (500, puzzle.state_size), np.uint8)
    for action in range(len(puzzle.actions)):
        actions = np.full(len(states), action, np.uint8)
        once = puzzle.step(states, actions)
        assert (once != states).any(axis=1).all()
        assert np.array_equal(puzzle.step(once, actions), states)


@both_boards
def test_presses_commute(puzzle):
    first, second = (a.ravel().astype(np.uint8) for a in np.indices((len(puzzle.actions),) * 2))  # every pair
    states = np.random.default_rng(1).integers(0, 2, (len(first), puzzle.state_size), np.uint8)
    one_way = puzzle.step(puzzle.step(states, first), second)
    assert np.array_equal(one_way, puzzle.step(puzzle.step(states, second), first))


def presses_as_numbers(side):
    """Give what each press toggles as the bits of a whole number, told from the rules alone."""
    presses = []
    for y in range(side):
        for x in range(side):
            cross = [(y, x), (y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
            presses.append(sum(1 << (i * side + j) for i, j in cross if 0 <= i < side and 0 <= j < side))
    return presses


def rank(rows):
    """Give the rank over the field of two elements of rows of bits, by elimination."""
    pivots = []
    for row in rows:
        for pivot in pivots:
            row = min(row, row ^ pivot)
        if row:
            pivots.append(row)
    return len(pivots)


# The ranks are known: 4×4 and 5×5 have sets of presses that do nothing, 3×3 and 7×7 have none (OEIS A159257).
@pytest.mark.parametrize(("side", "known"), [(2, 4), (3, 9), (4, 12), (5, 23), (7, 49)])
def test_the_presses_have_the_known_rank(side, known):
    puzzle = LightsOut("lightsout", side)
    solved = np.zeros((side * side, side * side), np.uint8)
    after = puzzle.step(solved, np.arange(side * side, dtype=np.uint8))
    numbers = [sum(1 << light for light in np.flatnonzero(state).tolist()) for state in after]
    assert numbers == presses_as_numbers(side)
    assert rank(numbers) == known


def test_linear_algebra_brute_force_and_search_agree_on_what_can_be_reached(breadth_first):
    by_presses = {0}
    for cross in presses_as_numbers(4):  # pressed or not, for each of the 16: all 65,536 sets of presses
        by_presses |= {state ^ cross for state in by_presses}
    layers = breadth_first(FOUR, FOUR.start(np.random.default_rng(0), 1, "solved"))
    by_search = {sum(1 << i for i in np.flatnonzero(state).tolist()) for layer in layers for state in layer}
    assert len(by_presses) == 2 ** rank(presses_as_numbers(4)) == 4096
    assert by_presses == by_search


def test_the_state_space_is_every_board_and_anywhere_spreads_over_all_of_it():
    everything = FOUR.all_states()
    assert len(np.unique(everything, axis=0)) == FOUR.state_count == 65_536
    anywhere = FOUR.start(np.random.default_rng(1), 60_000, "anywhere")
    met = len(np.unique(anywhere, axis=0))
    assert abs(met - 65_536 * (1 - np.exp(-60_000 / 65_536))) < 500  # as many as independent draws meet


@both_boards
def test_anywhere_lights_each_light_half_of_the_time(puzzle):
    n = 20_000
    states = puzzle.start(np.random.default_rng(2), n, "anywhere")
    assert abs(states.mean(axis=0) - 0.5).max() < 5 * 0.5 / np.sqrt(n)


@both_boards
def test_on_and_off_look_different_at_every_size(puzzle):
    # A board's picture is made of its cells' pictures, so this makes any two states look different.
    smallest = puzzle.smallest_img_size[0]
    sizes = [*range(smallest, 66), 128]
    states = np.zeros((2, puzzle.state_size), np.uint8)
    states[1, puzzle.state_size // 2] = 1
    for img_size in [(height, width) for height in sizes for width in sizes[::3]]:
        off, on = puzzle.render(states, img_size)
        cell = np.argwhere((off != on).any(axis=2))
        assert len(cell), img_size
        assert (np.ptp(cell, axis=0) < np.array(img_size) // puzzle.side).all()  # one cell's pixels and no others


@both_boards
def test_a_light_is_seen_where_it_lies(puzzle):
    side, lit = puzzle.side, np.eye(puzzle.state_size, dtype=np.uint8)
    for img_size in ((32, 32), (40, 61)):
        off, on = puzzle.render(lit[:1] * 0, img_size), puzzle.render(lit, img_size)
        for light, differs in enumerate((on != off).any(axis=3)):
            y, x = np.argwhere(differs).mean(axis=0) + 0.5
            high, wide = img_size[0] // side, img_size[1] // side
            margins = (img_size[0] - side * high) // 2, (img_size[1] - side * wide) // 2
            assert (int(y - margins[0]) // high, int(x - margins[1]) // wide) == divmod(light, side)
