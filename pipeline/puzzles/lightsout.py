"""Lights Out: a press toggles a light and its neighbours."""

from functools import lru_cache

import numpy as np

from .base import Puzzle
from .tiles import blank_tiles, cell_size, draw_board, read_board

OFF_COLOUR, ON_COLOUR, EDGE_COLOUR = (48, 52, 72), (255, 214, 64), (24, 24, 24)


class LightsOut(Puzzle):
    """Lights Out on a side × side board.

    State: (side * side,) uint8, row by row, 1 where the light is on. Action k presses light k: it and its up to
    four neighbours toggle. Every action undoes itself. Solved: all lights off.
    Anywhere: every light on or off at random; with side 7 presses reach each such board, with side 4 only 1 in 16.
    """

    kinds = ("nothing", "press")

    def __init__(self, name: str, side: int):
        self.name, self.side = name, side
        self.state_size = side * side
        self.actions = tuple(f"press {row + 1},{column + 1}" for row in range(side) for column in range(side))
        self.inverse = tuple(range(side * side))
        self.smallest_img_size = (side, side)
        self.state_count = 2 ** (side * side)
        if side == 4:
            self.default_start = "anywhere"
            self.start_reason = "presses lead from the solved board to only 4,096 of the 65,536"
        else:
            self.default_start = "solved"
            self.start_reason = "30 random presses spread over the whole board"
        row, column = np.divmod(np.arange(side * side), side)
        distance = abs(row[:, None] - row) + abs(column[:, None] - column)
        self.toggles = (distance <= 1).astype(np.uint8)  # (A, S): 1 where a press changes a light

    def start(self, rng, n, where):
        states = np.zeros((n, self.state_size), np.uint8)
        if where == "anywhere":
            states = rng.integers(0, 2, states.shape, np.uint8)
        return states

    def all_states(self):
        numbers = np.arange(self.state_count)
        return (numbers[:, None] >> np.arange(self.state_size) & 1).astype(np.uint8)

    def step(self, states, actions):
        return states ^ self.toggles[actions]

    def render(self, states, img_size):
        cells = states.reshape(-1, self.side, self.side)
        return draw_board(cells, _tiles, img_size)

    def read(self, images):
        tiles = _tiles(cell_size(images.shape[1:3], self.side, self.side))
        return read_board(images, tiles, self.side, self.side).reshape(len(images), -1)


@lru_cache
def _tiles(size: tuple[int, int]) -> np.ndarray:
    tiles = blank_tiles(2, size, OFF_COLOUR)
    tiles[1] = ON_COLOUR
    if min(size) >= 4:  # room for a line between the lights
        tiles[:, 0] = tiles[:, :, 0] = EDGE_COLOUR
    return tiles
