"""Rubik's cube: its turns as permutations of stickers, drawn from two opposite corners."""

from functools import lru_cache

import numpy as np

from .base import Puzzle
from .pieces import Pieces, make_pieces

# The faces in the usual order. Each: outward normal, then the directions in which its columns and its rows run when
# one looks at it from outside (x to the right, y up, z towards the viewer).
FACES = {
    "U": ((0, 1, 0), (1, 0, 0), (0, 0, 1)),
    "R": ((1, 0, 0), (0, 0, -1), (0, -1, 0)),
    "F": ((0, 0, 1), (1, 0, 0), (0, -1, 0)),
    "D": ((0, -1, 0), (1, 0, 0), (0, 0, -1)),
    "L": ((-1, 0, 0), (0, 0, 1), (0, -1, 0)),
    "B": ((0, 0, -1), (-1, 0, 0), (0, -1, 0)),
}
COLOURS = np.array(  # (6, 3): U white, R red, F green, D yellow, L orange, B blue
    [(255, 255, 255), (255, 0, 0), (0, 128, 0), (255, 255, 0), (255, 128, 0), (0, 0, 255)], np.uint8
)
BACKGROUND, PLASTIC = 96, 0  # greys
SAMPLES = 16  # per pixel and axis; 16 × 16 = 256 samples make the weights of a pixel
GAP = 12  # a sticker keeps 1/GAP of its width free on every side
MIXING_TURNS = 100  # random turns that make a start "anywhere"
OWN_PIXELS = 4  # of each sticker, from which it is read
CHUNK_PIXELS = 2**15  # drawn at a time, so that the work stays in the processor's cache


class RubiksCube(Puzzle):
    """The 3×3×3 cube with its 12 quarter turns, or the 2×2×2 cube with one corner held still (6 quarter turns).

    State: (6 * side²,) uint8, the colours (0 to 5) of the stickers face by face in the order U R F D L B, each row by
    row as seen from outside. The picture shows two opposite corners side by side: left U, F and R, right D, L and B.
    """

    kinds = ("nothing", "turn")
    default_start = "solved"
    start_reason = "30 random turns mix the cube"

    def __init__(self, name: str, side: int):
        self.name, self.side = name, side
        self.state_size = 6 * side * side
        turned = FACES if side == 3 else ("U", "R", "F")
        self.state_count = {2: 3_674_160, 3: 43_252_003_274_489_856_000}[side]
        self.actions = tuple(face + direction for face in turned for direction in ("", "'"))
        self.inverse = tuple(action ^ 1 for action in range(len(self.actions)))
        self.smallest_img_size = (8 * side, 8 * side)
        self.solved = np.repeat(np.arange(6, dtype=np.uint8), side * side)
        self.permutations = self._permutations(turned)  # (A, S): sticker s comes from permutations[a, s]

    def _permutations(self, turned) -> np.ndarray:
        places, normals = _stickers(self.side)  # (S, 3), (S, 3)
        index = {(*place, *normal): s for s, (place, normal) in enumerate(zip(places.tolist(), normals.tolist()))}
        permutations = []
        for face in turned:
            axis = np.array(FACES[face][0])
            moved = places @ axis == self.side - 1
            # Clockwise as seen from outside, by 90 degrees: v becomes (v·axis) axis + v × axis.
            new_places = np.outer(places @ axis, axis) + np.cross(places, axis)
            new_normals = np.outer(normals @ axis, axis) + np.cross(normals, axis)
            clockwise = np.arange(self.state_size)
            for s in np.flatnonzero(moved):
                clockwise[index[(*new_places[s].tolist(), *new_normals[s].tolist())]] = s
            permutations += [clockwise, np.argsort(clockwise)]
        return np.array(permutations)

    def start(self, rng, n, where):
        states = np.tile(self.solved, (n, 1))
        if where == "anywhere":
            *turns, last = rng.integers(0, len(self.actions), (MIXING_TURNS + 1, n))
            for actions in turns:
                states = self.step(states, actions)
            # Each turn changes the parity: one more for half of them, or half of the positions are never met.
            one_more = rng.integers(0, 2, n).astype(bool)
            states[one_more] = self.step(states[one_more], last[one_more])
        return states

    def step(self, states, actions):
        return np.take_along_axis(states, self.permutations[actions], axis=1)

    def render(self, states, img_size):
        pieces = _pieces(self.side, img_size)
        images = np.empty((len(states), *img_size, 3), np.uint8)
        at_a_time = max(1, CHUNK_PIXELS // (img_size[0] * img_size[1]))
        for first in range(0, len(states), at_a_time):
            part = images[first : first + at_a_time]
            pieces.draw(states[first : first + at_a_time], part.reshape(len(part), -1, 3))
        return images

    def read(self, images):
        img_size = images.shape[1:3]
        (weights, _), pixels = _drawing(self.side, img_size), _own_pixels(self.side, img_size)
        shares = np.take_along_axis(weights, pixels, axis=1)  # (S, OWN_PIXELS)
        expected = shares[..., None, None] * COLOURS.astype(np.float32) / 256  # (S, OWN_PIXELS, 6, 3)
        shown = images.reshape(len(images), -1, 3)[:, pixels].astype(np.float32)  # (N, S, OWN_PIXELS, 3)
        distance = ((shown[:, :, :, None] - expected) ** 2).sum(axis=(2, 4))  # (N, S, 6)
        return distance.argmin(axis=2).astype(np.uint8)


def _own_pixels(side: int, img_size: tuple[int, int]) -> np.ndarray:
    """Choose the pixels that show most of each sticker: (S, OWN_PIXELS) int, fewer counted twice where too few."""
    weights, _ = _drawing(side, img_size)
    best = np.argsort(-weights, axis=1, kind="stable")[:, :OWN_PIXELS]
    shares = np.take_along_axis(weights, best, axis=1)
    return np.where(shares >= shares[:, :1] * 0.9, best, best[:, :1])


def _stickers(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the place of each sticker's cubie, in steps of 2 around 0, and its normal: two (S, 3) integer arrays."""
    steps = np.arange(1 - side, side, 2)
    places, normals = [], []
    for normal, columns, rows in np.array(list(FACES.values())):
        for row in steps:
            for column in steps:
                places.append((side - 1) * normal + column * columns + row * rows)
                normals.append(normal)
    return np.array(places), np.array(normals)


@lru_cache
def _pieces(side: int, img_size: tuple[int, int]) -> Pieces:
    return make_pieces(*_drawing(side, img_size), COLOURS)


@lru_cache
def _drawing(side: int, img_size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Give how much each sticker adds to each pixel, in 256ths, and what plastic and background add.

    Returns:
        (S, height * width) float32 weights and (height * width,) float32 sums, rounding included.
    """
    height, width = img_size
    left = width // 2
    near, far = _visible_stickers(side)
    weights = np.zeros((6 * side * side + 2, height, width), np.float32)  # background and plastic at the end
    for row in range(height):  # a row at a time: all samples of a large image at once would fill the memory
        samples = np.hstack([_view(near, row, height, left), _view(far, row, height, width - left)])
        pixels = np.arange(width * SAMPLES) // SAMPLES
        np.add.at(weights[:, row], (samples, pixels), 1)
    background, plastic = weights[-2].reshape(-1), weights[-1].reshape(-1)
    return weights[:-2].reshape(len(weights) - 2, -1), PLASTIC * plastic + BACKGROUND * background + np.float32(128)


def _visible_stickers(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Number the stickers that two opposite corners see: two (3 faces, side, side) arrays, top, right and left.

    The first view sees U, R and F. For the second the cube is turned over, (x, y, z) to (-z, -y, -x), which puts D
    on top, B to the right and L to the left.
    """
    places, normals = _stickers(side)
    index = {(*place, *normal): s for s, (place, normal) in enumerate(zip(places.tolist(), normals.tolist()))}
    turned_over = -np.hstack([places[:, ::-1], normals[:, ::-1]])
    near = np.arange(3 * side * side)
    far = np.array([index[tuple(key)] for key in turned_over[near].tolist()])
    return near.reshape(3, side, side), far.reshape(3, side, side)


def _view(stickers: np.ndarray, row: int, height: int, width: int) -> np.ndarray:
    """Tell for each sample in a row of pixels of a view which sticker it shows: -1 is plastic, -2 the background.

    A corner view of the cube is a hexagon. In units in which the image is 2 wide and 4 high its corners are (1, 0),
    (2, 1), (2, 3), (1, 4), (0, 3) and (0, 1), and the nearest corner of the cube is at (1, 2). Everything is counted
    in whole numbers, the same on every processor.

    Returns:
        (SAMPLES, width * SAMPLES) int.
    """
    one = width * SAMPLES * height * SAMPLES
    x = (2 * np.arange(width * SAMPLES) + 1)[None, :] * (height * SAMPLES)  # in 1/one
    y = (2 * (row * SAMPLES + np.arange(SAMPLES)) + 1)[:, None] * (2 * width * SAMPLES)
    lies = (  # across and down the top, right and left face, in 1/(2 one) of its width
        (x - one + y, y - x + one),
        (2 * (x - one), x + y - 3 * one),
        (2 * x, y - x - one),
    )
    shown = np.full((SAMPLES, width * SAMPLES), -2)
    for face, (across, down) in zip(stickers, lies):
        across, down = np.broadcast_arrays(across, down)
        inside = (across >= 0) & (across < 2 * one) & (down >= 0) & (down < 2 * one)
        shown[inside] = _sticker_at(face, across[inside], down[inside], 2 * one)
    return shown


def _sticker_at(face: np.ndarray, across: np.ndarray, down: np.ndarray, one: int) -> np.ndarray:
    """Tell which sticker of a face (side, side) a sample lies on, or -1 where it is the plastic between."""
    side = len(face)
    column, across = np.divmod(across * side, one)
    row, down = np.divmod(down * side, one)
    gap = one // GAP
    between = (np.minimum(across, down) < gap) | (np.maximum(across, down) >= one - gap)
    return np.where(between, -1, face[row, column])
