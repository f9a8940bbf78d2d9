"""Sokoban: a player pushes boxes, one at a time, through a walled store-room."""

from functools import lru_cache

import numpy as np

from .base import Puzzle
from .tiles import blank_tiles, cell_size, draw_board, read_board

FLOOR, WALL, BOX, PLAYER = range(4)
FLOOR_COLOUR, WALL_COLOUR, MORTAR_COLOUR = (222, 214, 196), (110, 62, 44), (70, 38, 28)
BOX_COLOUR, BOX_EDGE_COLOUR, PLAYER_COLOUR = (238, 160, 32), (176, 96, 8), (24, 96, 208)

WALL_SHARE = 0.2  # of the inner cells, before what the player can't reach is walled up too
SMALLEST_ROOM = 24  # cells of floor, boxes and player; smaller rooms are drawn anew
PULLS = 500  # moves played backwards from the solved position

PURPOSE = 0.9  # of the steps of a test walk lead to a push, where one is within reach
CARELESS = 0.05  # the weight of a push after which the box can't be moved any more, where a step's is 1
BUMP = 0.3  # that of a step against a wall


class Sokoban(Puzzle):
    """Sokoban on 10 × 10 cells with 4 boxes, or on others, a new level for every trajectory.

    State: (S,) uint8, row by row: 0 floor, 1 wall, 2 box, 3 player. An action moves the player and pushes the box
    in front if the cell behind it is free; else nothing happens. Targets aren't part of the state and aren't drawn:
    a goal is another state. Levels are made by playing backwards (pulling) from a solved position, so each can
    be solved.
    """

    actions = ("up", "down", "left", "right")
    kinds = ("nothing", "walk", "push")
    inverse = None  # a pushed box can't be pulled back
    state_count = None
    default_start = "anywhere"
    start_reason = "a level begins where playing backwards from its solution led"

    def __init__(self, name: str, side: int = 10, boxes: int = 4):
        self.name, self.side, self.boxes, self.state_size = name, side, boxes, side * side
        self.smallest_img_size = (2 * side, 2 * side)
        self.offsets = np.array([-side, side, -1, 1])  # up, down, left, right in a flattened board
        self.across = np.array([-1, -1, -side, -side])  # at a right angle to each

    def start(self, rng, n, where):
        starts, solved = self.levels(rng, n)
        return solved if where == "solved" else starts

    def levels(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Make n levels; gives the positions to begin from and the solved ones they were played back from.

        Returns:
            Two (n, S) uint8 arrays with the same walls. Moves lead from the first to the second.
        """
        solved = self._solved_positions(rng, n)
        return self._play_backwards(rng, solved), solved

    def step(self, states, actions):
        rows, offset = np.arange(len(states)), self.offsets[actions]
        player = np.argmax(states == PLAYER, axis=1)
        ahead = player + offset  # the border is wall: always on the board
        behind = np.clip(ahead + offset, 0, self.state_size - 1)
        pushes = (states[rows, ahead] == BOX) & (states[rows, behind] == FLOOR)
        moves = pushes | (states[rows, ahead] == FLOOR)
        after = states.copy()
        after[rows[moves], player[moves]] = FLOOR
        after[rows[moves], ahead[moves]] = PLAYER
        after[rows[pushes], behind[pushes]] = BOX
        return after

    def kind_of(self, before, after):
        changes, pushes = (before != after).any(axis=1), ((before == BOX) != (after == BOX)).any(axis=1)
        return changes.astype(np.uint8) + pushes

    def explore(self, rng, states):
        """Walk to boxes and push them, seldom to where they are stuck: random steps jam a level after a few pushes."""
        rows, player = np.arange(len(states)), np.argmax(states == PLAYER, axis=1)
        free, box = (states == FLOOR) | (states == PLAYER), states == BOX
        pushes, lasting, spots = [], [], np.zeros_like(free)  # spots: where the player can push without harm
        for along, across in zip(self.offsets, self.across):
            can_push = free & _at(box, along) & _at(free, 2 * along)
            is_lasting = _at(free, 3 * along) | (_at(free, 2 * along + across) & _at(free, 2 * along - across))
            pushes.append(can_push[rows, player])
            lasting.append((can_push & is_lasting)[rows, player])
            spots |= can_push & is_lasting
        pushes, lasting = np.array(pushes), np.array(lasting)  # (A, N)
        distance, ahead = self._distance(spots, free), player + self.offsets[:, None]
        walks = free[rows, ahead]
        nearer = walks & (distance[rows, ahead] < distance[rows, player])
        wanted = np.where(lasting.any(axis=0), lasting, nearer)
        on_purpose = (rng.random(len(states)) < PURPOSE) & wanted.any(axis=0)
        careless = np.where(pushes & ~lasting, CARELESS, np.where(pushes | walks, 1.0, BUMP))
        weights = np.cumsum(np.where(on_purpose, wanted, careless), axis=0)
        return (rng.random(len(states)) * weights[-1] >= weights).sum(axis=0).astype(np.uint8)

    def render(self, states, img_size):
        return draw_board(states.reshape(-1, self.side, self.side), _tiles, img_size)

    def read(self, images):
        tiles = _tiles(cell_size(images.shape[1:3], self.side, self.side))
        return read_board(images, tiles, self.side, self.side).reshape(len(images), -1)

    def _distance(self, goals: np.ndarray, free: np.ndarray) -> np.ndarray:
        """Count the steps from each free cell to the nearest goal, (N, S) int; S where none is within reach."""
        distance, reached = np.where(goals, 0, self.state_size), goals
        for steps in range(1, self.state_size):
            new = free & ~reached & np.logical_or.reduce([_at(reached, offset) for offset in self.offsets])
            if not new.any():
                break
            distance[new] = steps
            reached = reached | new
        return distance

    def _solved_positions(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Draw n rooms with boxes and player at random places: (n, S) uint8."""
        rooms = self._rooms(rng, n)
        order = np.argsort(np.where(rooms, rng.random(rooms.shape), 2.0), axis=1)  # floor cells first, shuffled
        states = np.where(rooms, FLOOR, WALL).astype(np.uint8)
        np.put_along_axis(states, order[:, : self.boxes], BOX, axis=1)
        np.put_along_axis(states, order[:, self.boxes : self.boxes + 1], PLAYER, axis=1)
        return states

    def _rooms(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Draw n connected rooms: (n, S) bool, true where there is floor."""
        rooms = np.zeros((n, self.state_size), bool)
        todo = np.arange(n)
        while len(todo):
            rooms[todo] = self._connected(rng, len(todo))
            todo = todo[rooms[todo].sum(axis=1) < SMALLEST_ROOM]
        return rooms

    def _connected(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Draw n random floors and keep what is connected to one cell of each: (n, S) bool."""
        floor = np.zeros((n, self.side, self.side), bool)
        floor[:, 1:-1, 1:-1] = rng.random((n, self.side - 2, self.side - 2)) >= WALL_SHARE
        reached = np.zeros_like(floor)
        reached[np.arange(n), rng.integers(1, self.side - 1, n), rng.integers(1, self.side - 1, n)] = True
        reached &= floor
        size = -1
        while reached.sum() != size:
            size = reached.sum()
            grown = reached.copy()
            grown[:, 1:] |= reached[:, :-1]
            grown[:, :-1] |= reached[:, 1:]
            grown[:, :, 1:] |= reached[:, :, :-1]
            grown[:, :, :-1] |= reached[:, :, 1:]
            reached = grown & floor
        return reached.reshape(n, -1)

    def _play_backwards(self, rng: np.random.Generator, states: np.ndarray) -> np.ndarray:
        """Step the player back at random, pulling the box in front along whenever there is one: (n, S) uint8."""
        states, rows = states.copy(), np.arange(len(states))
        player = np.argmax(states == PLAYER, axis=1)
        for directions in rng.integers(0, len(self.offsets), (PULLS, len(states))):
            offset = self.offsets[directions]
            back, ahead = player - offset, player + offset
            free = states[rows, back] == FLOOR
            pulls = free & (states[rows, ahead] == BOX)
            states[rows[free], back[free]] = PLAYER
            states[rows[free], player[free]] = FLOOR
            states[rows[pulls], player[pulls]] = BOX
            states[rows[pulls], ahead[pulls]] = FLOOR
            player = np.where(free, back, player)
        return states


def _at(cells: np.ndarray, offset: int) -> np.ndarray:
    """Give for each cell (N, S) what is at an offset from it; walls all round keep what wraps from mattering."""
    return np.concatenate([cells[:, offset:], cells[:, :offset]], axis=1)


@lru_cache
def _tiles(size: tuple[int, int]) -> np.ndarray:
    """Draw floor, wall, box and player: (4, height, width, 3) uint8."""
    tiles = blank_tiles(4, size, FLOOR_COLOUR)
    y, x = np.mgrid[: size[0], : size[1]]
    from_edge = np.minimum(np.minimum(y, size[0] - 1 - y), np.minimum(x, size[1] - 1 - x))
    line = min(size) // 6 + 1  # the width of lines and gaps
    tiles[WALL] = WALL_COLOUR
    tiles[WALL][y >= size[0] - min(line, size[0] - 1)] = MORTAR_COLOUR
    tiles[BOX] = BOX_EDGE_COLOUR
    tiles[BOX][(from_edge >= line) | (from_edge.max() < line)] = BOX_COLOUR
    # Twice the distance from the middle, squared, in pixels: a disc without rounding.
    distance = (2 * y - size[0] + 1) ** 2 * size[1] ** 2 + (2 * x - size[1] + 1) ** 2 * size[0] ** 2
    tiles[PLAYER][distance * 100 <= 85 * (size[0] * size[1]) ** 2] = PLAYER_COLOUR
    return tiles
