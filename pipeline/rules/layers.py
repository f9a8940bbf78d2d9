"""Values in layers: what moves lies over what stays, so that rules tell of each by itself.

A taxi on red ground is one picture, but two things: by the moves of the taxi the ground stays, so what a cell shows
once the taxi has left is what lies below. Where things are told apart by what the same actions make of them, on
whichever ground, T values become fewer. A board of L layers is written as one of L times as many columns: those of a
cell lie side by side, the top first, and no two layers have a value in common, so the language of rules is as it was.
"""

from collections import Counter
from dataclasses import dataclass
from itertools import combinations

import numpy as np

MOST_LAYERS = 3
MOST_TRANSITIONS = 20_000  # that layers are looked for in
CONSISTENT = 0.99  # of the changes must leave it open which values are things
AGREED = 0.9  # of the changes must say the same of what lies below: a thing may hide another
LEAST_SAVED = 2  # values, by a layer


@dataclass(frozen=True)
class Layers:
    """What each of T values is in each of L layers.

    Attributes:
        table: (T, L) int, values of layers from 0, which no two layers share; 0 is nothing in the top one.
        counts: How many values each layer has, the top first.
    """

    table: np.ndarray
    counts: tuple[int, ...]

    @property
    def bits(self) -> int:
        """The bits of a layer of a cell: one for each value but 0."""
        return sum(self.counts) - 1

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Give boards (N, rows, columns) of values as boards (N, rows, columns * L) of values of layers."""
        return self.table[values].reshape(*values.shape[:2], -1)


def find_layers(values: np.ndarray, before: np.ndarray, actions: np.ndarray, after: np.ndarray) -> Layers | None:
    """Find layers in what actions (N,) make of boards; None where none makes values fewer.

    Args:
        values: (P, rows, columns) int from 0.
        before, after: (N,) int, the boards.
    """
    some = np.random.default_rng(0).permutation(len(actions))[:MOST_TRANSITIONS]
    before, actions, after = before[some], actions[some], after[some]
    lowest, layers = np.arange(int(values.max()) + 1), []
    for _ in range(MOST_LAYERS - 1):
        found = _split(values, before, actions, after)
        if found is None:
            break
        thing, below = found
        layers.append(thing[lowest])
        lowest, values = below[lowest], below[values]
    if not layers:
        return None
    numbers = [np.unique(layer, return_inverse=True)[1] for layer in [*layers, lowest]]
    counts = [int(layer.max()) + 1 for layer in numbers]
    return Layers(np.stack(numbers, axis=1) + np.cumsum([0, *counts[:-1]]), tuple(counts))


def _split(values, before, actions, after) -> tuple[np.ndarray, np.ndarray] | None:
    """Tell of each value which thing it shows, 0 for none, and what lies below, (T,); None if that saves little."""
    count = int(values.max()) + 1
    pairs, single = _events(values, before, actions, after)
    is_thing = _things(pairs or single, np.bincount(values.ravel(), minlength=count))
    if is_thing is None:
        return None
    votes = np.zeros((count, count))
    for (_, *changes), times in (pairs or single).items():
        for old, new in changes:
            covered, bare = (old, new) if is_thing[old] else (new, old)
            votes[covered, bare] += times * (is_thing[covered] and not is_thing[bare])
    if votes.max(axis=1).sum() < AGREED * votes.sum():
        return None
    is_thing &= votes.any(axis=1)
    below = np.where(is_thing, votes.argmax(axis=1), np.arange(count))
    thing = _named(pairs, single, is_thing, below)
    return (thing, below) if is_thing.sum() - thing.max() >= LEAST_SAVED else None


Events = Counter  # of an action, and each change of a cell, from one value to another


def _events(values, before, actions, after) -> tuple[Events, Events]:
    """Count the steps that change two cells, and those that change one: each an action and changes (old, new)."""
    changed = (values[before] != values[after]).reshape(len(before), -1)
    flat, counts = values.reshape(len(values), -1), changed.sum(axis=1)
    found = []
    for wanted in (2, 1):
        rows = np.flatnonzero(counts == wanted)
        cells = np.nonzero(changed[rows])[1].reshape(-1, wanted)
        old, new = (flat[at[rows, None], cells] for at in (before, after))
        found.append(
            Counter((action, *zip(*each)) for action, *each in zip(actions[rows].tolist(), old.tolist(), new.tolist()))
        )
    return found[0], found[1]


def _things(events: Events, cells: np.ndarray) -> np.ndarray | None:
    """Tell which values show a thing, (T,) bool: in each change one of both does, and it goes from cell to cell.

    Args:
        cells: (T,) int, how many cells show each value: of two that can be told apart only thus, things are rarer.
    """
    parent, odd = list(range(len(cells))), [False] * len(cells)

    def root(value: int) -> tuple[int, bool]:
        """Give the value that stands for another, and whether one of both alone is a thing."""
        differs = False
        while parent[value] != value:
            differs ^= odd[value]
            value = parent[value]
        return value, differs

    against = 0
    for (_, *changes), times in events.most_common():
        told = [(old, new, True) for old, new in changes]
        if len(changes) == 2:
            told.append((changes[0][0], changes[1][1], False))
        for one, other, differ in told:
            (first, first_odd), (second, second_odd) = root(one), root(other)
            if first != second:
                parent[first], odd[first] = second, first_odd ^ second_odd ^ differ
            elif first_odd ^ second_odd != differ:
                against += times
    if against > (1 - CONSISTENT) * sum(events.values()) or not events:
        return None
    roots, sides = map(np.array, zip(*map(root, range(len(cells)))))
    is_thing = np.zeros(len(cells), bool)
    for group in np.unique(roots):
        both = [(roots == group) & (sides == side) for side in (False, True)]
        if both[0].any() and both[1].any():
            is_thing |= min(both, key=lambda side: cells[side].sum())
    return is_thing


def _named(pairs: Events, single: Events, is_thing: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Number things, (T,) from 1, 0 where a value shows none: those on other grounds that come of the same are one."""
    name = np.where(is_thing, np.arange(len(is_thing)), -1)
    led: set[tuple[int, str, int, int]] = set()  # from a value, or -1, in a way, by an action, to a value
    for (action, *changes), _ in (pairs + single).items():
        things = [{value for value in change if is_thing[value]} for change in changes]
        if len(changes) == 2 and list(map(len, things)) == [1, 1]:
            (one, gone), (other, come) = changes
            led.add((one, "moves", action, come) if is_thing[one] else (other, "moves", action, gone))
        elif len(changes) == 1 and len(things[0]) == 2 and below[changes[0][0]] == below[changes[0][1]]:
            led.add((changes[0][0], "turns", action, changes[0][1]))
        elif len(changes) == 1 and len(things[0]) == 1 and not pairs:
            (value,) = things[0]
            led.add((-1, "goes" if value == changes[0][0] else "comes", action, value))
    while _merged(name, below, led):
        pass
    return np.unique(name, return_inverse=True)[1] + (1 if is_thing.all() else 0)


def _merged(name: np.ndarray, below: np.ndarray, led: set[tuple[int, str, int, int]]) -> bool:
    """Give one name (T,) to two things that come of the same by the same action, but never to two on one ground.

    Commoner values, which have lower numbers, come first. Gives whether there are any such.
    """
    alike: dict[tuple, list[int]] = {}
    for source, way, action, value in sorted(led):
        alike.setdefault((name[source] if source >= 0 else -1, way, action), []).append(value)
    for values in alike.values():
        for one, other in combinations(values, 2):
            if name[one] == name[other]:
                continue
            members = np.flatnonzero((name == name[one]) | (name == name[other]))
            if len(np.unique(below[members])) == len(members):
                name[members] = name[members].min()
                return True
    return False
