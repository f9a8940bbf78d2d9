"""A discrete code for images, computed from a sample of them instead of learned by gradient descent.

Images of a puzzle are built from few parts that take few appearances each: stickers of six colours, tiles of sixteen
kinds. Where that is so the image is a linear function of well-chosen bits, and each bit a threshold on a linear
function of the image. Both are found here in closed form, and are the start of an encoder and a decoder (Keras calls
this `adapt`). What a bit depends on decides whether a transition can be exact: bits that belong to one part of the
picture move as the part moves.
"""

from dataclasses import dataclass, replace

import numpy as np

from . import components, pixel_bits, tile_bits
from .exactness import PIXEL_BOUND
from .linear import flat
from .tile_bits import TileBits
from .value_bits import ValueBits


@dataclass(frozen=True)
class LinearCode:
    """An encoder and a decoder, each one linear map.

    B bits, P = height * width * 3 pixel values scaled to 0…1. The code has a grid shape (rows, columns, bits per cell)
    whose product is B; a code without places has the grid (1, 1, B).
    """

    encoder_kernel: np.ndarray  # (P, B) float32
    encoder_bias: np.ndarray  # (B,) float32; a bit is 1 where image @ kernel + bias > 0
    decoder_kernel: np.ndarray  # (B, P) float32
    decoder_bias: np.ndarray  # (P,) float32; image = bits @ kernel + bias
    grid: tuple[int, int, int]
    description: str
    worst_error: int  # grey levels of 255: the largest error of any pixel of held-out images, encoded and decoded
    distinct_images: int  # in the sample
    distinct_codes: int  # of them

    @property
    def is_exact(self) -> bool:
        """Whether nothing is lost: images that the code wasn't made from come back, and no two share a code."""
        return self.worst_error <= PIXEL_BOUND and self.distinct_codes == self.distinct_images

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Encode images (N, H, W, 3) uint8 as bits (N, B) bool."""
        return flat(images) @ self.encoder_kernel + self.encoder_bias > 0

    def decode(self, bits: np.ndarray) -> np.ndarray:
        """Decode bits (N, B) as flat images (N, P) float32 in 0…1."""
        return bits.astype(np.float32) @ self.decoder_kernel + self.decoder_bias


def find_code(images: np.ndarray, kind: str, max_bits: int) -> LinearCode | None:
    """Find a code of a kind ("tiles" or "pixels") in a sample of images (N, H, W, 3) uint8.

    The bits are defined on clean images; the encoder then reads them so that it withstands noise too. A quarter of the
    images is held out to check the code. One that doesn't pass is mended.

    Returns:
        None if no part of the images takes few levels, or there are fewer than two images.
    """
    if len(images) < 2:
        return None
    shown = _shown(images)
    found: TileBits | ValueBits | None = tile_bits.find(shown, max_bits) if kind == "tiles" else None
    found = found or pixel_bits.find(shown, max_bits)
    code = make_code(found, images) if found else None
    return code if code and code.is_exact else mend(code, images, max_bits)


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
    (encoder_kernel, encoder_bias), (decoder_kernel, decoder_bias) = found.encoder(), found.decoder()
    parts = encoder_kernel, encoder_bias, decoder_kernel, decoder_bias
    code = LinearCode(*parts, found.grid, found.description, 0, 0, 0)
    held_out = images[: -(-len(images) // 4)]
    decoded = np.rint(code.decode(code.encode(held_out)) * 255).clip(0, 255)
    return replace(
        code,
        worst_error=int(np.abs(decoded - held_out.reshape(decoded.shape)).max()),
        distinct_images=_distinct(images),
        distinct_codes=_distinct(code.encode(images)),
    )


def _distinct(rows: np.ndarray) -> int:
    return len({row.tobytes() for row in rows})
