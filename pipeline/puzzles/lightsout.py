"""Lights Out: a press toggles a light and its neighbours."""

from functools import lru_cache

import numpy as np

from pipeline.puzzles.base import Puzzle
from pipeline.puzzles.tiles import blank_tiles, cell_size, draw_board

OFF_COLOUR, ON_COLOUR, EDGE_COLOUR = (48, 52, 72), (255, 214, 64), (24, 24, 24)


class LightsOut(Puzzle):
    """Lights Out on a side × side board.

    State: (side * side,) uint8, row by row, 1 where the light is on. Action k presses light k: it and its up to
    four neighbours toggle. Every action undoes itself. Solved: all lights off.
    """

    default_start = "solved"
    start_reason = "30 random presses spread over the whole board"

    def __init__(self, name: str, side: int):
        self.name, self.side = name, side
        self.state_size = side * side
        self.actions = tuple(f"press {row + 1},{column + 1}" for row in range(side) for column in range(side))
        self.inverse = tuple(range(side * side))
        self.smallest_img_size = (side, side)
        row, column = np.divmod(np.arange(side * side), side)
        distance = abs(row[:, None] - row) + abs(column[:, None] - column)
        self.toggles = (distance <= 1).astype(np.uint8)  # (A, S): 1 where a press changes a light

    def start(self, rng, n, where):
        states = np.zeros((n, self.state_size), np.uint8)
        if where == "anywhere":
            presses = rng.integers(0, 2, (n, len(self.actions)), np.uint8)
            states = (presses @ self.toggles) & 1  # sums stay below 256: at most 5 presses reach a light
        return states

    def step(self, states, actions):
        return states ^ self.toggles[actions]

    def render(self, states, img_size):
        cells = states.reshape(-1, self.side, self.side)
        return draw_board(cells, _tiles(cell_size(img_size, self.side, self.side)), img_size)


@lru_cache
def _tiles(size: tuple[int, int]) -> np.ndarray:
    tiles = blank_tiles(2, size, OFF_COLOUR)
    tiles[1] = ON_COLOUR
    if min(size) >= 4:  # room for a line between the lights
        tiles[:, 0] = tiles[:, :, 0] = EDGE_COLOUR
    return tiles
