"""Transition models that several architectures use: from a code and an action to the logits of the next code."""

import math

import keras
import numpy as np
from keras import layers

from ..rules.language import CopyRules, LocalRules, Rules
from ..rules.linear_fits import linear_fits
from .layers import Cross, LinearPerAction
from .rule_layers import rules_layer

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


def start_linear(network: keras.Model, rules: Rules, codes: np.ndarray, next_codes: np.ndarray, actions: np.ndarray):
    """Begin a linear network with fits that are exact, of the next bits that copies leave over.

    Args:
        codes, next_codes: (N, B) of 0 and 1.
        actions: (N,) int.
    """
    if not isinstance(rules, CopyRules):
        return None
    kernel, bias, fitted = linear_fits(codes, next_codes, actions, rules.source < 0)
    network.get_layer("linear_per_action").set_weights([kernel, bias])
    return f"{fitted:.1%} of the next bits begin as linear functions of several"


def with_rules(network: keras.Model, rules: Rules) -> keras.Model:
    """Build a transition of rules, and of the network where these leave something over."""
    for layer in network.layers if isinstance(rules, LocalRules) else ():
        if layer.name == "keep":
            layer.scale = 0.0  # the rules say themselves what stays: a network that says so as well talks them down
    return behind(network, rules_layer(rules, network.output_shape[-1]), is_needed=not rules.is_complete)


def begin_alike(transition: keras.Model, trained: keras.Model) -> bool:
    """Give a transition the weights of one for another size; not where a network beside the rules knows each place."""
    weights = trained.get_weights()
    if [part.shape for part in weights] != [part.shape for part in transition.get_weights()]:
        return False
    transition.set_weights(weights)
    return True


def behind(network: keras.Model, layer: keras.layers.Layer, is_needed: bool = True) -> keras.Model:
    """Put a network behind a layer of rules, to whose logits it adds; or leave it out."""
    code, action = (keras.Input(part.shape[1:], dtype=part.dtype, name=part.name) for part in network.inputs)
    logits = layer([signs(code), action])
    if is_needed:
        logits = layers.Add(name="logits")([logits, network([code, action])])
    return keras.Model([code, action], logits, name="transition")


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
