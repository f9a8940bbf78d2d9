"""A world that is small is a table: the distinct pictures, and where each action leads from each of them."""

from dataclasses import dataclass

import numpy as np

from ..system.hashing import number_rows
from .exactness import PIXEL_BOUND

MOST_PICTURES = 4096
COARSE = 16  # parts of a picture's side by whose means pictures are compared first


class TooManyPictures(Exception):
    """A world has more pictures than a table is for."""


@dataclass(frozen=True)
class Table:
    """P pictures and A actions.

    Attributes:
        pictures: (P, H, W, 3) uint8, no two within the bound of one another.
        following: (A, P) int32, the number of the picture that an action leads to; P where that was never seen.
        seen: (A, P) int, how often an action was taken in a picture.
        right: (A, P) int, how often it led where the table says.
    """

    pictures: np.ndarray
    following: np.ndarray
    seen: np.ndarray
    right: np.ndarray

    @property
    def several(self) -> int:
        """How many pairs of picture and action led to different pictures: the commonest counts."""
        return int((self.right < self.seen).sum())

    def __str__(self) -> str:
        known = self.following < len(self.pictures)
        pairs = f"{known.sum():,} of {known.size:,} pairs of picture and action were seen"
        chance = f", of which {self.several:,} led to different pictures (the commonest counts)" if self.several else ""
        return f"a table of {len(self.pictures):,} pictures; {pairs}{chance}; what the others lead to is unknown"


class Pictures:
    """Collects distinct pictures; one that is a few grey levels off a known one is the same."""

    def __init__(self):
        self.known: dict[int, int] = {}  # the number of a picture's bytes: which picture it is
        self.pictures: list[np.ndarray] = []
        self.coarse: list[np.ndarray] = []

    def number(self, images: np.ndarray) -> np.ndarray:
        """Say which picture each of the images (n, H, W, 3) uint8 shows, (n,) int.

        Raises:
            TooManyPictures: There are more than a table is for.
        """
        numbers, first, which = np.unique(number_rows(images), return_index=True, return_inverse=True)
        for number, place in sorted(zip(numbers.tolist(), first.tolist()), key=lambda pair: pair[1]):
            if number not in self.known:
                self.known[number] = self._find(images[place])
        return np.array([self.known[number] for number in numbers.tolist()])[which]

    def _find(self, picture: np.ndarray) -> int:
        """Give the number of a picture (H, W, 3), a new one where it is like none before."""
        coarse = _coarse(picture)
        if self.coarse:
            near = np.flatnonzero(np.abs(np.stack(self.coarse) - coarse).max(axis=1) <= PIXEL_BOUND)
            for number in near.tolist():
                known = self.pictures[number]
                if (np.maximum(known, picture) - np.minimum(known, picture)).max() <= PIXEL_BOUND:
                    return number
        if len(self.pictures) == MOST_PICTURES:
            raise TooManyPictures
        self.pictures.append(picture.copy())
        self.coarse.append(coarse)
        return len(self.pictures) - 1


def _coarse(picture: np.ndarray) -> np.ndarray:
    """Give the means of parts of a picture: those of pictures within a bound are within it, too."""
    rows, columns = (np.linspace(0, side, min(side, COARSE) + 1).astype(int)[:-1] for side in picture.shape[:2])
    sums = np.add.reduceat(np.add.reduceat(picture.astype(np.float32), rows, axis=0), columns, axis=1)
    heights, widths = (np.diff(np.append(cuts, side)) for cuts, side in zip((rows, columns), picture.shape[:2]))
    return (sums / (heights[:, None, None] * widths[None, :, None])).reshape(-1)


def make_table(pictures: Pictures, shown: np.ndarray, frames: np.ndarray, actions: np.ndarray, count: int) -> Table:
    """Put a table together.

    Args:
        shown: (F,) int, which picture each frame shows.
        frames, actions: (N,) int, a transition leads from frame n to the next one by an action.
        count: How many actions there are.
    """
    size = len(pictures.pictures)
    pairs = actions.astype(np.int64) * size + shown[frames]
    found, times = np.unique(np.stack([pairs, shown[frames + 1]]), axis=1, return_counts=True)
    order = np.argsort(times, kind="stable")  # the commonest comes last, and stays
    following, right = np.full((count, size), size, np.int32), np.zeros((count, size), np.int64)
    following.reshape(-1)[found[0][order]] = found[1][order]
    right.reshape(-1)[found[0][order]] = times[order]
    seen = np.bincount(pairs, minlength=count * size).reshape(count, size)
    return Table(np.stack(pictures.pictures), following, seen, right)
