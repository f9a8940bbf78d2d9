"""Codes of noisy pictures: what each pixel takes for levels is seen without the noise, and a code is found in that."""

from dataclasses import replace

import numpy as np
import scipy  # its parts are imported where they are first used: models load sooner

from .linear import flat, ridge
from .linear_code import LinearCode, find_code
from .whitening import Whitening, whiten

GAP = 4.0  # between two levels of a pixel, in standard deviations of what noise is left
LEAST_GAP = 0.9 / 255
CLEAR = 1.5  # times the standard deviation of that noise that values may lie around a pixel's colours
RAREST = 0.0005  # the share of the pictures that a level beyond the outermost gap must have, and
FEWEST = 5  # so many of them
SEARCHED = 4096  # images that the code is found in, of all that show the levels
SAME_COLOUR = 3 / 255  # colours of different pixels that differ by less are one where there is noise, and more where
SURE = 4.5  # standard deviations of their means are more
MOST_TERMS = 32  # bits that a pixel with noise depends on


def find_code_in_noise(images: np.ndarray, kind: str, max_bits: int) -> LinearCode | None:
    """Find a code of a kind in noisy images (N, H, W, 3) uint8.

    Returns:
        None if the images have no noise, or none is found that is exact up to it.
    """
    pixels = flat(images)
    white = whiten(pixels)
    if not white.grey_levels:
        return None
    return find_code_behind(white.pixels(white.points(pixels)), images, white, kind, max_bits)


def find_code_behind(
    shown: np.ndarray, images: np.ndarray, white: Whitening, kind: str, max_bits: int
) -> LinearCode | None:
    """Find a code in what images (N, H, W, 3) uint8 show: in (N, P) float32, the same with little noise.

    Returns:
        None if none is found that is exact up to the images' own noise.
    """
    pixels = flat(images)
    off = (shown - white.pixels(white.points(pixels))).std(axis=0)
    clean = snapped(shown, pixels, np.hypot(white.spread, off), white.grey_levels / 255).reshape(images.shape)
    code = find_code(clean[:SEARCHED], kind, max_bits, mends=False)
    if code is None or code.distinct_codes < code.distinct_images:
        return None
    found = refitted(code, images, white.grey_levels)
    return found if found.is_exact and np.array_equal(found.encode(images), code.encode(clean)) else None


def refitted(code: LinearCode, images: np.ndarray, noise: float) -> LinearCode:
    """Let a code decode to what noisy images (N, H, W, 3) uint8 show, and see how exact it is on a part of them.

    Args:
        noise: Its standard deviation in grey levels.
    """
    pixels, bits = images.astype(np.float32) / np.float32(255), code.encode(images)
    quarter = -(-len(images) // 4)
    cells = code.lattice.cut(pixels[quarter:]).reshape(-1, code.lattice.values)
    of_cells = bits[quarter:].reshape(-1, code.grid[2]).astype(np.float32)
    kernel, bias = _sparse_fit(of_cells, cells, noise / 255) if noise else ridge(of_cells, cells, 0.0)
    some = of_cells[:: -(-len(of_cells) // SEARCHED)]
    kernel, bias = ridge(some, without_clipping(some @ kernel + bias, noise / 255), 0.0)
    background = without_clipping(pixels.mean(axis=0), noise / 255).astype(np.float32)
    code.lattice.paste(np.broadcast_to(bias, (1, *code.grid[:2], len(bias))), background[None])
    code = replace(code, decoder_kernel=kernel, decoder_bias=background, noise=noise)
    errors = np.abs(code.decode(bits[:quarter]) * 255 - images[:quarter])
    return replace(code, worst_error=int(np.rint(errors.max())))


def _sparse_fit(bits: np.ndarray, values: np.ndarray, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Fit each of the values (N, P) linearly to few of the bits (N, B): the noise in many coefficients would add up.

    Bits are taken as long as they tell surely more than noise has it (orthogonal matching pursuit).
    """
    mean, means = bits.mean(axis=0, dtype=np.float64), values.mean(axis=0, dtype=np.float64)
    centred = bits - mean.astype(np.float32)
    gram = (centred.T @ centred).astype(np.float64) / len(bits)
    fits = (centred.T @ (values - means.astype(np.float32))).astype(np.float64) / len(bits)  # (B, P)
    least = SURE * noise * np.sqrt(np.diag(gram) / len(bits)) + 1e-9
    kernel = np.zeros(fits.shape)
    for value, fit in enumerate(fits.T):
        taken: list[int] = []
        left, weights = fit, np.zeros(0)
        while len(taken) < MOST_TERMS and (more := int(np.argmax(np.abs(left) / least))) not in taken:
            if abs(left[more]) <= least[more]:
                break
            taken.append(more)
            weights = np.linalg.lstsq(gram[np.ix_(taken, taken)], fit[taken], rcond=1e-9)[0]
            left = fit - gram[:, taken] @ weights
        kernel[taken, value] = weights
    return kernel.astype(np.float32), (means - mean @ kernel).astype(np.float32)


def without_clipping(means: np.ndarray, noise: float) -> np.ndarray:
    """Give the values in 0…1 whose means with noise are these, noise being cut off at 0 and 1."""
    if not noise:
        return means
    values = np.linspace(0, 1, 511)
    low, high = values / noise, (values - 1) / noise  # standard deviations above what is cut off
    inside, cut = scipy.special.ndtr(low) - scipy.special.ndtr(high), np.exp(-(low**2) / 2) - np.exp(-(high**2) / 2)
    seen = values * inside + noise * cut / np.sqrt(2 * np.pi) + scipy.special.ndtr(high)
    return np.interp(means, seen, values)


def level_gaps(denoised: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the gaps between the levels of pixels.

    Args:
        denoised: (N, P) float32.
        spread: (P,), the noise that is left in each.

    Returns:
        Of each gap the pixel (G,), the middle (G,), and its width in standard deviations (G,).
    """
    outside = FEWEST + int(RAREST * len(denoised))
    ordered = np.sort(denoised, axis=0)[outside : len(denoised) - outside]
    if len(ordered) < 2:
        return np.zeros(0, int), np.zeros(0), np.zeros(0)
    width, least = np.diff(ordered, axis=0), np.maximum(GAP * spread, LEAST_GAP)
    at, pixel = np.nonzero(width > least)
    middle = (ordered[at, pixel] + ordered[at + 1, pixel]) / 2
    return pixel, middle, width[at, pixel] / np.maximum(spread[pixel], LEAST_GAP / GAP)


def snapped(denoised: np.ndarray, pixels: np.ndarray, spread: np.ndarray, noise: float) -> np.ndarray:
    """Give images (N, P) uint8 in which each pixel has the mean of its colour; one without clear colours, of all.

    Args:
        denoised: (N, P) float32, what tells the colours: combinations of the levels of three channels.
        pixels: (N, P) float32, the same images as they are: their means are true.
        spread: (P,), the standard deviation of what noise is left in `denoised`.
        noise: That of the noise in `pixels`.
    """
    of_gap, middles, _ = level_gaps(denoised, spread)
    colours = np.empty((len(denoised), denoised.shape[1] // 3), np.int32)  # of each pixel, numbered over all pixels
    first, values, counts = 0, [], []
    for pixel in range(colours.shape[1]):
        channels = slice(3 * pixel, 3 * pixel + 3)
        colour, count = _colours(denoised[:, channels], [middles[of_gap == 3 * pixel + c] for c in range(3)])
        if not _is_clear(denoised[:, channels], colour, count, spread[channels]):
            colour, count = np.zeros_like(colour), np.array([len(colour)])
        values.append(_means(pixels[:, channels], colour, count))
        counts.append(count)
        colours[:, pixel] = first + colour
        first += len(count)
    merged = _merged(np.concatenate(values), np.concatenate(counts), noise)
    return np.rint(merged * 255).clip(0, 255).astype(np.uint8)[colours].reshape(denoised.shape)


def _colours(channels: np.ndarray, thresholds: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Number the combinations of levels of channels (N, 3): (N,) int, and how often each is there."""
    levels = [np.searchsorted(each, channel) for each, channel in zip(thresholds, channels.T)]
    number = np.ravel_multi_index(levels, [len(each) + 1 for each in thresholds])
    _, colour, count = np.unique(number, return_inverse=True, return_counts=True)
    return colour, count


def _means(channels: np.ndarray, colour: np.ndarray, count: np.ndarray) -> np.ndarray:
    return np.stack([np.bincount(colour, channel, len(count)) / count for channel in channels.T], axis=1)


def _is_clear(channels: np.ndarray, colour: np.ndarray, count: np.ndarray, spread: np.ndarray) -> bool:
    """Tell whether what is left around a pixel's colours is what noise leaves, and not a mixture of more of them."""
    left_over = channels - _means(channels, colour, count)[colour]
    return bool((left_over.std(axis=0) <= CLEAR * spread + LEAST_GAP).all())


def _merged(colours: np.ndarray, counts: np.ndarray, noise: float) -> np.ndarray:
    """Give colours (L, 3) of different pixels, each seen so often, one value where no more than noise tells them apart.

    The commonest come first; each other joins the nearest of those that stand for themselves, or stands for itself.
    """
    if not noise:
        return colours
    within = SAME_COLOUR + SURE * noise / np.sqrt(counts)
    leaders: list[int] = []
    of = np.empty(len(colours), int)  # which leader each follows
    for place in np.argsort(-counts, kind="stable").tolist():
        off = np.abs(colours[leaders] - colours[place]).max(axis=1) if leaders else np.array([np.inf])
        nearest = int(off.argmin())
        if off[nearest] > within[place]:
            nearest = len(leaders)
            leaders.append(place)
        of[place] = nearest
    total = np.bincount(of, counts)
    means = [np.bincount(of, counts * channel) / total for channel in colours.T]
    return np.stack(means, axis=1)[of]
