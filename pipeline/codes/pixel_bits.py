"""Bits for images without a lattice: thresholds on the values of pixels that stand for parts of the picture."""

import numpy as np
import scipy  # its parts are imported where they are first used: models load sooner

from .linear import SKETCH, flat, mixtures
from .value_bits import ValueBits

MOST_LEVELS = 3  # a value that takes more is a mixture of parts
LEAST_CONTRAST = 7  # of 255; what is fainter is the rim of a part, not the part
RANK_DROP = 20  # by which the diagonal falls where the next value is determined by those before


def find(images: np.ndarray, max_bits: int) -> ValueBits | None:
    """Choose pixels and threshold their channels between neighbouring levels.

    Pixels whose channels take few levels belong to one part of the picture each. Those that always change together
    show the same part: one of them stands for all. If every part's bits fit they are all taken; then each next bit is
    a function of few bits, however the parts move. Else the most telling parts are taken, until no more fit.

    Args:
        images: (N, H, W, 3) uint8.
        max_bits: The most bits.

    Returns:
        None if no pixel of the images takes few levels, or the bits of none fit.
    """
    pixels = images.reshape(len(images), -1, 3)  # (N, H * W, 3)
    parts = _parts(pixels)
    if not parts:
        return None
    order = list(parts)
    if sum(map(len, parts.values())) > max_bits:
        order = [order[place] for place in _most_telling(pixels[:, order].reshape(len(images), -1))]
    chosen: list[tuple[int, float]] = []
    for pixel in order:
        if len(chosen) + len(parts[pixel]) <= max_bits:
            chosen += parts[pixel]
    if not chosen:
        return None
    index, level = np.array(chosen).T
    description = f"{len(chosen)} bits of {len(set((index // 3).tolist()))} parts of the picture"
    pixels = flat(images)
    return ValueBits(pixels, pixels[:, index.astype(int)], (level / 255).astype(np.float32), description)


def _parts(pixels: np.ndarray) -> dict[int, list[tuple[int, float]]]:
    """Find the parts of the picture in pixels (N, H * W, 3).

    Returns:
        For each part the pixel that stands for it and its bits, each as (index of the value, level).
    """
    parts: dict[bytes, tuple[int, list[tuple[int, float]]]] = {}  # by what the bits are in all images
    contrasts: dict[bytes, int] = {}
    for pixel in np.flatnonzero((pixels != pixels[0]).any(axis=(0, 2))).tolist():
        channels = np.ascontiguousarray(pixels[:, pixel].T)  # (3, N)
        levels = [np.flatnonzero(np.bincount(channel, minlength=256)) for channel in channels]
        if max(map(len, levels)) > MOST_LEVELS:
            continue
        thresholds = [(c, (low + high) / 2) for c in range(3) for low, high in zip(levels[c], levels[c][1:])]
        shown = np.stack([channels[channel] > level for channel, level in thresholds]).tobytes()
        contrast = min(np.diff(of_channel).min() for of_channel in levels if len(of_channel) > 1)
        if contrast > contrasts.get(shown, LEAST_CONTRAST):
            parts[shown] = pixel, [(3 * pixel + channel, float(level)) for channel, level in thresholds]
            contrasts[shown] = contrast
    return dict(parts.values())


def _most_telling(values: np.ndarray) -> list[int]:
    """Order pixels, given as values (N, pixels * 3), until they determine all others linearly.

    The pivots of a QR decomposition with column pivoting are values that no linear function of those chosen before
    gives (Businger and Golub, 1965).
    """
    centred = values - values.mean(axis=0, dtype=np.float32)
    sketch = mixtures(SKETCH, len(values)) @ centred if len(values) > SKETCH else centred
    triangle, order = scipy.linalg.qr(sketch, mode="r", pivoting=True, check_finite=False)
    diagonal = np.abs(np.diag(triangle))
    falls = diagonal[1:] * RANK_DROP < diagonal[:-1]
    rank = int(np.argmax(falls)) + 1 if falls.any() else len(diagonal)
    return list(dict.fromkeys((order[:rank] // 3).tolist()))
