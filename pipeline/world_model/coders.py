"""Encoders (images to logits) and decoders (codes to images), as pairs; and what such pairs are made of."""

import keras
from keras import layers


def linear_coder(img_size: tuple[int, int], bits: int) -> tuple[keras.Model, keras.Model]:
    """Build one linear map each way: what a code found in the images needs."""
    encoder = [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(bits, name="logits")]
    return sequential_encoder(img_size, encoder), sequential_decoder(img_size, bits, [])


def hidden(units: int) -> list[layers.Layer]:
    """Give a hidden layer as the published systems have it."""
    return [layers.Dense(units), layers.BatchNormalization(), layers.ReLU()]


def sequential_encoder(img_size: tuple[int, int], inner: list[layers.Layer]) -> keras.Model:
    """Build an encoder, images (N, H, W, 3) uint8 to logits (N, B), of layers of which the last gives the logits."""
    return keras.Sequential([keras.Input((*img_size, 3), dtype="uint8", name="image"), *inner], name="encoder")


def sequential_decoder(img_size: tuple[int, int], bits: int, inner: list[layers.Layer]) -> keras.Model:
    """Build a decoder, codes (N, B) to images (N, H, W, 3) with pixels in 0…1, of layers and a last linear map."""
    pixels = layers.Dense(img_size[0] * img_size[1] * 3, name="pixels")
    return keras.Sequential(
        [keras.Input((bits,), name="code"), *inner, pixels, layers.Reshape((*img_size, 3))], name="decoder"
    )
