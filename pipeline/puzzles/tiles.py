"""Drawing boards of square cells: a table look-up on whole batches."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

TABLE_BYTES = 2**20  # of cells drawn together, at most: a table that stays in the processor's cache
MARGIN_COLOUR = 24  # the grey of the frame where the cells don't fill the image


def cell_size(img_size: tuple[int, int], rows: int, columns: int) -> tuple[int, int]:
    """Give the whole number of pixels (height, width) that every cell of the board gets."""
    return img_size[0] // rows, img_size[1] // columns


@dataclass(frozen=True)
class Strips:
    """A board's lines of pixels, cut into strips of a few cells side by side, each drawn in all its versions."""

    kinds: int  # T, what a cell can show
    cells: int  # G, in a strip; its T^G versions are numbered in base T
    rows: np.ndarray  # (height,) which row of cells each line of the image shows; the one after the last for none
    first: np.ndarray  # (height, strips) where the versions of each line begin in their table
    tables: tuple[np.ndarray, ...]  # all versions of all lines, margins included: one for all strips or one for each


@lru_cache
def strips_of(tiles_of: Callable[..., np.ndarray], rows: int, columns: int, img_size: tuple[int, int]) -> Strips:
    """Draw strips of as many cells as a small table allows; `tiles_of(cell size)` gives the pictures of the tiles."""
    tiles = tiles_of(cell_size(img_size, rows, columns))  # (T, cell height, cell width, 3)
    kinds, cell_height, cell_width, _ = tiles.shape
    top, left = (img_size[0] - rows * cell_height) // 2, (img_size[1] - columns * cell_width) // 2
    fitting = (n for n in range(2, columns + 1) if columns % n == 0 and kinds**n * n * tiles[0].size <= TABLE_BYTES)
    cells = max(fitting, default=1)
    versions = np.indices((kinds,) * cells).reshape(cells, -1).T  # (T^G, G)
    drawn = tiles[versions].transpose(2, 0, 1, 3, 4).reshape(cell_height, len(versions), -1, 3)
    drawn = np.pad(drawn, ((0, 1), (0, 0), (0, 0), (0, 0)), constant_values=MARGIN_COLOUR)  # a line of no cells
    tables = []
    for strip in range(columns // cells):
        before = left if strip == 0 else 0
        after = img_size[1] - left - columns * cell_width if strip == columns // cells - 1 else 0
        whole = np.pad(drawn, ((0, 0), (0, 0), (before, after), (0, 0)), constant_values=MARGIN_COLOUR)
        tables.append(whole.reshape(-1).view(f"V{whole.shape[2] * 3}"))
    row, line = np.divmod(np.arange(img_size[0]) - top, cell_height)
    empty = (row < 0) | (row >= rows)
    line[empty] = cell_height
    first = np.repeat(line[:, None] * len(versions), len(tables), axis=1)
    if len({table.dtype for table in tables}) == 1:  # equally long strips
        first += np.arange(len(tables)) * len(tables[0])
        tables = [np.concatenate(tables)]
    return Strips(kinds, cells, np.where(empty, rows, row), first, tuple(tables))


def draw_board(cells: np.ndarray, tiles_of: Callable[..., np.ndarray], img_size: tuple[int, int]) -> np.ndarray:
    """Draw boards, centred.

    Args:
        cells: (N, rows, columns) uint8, which tile each cell shows.
        tiles_of: Gives (T, cell height, cell width, 3) uint8, the pictures of the tiles, for a cell's size.
        img_size: (height, width) of the images.

    Returns:
        (N, height, width, 3) uint8.
    """
    n, rows, columns = cells.shape
    strips = strips_of(tiles_of, rows, columns, img_size)
    first, *others = np.ascontiguousarray(cells.reshape(-1, strips.cells).T)  # (G, N * rows * strips)
    version = first.astype(np.min_scalar_type(strips.kinds**strips.cells))
    for digits in others:
        version *= strips.kinds
        version += digits
    versions = np.zeros((n, rows + 1, columns // strips.cells), np.intp)
    versions[:, :rows] = version.reshape(versions[:, :rows].shape)
    numbers = versions.take(strips.rows, axis=1, mode="clip")  # (N, height, strips)
    numbers += strips.first
    if len(strips.tables) == 1:
        lines = strips.tables[0].take(numbers, mode="clip")
    else:
        parts = (table.take(numbers[..., place], mode="clip") for place, table in enumerate(strips.tables))
        lines = np.concatenate([part[..., None].view(np.uint8) for part in parts], axis=2)
    return lines.view(np.uint8).reshape(n, *img_size, 3)


def read_board(images: np.ndarray, tiles: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Tell for each cell of boards in images (N, H, W, 3) which of the tiles it looks most like.

    Returns:
        (N, rows, columns) uint8.
    """
    (height, width), (cell_height, cell_width) = images.shape[1:3], tiles.shape[1:3]
    top, left = (height - rows * cell_height) // 2, (width - columns * cell_width) // 2
    boards = images[:, top : top + rows * cell_height, left : left + columns * cell_width].astype(np.float32)
    lines = boards.reshape(len(images), rows, cell_height, columns, cell_width * 3)
    cells = lines.transpose(0, 1, 3, 2, 4).reshape(len(images), rows, columns, -1)
    looks = tiles.reshape(len(tiles), -1).astype(np.float32)
    # Squared differences up to what is the same for all tiles.
    distance = (looks**2).sum(axis=1) - 2 * (cells @ looks.T)
    return distance.argmin(axis=-1).astype(np.uint8)


def blank_tiles(count: int, size: tuple[int, int], colour: tuple[int, int, int]) -> np.ndarray:
    """Give (count, height, width, 3) uint8 tiles of one colour."""
    return np.broadcast_to(np.array(colour, np.uint8), (count, *size, 3)).copy()
