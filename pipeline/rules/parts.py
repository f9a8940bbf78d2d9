"""What the bits of a code show: pictures of a cell's values, and parts of the picture that bits stand for together."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .language import CopyRules, LocalRules

VISIBLE = 2 / 255  # a pixel that changes less doesn't belong to what a bit shows
MAINLY = 0.5  # a bit stands for the pixels that it changes by at least this share of the most
ALIKE = 0.5  # the share of all their pixels that two bits of one part have in common
COLOURS = {
    "black": (0, 0, 0), "dark grey": (60, 60, 65), "grey": (128, 128, 128), "light grey": (192, 192, 192),
    "white": (255, 255, 255), "red": (225, 25, 25), "dark red": (120, 25, 20), "brown": (110, 60, 40),
    "orange": (245, 145, 30), "yellow": (250, 225, 50), "beige": (228, 217, 196), "green": (20, 140, 30),
    "light green": (120, 225, 110), "cyan": (60, 210, 220), "blue": (25, 80, 220), "dark blue": (25, 35, 110),
    "purple": (130, 50, 160), "pink": (250, 150, 190),
}  # fmt: skip
SHARE = 0.2  # of a tile's pixels that a colour must have to be named

Pixels = Callable[[np.ndarray], np.ndarray]  # codes (N, B) of 0 and 1 to pixels (N, H, W, 3), about 0…1


def tiles_of(pixels: Pixels, rules: LocalRules) -> np.ndarray:
    """Cut out what a cell shows with no bit set, and with each bit alone: (1 + bits, h, w, 3) uint8.

    It is the middle cell's; its pixels are those that change with its bits.
    """
    rows, columns, bits = rules.grid
    middle = columns // 2 // rules.depth * rules.depth
    codes = np.zeros((1 + bits, *rules.grid), np.uint8)
    codes[np.arange(1, 1 + bits), rows // 2, middle + np.array(rules.layer_of[1:], int), np.arange(bits)] = 1
    images = pixels(codes.reshape(1 + bits, -1))
    changes = (np.abs(images - images[0]) > VISIBLE).any(axis=(0, 3))  # (H, W)
    lines = [np.flatnonzero(changes.any(axis=axis)) for axis in (1, 0)]
    top, bottom, left, right = (edge for line in lines for edge in ((line[0], line[-1] + 1) if len(line) else (0, 1)))
    return np.rint(images[:, top:bottom, left:right].clip(0, 1) * 255).astype(np.uint8)


def colours_of(tile: np.ndarray) -> str:
    """Name the one or two main colours of a picture (h, w, 3) uint8."""
    names, known = list(COLOURS), np.array(list(COLOURS.values()))
    nearest = ((tile.reshape(-1, 1, 3).astype(int) - known) ** 2).sum(axis=2).argmin(axis=1)
    counts = np.bincount(nearest, minlength=len(names))
    most = [number for number in np.argsort(-counts, kind="stable")[:2] if counts[number] >= SHARE * len(nearest)]
    return " and ".join(names[number] for number in most) or names[counts.argmax()]


@dataclass(frozen=True)
class Parts:
    """Bits that stand for the same part of the picture and move together, from the top left to the bottom right.

    Attributes:
        bits: For each part its bits.
        of_bit: (B,) the part of each bit.
        masks: (P, H, W) bool, the pixels of each part.
        middles: (P, 2) the row and column in the middle of them.
        background: (H, W, 3) uint8, the picture with all bits half set.
    """

    bits: tuple[np.ndarray, ...]
    of_bit: np.ndarray
    masks: np.ndarray
    middles: np.ndarray
    background: np.ndarray

    def __len__(self) -> int:
        return len(self.bits)


def parts_of(rules: CopyRules, pixels: Pixels) -> Parts:
    """Find which bits show the same part: they change the same pixels, and every action moves them together."""
    count = rules.source.shape[1]
    empty, *each = pixels(np.concatenate([np.zeros((1, count)), np.eye(count)]))
    change = np.abs(np.array(each) - empty).max(axis=3)  # (B, H, W)
    masks = (change >= MAINLY * change.max(axis=(1, 2), keepdims=True)) & (change > VISIBLE)
    flat = masks.reshape(count, -1).astype(np.float32)
    common, size = flat @ flat.T, flat.sum(axis=1)
    alike = common > ALIKE * (size[:, None] + size - common)
    of_bit = _moved_together(rules, _connected(alike))
    groups = [np.flatnonzero(of_bit == part) for part in range(of_bit.max() + 1)]
    seen = np.array([masks[group].any(axis=0) for group in groups])
    middles = np.array([np.argwhere(mask).mean(axis=0) if mask.any() else (0, 0) for mask in seen])
    order = np.lexsort((middles[:, 1], np.rint(middles[:, 0])))
    background = pixels(np.full((1, count), 0.5, np.float32))[0].clip(0, 1)
    return Parts(
        tuple(groups[part] for part in order), np.argsort(order)[of_bit], seen[order], middles[order],
        np.rint(background * 255).astype(np.uint8),
    )  # fmt: skip


def _connected(alike: np.ndarray) -> np.ndarray:
    """Number groups (B,) of bits that are alike (B, B), directly or through others."""
    groups = np.arange(len(alike))
    while True:
        lowest = np.where(alike, groups, groups[:, None]).min(axis=1)
        if (lowest == groups).all():
            return np.unique(groups, return_inverse=True)[1].reshape(-1)
        groups = lowest


def _moved_together(rules: CopyRules, groups: np.ndarray) -> np.ndarray:
    """Split groups (B,) until each action gives all bits of a group values from one group, all flipped or none."""
    while True:
        sources = np.where(rules.source >= 0, groups[np.maximum(rules.source, 0)], -1)  # (A, B)
        told_by = np.concatenate([groups[None], sources, rules.flipped])
        split = np.unique(told_by, axis=1, return_inverse=True)[1].reshape(-1)
        if split.max() == groups.max():
            return split
        groups = split
