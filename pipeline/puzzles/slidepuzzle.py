"""The slide puzzle: numbered tiles and one blank that changes places with a neighbour."""

from functools import lru_cache, partial
from math import factorial

import numpy as np

from .base import Puzzle
from .tiles import blank_tiles, cell_size, draw_board, read_board

BLANK_COLOUR, TILE_COLOUR, DIGIT_COLOUR, EDGE_COLOUR = (
    (40, 40, 48),
    (236, 222, 196),
    (120, 40, 16),
    (150, 126, 96),
)
GLYPH = (5, 3)  # height, width of a digit in dots
DIGITS = (  # dots of 0 to 9, row by row
    "111101101101111", "010110010010111", "111001111100111", "111001111001111", "101101111001001",
    "111100111001111", "111100111101111", "111001010010010", "111101111101111", "111101111001111",
)  # fmt: skip


class SlidePuzzle(Puzzle):
    """The (side² - 1)-puzzle, for example the 15-puzzle with side 4.

    State: (side * side,) uint8, row by row, the tile's number or 0 for the blank. An action moves the blank; at
    the edge it does nothing. Solved: 1, 2, 3 … and the blank last.
    """

    actions = ("up", "down", "left", "right")
    inverse = (1, 0, 3, 2)
    kinds = ("nothing", "slide")
    default_start = "anywhere"
    start_reason = "30 random moves leave most tiles where they were, so a model would never see the others"

    def __init__(self, name: str, side: int):
        self.name, self.side = name, side
        self.state_size = side * side
        self.state_count = factorial(side * side) // 2
        self.tiles_of = partial(_tiles, side)  # for cells of a size
        digits = len(str(side * side - 1))
        self.smallest_img_size = (side * (GLYPH[0] + 1), side * ((GLYPH[1] + 1) * digits))
        self.solved = np.roll(np.arange(side * side, dtype=np.uint8), -1)
        self.neighbour = self._neighbours()  # (A, S): where the blank goes from each cell

    def _neighbours(self) -> np.ndarray:
        row, column = np.divmod(np.arange(self.state_size), self.side)
        last = self.side - 1
        moves = ((-1, 0), (1, 0), (0, -1), (0, 1))
        return np.array([np.clip(row + dy, 0, last) * self.side + np.clip(column + dx, 0, last) for dy, dx in moves])

    def start(self, rng, n, where):
        if where == "solved":
            return np.tile(self.solved, (n, 1))
        states = rng.permuted(np.tile(self.solved, (n, 1)), axis=1)
        return self._make_reachable(states)

    def _make_reachable(self, states: np.ndarray) -> np.ndarray:
        """Swap two tiles of every state that moves can't reach, in place."""
        rows = np.arange(len(states))
        first, second = np.where(states[:, 0] == 0, 2, 0), np.where(states[:, 1] == 0, 2, 1)
        wrong = ~self.is_reachable(states)
        swapped = states[rows[wrong], second[wrong]], states[rows[wrong], first[wrong]]
        states[rows[wrong], first[wrong]], states[rows[wrong], second[wrong]] = swapped
        return states

    def is_reachable(self, states: np.ndarray) -> np.ndarray:
        """Tell which of the states (N, S) moves can reach from the solved one: (N,) bool.

        A move is one swap, and moves the blank by one: the parity of the permutation and of the blank's
        distance from its home change together (Johnson and Story, 1879).
        """
        later_and_smaller = np.triu(states[:, :, None] > states[:, None, :])
        inversions = (later_and_smaller & (states[:, None, :] > 0)).sum(axis=(1, 2))  # of the tiles alone
        row_of_blank = np.argmax(states == 0, axis=1) // self.side
        rows_moved = (self.side - 1 - row_of_blank) if self.side % 2 == 0 else 0
        return (inversions + rows_moved) % 2 == 0

    def step(self, states, actions):
        rows = np.arange(len(states))
        blank = np.argmax(states == 0, axis=1)
        target = self.neighbour[actions, blank]
        after = states.copy()
        after[rows, blank] = states[rows, target]
        after[rows, target] = 0
        return after

    def render(self, states, img_size):
        cells = states.reshape(-1, self.side, self.side)
        return draw_board(cells, self.tiles_of, img_size)

    def read(self, images):
        tiles = _tiles(self.side, cell_size(images.shape[1:3], self.side, self.side))
        return read_board(images, tiles, self.side, self.side).reshape(len(images), -1)


@lru_cache
def _tiles(side: int, size: tuple[int, int]) -> np.ndarray:
    """Draw the blank and the numbered tiles: (side², height, width, 3) uint8."""
    digits = len(str(side * side - 1))
    tiles = blank_tiles(side * side, size, TILE_COLOUR)
    tiles[0] = BLANK_COLOUR
    dots_high, dots_wide = GLYPH[0] + 1, (GLYPH[1] + 1) * digits  # the number and a line's distance
    scale = min(size[0] // dots_high, size[1] // dots_wide)
    tiles[1:, 0] = tiles[1:, :, 0] = EDGE_COLOUR
    for number in range(1, side * side):
        glyph = np.hstack([_digit(digit) for digit in str(number)])[:, :-1]  # no gap behind the last digit
        dots = np.kron(glyph, np.ones((scale, scale), bool))
        top, left = (size[0] - dots.shape[0] + 1) // 2, (size[1] - dots.shape[1] + 1) // 2
        tiles[number, top : top + dots.shape[0], left : left + dots.shape[1]][dots] = DIGIT_COLOUR
    return tiles


def _digit(digit: str) -> np.ndarray:
    """Give a digit's dots with a gap behind: (5, 4) bool."""
    dots = np.array(list(DIGITS[int(digit)])).reshape(GLYPH) == "1"
    return np.pad(dots, ((0, 0), (0, 1)))
