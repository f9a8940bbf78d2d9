"""What is drawn by table look-up is what drawing cell by cell, or summing the shares of the stickers, gives."""

import numpy as np
import pytest

from pipeline.puzzles import PUZZLES, lightsout, sokoban
from pipeline.puzzles.rubikscube import COLOURS, _drawing
from pipeline.puzzles.tiles import MARGIN_COLOUR, draw_board

TILES = {"lightsout": lightsout._tiles, "sokoban": sokoban._tiles, "slidepuzzle": PUZZLES["slidepuzzle"].tiles_of}
SIZES = [(32, 32), (40, 48), (33, 47), (64, 51), (101, 35)]


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.mark.parametrize("img_size", SIZES)
@pytest.mark.parametrize("name", TILES)
def test_a_board_shows_the_tile_of_each_cell_and_a_margin(name, img_size, rng):
    side = int(PUZZLES[name].state_size ** 0.5)
    height, width = (pixels // side for pixels in img_size)
    tiles = TILES[name]((height, width))
    boards = rng.integers(0, len(tiles), (3, side, side), np.uint8)
    wanted = np.full((3, *img_size, 3), MARGIN_COLOUR, np.uint8)
    top, left = (img_size[0] - side * height) // 2, (img_size[1] - side * width) // 2
    for n, row, column in np.ndindex(boards.shape):
        y, x = top + row * height, left + column * width
        wanted[n, y : y + height, x : x + width] = tiles[boards[n, row, column]]
    assert np.array_equal(draw_board(boards, TILES[name], img_size), wanted)


@pytest.mark.parametrize("img_size", [*SIZES, (24, 24), (200, 200)])
@pytest.mark.parametrize("name", ["rubikscube", "rubikscube_2x2x2"])
def test_a_pixel_of_the_cube_is_the_sum_of_its_stickers_shares(name, img_size, rng):
    cube = PUZZLES[name]
    states = rng.integers(0, 6, (700, cube.state_size), np.uint8)  # more than are drawn at a time
    weights, ground = (part.astype(np.int64) for part in _drawing(cube.side, img_size))
    images = cube.render(states, img_size)
    for n in (0, 1, 31, 32, 33, 699):
        sums = np.einsum("sp,sc->pc", weights, COLOURS[states[n]].astype(np.int64)) + ground[:, None]
        assert np.array_equal(images[n].reshape(-1, 3), sums >> 8)
