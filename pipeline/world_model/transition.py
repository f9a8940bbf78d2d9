"""Transition models that several architectures use: from a code and an action to the logits of the next code."""

import math

import keras
import numpy as np
from keras import layers

from ..rules.linear_start import linear_start
from .layers import Cross, LinearPerAction

KEEP = 4.0  # the logit with which an untrained transition says that a bit stays as it is


def transition_inputs(grid: tuple[int, int, int]) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Give the inputs of a transition: code (N, B) of bits 0 or 1 and action (N,) int."""
    return keras.Input((math.prod(grid),), name="code"), keras.Input((), dtype="int32", name="action")


def signs(code: keras.KerasTensor) -> keras.KerasTensor:
    """Turn bits 0 and 1 into -1 and 1."""
    return layers.Rescaling(2.0, offset=-1.0, name="signs")(code)


def linear_transition(grid: tuple[int, int, int], actions: int) -> keras.Model:
    """Build a linear map for each action."""
    code, action = transition_inputs(grid)
    logits = LinearPerAction(actions, code.shape[-1], name="linear_per_action")([signs(code), action])
    return keras.Model([code, action], logits, name="transition")


def start_linear(transition: keras.Model, codes: np.ndarray, next_codes: np.ndarray, actions: np.ndarray) -> str:
    """Begin a linear transition with what is always copied, and with fits that are exact.

    Args:
        codes, next_codes: (N, B) of 0 and 1.
        actions: (N,) int.
    """
    layer = transition.get_layer("linear_per_action")
    kernel, bias, copied, fitted = linear_start(codes, next_codes, actions, layer.actions)
    layer.set_weights([kernel, bias])
    return (
        f"transition begins with {copied:.1%} of the next bits as copies of one bit, "
        f"{fitted:.1%} as linear functions of several"
    )


def local_transition(grid: tuple[int, int, int], actions: int, reach: int, units: int) -> keras.Model:
    """Build one rule for all places: what a cell becomes follows from its row, its column and the action.

    It begins by saying that nothing changes, and learns what does.

    Args:
        reach: How many cells away a cell's next content may depend on.
        units: How many each layer has.
    """
    code, action = transition_inputs(grid)
    bits = signs(code)
    cells = layers.Reshape(grid, name="cells")(bits)
    seen = layers.Dense(units, name="surroundings")(Cross(reach, name="cross")(cells))
    asked = layers.Reshape((1, 1, units))(layers.Embedding(actions, units, name="action_embedding")(action))
    rule = layers.ReLU()(layers.Add()([seen, asked]))
    rule = layers.Dense(units, activation="relu", name="rule")(rule)
    change = layers.Dense(grid[2], kernel_initializer="zeros", name="change")(rule)
    keep = layers.Rescaling(KEEP, name="keep")(bits)
    logits = layers.Add(name="logits")([keep, layers.Flatten()(change)])
    return keras.Model([code, action], logits, name="transition")
