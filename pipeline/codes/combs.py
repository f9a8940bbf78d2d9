"""Boards whose cells needn't be whole pixels: a comb on each axis, and what its cells show.

A cell's content is the pixels that lie wholly inside it, as far from its edges as pictures are blurred. Cells that lie
otherwise on the pixel grid (another *phase*) look otherwise; looks of different phases are one symbol where each lies
within what the other shows near by.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy  # its parts are imported where they are first used: models load sooner

from .tile_bits import CellHashes

LEAST_SIZE = 2  # pixels of a cell along an axis
NEVER = 1e6  # the distance of looks that are never merged
NEAR = 6.0  # grey levels by which looks of one symbol are off on average, at most
APART = 0.4  # or this share of what two symbols are
SAME = 0.02  # of the difference of two pixels that counts though each lies within what is near by
PHASE = 1e-6  # of a pixel: phases that differ by less are one


@dataclass(frozen=True)
class Comb:
    """Where cells lie along one axis, in pixels: they may begin and end inside a pixel.

    Attributes:
        blur: How far beyond its edges a cell can be seen.
    """

    origin: float
    size: float
    count: int
    blur: float = 0.0

    @property
    def is_whole(self) -> bool:
        """Whether every cell begins at a pixel's edge, and can be seen no further."""
        return self.origin == round(self.origin) and self.size == round(self.size) and not self.blur

    def blurred(self, blur: float) -> "Comb":
        """Give the same cells, seen otherwise far."""
        return self if blur == self.blur else replace(self, blur=blur)

    @cached_property
    def edges(self) -> np.ndarray:
        """Where cells begin, and the last one ends, (count + 1,) float."""
        return self.origin + self.size * np.arange(self.count + 1)

    @cached_property
    def width(self) -> int:
        """How many pixels each cell has: those that lie wholly inside every one, counted from its first."""
        return int((np.floor(self.edges[1:] - self.blur + PHASE) - self.firsts).min())

    @cached_property
    def firsts(self) -> np.ndarray:
        """The first pixel wholly inside each cell, (count,) int."""
        return np.ceil(self.edges[:-1] + self.blur - PHASE).astype(int)

    @cached_property
    def phases(self) -> np.ndarray:
        """Which cells lie alike on the pixel grid, (count,) int from 0."""
        offset = np.round((self.firsts - self.edges[:-1]) / PHASE / 10).astype(int)
        return np.unique(offset, return_inverse=True)[1]

    @cached_property
    def pixels(self) -> np.ndarray:
        """The pixels of each cell, (count, width) int."""
        return self.firsts[:, None] + np.arange(self.width)


@dataclass(frozen=True)
class Combs:
    """A board: a comb down and one across."""

    down: Comb
    across: Comb

    def __str__(self) -> str:
        down, across = self.down, self.across
        at = f" from {down.origin:g}, {across.origin:g}" if down.origin or across.origin else ""
        blur = ", blurred" * bool(down.blur or across.blur)
        return f"{down.count} × {across.count} cells of {down.size:.4g} × {across.size:.4g} pixels{at}{blur}"

    @property
    def phases(self) -> np.ndarray:
        """Which cells lie alike on the pixel grid, (rows, columns) int from 0."""
        return self.down.phases[:, None] * (self.across.phases.max() + 1) + self.across.phases

    def cut(self, images: np.ndarray) -> np.ndarray:
        """Cut images (N, H, W, 3) into cells (N, rows, columns, K)."""
        down, across = self.down.pixels, self.across.pixels
        cells = images[:, down[:, None, :, None], across[None, :, None, :]]
        return cells.reshape(*cells.shape[:3], -1)

    def looks(self, images: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """Cut out of images (N, H, W, 3) some cells, numbered image by image, row by row (n,): (n, K)."""
        image, row, column = np.unravel_index(cells, (len(images), self.down.count, self.across.count))
        found = images[image[:, None, None], self.down.pixels[row][:, :, None], self.across.pixels[column][:, None]]
        return found.reshape(len(cells), -1)

    def hashes(self, hashes: CellHashes) -> np.ndarray:
        """Give a hash for each cell of images, (N, rows, columns) uint64: equal for what looks alike."""
        top, left = self.down.firsts, self.across.firsts
        return hashes.at(top, top + self.down.width, left, left + self.across.width)

    @cached_property
    def size(self) -> int:
        """How many pixels of a cell tell what it shows."""
        return self.down.width * self.across.width

    @property
    def spelt(self) -> float:
        """How many pixels tell what a cell shows, those with what others show among them."""
        return (self.down.width + 2 * self.down.blur) * (self.across.width + 2 * self.across.blur)


def merged(looks: list[np.ndarray], height: int, width: int) -> list[np.ndarray]:
    """Number looks, so that those of different phases that are alike have one number, and never two of one phase.

    Args:
        looks: For each phase (T, height * width * 3) uint8.

    Returns:
        For each phase the numbers (T,) int.
    """
    every = [_Looks.of(part, height, width) for part in looks]
    order = sorted(range(len(looks)), key=lambda phase: -len(looks[phase]))
    numbers: list[np.ndarray] = [np.arange(len(part)) for part in looks]
    known, symbol = every[order[0]], numbers[order[0]]  # all looks so far, and the symbol of each
    apart = known.apart()  # how far each symbol is from the nearest other
    for phase in order[1:]:
        distance = np.full((len(apart), len(numbers[phase])), np.inf)
        np.minimum.at(distance, symbol, every[phase].distance(known).T)  # of a symbol's looks the nearest
        is_near = distance <= np.maximum(NEAR, APART * apart)[:, None]
        rows, columns = scipy.optimize.linear_sum_assignment(np.where(is_near, distance, NEVER))
        fits = is_near[rows, columns]
        which = np.full(len(numbers[phase]), -1)
        which[columns[fits]] = rows[fits]
        new = np.flatnonzero(which < 0)
        which[new] = len(apart) + np.arange(len(new))
        apart = np.concatenate([apart, every[phase].apart()[new]])
        numbers[phase], known, symbol = which, known.with_more(every[phase]), np.concatenate([symbol, which])
    return numbers


@dataclass(frozen=True)
class _Looks:
    """T looks (T, h * w * 3), with the least and the most that each pixel's neighbours show."""

    shown: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, looks: np.ndarray, height: int, width: int) -> "_Looks":
        boards, size = looks.reshape(-1, height, width, 3), (1, 3, 3, 1)
        extremes = scipy.ndimage.minimum_filter, scipy.ndimage.maximum_filter
        ends = (extreme(boards, size, mode="nearest") for extreme in extremes)
        return cls(*(part.reshape(len(looks), -1).astype(np.float32) for part in (looks, *ends)))

    def apart(self) -> np.ndarray:
        """Give how far each is from the nearest other, (T,)."""
        distance = self.distance(self)
        np.fill_diagonal(distance, np.inf)
        return np.where(np.isfinite(nearest := distance.min(axis=1)), nearest, 0)

    def distance(self, others: "_Looks") -> np.ndarray:
        """Give how far each look lies outside of what others show near by, and these outside of it, (T, S)."""
        return np.stack([self._from(*other) for other in zip(others.shown, others.low, others.high)], axis=1)

    def _from(self, shown: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        outside = np.maximum(0, low - self.shown) + np.maximum(0, self.shown - high)
        back = np.maximum(0, self.low - shown) + np.maximum(0, shown - self.high)
        return (outside + back + SAME * np.abs(self.shown - shown)).mean(axis=1)

    def with_more(self, others: "_Looks") -> "_Looks":
        pairs = ((self.shown, others.shown), (self.low, others.low), (self.high, others.high))
        return _Looks(*(np.concatenate(pair) for pair in pairs))


def whole_divisions(size: int) -> Iterator[Comb]:
    """List the combs that divide an axis evenly, whether cells are whole pixels or not."""
    return (Comb(0.0, size / count, count) for count in range(2, size // LEAST_SIZE + 1))


def edge_profiles(images: np.ndarray, before: np.ndarray, after: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Give for each axis how much there is of an edge before each pixel: of pictures, and of what changes."""
    found = []
    changed = (before != after).any(axis=-1).astype(np.float32)  # (N, H, W)
    for axis in (1, 2):
        others = tuple(at for at in range(4) if at != axis)
        edges = np.minimum(np.abs(np.diff(images.astype(np.float32), axis=axis)), 32).mean(axis=others)
        moves = np.abs(np.diff(changed, axis=axis)).mean(axis=others[:2])
        found.append((np.concatenate([[0], edges]), np.concatenate([[0], moves])))
    return found


def on_edges(profile: np.ndarray, first: int, last: int) -> list[tuple[float, Comb]]:
    """List combs of whole pixels that cover pixels first…last, with how far edges at theirs stand out (Z)."""
    length, found = len(profile), []
    inner = profile[1:]
    mean, deviation = inner.mean(), inner.std() + 1e-9
    for size in range(LEAST_SIZE, length // 2 + 1):
        for origin in range(0, min(size, first + 1)):
            begin = origin + (first - origin) // size * size
            count = -(-(last + 1 - begin) // size)
            while begin + count * size > length:
                count -= 1
            if count < 2:
                continue
            at = begin + size * np.arange(count + 1)
            at = at[(at > 0) & (at < length)]
            if len(at):
                found.append(((profile[at].mean() - mean) / deviation * np.sqrt(len(at)), Comb(begin, size, count)))
    return sorted(found, key=lambda pair: -pair[0])
