"""Transition models: from a code and an action to the logits of the next code."""

import keras
from keras import layers

from .coders import hidden
from .layers import Cross, LinearPerAction, OneHot
from .registry import Architecture

KEEP = 4.0  # the logit with which an untrained transition says that a bit stays as it is


def build_transition(architecture: Architecture, grid: tuple[int, int, int], actions: int) -> keras.Model:
    """Build the transition of an architecture.

    Inputs: code (N, B) of bits 0 or 1 and action (N,) int. Output: logits (N, B) of the next code's bits.
    """
    bits = grid[0] * grid[1] * grid[2]
    code = keras.Input((bits,), name="code")
    action = keras.Input((), dtype="int32", name="action")
    signs = layers.Rescaling(2.0, offset=-1.0, name="signs")(code)  # 0 and 1 to -1 and 1
    logits = KINDS[architecture.transition](architecture, grid, actions, signs, action)
    return keras.Model([code, action], logits, name="transition")


def _linear(architecture, grid, actions, signs, action):
    return LinearPerAction(actions, signs.shape[-1], name="linear_per_action")([signs, action])


def _local(architecture, grid, actions, signs, action):
    """One rule for all places: what a cell becomes follows from its row, its column and the action.

    It begins by saying that nothing changes, and learns what does.
    """
    units = architecture.hidden
    cells = layers.Reshape(grid, name="cells")(signs)
    seen = layers.Dense(units, name="surroundings")(Cross(architecture.reach, name="cross")(cells))
    asked = layers.Reshape((1, 1, units))(layers.Embedding(actions, units, name="action_embedding")(action))
    rule = layers.ReLU()(layers.Add()([seen, asked]))
    rule = layers.Dense(units, activation="relu", name="rule")(rule)
    change = layers.Dense(grid[2], kernel_initializer="zeros", name="change")(rule)
    keep = layers.Rescaling(KEEP, name="keep")(signs)
    return layers.Add(name="logits")([keep, layers.Flatten()(change)])


def _jaxtar(architecture, grid, actions, signs, action):
    """Three hidden layers, then the next codes for all actions at once."""
    x = signs
    for layer in [*hidden(500), *hidden(500), *hidden(500)]:
        x = layer(x)
    every = layers.Reshape((actions, signs.shape[-1]))(layers.Dense(actions * signs.shape[-1])(x))
    return layers.Dot(axes=1)([OneHot(actions)(action), every])


def _deepcubeai(architecture, grid, actions, signs, action):
    """The action beside the code, then three hidden layers."""
    code = layers.Rescaling(0.5, offset=0.5)(signs)  # this system takes bits as 0 and 1
    x = layers.Concatenate()([code, OneHot(actions)(action)])
    for layer in [*hidden(500), *hidden(500), *hidden(500), layers.Dense(signs.shape[-1])]:
        x = layer(x)
    return x


KINDS = {"linear": _linear, "local": _local, "jaxtar": _jaxtar, "deepcubeai": _deepcubeai}
