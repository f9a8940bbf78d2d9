"""A code that gradient descent learns: encoder and decoder on whitened images, and losses that don't collapse it.

Published systems learn a code that is easy to predict, which is easiest where there is one code for everything. Here
logits have unit variance whatever is learned, since the columns of a linear map of whitened images have unit length; no
gradient of the prediction reaches what is predicted; and logits are pushed away from the threshold.
"""

import math

import keras
import numpy as np
from keras import layers, ops

from ..codes.learned import Start
from .coders import sequential_encoder

DIRECTIONS = 128  # of whitened images, where no images say how many there are
LEARNING_RATE = 1e-3  # with Adam, where another isn't asked for
PREDICTION = 0.3  # the weight of the cross entropy of the predicted next code
HINGE, MARGIN = 0.3, 0.6  # the weight of logits too near to the threshold, and what is too near
LENGTH = 10.0  # of a column as it is stored: the longer, the slower it turns
FARTHEST = 10.0  # from the mean of all images that a threshold may lie, in standard deviations


@keras.saving.register_keras_serializable("discrete_world_model")
class UnitDense(layers.Layer):
    """A linear map with columns of unit length and a bounded bias: no logit can become constant by shrinking.

    Points (N, K) to logits (N, units).
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")

    def call(self, points):
        length = ops.sqrt(ops.sum(ops.square(self.kernel), axis=0) + 1e-12)
        return ops.matmul(points, self.kernel / length) + ops.clip(self.bias, -FARTHEST, FARTHEST)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def learned_coder(
    img_size: tuple[int, int], bits: int, directions: int = DIRECTIONS
) -> tuple[keras.Model, keras.Model]:
    """Build whitening and a linear map to logits, and a linear map to points and the way back to images.

    Whitening, "whiten", and the way back, "pixels", aren't trained: they are set to what images show.
    """
    values = math.prod(img_size) * 3
    encoder = [
        layers.Flatten(),
        layers.Rescaling(1 / 255),
        layers.Dense(directions, trainable=False, name="whiten"),
        UnitDense(bits, name="logits"),
    ]
    decoder = [
        keras.Input((bits,), name="code"),
        layers.Dense(directions, name="points"),
        layers.Dense(values, trainable=False, name="pixels"),
        layers.Reshape((*img_size, 3)),
    ]
    return sequential_encoder(img_size, encoder), keras.Sequential(decoder, name="decoder")


def begin_learning(encoder: keras.Model, decoder: keras.Model, start: Start):
    """Begin with a start that was found in images."""
    white = start.white
    encoder.get_layer("whiten").set_weights([white.kernel, -white.mean @ white.kernel])
    set_logit_map(encoder, start.encoder)
    decoder.get_layer("points").set_weights(start.decoder)
    decoder.get_layer("pixels").set_weights([white.back, white.mean])


def set_logit_map(encoder: keras.Model, columns: tuple[np.ndarray, np.ndarray]):
    """Set the map of points to logits: kernel (K, B) of unit columns and bias (B,)."""
    kernel, bias = columns
    encoder.get_layer("logits").set_weights([LENGTH * kernel, bias])


def logit_map(encoder: keras.Model) -> tuple[np.ndarray, np.ndarray]:
    """Give the map of points to logits as it is used: kernel (K, B) of unit columns and bias (B,)."""
    kernel, bias = encoder.get_layer("logits").get_weights()
    return kernel / np.sqrt((kernel**2).sum(axis=0) + 1e-12), bias.clip(-FARTHEST, FARTHEST)


def is_learned(encoder: keras.Model) -> bool:
    """Tell whether an encoder is that of a code which gradient descent is still to learn."""
    return any(isinstance(layer, UnitDense) for layer in encoder.layers) and bool(encoder.trainable_variables)


def whitened(encoder: keras.Model) -> keras.Model:
    """Give the part of an encoder that isn't trained, as a model: images (N, H, W, 3) to points (N, K)."""
    return keras.Model(encoder.inputs, points_of(encoder, encoder.inputs[0]))


def points_of(encoder: keras.Model, images):
    """Compute the points (N, K) of images (N, H, W, 3) within a step."""
    for layer in encoder.layers[:-1]:
        images = layer(images)
    return images


def there_and_back(encoder: keras.Model, decoder: keras.Model, points, binarize) -> dict:
    """Give points (M, K), their logits and bits (M, B), and the points that the bits decode to."""
    points = ops.cast(points, "float32")
    logits = encoder.get_layer("logits")(points)
    bits = binarize(2.0 * logits)  # straight through (tanh + 1) / 2
    return {"points": points, "logits": logits, "bits": bits, "decoded_points": decoder.get_layer("points")(bits)}


def learned_losses(outputs: dict) -> tuple:
    """Give the squared error of points, which is 1 where nothing is told, and how near to thresholds logits are."""
    error = ops.mean(ops.square(outputs["decoded_points"] - outputs["points"]))
    return error, ops.mean(ops.relu(1.0 - ops.abs(outputs["logits"]) / MARGIN))
