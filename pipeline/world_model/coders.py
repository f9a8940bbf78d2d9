"""Encoders (images to logits) and decoders (codes to images), as pairs."""

import keras
from keras import layers


def linear_coder(img_size: tuple[int, int], bits: int) -> tuple[keras.Model, keras.Model]:
    """Build one linear map each way: what a code found in the images needs.

    The encoder takes images (N, H, W, 3) uint8 and gives logits (N, bits); the decoder takes codes (N, bits) and gives
    images (N, H, W, 3) with pixels in 0…1.
    """
    encoder = [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(bits, name="logits")]
    return _encoder(img_size, encoder), _decoder(img_size, bits, [])


def jaxtar_coder(img_size: tuple[int, int], bits: int) -> tuple[keras.Model, keras.Model]:
    """Build JAxtar's pair: a hidden layer of 1,000 with batch normalisation each way."""
    encoder = [
        layers.Rescaling(2 / 255, offset=-1.0),
        layers.Flatten(),
        *hidden(1000),
        layers.Dense(bits, name="logits"),
    ]
    return _encoder(img_size, encoder), _decoder(img_size, bits, [layers.Rescaling(2.0, offset=-1.0), *hidden(1000)])


def deepcubeai_coder(img_size: tuple[int, int], bits: int) -> tuple[keras.Model, keras.Model]:
    """Build DeepCubeAI's pair: normalised pixels, then one linear map each way."""
    encoder = [
        layers.Rescaling(1 / 255),
        layers.Flatten(),
        layers.BatchNormalization(),
        layers.Dense(bits, name="logits"),
    ]
    return _encoder(img_size, encoder), _decoder(img_size, bits, [])


def hidden(units: int) -> list[layers.Layer]:
    """Give a hidden layer as the published systems have it."""
    return [layers.Dense(units), layers.BatchNormalization(), layers.ReLU()]


def _encoder(img_size, inner) -> keras.Model:
    return keras.Sequential([keras.Input((*img_size, 3), dtype="uint8", name="image"), *inner], name="encoder")


def _decoder(img_size, bits, inner) -> keras.Model:
    pixels = layers.Dense(img_size[0] * img_size[1] * 3, name="pixels")
    return keras.Sequential(
        [keras.Input((bits,), name="code"), *inner, pixels, layers.Reshape((*img_size, 3))], name="decoder"
    )


CODERS = {"jaxtar": jaxtar_coder, "deepcubeai": deepcubeai_coder}  # all others are linear
