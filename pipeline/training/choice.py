"""`--world_model auto`: the world model that fits what the data shows."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from ..architectures import load_architecture
from ..architectures.cells import find_cells
from ..codes.cells import Cells
from ..codes.exactness import as_image, pixel_bound, pixel_errors
from ..codes.linear_code import LinearCode, find_code
from ..codes.noise import find_code_in_noise
from ..command_line.options import TrainCommand
from ..dataset.reading import read_rows
from ..rules.find import Arrays, find_rules
from ..rules.language import LocalRules, Rules
from ..system.errors import UserError
from ..system.hashing import number_rows
from .code_learning import learning_sample
from .image_batches import sample_images
from .start import sample_size

WITH_PLACES, WITHOUT_PLACES = "sokoban", "rubikscube"  # for codes on a lattice, and for others
CELLS = "cells"  # for boards that only their rules tell
TRIED_TRANSITIONS = 10_000  # that rules are tried on
TRIED_FRAMES = 50_000  # that a code is tried on: pictures that a sample misses may be those that matter
PAIRS_OF_A_RULE = 2  # of a picture and an action that each rule must stand for, where a world is small
MOST_PAIRS = 2000  # of a picture and an action in a small world, for which a board's rules are looked for
MOST_NEW = 1 / 3  # as many pictures as a sample shows are new in the rest, at most, and in the other half of half of it


@dataclass(frozen=True)
class Choice:
    """A world model that was chosen.

    Attributes:
        name: Of the world model.
        why: It is that, in words.
        found: A code that the world model begins with, or all that its architecture finds; None without.
    """

    name: str
    why: str
    found: Any = None


def choose_world_model(file: h5py.File, options: TrainCommand) -> Choice:
    """Choose a world model by what data shows: a code whose rules leave nothing over, else a table, else another."""
    split, images = file["train"], sample_images(file["train"], sample_size(file), options.key)
    actions, numbers = len(file.attrs["action_names"]), number_rows(images)
    everything = np.concatenate([number_rows(part) for part in _parts(split["images"], TRIED_FRAMES)])
    half, sampled, distinct = (len(np.unique(some)) for some in (numbers[: len(numbers) // 2], numbers, everything))
    is_small = sampled - half <= MOST_NEW * half and distinct - sampled <= MOST_NEW * sampled
    left_over = ""
    for mends in (False, True)[: 1 if is_small else 2]:  # which takes a minute: boards first
        if code := _code_in(images, mends):
            (name, places), lost = _fitting(code), _lost(split["images"], code)
            said = f"a code of {math.prod(code.grid)} bits {places}"
            rules = None if lost else find_rules(_some_transitions(split, code), code.grid, actions)
            if rules and rules.is_complete and not (is_small and _is_longer(rules, distinct * actions)):
                return Choice(name, f"{said}, and {rules.summary()}", code)
            left_over = f"; of {said}, {rules.summary()}" if rules else f"; {said} loses {lost:,} pictures"
        pairs = distinct * actions if is_small else 0
        if not mends and (board := _board_in(file, pairs, options.search_seconds)):
            return Choice(CELLS, f"a board of {board[0].combs}, and {board[1].summary()}{left_over}", board)
        if code and not lost:
            break
    if is_small:
        why = f"{distinct:,} different pictures among {len(everything):,}: the world is small{left_over}"
        return Choice("table", why)
    if code:
        return Choice(name, f"a network learns what rules leave over{left_over}", code)
    behind = find_code_in_noise(learning_sample(file, options.key), "tiles", load_architecture(WITH_PLACES).max_bits)
    if behind:
        name, places = _fitting(behind)
        why = f"a code of {math.prod(behind.grid)} bits {places} behind noise of σ {behind.noise:.1f}"
        return Choice(name, why, behind)
    return Choice("learned", "no exact code was found in the pictures, so gradient descent learns one")


def _is_longer(rules: Rules, pairs: int) -> bool:
    """Tell whether rules say no more than a list of where each pair of a picture and an action leads."""
    return isinstance(rules, LocalRules) and len(rules.rules) * PAIRS_OF_A_RULE > pairs


def _board_in(file: h5py.File, pairs: int, seconds: float) -> tuple[Cells, Rules] | None:
    """Give a board whose rules leave nothing over, and say more than a list of so many pairs, if there is one.

    Of many pairs a list is taken at once: to learn rules of them takes minutes, and the list is exact.
    """
    if pairs > MOST_PAIRS:
        return None
    try:
        board, rules = find_cells(file, seconds)
    except UserError:
        return None
    return None if not rules.is_complete or (pairs and _is_longer(rules, pairs)) else (board, rules)


def _code_in(images: np.ndarray, mends: bool) -> LinearCode | None:
    """Give an exact code of images (N, H, W, 3), the first that one of the world models could have."""
    for name in (WITH_PLACES, WITHOUT_PLACES):
        architecture = load_architecture(name)
        code = find_code(images, architecture.code or "pixels", architecture.max_bits, mends)
        if code and code.is_exact and math.prod(code.grid) <= load_architecture(_fitting(code)[0]).max_bits:
            return code
    return None


def _lost(images: h5py.Dataset, code: LinearCode) -> int:
    """Count the images (F, H, W, 3), among the first, that don't come back from their codes."""
    parts = _parts(images, TRIED_FRAMES)
    return sum(int((pixel_errors(as_image(code.decode(code.encode(p))), p) > pixel_bound()).sum()) for p in parts)


def _fitting(code: LinearCode) -> tuple[str, str]:
    """Give the world model for a code, and how the code is laid out."""
    rows, columns, _ = code.grid
    if (rows, columns) == (1, 1):
        return WITHOUT_PLACES, "without places"
    return WITH_PLACES, f"on {rows} × {columns} cells"


def _some_transitions(split: h5py.Group, code: LinearCode) -> Arrays:
    """Give the first transitions of a split in codes."""
    frames, actions = (split[name][:TRIED_TRANSITIONS] for name in ("frames", "actions"))
    frames = frames.astype(np.int64)
    codes = np.concatenate([code.encode(part) for part in _parts(split["images"], int(frames.max()) + 2)])
    return Arrays(codes[frames].astype(np.uint8), actions, codes[frames + 1].astype(np.uint8))


def _parts(images: h5py.Dataset, most: int) -> Iterator[np.ndarray]:
    """Give the first images, at most so many, part by part."""
    rows, count = images.chunks[0], min(len(images), most)
    return (read_rows(images, first, min(first + rows, count)) for first in range(0, count, rows))
