"""The board whose rules are short: of the ways to cut pictures into cells, that with the shortest description.

A description spells what cells show, names the cells of one picture, and tells what actions do to them (minimum
description length, Rissanen, 1978). The last counts tenfold: what cells show was seen, but rules must hold for what
wasn't. Ways to cut are proposed by edges, and by what divides the picture evenly; most are dismissed by counting the
surroundings in which a cell was seen to change, and rules are learned for the best few.
"""

import math
import time
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from tqdm import tqdm

from ..codes.combs import Comb, Combs, edge_profiles, merged, on_edges, whole_divisions
from ..codes.tile_bits import CellHashes
from .covering import NO_LIMITS, Limits
from .find import find_rules
from .language import LocalRules, Rules, cell_bits
from .layers import Layers, find_layers

GLANCE, STILL = 300, 100  # transitions that change something, and that don't, by which ways to cut are compared
LEARNED = 3000  # transitions that rules are learned from to choose among the best
ON_EDGES, STARTS, KEPT, ROUNDS = 8, 6, 4, 2  # combs by each profile; of an axis at first; kept from round to round
BLURS = 0.0, 0.5  # pixels that a cell can be seen beyond its edges, where bilinear filters shrank a picture 0.5
BEST, NEARLY = 3, 1.5  # ways to cut that rules are learned for, at most; and how much longer than the best they may be
MOST_LOOKS, MOST_SYMBOLS = 600, 128  # what cells show, in all phases and in one
MERGED = 0.1  # of the bits of a look, for one that another phase shows alike
BETWEEN, MOST_BETWEEN = 0.5, 5e3  # bits, of a pixel's, for one between cells; and for all of these at most
MUST_HOLD = 10.0  # times that each bit of rules and of their exceptions counts
LEFT_OUT = 8.0  # pixels' bits for one that changes and lies on no cell
MOST_OF_A_PIXEL = 8.0  # bits


@dataclass(frozen=True)
class Seen:
    """Distinct transitions among distinct pictures.

    Attributes:
        images: (P, H, W, 3) uint8.
        before, actions, after: (N,) int: an action leads from one picture to another.
        count: How many actions there are.
    """

    images: np.ndarray
    before: np.ndarray
    actions: np.ndarray
    after: np.ndarray
    count: int

    def some(self, rows: np.ndarray) -> "Seen":
        """Give some of the transitions, with the pictures that they need."""
        kept, which = np.unique(np.concatenate([self.before[rows], self.after[rows]]), return_inverse=True)
        before, after = np.split(which, 2)
        return Seen(self.images[kept], before, self.actions[rows], after, self.count)

    @cached_property
    def hashes(self) -> CellHashes:
        return CellHashes(self.images)

    @cached_property
    def pixel_bits(self) -> float:
        """The bits of a pixel, by how many colours there are."""
        colours = np.unique(self.images.reshape(-1, 3).astype(np.int64) @ np.array([1, 2**8, 2**16]))
        return min(MOST_OF_A_PIXEL, float(np.log2(1 + len(colours))))

    @cached_property
    def varies(self) -> np.ndarray:
        """Which pixels differ from picture to picture, (H, W) bool."""
        return (self.images != self.images[0]).any(axis=(0, 3))


def find_combs(seen: Seen, ends: float = math.inf) -> list[tuple[float, Combs]]:
    """Find the board with the shortest description, and others that come near, each with its bits or fewer; in order.

    There are none where nothing changes. What isn't compared when the time `ends` (`time.monotonic`) isn't among them.
    """
    rng = np.random.default_rng(0)
    rows, changes = rng.permutation(len(seen.before)), seen.before != seen.after
    if not changes.any():
        return []
    changing, still = rows[changes[rows]], rows[~changes[rows]]
    best = _screened(seen.some(np.concatenate([changing[:GLANCE], still[:STILL]])), seen.varies, ends)
    learned = seen.some(rows[:LEARNED])
    parts = tqdm(best, "comparing boards by their rules", unit="board", leave=False, delay=1)
    found: list[tuple[float, Combs]] = []
    for combs in parts:
        if not found or time.monotonic() < ends:
            bound = min((bits for bits, _ in found), default=np.inf)
            found.append((described(learned, combs, bound, ends)[0], combs))
    return sorted(found, key=lambda one: one[0])


def described(
    seen: Seen, combs: Combs, bound: float = np.inf, ends: float = math.inf
) -> tuple[float, LocalRules | None]:
    """Give the bits of a board's description, and its rules; without these so many bits that they are over a bound."""
    base, found = _spelt(seen, combs, np.inf)
    if found is None:
        return np.inf, None
    if base + found.spelling > bound:
        return base + found.spelling, None
    boards, name = found.values, np.log2(found.count + 1)
    triples = np.stack([seen.before, seen.actions, seen.after], axis=1)
    limits = Limits(ends, (bound - base - found.spelling) / MUST_HOLD)
    rules, _ = shortest_rules(boards, triples, seen.count, may_err=False, limits=limits)
    if not isinstance(rules, LocalRules):
        return base + found.spelling, None
    exceptions = rules.left_over * (np.log2(boards[0].size) + name + np.log2(len(seen.before)))
    return base + found.spelling + MUST_HOLD * (rules.bits + exceptions), rules


class BoardTransitions:
    """Distinct transitions (N, 3), a board, an action and a board each, between boards (D, rows, columns) in codes."""

    def __init__(self, boards: np.ndarray, bits: int, triples: np.ndarray):
        self.boards, self.bits, self.triples = boards, bits, triples

    def __len__(self) -> int:
        return len(self.triples)

    def part(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        before, actions, after = self.triples[index].T
        codes, next_codes = (cell_bits(self.boards[rows] + 1, self.bits) for rows in (before, after))
        return codes, actions, next_codes


def shortest_rules(
    boards: np.ndarray, triples: np.ndarray, count: int, may_err: bool = True, limits: Limits = NO_LIMITS
) -> tuple[Rules, Layers | None]:
    """Find the rules of so many actions on boards (D, rows, columns) of values, or of layers where these are shorter.

    Args:
        triples: (N, 3) int, a board, an action and the board that follows.
        may_err, limits: As of `find_rules`.

    Returns:
        The rules, and the layers that they are about, if they are about layers.
    """
    (rows, columns), layered = boards.shape[1:], None
    if layers := find_layers(boards, *triples.T):
        spread, grid = layers.spread(boards), (rows, columns * len(layers.counts), layers.bits)
        layered = find_rules(BoardTransitions(spread, grid[2], triples), grid, count, may_err, layers.counts, limits)
        if layered.is_complete and isinstance(layered, LocalRules):  # only shorter ones are of use
            limits, may_err = replace(limits, bits=min(limits.bits, layered.bits)), False
    bits = int(boards.max())
    plain = find_rules(BoardTransitions(boards, bits, triples), (rows, columns, bits), count, may_err, limits=limits)
    if isinstance(layered, LocalRules):
        told = (plain.left_over, plain.bits) if isinstance(plain, LocalRules) else (len(triples), 0)
        if plain.is_complete < layered.is_complete or (layered.left_over, layered.bits) < told:
            return layered, layers
    return plain, None


# ---- ways to cut


def _screened(seen: Seen, varies: np.ndarray, ends: float) -> list[Combs]:
    """Give ways to cut, the best first: pairs of combs, of which one is exchanged at a time."""
    axes = _proposed(seen, varies)
    lengths: dict[tuple[Comb, Comb], float] = {}

    def length(pair: tuple[Comb, Comb]) -> float:
        if pair not in lengths and lengths and time.monotonic() > ends:
            return np.inf
        if pair not in lengths:
            bound = sorted([*lengths.values(), *[np.inf] * KEPT])[KEPT - 1]
            lengths[pair] = _glanced(seen, Combs(*pair), bound)
        return lengths[pair]

    def shortest(pairs) -> list[tuple[Comb, Comb]]:
        whole_first = sorted(set(pairs), key=lambda pair: (not (pair[0].is_whole and pair[1].is_whole), str(pair)))
        bar = tqdm(whole_first, "looking for a board", unit="board", leave=False, delay=1)
        return sorted(bar, key=length)[:KEPT]

    divided = list(zip(*(whole_divisions(size) for size in seen.images.shape[1:3])))
    seen_far = ((down.blurred(blur), across.blurred(blur)) for down, across in divided for blur in BLURS)
    best = shortest([*((down, across) for down in axes[0][:STARTS] for across in axes[1][:STARTS]), *seen_far])
    for _ in range(ROUNDS):
        for at in (0, 1):
            others = ((pair, new.blurred(pair[at].blur)) for pair in best for new in axes[at])
            best = shortest([*best, *((new, pair[1]) if at == 0 else (pair[0], new) for pair, new in others)])
    near = [pair for pair in best[:BEST] if length(pair) < min(NEARLY * length(best[0]), np.inf)]
    # A blurred board is short where cells differ by their rims alone, which it doesn't tell apart.
    sharp = [(down.blurred(0.0), across.blurred(0.0)) for down, across in near]
    return [Combs(*pair) for pair in dict.fromkeys([*near, *sharp])]


def _proposed(seen: Seen, varies: np.ndarray) -> list[list[Comb]]:
    """List for each axis the combs on whose edges pictures and changes have edges, and those that divide it evenly."""
    found = []
    profiles = edge_profiles(seen.images, seen.images[seen.before], seen.images[seen.after])
    for axis, of_axis in enumerate(profiles):
        touched = np.flatnonzero(varies.any(axis=1 - axis))
        standing: dict[Comb, float] = {}
        for profile in of_axis:
            for far, comb in on_edges(profile, int(touched[0]), int(touched[-1]))[:ON_EDGES]:
                standing[comb] = max(far, standing.get(comb, -np.inf))
        combs = sorted(standing, key=lambda comb: -standing[comb])
        found.append(list(dict.fromkeys([*combs, *whole_divisions(varies.shape[axis])])))
    return found


def _glanced(seen: Seen, combs: Combs, bound: float) -> float:
    """Estimate the bits of a board's description from the surroundings in which a cell changes."""
    base, found = _spelt(seen, combs, bound)
    if found is None:
        return np.inf
    values, name = found.values.astype(np.uint64) + np.uint64(1), np.log2(found.count + 1)
    padded, (rows, columns) = np.pad(values, ((0, 0), (1, 1), (1, 1))), values.shape[1:]
    numbers = values.copy()
    for down, right in ((0, 1), (2, 1), (1, 0), (1, 2)):
        numbers = numbers * np.uint64(257) + padded[:, down : down + rows, right : right + columns]
    numbers = numbers[seen.before] * np.uint64(257) + seen.actions[:, None, None].astype(np.uint64)
    changed = values[seen.before] != values[seen.after]
    both = numbers * np.uint64(257) + values[seen.after]
    cases = len(np.unique(both[changed]))
    around = np.unique(numbers[changed])
    unchanged = numbers[~changed]
    against = np.isin(unchanged, around).sum() + cases - len(around)
    told = cases * (np.log2(seen.count) + 3 * name) + against * (np.log2(rows * columns) + name)
    return base + found.spelling + told


@dataclass(frozen=True)
class _Spelt:
    """What cells show: values (P, rows, columns) int from 0, how many there are, and the bits that spell them."""

    values: np.ndarray
    count: int
    spelling: float


def _spelt(seen: Seen, combs: Combs, bound: float) -> tuple[float, _Spelt | None]:
    """Give the bits of what is on no cell, and what cells show; None where it takes more bits than a bound."""
    if min(combs.down.width, combs.across.width) < 1 or combs.spelt < 2:
        return np.inf, None
    base = _outside(seen, combs)
    each = combs.spelt * seen.pixel_bits
    if base > bound:
        return base, None
    hashes, phases = combs.hashes(seen.hashes), combs.phases
    places = np.arange(hashes.size).reshape(hashes.shape)
    found, most, total = [], 0, 0
    for phase in range(int(phases.max()) + 1):
        here = phases == phase
        _, first, which = np.unique(hashes[:, here], return_index=True, return_inverse=True)
        most, total = max(most, len(first)), total + len(first)
        spelling = (most + MERGED * (total - most)) * each
        if most > MOST_SYMBOLS or total > MOST_LOOKS or base + spelling > bound:
            return base, None
        found.append((here, places[:, here].ravel()[first], which.reshape(len(hashes), -1)))
    values = np.empty(hashes.shape, int)
    looks = [combs.looks(seen.images, cells) for _, cells, _ in found]
    numbers = merged(looks, combs) if len(found) > 1 else [np.arange(total)]
    for (here, _, which), of_phase in zip(found, numbers):
        values[:, here] = of_phase[which]
    count = max(int(part.max()) for part in numbers) + 1
    order = np.argsort(-np.bincount(values.ravel(), minlength=count), kind="stable")  # the commonest first
    spelling = (count + MERGED * (total - count)) * each + values[0].size * np.log2(count + 1)
    return base, _Spelt(np.argsort(order)[values], count, spelling)


def _outside(seen: Seen, combs: Combs) -> float:
    """Give the bits of what changes between cells, and beside them."""
    covered, board = np.zeros((2, *seen.varies.shape), bool)
    covered[np.ix_(combs.down.pixels.ravel(), combs.across.pixels.ravel())] = True
    (top, bottom), (left, right) = ((comb.edges[0], comb.edges[-1]) for comb in (combs.down, combs.across))
    board[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))] = True
    between = (seen.varies & board & ~covered).sum()
    beside = (seen.varies & ~board).sum()
    told_once = (~board).sum() * seen.pixel_bits
    return min(between * seen.pixel_bits * BETWEEN, MOST_BETWEEN) + beside * seen.pixel_bits * LEFT_OUT + told_once
