"""A model's parts, made again for images of more or fewer of the same cells: a rule of what is near knows no size."""

from dataclasses import replace

import numpy as np

from ..architectures import load_architecture
from ..rules.language import LocalRules
from .architecture import Parts
from .coders import linear_coder
from .layers import Cells
from .model import DiscreteWorldModel
from .transition import begin_alike, with_rules

CLOSE = 0.5 / 255  # what lies around a board is made of repeated cells if no pixel is further off


def parts_of_size(model: DiscreteWorldModel, img_size: tuple[int, int]) -> Parts | None:
    """Make a model's encoder, decoder and transition for images of another size; None where it depends on its own."""
    architecture = load_architecture(model.architecture)
    if architecture.parts_of_size:
        return architecture.parts_of_size(model, img_size)
    lattice = next((layer.lattice for layer in model.encoder.layers if isinstance(layer, Cells)), None)
    rules = model.rules
    if lattice is None or not isinstance(rules, LocalRules):
        return None
    *drawn, around = model.decoder.get_weights()
    axes = (lattice.top, lattice.cell_height, lattice.rows), (lattice.left, lattice.cell_width, lattice.columns)
    counts = [count + (new - old) / cell for (_, cell, count), old, new in zip(axes, around.shape, img_size)]
    repeats = around[np.ix_(*(_cells_of(*axis, size, size) for axis, size in zip(axes, around.shape)))]
    if not all(count >= 1 and count == int(count) for count in counts) or np.abs(around - repeats).max() > CLOSE:
        return None
    rows, columns = map(int, counts)
    encoder, decoder = linear_coder(img_size, replace(lattice, rows=rows, columns=columns), rules.grid[2])
    encoder.set_weights(model.encoder.get_weights())
    down, across = (_cells_of(*axis, old, new) for axis, old, new in zip(axes, around.shape, img_size))
    decoder.set_weights([*drawn, around[np.ix_(down, across)]])
    larger = replace(rules, grid=(rows, columns, rules.grid[2]))
    following = with_rules(architecture.transition(larger.grid, rules.actions), larger)
    return (encoder, decoder, following) if begin_alike(following, model.transition) else None


def _cells_of(begin: int, cell: int, count: int, old: int, new: int) -> np.ndarray:
    """Give for each pixel of an axis of a new length which of the old is drawn there, where all cells are as the first.

    Args:
        begin, cell, count: The first cell's first pixel, and the pixels and the number of the cells.
    """
    pixels, behind_board = np.arange(new), new - (old - begin - cell * count)
    inside = begin + (pixels - begin) % cell
    return np.where(pixels < begin, pixels, np.where(pixels < behind_board, inside, pixels - new + old))
