"""The layers that Keras doesn't have."""

import keras
from keras import ops


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
    """A linear map of its own for each action: (code (N, B), action (N,) int) to (N, units)."""

    def __init__(self, actions: int, units: int, **kwargs):
        super().__init__(**kwargs)
        self.actions, self.units = actions, units

    def build(self, input_shape):
        bits = input_shape[0][-1]
        self.kernel = self.add_weight(shape=(bits, self.actions * self.units), initializer="zeros", name="kernel")
        self.bias = self.add_weight(shape=(self.actions * self.units,), initializer="zeros", name="bias")

    def call(self, inputs):
        code, action = inputs
        every = ops.reshape(ops.matmul(code, self.kernel) + self.bias, (-1, self.actions, self.units))
        chosen = ops.one_hot(ops.cast(action, "int32"), self.actions, dtype=every.dtype)
        return ops.einsum("nau,na->nu", every, chosen)

    def compute_output_shape(self, input_shape):
        return (*input_shape[0][:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "actions": self.actions, "units": self.units}


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
