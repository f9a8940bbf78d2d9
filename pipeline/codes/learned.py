"""Where gradient descent on a code begins: bits that single pixels show, chosen so that a linear decoder misses little.

And what comes of it: a code of one map each way, whose decoder is fitted to the bits in closed form.
"""

from dataclasses import dataclass

import numpy as np

from .lattice import Lattice
from .linear import flat, ridge
from .linear_code import LinearCode
from .noise import level_gaps
from .whitening import Whitening, whiten

MOST_CANDIDATES = 3000
LEAST_GAIN = 0.02  # of what a bit explains, where an image has a variance of 1 in every direction
ENOUGH = 0.5  # of what images show, explained by bits between clear levels: then no others are taken
NEW = 0.02  # of a bit's variance that those chosen before must leave over


@dataclass(frozen=True)
class Bits:
    """Bits that single pixels show: where each pixel (B,), as it looks without noise, is above its threshold (B,)."""

    pixels: np.ndarray
    thresholds: np.ndarray

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: np.ndarray) -> "Bits":
        return Bits(self.pixels[index], self.thresholds[index])

    def of(self, denoised: np.ndarray) -> np.ndarray:
        """Give the bits (N, B) float32 of images (N, P) without noise."""
        return (denoised[:, self.pixels] > self.thresholds).astype(np.float32)

    def encoder(self, white: Whitening) -> tuple[np.ndarray, np.ndarray]:
        """Give the map from points to logits that decides the same: kernel (K, B) of unit columns, and bias (B,)."""
        kernel = white.back[:, self.pixels]
        length = np.maximum(np.linalg.norm(kernel, axis=0), 1e-9)
        return kernel / length, (white.mean[self.pixels] - self.thresholds) / length


@dataclass(frozen=True)
class Start:
    """What gradient descent on a code begins with.

    Attributes:
        white: The directions in which images vary.
        bits: Those chosen, at most as many as were asked for.
        candidates: Those that there were to choose from.
        encoder: The map of points to logits: kernel (K, B) and bias (B,).
        decoder: The map of bits to points: kernel (B, K) and bias (K,).
    """

    white: Whitening
    bits: Bits
    candidates: Bits
    encoder: tuple[np.ndarray, np.ndarray]
    decoder: tuple[np.ndarray, np.ndarray]


def begin(images: np.ndarray, most: int) -> Start:
    """Choose at most so many bits for images (N, H, W, 3) uint8."""
    pixels = flat(images)
    white = whiten(pixels)
    points = white.points(pixels)
    denoised = white.pixels(points)
    clear, others = _clear_candidates(denoised, white), _middle_candidates(denoised)
    chosen, explained = choose(clear, denoised, points, most)
    bits = clear[chosen]
    if explained < ENOUGH * points.shape[1]:
        more, _ = choose(others, denoised, points, most - len(bits), bits.of(denoised))
        bits = _joined(bits, others[more])
    decoder = ridge(bits.of(denoised), points, 1e-3)
    return Start(white, bits, _joined(clear, others), bits.encoder(white), decoder)


def choose(
    candidates: Bits, denoised: np.ndarray, points: np.ndarray, most: int, before: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    """Choose bits one by one, each of which explains most of the points that linear functions of the others miss.

    That is orthogonal matching pursuit (Pati, Rezaiifar and Krishnaprasad, 1993), with all products computed once.

    Args:
        denoised, points: (N, P) and (N, K), images without noise.
        before: (N, B) of 0 and 1, bits that there are already.

    Returns:
        The places (M,) of the chosen candidates, and how much of the points' variance all explain.
    """
    shown = candidates.of(denoised)
    if before is not None:
        shown = np.concatenate([before, shown], axis=1)
    given = 0 if before is None else before.shape[1]
    shown = shown - shown.mean(axis=0)
    gram = (shown.T @ shown).astype(np.float64) / len(shown)
    fit = (shown.T @ (points - points.mean(axis=0))).astype(np.float64) / len(shown)
    variance = np.diag(gram).copy()
    left, explained = variance.copy(), 0.0
    rows: list[np.ndarray] = []
    chosen: list[int] = []
    while len(chosen) < min(most + given, len(gram)):
        is_new = left > NEW * np.maximum(variance, 1e-6)
        gain = np.where(is_new, (fit**2).sum(axis=1) / np.maximum(left, 1e-12), 0)
        place = len(chosen) if len(chosen) < given else int(gain.argmax())
        if place >= given and gain[place] < LEAST_GAIN:
            break
        chosen.append(place)
        if not is_new[place]:
            continue  # a bit that there is already, and that others tell
        row = gram[place] - sum((known * known[place] for known in rows), start=np.zeros(len(gram)))
        row /= np.sqrt(left[place])
        part = fit[place] / np.sqrt(left[place])
        rows.append(row)
        fit -= row[:, None] * part
        left = left - row**2
        explained += float((part**2).sum())
    return np.array(chosen[given:], int) - given, explained


def as_code(
    white: Whitening, encoder: tuple[np.ndarray, np.ndarray], images: np.ndarray, description: str
) -> LinearCode:
    """Make a code of a map from points to logits, with the decoder that fits the images (N, H, W, 3) uint8 best."""
    kernel, bias = encoder
    whole = (white.kernel @ kernel).astype(np.float32)
    shift = (bias - white.mean @ whole).astype(np.float32)
    img_size, quarter = images.shape[1:3], -(-len(images) // 4)
    pixels = flat(images)
    bits = (pixels @ whole + shift > 0).astype(np.float32)
    decode, background = ridge(bits[quarter:], pixels[quarter:], 1e-3)
    errors = np.abs((bits[:quarter] @ decode + background) * 255 - images[:quarter].reshape(quarter, -1))
    numbers = {row.tobytes() for row in np.packbits(bits > 0, axis=1)}
    return LinearCode(
        Lattice.of_one_cell(img_size), whole, shift, decode, background.reshape(images.shape[1:]), description,
        int(np.rint(errors.max())), len({image.tobytes() for image in images}), len(numbers), white.grey_levels,
    )  # fmt: skip


def _clear_candidates(denoised: np.ndarray, white: Whitening) -> Bits:
    """Take a threshold in every clear gap between a pixel's levels, the widest first, each meaning but once."""
    pixels, middles, widths = level_gaps(denoised, white.spread)
    order = np.argsort(-widths, kind="stable")
    bits = Bits(pixels[order], middles[order].astype(np.float32))
    if not len(bits):
        return bits
    shown = bits.of(denoised) > 0
    meanings = np.packbits(shown ^ shown[0], axis=0)
    _, first = np.unique(meanings, axis=1, return_index=True)
    return bits[np.sort(first)[:MOST_CANDIDATES]]


def _middle_candidates(denoised: np.ndarray) -> Bits:
    """Take the median of some pixels, whatever they show."""
    varying = np.flatnonzero(np.ptp(denoised, axis=0) > 1 / 255)
    pixels = np.random.default_rng(0).permutation(varying)[:MOST_CANDIDATES]
    return Bits(pixels, np.median(denoised[:, pixels], axis=0).astype(np.float32))


def _joined(*parts: Bits) -> Bits:
    return Bits(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("pixels", "thresholds")))
