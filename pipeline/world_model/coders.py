"""Encoders (images to logits) and decoders (codes to images), as pairs; and what such pairs are made of."""

import math
from dataclasses import astuple

import keras
from keras import layers

from ..codes.lattice import Lattice
from .layers import Board, Cells


def linear_coder(img_size: tuple[int, int], lattice: Lattice, bits: int) -> tuple[keras.Model, keras.Model]:
    """Build one linear map each way between a cell and its bits, the same for all cells of a lattice.

    The weights are those of a `LinearCode`, in its order.
    """
    encoder = [Cells(img_size, astuple(lattice)), layers.Rescaling(1 / 255), layers.Dense(bits), layers.Flatten()]
    grid = lattice.rows, lattice.columns, bits
    decoder = [
        keras.Input((math.prod(grid),), name="code"),
        layers.Reshape(grid),
        layers.Dense(lattice.values, use_bias=False),
        Board(img_size, astuple(lattice)),
    ]
    return sequential_encoder(img_size, encoder), keras.Sequential(decoder, name="decoder")


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
