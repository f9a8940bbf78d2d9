"""table of distinct pictures and of where each action leads: for worlds of few pictures"""

import math

import h5py
import keras
import numpy as np
from keras import layers, ops

from ..codes.table import MOST_PICTURES, Pictures, Table, TooManyPictures, make_table
from ..system.errors import UserError
from ..world_model.architecture import Architecture, Parts
from ..world_model.rule_layers import certainty
from ..world_model.transition import transition_inputs

READ_BYTES = 2**25  # of images read at a time
UNKNOWN = 128  # the grey of the picture that stands for what is unknown
SHOWN = 2  # pictures in a table that is built without data


def _bits_of(numbers, bits: int):
    """Write numbers (N,) int as logits (N, bits), the first bit the lowest."""
    shifted = ops.right_shift(ops.cast(numbers, "int32")[:, None], ops.arange(bits, dtype="int32"))
    return ops.cast(ops.bitwise_and(shifted, 1), "float32") * 2.0 - 1.0


def _number_of(code, most: int):
    """Read codes (N, bits) of 0 and 1 as numbers (N,) int; `most`, which is unknown, where there is no such number."""
    weights = ops.left_shift(ops.ones(code.shape[-1], "int32"), ops.arange(code.shape[-1], dtype="int32"))
    return ops.minimum(ops.sum(ops.cast(code > 0.5, "int32") * weights, axis=1), most)


@keras.saving.register_keras_serializable("discrete_world_model")
class NearestPicture(layers.Layer):
    """Images (N, H, W, 3) to the number of the picture that is nearest, as logits (N, bits)."""

    def __init__(self, pictures: int, bits: int, **kwargs):
        super().__init__(**kwargs)
        self.pictures, self.bits = pictures, bits

    def build(self, input_shape):
        shape = (self.pictures, math.prod(input_shape[1:]))
        self.table = self.add_weight(shape=shape, dtype="uint8", initializer="zeros", trainable=False, name="pictures")

    def call(self, images):
        table = ops.cast(self.table, "float32")
        middle = ops.mean(table, axis=0)
        table, flat = table - middle, ops.cast(ops.reshape(images, (-1, table.shape[1])), "float32") - middle
        scores = ops.matmul(flat, ops.transpose(table)) - 0.5 * ops.sum(ops.square(table), axis=1)
        return _bits_of(ops.top_k(scores, 1)[1][:, 0], self.bits)  # the first of the best; ONNX has no Keras' argmax

    def compute_output_spec(self, images):
        return keras.KerasTensor((images.shape[0], self.bits))

    def get_config(self):
        return {**super().get_config(), "pictures": self.pictures, "bits": self.bits}


@keras.saving.register_keras_serializable("discrete_world_model")
class PictureOf(layers.Layer):
    """Codes (N, bits) to their pictures (N, H, W, 3) with pixels in 0…1; a grey one for what is unknown."""

    def __init__(self, pictures: int, img_size: tuple[int, int], **kwargs):
        super().__init__(**kwargs)
        self.pictures, self.img_size = pictures, tuple(img_size)

    def build(self, input_shape):
        shape = (self.pictures, *self.img_size, 3)
        self.table = self.add_weight(shape=shape, dtype="uint8", initializer="zeros", trainable=False, name="pictures")

    def call(self, code):
        number = _number_of(code, self.pictures)
        found = ops.cast(ops.take(self.table, ops.minimum(number, self.pictures - 1), axis=0), "float32")
        is_unknown = (number == self.pictures)[:, None, None, None]
        return ops.where(is_unknown, float(UNKNOWN), found) / 255.0

    def compute_output_spec(self, code):
        return keras.KerasTensor((code.shape[0], *self.img_size, 3))

    def get_config(self):
        return {**super().get_config(), "pictures": self.pictures, "img_size": list(self.img_size)}


@keras.saving.register_keras_serializable("discrete_world_model")
class LookUp(layers.Layer):
    """Codes (N, bits) and actions (N,) to the code that the table has for them, as logits (N, bits).

    How certain each is, is trained; it never turns a bit.
    """

    def __init__(self, actions: int, pictures: int, **kwargs):
        super().__init__(**kwargs)
        self.actions, self.pictures = actions, pictures

    def build(self, input_shape):
        shape = (self.actions, self.pictures)
        self.table = self.add_weight(shape=shape, dtype="int32", initializer="zeros", trainable=False, name="following")
        self.certainty = self.add_weight(shape=shape, initializer="ones", name="certainty")

    def call(self, inputs):
        code, action = inputs
        number = _number_of(code, self.pictures)
        place = ops.cast(action, "int32") * self.pictures + ops.minimum(number, self.pictures - 1)
        found, certain = (ops.take(ops.reshape(of, (-1,)), place) for of in (self.table, self.certainty))
        bits = _bits_of(ops.where(number == self.pictures, self.pictures, found), code.shape[-1])
        return bits * ops.softplus(certain)[:, None]

    def known(self, codes: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Tell of which codes (N, bits) and actions (N,) the data showed what follows, (N,) bool."""
        numbers = codes.astype(np.int64) @ (1 << np.arange(codes.shape[1]))
        following = np.pad(ops.convert_to_numpy(self.table), ((0, 0), (0, 1)), constant_values=self.pictures)
        return following[actions, np.minimum(numbers, self.pictures)] < self.pictures

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs[0].shape)

    def get_config(self):
        return {**super().get_config(), "actions": self.actions, "pictures": self.pictures}


def coder(img_size: tuple[int, int], bits: int, pictures: int = SHOWN) -> tuple[keras.Model, keras.Model]:
    """Build the nearest picture's number, and the picture of a number."""
    image, code = keras.Input((*img_size, 3), dtype="uint8", name="image"), keras.Input((bits,), name="code")
    encoder = keras.Model(image, NearestPicture(pictures, bits, name="logits")(image), name="encoder")
    return encoder, keras.Model(code, PictureOf(pictures, img_size, name="pixels")(code), name="decoder")


def transition(grid: tuple[int, int, int], actions: int, pictures: int = SHOWN) -> keras.Model:
    """Build the table of what follows."""
    code, action = transition_inputs(grid)
    return keras.Model([code, action], LookUp(actions, pictures, name="look_up")([code, action]), name="transition")


def read_table(file: h5py.File, _seconds: float) -> Table:
    """Read the training split of a dataset, some images at a time, and make the table of it; there is no search.

    Raises:
        UserError: It shows more pictures than a table is for.
    """
    split, pictures = file["train"], Pictures()
    images, rows = split["images"], split["images"].chunks[0]
    rows *= max(1, READ_BYTES // (rows * math.prod(images.shape[1:])))
    try:
        shown = [pictures.number(images[first : first + rows]) for first in range(0, len(images), rows)]
    except TooManyPictures:
        raise UserError(
            f"a table is for worlds of at most {MOST_PICTURES:,} different pictures; choose another --world_model. "
            f"Received: --world_model table, and more pictures in the dataset"
        ) from None
    frames, actions = split["frames"][:].astype(np.int64), split["actions"][:]
    return make_table(pictures, np.concatenate(shown), frames, actions, len(file.attrs["action_names"]))


def parts_from(table: Table, actions: int) -> Parts:
    """Make encoder, decoder and transition of a table."""
    print(table)
    count, img_size, bits = len(table.pictures), table.pictures.shape[1:3], len(table.pictures).bit_length()
    encoder, decoder = coder(img_size, bits, count)
    following = transition((1, 1, bits), actions, count)
    encoder.get_layer("logits").set_weights([table.pictures.reshape(count, -1)])
    decoder.get_layer("pixels").set_weights([table.pictures])
    begin = np.log(np.expm1(certainty(table.right, table.seen - table.right)))  # what softplus makes this of
    following.get_layer("look_up").set_weights([begin, table.following])
    return encoder, decoder, following


ARCHITECTURE = Architecture(
    code=None, max_bits=13, coder=coder, transition=transition, learning_rate=1e-3, finds=read_table,
    parts_from=parts_from,
)  # fmt: skip
