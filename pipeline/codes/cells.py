"""What the cells of a board show: a dictionary of looks, and what each of them draws, also of pixels that two share."""

from dataclasses import dataclass

import numpy as np

from .combs import PHASE, Comb, Combs, merged
from .tile_bits import CellHashes

FITTED = 400  # pictures that what cells draw is fitted to, beside those that first show a look


@dataclass(frozen=True)
class Cells:
    """P phases, T values: what cells of each phase show and draw.

    Attributes:
        looks: (P, T, K) uint8, what lies wholly inside a cell.
        patches: (P, T, height, width, 3) float32 in 0…1, what a cell adds to the pixels that it touches.
        around: (H, W, 3) float32 in 0…1, what lies on no cell.
        table: (T, L) int, what each value is in each layer of a cell; None where it is one thing.
    """

    combs: Combs
    looks: np.ndarray
    patches: np.ndarray
    around: np.ndarray
    table: np.ndarray | None = None

    @property
    def bits(self) -> int:
        """How many bits a cell has, or each of its layers."""
        return (self.looks.shape[1] if self.table is None else int(self.table.max()) + 1) - 1


class Dictionary:
    """Collects what the cells of pictures show."""

    def __init__(self, combs: Combs):
        self.combs, self.phases = combs, combs.phases
        self.known: list[dict[int, int]] = [{} for _ in range(int(self.phases.max()) + 1)]
        self.looks: list[list[np.ndarray]] = [[] for _ in self.known]

    def read(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Number what cells of images (n, H, W, 3) show, phase by phase: (n, rows, columns); which show new things."""
        hashes, values = self.combs.hashes(CellHashes(images)), np.empty((len(images), *self.phases.shape), int)
        places, is_new = np.arange(hashes.size).reshape(hashes.shape), np.zeros(len(images), bool)
        for phase, known in enumerate(self.known):
            here = self.phases == phase
            found, first, which = np.unique(hashes[:, here], return_index=True, return_inverse=True)
            new = np.array([number not in known for number in found.tolist()])
            if new.any():
                cells = places[:, here].ravel()[first[new]]
                is_new[cells // self.phases.size] = True
                self.looks[phase] += list(self.combs.looks(images, cells))
                known.update(zip(found[new].tolist(), range(len(known), len(known) + int(new.sum()))))
            numbers = np.array([known[number] for number in found.tolist()])
            values[:, here] = numbers[which].reshape(len(images), -1)
        return values, is_new

    def merge(self, boards: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give boards (n, rows, columns) that were read in values of all phases, 0 the commonest; looks (P, T, K)."""
        several = len(self.looks) > 1
        numbers = merged([np.stack(part) for part in self.looks], self.combs) if several else []
        numbers = numbers or [np.arange(len(self.looks[0]))]
        values = np.empty_like(boards)
        for phase, of_phase in enumerate(numbers):
            values[:, self.phases == phase] = of_phase[boards[:, self.phases == phase]]
        count = max(int(part.max()) for part in numbers) + 1
        order = np.argsort(-np.bincount(values.ravel(), minlength=count), kind="stable")
        rank = np.argsort(order)
        looks = np.zeros((len(numbers), count, 3 * self.combs.size), np.uint8)
        is_known = np.zeros((len(numbers), count), bool)
        for phase, of_phase in enumerate(numbers):
            looks[phase, rank[of_phase]] = np.stack(self.looks[phase])
            is_known[phase, rank[of_phase]] = True
        nearby = is_known.argmax(axis=0)  # a phase that shows it, for those that were never seen to
        return rank[values], np.where(is_known[..., None], looks, looks[nearby, np.arange(count)])


def owners(comb: Comb, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Give which cells touch each pixel of an axis, (length, 2), -1 for none, and which pixel of the cell it is.

    Where a cell's edge has no neighbour it isn't drawn as other edges are: such pixels have numbers of their own.
    """
    cells, local = np.full((length, 2), -1), np.zeros((length, 2), int)
    begins = np.floor(comb.edges[:-1] - comb.blur + PHASE).astype(int)
    ends = np.ceil(comb.edges[1:] + comb.blur - PHASE).astype(int)
    for cell, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist())):
        for pixel in range(max(begin, 0), min(end, length)):
            place = int(cells[pixel, 0] >= 0)
            cells[pixel, place], local[pixel, place] = cell, pixel - begin
    pixels, first = np.arange(length), np.maximum(cells[:, 0], 0)
    is_inside = (pixels >= comb.edges[first] + comb.blur - PHASE) & (
        pixels + 1 <= comb.edges[first + 1] - comb.blur + PHASE
    )
    alone = np.flatnonzero((cells[:, 0] >= 0) & (cells[:, 1] < 0) & ~is_inside)
    local[alone, 0] = local.max() + 1 + np.arange(len(alone))
    return cells, local


def touched(combs: Combs, img_size: tuple[int, int]) -> tuple[np.ndarray, tuple[int, int]]:
    """Tell which pixels of cells draw each pixel of the image.

    Returns:
        (J, H * W) int, at most four places among rows * columns * height * width, -1 for none; height and width.
    """
    (down, at_row), (across, at_column) = owners(combs.down, img_size[0]), owners(combs.across, img_size[1])
    size = int(at_row.max()) + 1, int(at_column.max()) + 1
    places = []
    for first in range(2):
        for second in range(2):
            row, column = down[:, first, None], across[None, :, second]
            cell = row * combs.across.count + column
            local = at_row[:, first, None] * size[1] + at_column[None, :, second]
            places.append(np.where((row >= 0) & (column >= 0), cell * size[0] * size[1] + local, -1).ravel())
    return np.stack([part for part in places if (part >= 0).any()]), size


def fit_cells(combs: Combs, images: np.ndarray, boards: np.ndarray, looks: np.ndarray) -> Cells:
    """Fit what cells draw to images (n, H, W, 3) and their values (n, rows, columns), by least squares.

    A pixel that one cell touches is what its value shows there; one that several touch is a sum of what each adds.
    """
    height, width = images.shape[1:3]
    places, size = touched(combs, (height, width))
    each, count, phases = size[0] * size[1], looks.shape[1], combs.phases.ravel()
    pixels = images.reshape(len(images), -1, 3).astype(np.float32) / np.float32(255)
    patches = np.zeros((len(looks), count, each, 3), np.float32)
    is_told = np.zeros((len(looks), count, each), bool)
    alike: dict[tuple, list[int]] = {}  # pixels by the phases that touch them, and where
    for pixel, by in enumerate(places.T.tolist()):
        key = tuple((int(phases[place // each]), place % each) for place in by if place >= 0)
        alike.setdefault(key, []).append(pixel)
    values = boards.reshape(len(boards), -1)
    for key, members in alike.items():
        if not key:
            continue
        touching = places[:, members]  # (J, M)
        cells = np.stack([column[column >= 0] // each for column in touching.T])  # (M, j)
        rows = (values[:, cells] + count * np.arange(len(key))).reshape(-1, len(key))  # (n M, j)
        distinct, which, times = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
        sums = np.zeros((len(distinct), 3))
        np.add.at(sums, which.ravel(), pixels[:, members].reshape(-1, 3))
        features = np.zeros((len(distinct), count * len(key)))
        features[np.arange(len(distinct))[:, None], distinct] = 1
        fitted = np.linalg.lstsq(features, sums / times[:, None], rcond=None)[0].reshape(len(key), count, 3)
        for (phase, local), part, seen in zip(key, fitted, features.any(axis=0).reshape(len(key), count)):
            patches[phase, :, local], is_told[phase, :, local] = part, seen
    nearby = is_told.any(axis=2).argmax(axis=0)
    patches = np.where(is_told[..., None], patches, patches[nearby, np.arange(count)])
    is_around = np.all(places < 0, axis=0)
    around = (pixels[0] * is_around[:, None]).reshape(height, width, 3)
    return Cells(combs, looks, patches.reshape(*patches.shape[:2], *size, 3), around)
