"""Drawing boards of square cells: a table look-up on whole batches."""

import numpy as np

MARGIN_COLOUR = 24  # the grey of the frame where the cells don't fill the image


def cell_size(img_size: tuple[int, int], rows: int, columns: int) -> tuple[int, int]:
    """Give the whole number of pixels (height, width) that every cell of the board gets."""
    return img_size[0] // rows, img_size[1] // columns


def draw_board(cells: np.ndarray, tiles: np.ndarray, img_size: tuple[int, int]) -> np.ndarray:
    """Draw boards, centred.

    Args:
        cells: (N, rows, columns) uint8, which tile each cell shows.
        tiles: (T, cell height, cell width, 3) uint8, the pictures of the tiles.
        img_size: (height, width) of the images.

    Returns:
        (N, height, width, 3) uint8.
    """
    n, rows, columns = cells.shape
    cell_height, cell_width = tiles.shape[1:3]
    top, left = (img_size[0] - rows * cell_height) // 2, (img_size[1] - columns * cell_width) // 2
    images = np.full((n, *img_size, 3), MARGIN_COLOUR, np.uint8)
    for y in range(cell_height):  # line y of every cell of every board at once
        lines = tiles[:, y].reshape(len(tiles), -1)[cells]  # (N, rows, columns, cell width * 3)
        board_lines = images[:, top + y : top + rows * cell_height : cell_height]
        board_lines[:, :, left : left + columns * cell_width] = lines.reshape(n, rows, columns * cell_width, 3)
    return images


def read_board(images: np.ndarray, tiles: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Tell for each cell of boards in images (N, H, W, 3) which of the tiles it looks most like.

    Returns:
        (N, rows, columns) uint8.
    """
    (height, width), (cell_height, cell_width) = images.shape[1:3], tiles.shape[1:3]
    top, left = (height - rows * cell_height) // 2, (width - columns * cell_width) // 2
    boards = images[:, top : top + rows * cell_height, left : left + columns * cell_width].astype(np.float32)
    distance = np.zeros((len(images), rows, columns, len(tiles)), np.float32)
    for y in range(cell_height):
        for x in range(cell_width):
            pixel, of_tiles = boards[:, y::cell_height, x::cell_width], tiles[:, y, x].astype(np.float32)
            # Squared differences up to what is the same for all tiles; whole numbers, exact in float32.
            distance += (of_tiles**2).sum(axis=1) - 2 * (pixel @ of_tiles.T)
    return distance.argmin(axis=-1).astype(np.uint8)


def blank_tiles(count: int, size: tuple[int, int], colour: tuple[int, int, int]) -> np.ndarray:
    """Give (count, height, width, 3) uint8 tiles of one colour."""
    return np.broadcast_to(np.array(colour, np.uint8), (count, *size, 3)).copy()
