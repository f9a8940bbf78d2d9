"""the network and training of DeepCubeAI: 400 bits, gradient descent alone"""

import keras
from keras import layers

from ..world_model.architecture import Architecture, Recipe
from ..world_model.coders import hidden, sequential_decoder, sequential_encoder
from ..world_model.layers import OneHot
from ..world_model.transition import transition_inputs


def coder(img_size: tuple[int, int], bits: int) -> tuple[keras.Model, keras.Model]:
    """Build normalised pixels, then one linear map each way."""
    encoder = [
        layers.Rescaling(1 / 255),
        layers.Flatten(),
        layers.BatchNormalization(),
        layers.Dense(bits, name="logits"),
    ]
    return sequential_encoder(img_size, encoder), sequential_decoder(img_size, bits, [])


def transition(grid: tuple[int, int, int], actions: int) -> keras.Model:
    """Build the action beside the code, then three hidden layers; this system takes bits as 0 and 1."""
    code, action = transition_inputs(grid)
    x = layers.Concatenate()([code, OneHot(actions)(action)])
    for layer in [*hidden(500), *hidden(500), *hidden(500), layers.Dense(code.shape[-1])]:
        x = layer(x)
    return keras.Model([code, action], x, name="transition")


ARCHITECTURE = Architecture(
    code=None,
    max_bits=400,
    coder=coder,
    transition=transition,
    learning_rate=1e-3,
    recipe=Recipe(
        both_losses="squared_error",
        share=((0, 1e-4), (40_000, 1e-3), (60_000, 1e-2), (80_000, 0.1), (100_000, 0.5)),
        is_gradual=False,
        decay=(1000, 0.96237),
        pixel_scale=1.0,
        steps=180_000,
        batch=100,
    ),
)
