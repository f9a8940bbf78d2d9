"""the network and training of JAxtar: 400 bits, gradient descent alone"""

import keras
from keras import layers

from ..world_model.architecture import Architecture, Recipe
from ..world_model.coders import hidden, sequential_decoder, sequential_encoder
from ..world_model.layers import OneHot
from ..world_model.transition import signs, transition_inputs


def coder(img_size: tuple[int, int], bits: int) -> tuple[keras.Model, keras.Model]:
    """Build encoder and decoder with a hidden layer of 1,000 with batch normalisation each."""
    encoder = [
        layers.Rescaling(2 / 255, offset=-1.0),
        layers.Flatten(),
        *hidden(1000),
        layers.Dense(bits, name="logits"),
    ]
    decoder = [layers.Rescaling(2.0, offset=-1.0), *hidden(1000)]
    return sequential_encoder(img_size, encoder), sequential_decoder(img_size, bits, decoder)


def transition(grid: tuple[int, int, int], actions: int) -> keras.Model:
    """Build three hidden layers, then the next codes for all actions at once."""
    code, action = transition_inputs(grid)
    bits = code.shape[-1]
    x = signs(code)
    for layer in [*hidden(500), *hidden(500), *hidden(500), layers.Dense(actions * bits)]:
        x = layer(x)
    every = layers.Reshape((actions, bits))(x)
    logits = layers.Dot(axes=1)([OneHot(actions)(action), every])
    return keras.Model([code, action], logits, name="transition")


ARCHITECTURE = Architecture(
    code=None,
    max_bits=400,
    coder=coder,
    transition=transition,
    learning_rate=1e-2,
    recipe=Recipe(
        both_losses="cross_entropy",
        share=((30_000, 5e-5), (330_000, 0.5)),
        is_gradual=True,
        decay=(5000, 0.995),
        pixel_scale=2.0,
        steps=600_000,
        batch=1000,
    ),
)
