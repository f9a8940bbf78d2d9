"""Bits for images that are boards of cells: the lattice is found, then each cell's bits tell which tile it shows."""

from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from .lattice import Lattice
from .linear import ridge

LATTICE_SAMPLE = 200  # images that the lattice is found in
GLANCE = 16  # of them, enough to dismiss most lattices
TILE_COST = 1000  # bits in a description for each tile it spells, so that tiles don't grow to pairs of tiles
MOST_TILES = 256
NOISE_LEVELS = (160, 80, 40, 20, 10)  # of 255, tried for the encoder


class CellHashes:
    """Hashes of any rectangles of images, of which equal ones have equal hashes.

    A hash is polynomial (Karp and Rabin, 1987), in two odd numbers modulo 2^64 for rows and columns. So all follow from
    one table of sums (Crow, 1984): a rectangle's terms add up to four entries, and an odd number's inverse moves it.

    Args:
        images: (N, H, W, 3) uint8.
    """

    def __init__(self, images: np.ndarray):
        rng = np.random.default_rng(0)
        height, width = images.shape[1:3]
        of_colour = rng.integers(0, 2**63, 3, np.uint64)
        bases = [int(number) * 8 + 5 for number in rng.integers(0, 2**60, 2)]  # 5 modulo 8: the longest period
        (down, self.up), (across, self.back) = (_powers(base, size) for base, size in zip(bases, (height, width)))
        terms = sum(images[..., colour] * of_colour[colour] for colour in range(3))  # (N, H, W), modulo 2^64
        terms *= down[:, None] * across
        self.sums = np.zeros((len(images), height + 1, width + 1), np.uint64)
        np.cumsum(np.cumsum(terms, axis=1), axis=2, out=self.sums[:, 1:, 1:])

    def of(self, lattice: Lattice, count: int | None = None) -> np.ndarray:
        """Give the hashes (n, rows, columns) uint64 of a lattice's cells in the first `count` images, or in all."""
        rows, columns = lattice.corners()
        at_corners = self.sums[:count, rows[:, None], columns]
        cells = np.diff(np.diff(at_corners, axis=1), axis=2)
        return cells * (self.up[rows[:-1], None] * self.back[columns[:-1]])

    def at(self, top: np.ndarray, bottom: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Give the hashes (n, R, C) uint64 of the rectangles between R pairs of rows and C pairs of columns."""
        upper, lower = self.sums[:, top], self.sums[:, bottom]
        cells = lower[:, :, right] - lower[:, :, left] - upper[:, :, right] + upper[:, :, left]
        return cells * (self.up[top, None] * self.back[left])


def _powers(base: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Give base**0, base**1, … modulo 2^64, and their inverses, (count,) uint64 each."""

    def powers(number: int) -> np.ndarray:
        return np.cumprod(np.array([1] + [number] * (count - 1), np.uint64))

    return powers(base % 2**64), powers(pow(base, -1, 2**64))


@dataclass(frozen=True)
class TileBits:
    """The bits of N sample images. With T tiles a cell has T - 1 bits: one per tile, none set for the commonest."""

    image: np.ndarray  # (H, W, 3) uint8, any one of the images: what lies around the board
    lattice: Lattice
    tiles: np.ndarray  # (T, cell values) uint8, the commonest first
    bits: np.ndarray  # (N, rows * columns * (T - 1)) bool

    @property
    def grid(self) -> tuple[int, int, int]:
        return self.lattice.rows, self.lattice.columns, len(self.tiles) - 1

    @property
    def description(self) -> str:
        at = self.lattice
        return (
            f"{self.bits.shape[1]} bits on a lattice of {at.rows} × {at.columns} cells "
            f"of {at.cell_height} × {at.cell_width} pixels, {len(self.tiles)} tiles"
        )

    def encoder(self):
        """Give the kernel (K, T - 1) and bias (T - 1,) that read any cell from its own K values.

        Each bit's threshold lies halfway between its tile and the next likeliest; the regression is made for the
        noise that leaves most room on both sides.
        """
        tiles, ours = self.tiles / np.float32(255), np.eye(len(self.tiles), dtype=bool)[:, 1:]  # (T, T - 1)
        best, most_room = None, -np.inf
        for noise in NOISE_LEVELS:
            kernel, _ = ridge(tiles, ours.astype(np.float32), noise / 255)
            kernel /= np.linalg.norm(kernel, axis=0)
            scores = tiles @ kernel
            lowest, highest = (
                np.where(ours, scores, np.inf).min(axis=0),
                np.where(ours, -np.inf, scores).max(axis=0),
            )
            room = (lowest - highest).min()
            if room > most_room:
                best, most_room = (kernel, -(lowest + highest) / 2), room
        return best

    def decoder(self):
        """Give the kernel (T - 1, K) that draws a cell, and the image (H, W, 3) that is there without any bit."""
        tiles, around = self.tiles / np.float32(255), self.image / np.float32(255)
        self.lattice.paste(np.broadcast_to(tiles[0], (1, *self.grid[:2], tiles.shape[1])), around[None])
        return tiles[1:] - tiles[0], around


def find(images: np.ndarray, max_bits: int) -> TileBits | None:
    """Find the lattice and the tiles of a sample of images (N, H, W, 3) uint8.

    Returns:
        None if the images aren't boards of few tiles, or the bits would be more than `max_bits`.
    """
    lattice = find_lattice(images[:LATTICE_SAMPLE])
    if lattice is None:
        return None
    cells = lattice.cut(images)  # (N, rows, columns, values)
    parts = (images[first : first + LATTICE_SAMPLE] for first in range(0, len(images), LATTICE_SAMPLE))
    hashes = np.concatenate([CellHashes(part).of(lattice) for part in parts])
    _, first, which, counts = np.unique(hashes, return_index=True, return_inverse=True, return_counts=True)
    if len(first) > MOST_TILES or lattice.rows * lattice.columns * (len(first) - 1) > max_bits:
        return None
    order = np.argsort(-counts, kind="stable")
    tiles = cells.reshape(-1, cells.shape[-1])[first[order]]
    which = np.argsort(order)[which].reshape(len(images), -1)  # (N, cells)
    bits = which[:, :, None] == np.arange(1, len(tiles))
    return TileBits(images[0], lattice, tiles, bits.reshape(len(images), -1))


def find_lattice(images: np.ndarray) -> Lattice | None:
    """Find the lattice with which the images (N, H, W, 3) uint8 have the shortest description.

    A description names the tile of every cell of every image, and spells each tile once (minimum description length,
    Rissanen, 1978). Only lattices that cover every pixel that ever changes are tried, first on a few of the images.
    Cells are compared by their hashes.
    """
    changing = (images != images[0]).any(axis=(0, 3))  # (H, W)
    if not changing.any():
        return None
    rows = np.flatnonzero(changing.any(axis=1)).tolist()
    columns = np.flatnonzero(changing.any(axis=0)).tolist()
    best, shortest, hashes = None, np.inf, CellHashes(images)
    heights = range(2, (rows[-1] + 1 - rows[0]) // 2 + 1)
    for cell_height in tqdm(heights, "finding a lattice", unit="height", leave=False):
        for cell_width in range(2, (columns[-1] + 1 - columns[0]) // 2 + 1):
            for top, down in _covers(rows[0], rows[-1] + 1, cell_height, images.shape[1]):
                for left, across in _covers(columns[0], columns[-1] + 1, cell_width, images.shape[2]):
                    lattice = Lattice(top, left, cell_height, cell_width, down, across)
                    if _description_length(hashes.of(lattice, GLANCE), len(images)) >= shortest:
                        continue  # all images show these tiles and perhaps more
                    length = _description_length(hashes.of(lattice), len(images))
                    if length < shortest:
                        best, shortest = lattice, length
    return best


def _description_length(hashes: np.ndarray, images: int) -> float:
    """Give the bits that describe so many images, judging by the tiles (n, rows, columns) in some of them.

    Infinite for too many tiles.
    """
    tiles = len(np.unique(hashes))
    names = images * hashes[0].size * np.log2(tiles)
    return names + tiles * TILE_COST if tiles <= MOST_TILES else np.inf


def _covers(first: int, last: int, cell: int, size: int):
    """List the ways, as (offset, number of cells), in which cells of a size cover first … last - 1 inside the image."""
    for offset in range(max(0, first - cell + 1), first + 1):
        count = -(-(last - offset) // cell)
        if offset + count * cell <= size:
            yield offset, count
