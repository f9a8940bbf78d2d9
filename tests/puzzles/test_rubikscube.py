"""The cube's turns against another library and against known numbers; its picture read back."""

import magiccube
import numpy as np
import pytest
from sympy.combinatorics import Permutation, PermutationGroup

from pipeline.puzzles import PUZZLES
from pipeline.puzzles.rubikscube import COLOURS, _drawing

CUBE, SMALL_CUBE = PUZZLES["rubikscube"], PUZZLES["rubikscube_2x2x2"]
FACES = "URFDLB"
both_cubes = pytest.mark.parametrize("cube", [CUBE, SMALL_CUBE], ids=["3x3x3", "2x2x2"])


def turn(cube, states, moves):
    """Apply the same moves, such as "R U R' U'", to all states."""
    for name in moves.split():
        states = cube.step(states, np.full(len(states), cube.actions.index(name), np.uint8))
    return states


def start(cube, n=1, where="solved", seed=0):
    return cube.start(np.random.default_rng(seed), n, where)


def order_of(cube, moves):
    """Count how often the moves must be repeated to give back where each sticker was."""
    stickers = np.arange(cube.state_size, dtype=np.uint8)[None]
    state, times = turn(cube, stickers, moves), 1
    while not np.array_equal(state, stickers):
        state, times = turn(cube, state, moves), times + 1
    return times


def group_of(cube):
    clockwise = cube.permutations[::2]
    return PermutationGroup([Permutation(permutation.tolist()) for permutation in clockwise])


def test_the_actions_are_the_quarter_turns():
    assert CUBE.actions == ("U", "U'", "R", "R'", "F", "F'", "D", "D'", "L", "L'", "B", "B'")
    assert SMALL_CUBE.actions == ("U", "U'", "R", "R'", "F", "F'")


@pytest.mark.parametrize(("cube", "side"), [(CUBE, 3), (SMALL_CUBE, 2)], ids=["3x3x3", "2x2x2"])
def test_another_library_agrees_on_random_moves(cube, side):
    # magiccube gives its faces in the order U L F R B D, each row by row as seen from outside, as letters.
    faces_there, colours_there = "ULFRBD", dict(zip("WRGYOB", FACES))
    order = [faces_there.index(face) * side**2 + i for face in FACES for i in range(side**2)]
    rng = np.random.default_rng(5)
    walks, length = 60, 200  # 12,000 moves
    states = start(cube, walks)
    theirs = [magiccube.Cube(side) for _ in range(walks)]
    for actions in rng.integers(0, len(cube.actions), (length, walks)).astype(np.uint8):
        states = cube.step(states, actions)
        for state, other, action in zip(states, theirs, actions):
            other.rotate(cube.actions[action])
            letters = other.get()
            assert [FACES.index(colours_there[letters[i]]) for i in order] == state.tolist()


def test_the_turns_generate_the_group_of_the_cube():
    assert group_of(CUBE).order() == 43_252_003_274_489_856_000


def test_the_turns_of_the_small_cube_generate_its_positions():
    assert group_of(SMALL_CUBE).order() == 3_674_160


# How many positions are 0, 1, 2 … quarter turns away: OEIS A080601; for the 2×2×2, Jaap's Puzzle Page.
@pytest.mark.parametrize(
    ("cube", "known"),
    [(CUBE, [1, 12, 114, 1_068, 10_011]), (SMALL_CUBE, [1, 6, 27, 120, 534, 2_256, 8_969, 33_058])],
    ids=["3x3x3", "2x2x2"],
)
def test_as_many_positions_are_some_turns_away_as_is_known(cube, known, breadth_first):
    layers = breadth_first(cube, start(cube), depth=len(known) - 1)
    assert [len(layer) for layer in layers] == known


@both_cubes
def test_four_equal_quarter_turns_do_nothing_and_fewer_do_something(cube):
    assert [order_of(cube, name) for name in cube.actions] == [4] * len(cube.actions)


@both_cubes
def test_known_sequences_have_their_known_order(cube):
    assert order_of(cube, "R U R' U'") == 6
    assert order_of(cube, "R U") == (105 if cube is CUBE else 15)


def test_the_superflip_turns_every_edge_over_and_nothing_else():
    superflip = "U R R F B R B B R U U L B B R U' D' R R F R' L B B U U F F"
    state = turn(CUBE, start(CUBE), superflip)[0].reshape(6, 9)
    solved = np.repeat(np.arange(6), 9).reshape(6, 9)
    edges, others = [1, 3, 5, 7], [0, 2, 4, 6, 8]
    assert np.array_equal(state[:, others], solved[:, others])
    neighbours = {"U": "BLRF", "R": "UFBD", "F": "ULRD", "D": "FLRB", "L": "UBFD", "B": "URLD"}
    for face, around in neighbours.items():
        assert "".join(FACES[colour] for colour in state[FACES.index(face), edges]) == around


def test_a_turn_of_the_top_brings_the_right_faces_row_to_the_front():
    front, right = FACES.index("F"), FACES.index("R")
    state = turn(CUBE, start(CUBE), "U")[0].reshape(6, 3, 3)
    assert state[front].tolist() == [[right] * 3, [front] * 3, [front] * 3]


@both_cubes
def test_turns_move_stickers_and_make_none(cube):
    states = start(cube, 500, "anywhere")
    assert np.array_equal(np.sort(states, axis=1), np.tile(start(cube), (500, 1)))


def test_the_small_cubes_still_corner_stays():
    # The corner where D, L and B meet: the last row's first place of D, the same corner on L and B.
    states = start(SMALL_CUBE, 500, "anywhere").reshape(500, 6, 2, 2)
    assert (states[:, FACES.index("D"), 1, 0] == FACES.index("D")).all()
    assert (states[:, FACES.index("L"), 1, 0] == FACES.index("L")).all()
    assert (states[:, FACES.index("B"), 1, 1] == FACES.index("B")).all()


@both_cubes
def test_anywhere_shows_each_colour_as_often_as_chance_would(cube):
    n = 20_000
    states = start(cube, n, "anywhere")
    is_corner = np.arange(9) % 2 == 0 if cube is CUBE else np.ones(4, bool)  # or an edge; by place on the face
    is_corner = np.tile(is_corner, 6)
    moves = (cube.permutations != np.arange(cube.state_size)).any(axis=0)  # centres and the still corner don't
    for places in (moves & is_corner, moves & ~is_corner):
        for colour in range(6) if places.any() else ():
            expected = (start(cube)[0, places] == colour).mean()
            shares = (states[:, places] == colour).mean(axis=0)
            assert abs(shares - expected).max() < 5 * np.sqrt(expected * (1 - expected) / n)


@both_cubes
def test_anywhere_gives_positions_an_even_and_an_odd_number_of_turns_away(cube):
    # A quarter turn is an odd permutation of the corners: a fixed number of them reaches only half of all.
    odd = [is_odd(corners_of(cube, state)) for state in start(cube, 400, "anywhere")]
    assert 0.35 < np.mean(odd) < 0.65


def corners_of(cube, state):
    """Give which corner is at each corner's place, as a permutation."""
    up, right, front, down, left, back = range(6)
    end = cube.side - 1
    places = [  # the (face, row, column) of each corner's three stickers
        ((up, end, end), (front, 0, end), (right, 0, 0)),
        ((up, end, 0), (left, 0, end), (front, 0, 0)),
        ((up, 0, 0), (back, 0, end), (left, 0, 0)),
        ((up, 0, end), (right, 0, end), (back, 0, 0)),
        ((down, 0, end), (right, end, 0), (front, end, end)),
        ((down, 0, 0), (front, end, 0), (left, end, end)),
        ((down, end, 0), (left, end, 0), (back, end, end)),
        ((down, end, end), (back, end, 0), (right, end, end)),
    ]
    faces = state.reshape(6, cube.side, cube.side)
    home = [frozenset(face for face, _, _ in place) for place in places]
    return [home.index(frozenset(int(faces[sticker]) for sticker in place)) for place in places]


def is_odd(permutation):
    return Permutation(permutation).signature() == -1


# The picture.


def sticker_centres(side):
    """Tell where the two views show each sticker's middle, worked out by hand from the two hexagons.

    Gives for each (face, row, column) the view (0 left, 1 right) and the place in it, 0 to 1 down and across.
    """
    last, centres = side - 1, {}
    for i in range(side):
        for j in range(side):
            down, across = (i + 0.5) / side, (j + 0.5) / side
            top = (down + across) / 4, (1 + across - down) / 2
            right = (2 + 2 * down - across) / 4, (1 + across) / 2
            left = (1 + 2 * down + across) / 4, across / 2
            centres["U", i, j], centres["D", j, last - i] = (0, *top), (1, *top)
            centres["R", i, j], centres["B", last - i, last - j] = (0, *right), (1, *right)
            centres["F", i, j], centres["L", last - i, last - j] = (0, *left), (1, *left)
    return centres


def read_picture(images, side):
    """Read the stickers (N, S) off images (N, height, width, 3): the colour nearest to each middle's."""
    height, width = images.shape[1:3]
    views = images[:, :, : width // 2], images[:, :, width // 2 :]
    states = np.zeros((len(images), 6, side, side), np.uint8)
    for (face, row, column), (view, down, across) in sticker_centres(side).items():
        seen = views[view][:, int(down * height), int(across * views[view].shape[2])].astype(int)
        nearest = (abs(seen[:, None] - COLOURS.astype(int)) ** 2).sum(axis=2).argmin(axis=1)
        states[:, FACES.index(face), row, column] = nearest
    return states.reshape(len(images), -1)


@both_cubes
@pytest.mark.parametrize("img_size", [(32, 32), (48, 40), (64, 64), (64, 96)])
def test_every_sticker_can_be_read_off_the_picture_where_geometry_puts_it(cube, img_size):
    states = start(cube, 1000, "anywhere")
    assert np.array_equal(read_picture(cube.render(states, img_size), cube.side), states)


@both_cubes
def test_each_sticker_has_a_pixel_of_its_own_that_tells_its_colour(cube):
    # This proves that any two states, however alike, give different images at these sizes: two levels of a
    # channel lie at least 127 apart, so 3 of a pixel's 256 samples change its value however it is rounded.
    levels = np.unique(COLOURS).astype(int)
    assert np.diff(levels).min() >= 127
    assert len(np.unique(COLOURS, axis=0)) == 6
    height, width = cube.smallest_img_size
    sizes = [(height + more_height, width + more_width) for more_height in range(9) for more_width in range(9)]
    sizes += [
        (height, 4 * width),
        (4 * height, width),
        (24, 24),
        (32, 32),
        (48, 40),
        (64, 64),
        (32, 64),
        (64, 32),
    ]
    for img_size in sizes:
        weights, _ = _drawing(cube.side, img_size)
        alone = (weights > 0).sum(axis=0) == 1
        assert (weights[:, alone].max(axis=1) >= 3).all(), img_size


@both_cubes
def test_the_picture_is_the_sum_in_whole_numbers(cube):
    states = start(cube, 200, "anywhere")
    weights, ground = (part.astype(np.int64) for part in _drawing(cube.side, (32, 32)))
    sums = np.einsum("nsc,sp->npc", COLOURS[states].astype(np.int64), weights) + ground[:, None]
    assert np.array_equal(cube.render(states, (32, 32)), (sums >> 8).reshape(-1, 32, 32, 3))
    assert (weights.sum(axis=0) <= 256).all()
