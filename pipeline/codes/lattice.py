"""A lattice of equal cells in images: what lies in them, and back."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Lattice:
    """Where the cells of the board lie in the image, in pixels; K = cell_height * cell_width * 3 values in each."""

    top: int
    left: int
    cell_height: int
    cell_width: int
    rows: int
    columns: int

    @classmethod
    def of_one_cell(cls, img_size: tuple[int, int]) -> "Lattice":
        """Give the lattice whose only cell is the whole image of a size (height, width)."""
        return cls(0, 0, *img_size, 1, 1)

    @property
    def board(self) -> tuple[slice, slice]:
        """The rows and columns of pixels that the cells cover."""
        bottom, right = self.top + self.rows * self.cell_height, self.left + self.columns * self.cell_width
        return slice(self.top, bottom), slice(self.left, right)

    @property
    def values(self) -> int:
        """K, how many values a cell has."""
        return self.cell_height * self.cell_width * 3

    def cut(self, images: np.ndarray) -> np.ndarray:
        """Cut images (N, H, W, 3) into cells (N, rows, columns, K)."""
        cells = images[:, *self.board].reshape(-1, self.rows, self.cell_height, self.columns, self.cell_width, 3)
        return cells.transpose(0, 1, 3, 2, 4, 5).reshape(len(images), self.rows, self.columns, -1)

    def paste(self, cells: np.ndarray, images: np.ndarray) -> None:
        """Put cells, N * rows * columns of K values, in their places in images (N, H, W, 3)."""
        lines = cells.reshape(-1, self.rows, self.columns, self.cell_height, self.cell_width, 3)
        board = images[:, *self.board]
        board[:] = lines.transpose(0, 1, 3, 2, 4, 5).reshape(board.shape)

    def corners(self) -> tuple[np.ndarray, np.ndarray]:
        """Give the pixel rows (rows + 1,) and columns (columns + 1,) at which cells begin, and the last ones end."""
        down, across = np.arange(self.rows + 1), np.arange(self.columns + 1)
        return self.top + self.cell_height * down, self.left + self.cell_width * across
