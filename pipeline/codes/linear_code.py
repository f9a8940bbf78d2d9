"""A discrete code for images, computed from a sample of them instead of learned by gradient descent.

Images of a puzzle are built from few parts that take few appearances each: stickers of six colours, tiles of sixteen
kinds. Where that is so the image is a linear function of well-chosen bits, and each bit a threshold on a linear
function of the image. Both are found here in closed form, and are the start of an encoder and a decoder (Keras calls
this `adapt`). What a bit depends on decides whether a transition can be exact: bits that belong to one part of the
picture move as the part moves.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from . import components, pixel_bits, tile_bits
from .exactness import pixel_bound
from .lattice import Lattice
from .tile_bits import TileBits
from .value_bits import ValueBits


@dataclass(frozen=True)
class LinearCode:
    """An encoder and a decoder, each one linear map of a cell, the same for all cells of a lattice.

    C bits for the K pixel values of a cell, scaled to 0…1; B bits of all cells. A code without places has one cell, the
    whole image.
    """

    lattice: Lattice
    encoder_kernel: np.ndarray  # (K, C) float32
    encoder_bias: np.ndarray  # (C,) float32; a bit is 1 where cell @ kernel + bias > 0
    decoder_kernel: np.ndarray  # (C, K) float32; cell = bits @ kernel
    decoder_bias: np.ndarray  # (H, W, 3) float32, what is added to the image of the cells
    description: str
    worst_error: int  # grey levels of 255: the largest error of any pixel of held-out images, encoded and decoded
    distinct_images: int  # in the sample
    distinct_codes: int  # of them
    noise: float = 0.0  # grey levels: the standard deviation of the images' own noise

    @property
    def grid(self) -> tuple[int, int, int]:
        """The shape of a code: rows, columns, bits per cell."""
        return self.lattice.rows, self.lattice.columns, len(self.encoder_bias)

    @property
    def is_exact(self) -> bool:
        """Whether nothing is lost: images that the code wasn't made from come back, and no two share a code."""
        return self.worst_error <= pixel_bound(self.noise) and self.distinct_codes == self.distinct_images

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Encode images (N, H, W, 3) uint8 as bits (N, B) bool."""
        cells = self.lattice.cut(images).reshape(-1, self.lattice.values).astype(np.float32) / np.float32(255)
        return (cells @ self.encoder_kernel + self.encoder_bias > 0).reshape(len(images), -1)

    def decode(self, bits: np.ndarray) -> np.ndarray:
        """Decode bits (N, B) as images (N, H, W, 3) float32 in 0…1."""
        images = np.zeros((len(bits), *self.decoder_bias.shape), np.float32)
        cells = bits.reshape(-1, self.grid[2]).astype(np.float32) @ self.decoder_kernel
        self.lattice.paste(cells, images)
        return images + self.decoder_bias

    def of_one_cell(self) -> "LinearCode":
        """Give the same code as one map of the whole image each way."""
        img_size, every = self.decoder_bias.shape[:2], np.eye(math.prod(self.grid), dtype=np.float32)
        reads = np.zeros((len(every), *self.decoder_bias.shape), np.float32)
        self.lattice.paste(every.reshape(-1, self.grid[2]) @ self.encoder_kernel.T, reads)
        return replace(
            self,
            lattice=Lattice.of_one_cell(img_size),
            encoder_kernel=reads.reshape(len(every), -1).T,
            encoder_bias=np.tile(self.encoder_bias, self.grid[0] * self.grid[1]),
            decoder_kernel=(self.decode(every) - self.decoder_bias).reshape(len(every), -1),
        )


def find_code(images: np.ndarray, kind: str, max_bits: int, mends: bool = True) -> LinearCode | None:
    """Find a code of a kind ("tiles" or "pixels") in a sample of images (N, H, W, 3) uint8.

    The bits are defined on clean images; the encoder then reads them so that it withstands noise too. A quarter of the
    images is held out to check the code. One that doesn't pass is mended, if `mends`.

    Returns:
        None if no part of the images takes few levels, or there are fewer than two images.
    """
    if len(images) < 2:
        return None
    shown = _shown(images)
    found: TileBits | ValueBits | None = tile_bits.find(shown, max_bits) if kind == "tiles" else None
    found = found or pixel_bits.find(shown, max_bits)
    code = make_code(found, images) if found else None
    return code if not mends or (code and code.is_exact) else mend(code, images, max_bits)


def mend(code: LinearCode | None, images: np.ndarray, max_bits: int) -> LinearCode | None:
    """Make an exact code of one that isn't, however poor: keep the bits that are sound, and find what is missing.

    Returns:
        The code as it was if no exact one is found.
    """
    shown = _shown(images)
    found = components.find(shown, max_bits, None if code is None else code.encode(shown))
    mended = make_code(found, images) if found else None
    return mended if mended and mended.is_exact else code


def _shown(images: np.ndarray) -> np.ndarray:
    return images[-(-len(images) // 4) :]  # the rest is held out


def make_code(found: TileBits | ValueBits, images: np.ndarray) -> LinearCode:
    """Make encoder and decoder of the bits found, and see how exact they are on images they weren't made from."""
    lattice = found.lattice if isinstance(found, TileBits) else Lattice.of_one_cell(images.shape[1:3])
    decoder_kernel, decoder_bias = found.decoder()
    encoder_kernel, encoder_bias = found.encoder()
    background = decoder_bias.reshape(images.shape[1:])
    code = LinearCode(
        lattice, encoder_kernel, encoder_bias, decoder_kernel, background, found.description, 0, 0, 0
    )  # fmt: skip
    held_out = images[: -(-len(images) // 4)]
    decoded = np.rint(code.decode(code.encode(held_out)) * 255).clip(0, 255)
    return replace(
        code,
        worst_error=int(np.abs(decoded - held_out).max()),
        distinct_images=_distinct(images),
        distinct_codes=_distinct(code.encode(images)),
    )


def _distinct(rows: np.ndarray) -> int:
    return len({row.tobytes() for row in rows})
