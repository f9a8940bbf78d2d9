"""Bits for images without pure pixels: thresholds on components, linear functions of the image that take few levels.

A value takes at most m levels exactly if a polynomial of degree m vanishes on all of them. So components are found by
descending, from any direction to begin with, the least mean square that a monic polynomial of degree m can have on the
values: zero where they take m levels, large where they are a mixture of many parts. For m = 2 that is the distance from
Pearson's bound, kurtosis >= squared skewness + 1, which only two levels reach (Pearson, 1916). As in independent
component analysis the images are whitened first and each direction is followed on its own (Hyvärinen and Oja, 1997).
What the components found don't explain tells where to look next, until nothing is left.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from .linear import flat, main_directions
from .value_bits import ValueBits

MOST_LEVELS = 3
LEAST_VARIANCE = 10 / 255**2  # of a direction; below, images differ by the rounding of their pixels only
ROUNDS, DIRECTIONS, STEPS = 24, 128, 40  # of search; directions followed in a round; steps along each
PATIENCE = 4  # rounds without anything new
MOST_PARTS = 3  # of a component that adds nothing to them
NOTHING = 1e-2  # the length, of 1, of what is left of a direction that is explained
LEAST_IMAGES = 4  # for each direction in which images vary
LEAST_GAP = 0.1  # between two levels, where values have a standard deviation of 1
MOST_SPREAD = 1e-4  # the variance of the values around their levels
RAREST = 0.003  # share of the images that must show each level


@dataclass(frozen=True)
class Component:
    """One linear function of the image: its direction (K,) among the points, its values (N,) and its thresholds."""

    direction: np.ndarray
    values: np.ndarray
    thresholds: np.ndarray
    gap: float  # between the two nearest levels

    @property
    def meaning(self) -> frozenset:
        """What its bits tell of the images, whichever way round."""
        bits = self.values[:, None] > self.thresholds
        return frozenset(np.packbits(bits[:, b] ^ bits[0, b]).tobytes() for b in range(bits.shape[1]))


def find(images: np.ndarray, max_bits: int, start: np.ndarray | None = None) -> ValueBits | None:
    """Find components that determine the images, and threshold each between neighbouring levels.

    Args:
        images: (N, H, W, 3) uint8.
        max_bits: The most bits.
        start: (N, B) bool, any bits of the images to begin the search from, good or bad.

    Returns:
        None if the images are no linear function of such components, or they need too many bits.
    """
    pixels = flat(images)
    points, loadings = whiten(pixels)
    if not 0 < len(loadings) <= min(max_bits, len(images) // LEAST_IMAGES):
        return None
    found = _search(points, loadings, start)
    chosen = _fitting(found, max_bits)
    if _rank(chosen) < len(loadings):
        return None
    values = np.concatenate([np.tile(c.values, (len(c.thresholds), 1)) for c in chosen]).T  # (N, B)
    thresholds = np.concatenate([c.thresholds for c in chosen])
    description = f"{len(thresholds)} bits of {len(chosen)} components of the picture"
    return ValueBits(pixels, values.astype(np.float32), thresholds.astype(np.float32), description)


def _search(points: np.ndarray, loadings: np.ndarray, start: np.ndarray | None) -> list[Component]:
    """Follow directions, round by round, until some rounds find nothing more."""
    rng = np.random.default_rng(0)
    found: dict[frozenset, Component] = {}
    essential: list[Component] = []
    fruitless = 0
    if start is None:
        directions = _where_something_is_missing(rng, loadings, essential)
    else:
        directions = points.T @ (start - start.mean(axis=0, dtype=np.float32))
    for number in tqdm(range(ROUNDS), "finding components", unit="round", leave=False):
        followed = descend(points, _unit(directions), levels=2 + number % (MOST_LEVELS - 1))
        for component in _with_few_levels(points, followed):
            found.setdefault(component.meaning, component)
        before, essential = len(essential), _essential(found.values(), loadings)
        fruitless = fruitless + 1 if len(essential) == before else 0
        if fruitless == PATIENCE:
            break
        directions = _where_something_is_missing(rng, loadings, essential)
    return essential


def _essential(components: Iterable[Component], loadings: np.ndarray) -> list[Component]:
    """Drop components of several bits that are sums of few better ones: what they would tell is told already.

    Better is what has fewer levels, then what noise on the pixels disturbs less, so that alike parts of the picture
    get alike components. Sums of many stay: without them a next bit could depend on very many bits.
    """
    scale = np.linalg.norm(loadings, axis=1)  # of the pixels' differences along each axis of the points

    def is_worse(component):
        return len(component.thresholds), np.linalg.norm(component.direction / scale) / component.gap

    kept: list[Component] = []
    for component in sorted(components, key=is_worse):
        parts: list[int] = []
        rest = component.direction
        while len(component.thresholds) > 1 and kept and len(parts) < MOST_PARTS and np.linalg.norm(rest) > NOTHING:
            parts.append(np.abs(_directions(kept).T @ rest).argmax())  # orthogonal matching pursuit
            basis = _directions([kept[part] for part in parts])
            rest = component.direction - basis @ np.linalg.lstsq(basis, component.direction, rcond=None)[0]
        if np.linalg.norm(rest) > NOTHING:
            kept.append(component)
    return kept


def whiten(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give points (N, K), of unit variance in every direction, and loadings (K, P): pixels are mean + both's product.

    Directions in which images differ by less than the rounding of their pixels are left out.
    """
    basis = main_directions(pixels)
    inside = (pixels - pixels.mean(axis=0)) @ basis
    variances, turn = np.linalg.eigh((inside.T @ inside).astype(np.float64) / len(inside))
    kept = variances > LEAST_VARIANCE
    scale, turn = np.sqrt(variances[kept]), turn[:, kept]
    return (inside @ (turn / scale)).astype(np.float32), (scale[:, None] * (turn.T @ basis.T)).astype(np.float32)


def descend(points: np.ndarray, directions: np.ndarray, levels: int) -> np.ndarray:
    """Follow unit directions (K, D) downhill to where the points' values take few levels.

    Each goes at a pace of its own: faster after a step that helped, slower, and back, after one that didn't.
    """
    error, slope = _polynomial_error(points, directions, levels)
    pace = np.full(directions.shape[1], 0.1, np.float32)
    for _ in range(STEPS):
        along = slope - (slope * directions).sum(axis=0) * directions
        tried = _unit(directions - pace * along)
        tried_error, tried_slope = _polynomial_error(points, tried, levels)
        better = tried_error < error
        directions, slope = np.where(better, tried, directions), np.where(better, tried_slope, slope)
        error, pace = np.where(better, tried_error, error), np.where(better, pace * 1.5, pace * 0.4)
    return directions


def _polynomial_error(points, directions, levels):
    """Give the least mean square (D,) of monic polynomials of degree `levels` on the values, and its slope (K, D)."""
    values = points @ directions  # (N, D)
    powers = [np.ones_like(values)]
    for _ in range(levels):
        powers.append(powers[-1] * values)
    moments = np.stack(
        [np.einsum("nd,nd->d", powers[(k + 1) // 2], powers[k // 2]) / len(values) for k in range(2 * levels + 1)],
        axis=1, dtype=np.float64,
    )  # fmt: skip
    hankel = np.stack([moments[:, i : i + levels] for i in range(levels)], axis=1) + 1e-9 * np.eye(levels)
    last = moments[:, levels : 2 * levels]
    lower = -np.linalg.solve(hankel, last[..., None])[..., 0]  # (D, levels): the polynomial's other coefficients
    error = moments[:, -1] + (lower * last).sum(axis=1)
    coefficients = [*lower.T.astype(np.float32), 1]
    polynomial = sum(c * power for c, power in zip(coefficients, powers))
    derivative = sum(k * c * power for k, (c, power) in enumerate(zip(coefficients[1:], powers), 1))
    return error, 2 * points.T @ (polynomial * derivative) / len(values)


def _with_few_levels(points: np.ndarray, directions: np.ndarray):
    """Yield a component for each direction on which the values gather around few levels."""
    values = points @ directions
    ordered = np.sort(values, axis=0)
    is_gap = np.diff(ordered, axis=0) > LEAST_GAP  # (N - 1, D)
    for d in np.flatnonzero((is_gap.sum(axis=0) > 0) & (is_gap.sum(axis=0) < MOST_LEVELS)):
        edges = np.flatnonzero(is_gap[:, d])
        level = np.searchsorted((ordered[edges, d] + ordered[edges + 1, d]) / 2, values[:, d])
        if np.bincount(level).min() >= RAREST * len(points):
            component = _sharpened(points, level)
            if component is not None:
                yield component


def _sharpened(points: np.ndarray, level: np.ndarray) -> Component | None:
    """Give the component along which the levels (N,) lie furthest apart; None if the values don't gather there."""
    counts = np.bincount(level)
    centres = np.stack([points[level == number].mean(axis=0) for number in range(len(counts))], axis=1)  # (K, levels)
    direction = np.linalg.svd(centres * np.sqrt(counts), full_matrices=False)[0][:, 0]
    direction = direction * np.sign(direction @ (centres[:, -1] - centres[:, 0]))
    values, means = points @ direction, direction @ centres
    if np.mean((values - means[level]) ** 2) > MOST_SPREAD or np.diff(means).min() < LEAST_GAP:
        return None
    return Component(direction, values, (means[1:] + means[:-1]) / 2, float(np.diff(means).min()))


def _where_something_is_missing(rng, loadings: np.ndarray, found: list[Component]) -> np.ndarray:
    """Draw directions (K, D): mixtures of the colours of pixels that the components found don't explain.

    Half of them are what is missing there, half the pixels themselves. Where nothing is missing, pixels from all over.
    """
    missing = loadings - _explained(loadings, found)
    weights = (missing**2).sum(axis=0).reshape(-1, 3).sum(axis=1)
    if np.abs(missing).max() < NOTHING * np.abs(loadings).max():
        missing, weights = loadings, (loadings**2).sum(axis=0).reshape(-1, 3).sum(axis=1)
    weights[weights < weights.max() / 10] = 0
    pixels = rng.choice(len(weights), DIRECTIONS, p=weights / weights.sum())
    colours = rng.standard_normal((DIRECTIONS, 3))
    colours[::4] = np.eye(3)[rng.integers(0, 3, len(colours[::4]))]
    directions = np.empty((len(loadings), DIRECTIONS), np.float32)
    for half, source in ((slice(0, None, 2), missing), (slice(1, None, 2), loadings)):
        of_pixels = source.reshape(len(source), -1, 3)[:, pixels[half]]
        directions[:, half] = np.einsum("kdc,dc->kd", of_pixels, colours[half])
    return directions


def _explained(loadings: np.ndarray, found: list[Component]) -> np.ndarray:
    """Give the part of the loadings (K, P) that lies in the directions of some components."""
    if not found:
        return np.zeros_like(loadings)
    basis, strengths, _ = np.linalg.svd(_directions(found), full_matrices=False)
    basis = basis[:, strengths > NOTHING]
    return (basis @ (basis.T @ loadings)).astype(np.float32)


def _fitting(components: list[Component], max_bits: int) -> list[Component]:
    """Choose components within a number of bits: first, simplest first, those that tell something new."""
    if sum(len(c.thresholds) for c in components) <= max_bits:
        return components
    new: list[Component] = []
    others: list[Component] = []
    basis = np.zeros((len(components[0].direction), 0))
    for component in sorted(components, key=lambda c: len(c.thresholds)):
        rest = component.direction - basis @ (basis.T @ component.direction)
        is_new = np.linalg.norm(rest) > NOTHING
        (new if is_new else others).append(component)
        if is_new:
            basis = np.column_stack([basis, rest / np.linalg.norm(rest)])
    chosen, bits = [], 0
    for component in [*new, *others]:
        if bits + len(component.thresholds) <= max_bits:
            chosen.append(component)
            bits += len(component.thresholds)
    return chosen


def _directions(components) -> np.ndarray:
    return np.stack([component.direction for component in components], axis=1)


def _rank(components) -> int:
    components = list(components)
    return int(np.linalg.matrix_rank(_directions(components), tol=NOTHING)) if components else 0


def _unit(directions: np.ndarray) -> np.ndarray:
    return (directions / np.maximum(np.linalg.norm(directions, axis=0), 1e-12)).astype(np.float32)
