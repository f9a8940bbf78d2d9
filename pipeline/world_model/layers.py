"""The layers that Keras doesn't have."""

import math
from dataclasses import astuple

import keras
from keras import ops

from ..codes.lattice import Lattice

TILE = 64  # rows of a batch that are multiplied at a time: fewer leave fewer rows empty, more are quicker


@keras.saving.register_keras_serializable("discrete_world_model")
class Binarize(keras.layers.Layer):
    """Logits to exact bits: 1 where the logit is positive, else 0.

    The backward pass goes straight through a sigmoid instead (Bengio, Léonard and Courville, 2013).
    """

    def call(self, logits):
        bits, soft = ops.cast(logits > 0, logits.dtype), ops.sigmoid(logits)
        return soft + ops.stop_gradient(bits - soft)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable("discrete_world_model")
class LinearPerAction(keras.layers.Layer):
    """A linear map of its own for each action: (code (N, B), action (N,) int) to (N, units).

    The rows of a batch are sorted by action into tiles of equal height, the last tile of each action filled up with
    zeros, and each tile is multiplied by its action's map alone. All shapes are known beforehand, as compilers want
    them; mixtures of experts are computed so (Gale et al., MegaBlocks, 2023).
    """

    def __init__(self, actions: int, units: int, **kwargs):
        super().__init__(**kwargs)
        self.actions, self.units = actions, units

    def build(self, input_shape):
        shape = (self.actions, input_shape[0][-1], self.units)
        self.kernel = self.add_weight(shape=shape, initializer="zeros", name="kernel")
        self.bias = self.add_weight(shape=(self.actions, self.units), initializer="zeros", name="bias")

    @property
    def inner_numbers(self) -> int:
        """How many numbers it holds for each row beside its output: the row in its tile, and a share of a map."""
        inputs = self.kernel.shape[1]
        return inputs + self.units + inputs * self.units // TILE

    def call(self, inputs):
        code, action = inputs
        action = ops.cast(action, "int32")
        row, tiles = self._tile_rows(action)  # where each row of the batch goes; how many tiles each action has
        count = ops.shape(code)[0] // TILE + self.actions  # as many as may be needed
        is_later = ops.arange(count, dtype="int32")[:, None] >= ops.cumsum(tiles)[None, :]
        of_action = ops.minimum(ops.sum(ops.cast(is_later, "int32"), axis=1), self.actions - 1)  # (count,)
        sorted_rows = ops.scatter(row[:, None], code, (count * TILE, self.kernel.shape[1]))
        sorted_rows = ops.reshape(sorted_rows, (-1, TILE, self.kernel.shape[1]))
        products = ops.matmul(sorted_rows, rows_of(self.kernel, of_action))  # (count, TILE, units)
        return ops.take(ops.reshape(products, (-1, self.units)), row, axis=0) + rows_of(self.bias, action)

    def _tile_rows(self, action):
        is_action = ops.one_hot(action, self.actions, dtype="int32")  # (N, actions)
        so_far = ops.cumsum(is_action, axis=0)
        tiles = (so_far[-1] + TILE - 1) // TILE
        first_row = (ops.cumsum(tiles) - tiles) * TILE
        return ops.sum(is_action * (so_far - 1 + first_row), axis=1), tiles

    def compute_output_shape(self, input_shape):
        return (*input_shape[0][:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "actions": self.actions, "units": self.units}


def rows_of(weight, index):
    """Take rows of a weight so that its gradient is dense.

    TensorFlow's gradient of a plain `take` lists a row as often as it was taken, and Adam would square each by itself.
    """
    rows = ops.take(ops.reshape(weight, (weight.shape[0], -1)), index, axis=0)
    return ops.reshape(rows, (-1, *weight.shape[1:]))


@keras.saving.register_keras_serializable("discrete_world_model")
class Cross(keras.layers.Layer):
    """Cells (N, h, w, C) to what each sees, (N, h, w, (4 * reach + 1) * C): its column, then the rest of its row.

    Zeros stand for what is outside. A dense layer on it is a convolution with a kernel of this form, and quicker.
    """

    def __init__(self, reach: int, **kwargs):
        super().__init__(**kwargs)
        self.reach = reach

    def call(self, cells):
        reach, (height, width) = self.reach, cells.shape[1:3]
        padded = ops.pad(cells, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
        column = [padded[:, y : y + height, reach : reach + width] for y in range(2 * reach + 1)]
        row = [padded[:, reach : reach + height, x : x + width] for x in range(2 * reach + 1) if x != reach]
        return ops.concatenate([*column, *row], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], (4 * self.reach + 1) * input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "reach": self.reach}


class _OnLattice(keras.layers.Layer):
    """What is made with a lattice in images of a size (height, width)."""

    def __init__(self, img_size, lattice, **kwargs):
        super().__init__(**kwargs)
        self.img_size, self.lattice = tuple(img_size), Lattice(*lattice)

    def get_config(self):
        return {**super().get_config(), "img_size": self.img_size, "lattice": astuple(self.lattice)}


@keras.saving.register_keras_serializable("discrete_world_model")
class Cells(_OnLattice):
    """Images (N, H, W, 3) of any type to the cells of a lattice, (N, rows, columns, K), as `Lattice.cut` does."""

    def call(self, images):
        at = self.lattice
        if at == Lattice.of_one_cell(self.img_size):
            return ops.reshape(images, (-1, 1, 1, math.prod(images.shape[1:])))
        lines = ops.reshape(images[:, *at.board], (-1, at.rows, at.cell_height, at.columns, at.cell_width * 3))
        return ops.reshape(ops.transpose(lines, (0, 1, 3, 2, 4)), (-1, *self._shape))

    @property
    def _shape(self) -> tuple[int, int, int]:
        return self.lattice.rows, self.lattice.columns, self.lattice.values

    def compute_output_spec(self, images):
        return keras.KerasTensor((images.shape[0], *self._shape), dtype=images.dtype)


@keras.saving.register_keras_serializable("discrete_world_model")
class Board(_OnLattice):
    """Cells (N, rows, columns, K) of a lattice to images (N, H, W, 3), as `Lattice.paste` does, on a learned image."""

    def build(self, input_shape):
        self.around = self.add_weight(shape=(*self.img_size, 3), initializer="zeros", name="around")

    def call(self, cells):
        at = self.lattice
        if at == Lattice.of_one_cell(self.img_size):
            return ops.reshape(cells, (-1, *self.img_size, 3)) + self.around
        lines = ops.reshape(cells, (-1, at.rows, at.columns, at.cell_height, at.cell_width * 3))
        (top, bottom), (left, right) = ((side.start, side.stop) for side in at.board)
        board = ops.reshape(ops.transpose(lines, (0, 1, 3, 2, 4)), (-1, bottom - top, right - left, 3))
        height, width = self.img_size
        return ops.pad(board, ((0, 0), (top, height - bottom), (left, width - right), (0, 0))) + self.around

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.img_size, 3)


@keras.saving.register_keras_serializable("discrete_world_model")
class OneHot(keras.layers.Layer):
    """Actions (N,) int to (N, actions) of 0 and a single 1."""

    def __init__(self, actions: int, **kwargs):
        super().__init__(**kwargs)
        self.actions = actions

    def call(self, action):
        return ops.one_hot(ops.cast(action, "int32"), self.actions, dtype="float32")

    def compute_output_spec(self, action):
        return keras.KerasTensor((*action.shape, self.actions), dtype="float32")

    def get_config(self):
        return {**super().get_config(), "actions": self.actions}
