"""A discrete code for images, computed from a sample of them instead of learned by gradient descent.

Images of a puzzle are built from few parts that take few appearances each: stickers of six colours, tiles of sixteen
kinds. Where that is so the image is a linear function of well-chosen bits, and each bit a threshold on a linear
function of the image. Both are found here in closed form, and are the start of an encoder and a decoder (Keras calls
this `adapt`). What a bit depends on decides whether a transition can be exact: bits that belong to one part of the
picture move as the part moves.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.world_model import pixel_bits, tile_bits
from pipeline.world_model.linear import flat


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
    wrong_bits: int  # that the encoder reads wrongly, in the whole sample
    reconstruction_mse: float  # on the sample, pixels in 0…1
    distinct_images: int  # in the sample
    distinct_codes: int  # of them

    @property
    def is_exact(self) -> bool:
        """Whether nothing is lost: the sample's images come back, and no two of them share a code."""
        return self.wrong_bits == 0 and self.reconstruction_mse < 1e-4 and self.distinct_codes == self.distinct_images

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Encode images (N, H, W, 3) uint8 as bits (N, B) bool."""
        return flat(images) @ self.encoder_kernel + self.encoder_bias > 0


def find_code(images: np.ndarray, kind: str, max_bits: int) -> LinearCode | None:
    """Find a code of a kind ("tiles" or "pixels") in a sample of images (N, H, W, 3) uint8.

    The bits are defined on the clean images; the encoder then reads them so that it withstands noise too.

    Returns:
        None if no value of the images takes few levels.
    """
    found = tile_bits.find(images, max_bits) if kind == "tiles" else None
    found = found or pixel_bits.find(images, max_bits)
    if found is None:
        return None
    inputs = flat(images)
    encoder_kernel, encoder_bias = found.encoder()
    decoder_kernel, decoder_bias = found.decoder()
    error = found.bits.astype(np.float32) @ decoder_kernel + decoder_bias - inputs
    return LinearCode(
        encoder_kernel, encoder_bias, decoder_kernel, decoder_bias, found.grid, found.description,
        int((found.bits != (inputs @ encoder_kernel + encoder_bias > 0)).sum()), float(np.mean(error**2)), _distinct(images), _distinct(found.bits),
    )  # fmt: skip


def _distinct(rows: np.ndarray) -> int:
    return len({row.tobytes() for row in rows})
