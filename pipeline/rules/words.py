"""Rules in words, as a person would tell those of the game."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from .language import EMPTY, HERE, OUTSIDE, CopyRules, LocalRules, Offset, Rule, Somewhere, Test
from .parts import Parts, colours_of


def value_name(value: int) -> str:
    """Give a value of a cell the name that words, pictures and PDDL share: v1 where no bit is set, v2 for the first."""
    return f"v{value}"


def nearest(offset: Offset) -> tuple:
    """Give what offsets are sorted by, the nearest first."""
    return abs(offset[0]) + abs(offset[1]), offset


def place_name(offset: Offset, layer: int = 0, layers: int = 1) -> str:
    """Name the cell at an offset, as in "the cell 2 above"; from a layer of several, as in "layer 2 of this cell"."""
    if layers > 1:
        right, there = divmod(layer + offset[1], layers)
        return f"layer {there + 1} of {place_name((offset[0], right))}"
    if offset == HERE:
        return "this cell"
    ways = ((offset[0], ("above", "below")), (offset[1], ("to the left", "to the right")))
    steps = [(abs(far), names[far > 0]) for far, names in ways if far]
    return "the cell " + " and ".join(name if far == 1 else f"{far} {name}" for far, name in steps)


def values_in_words(tiles: np.ndarray) -> dict[int, str]:
    """Name the values by their tiles (V, h, w, 3): with the colours, where no other value has the same ones."""
    colours = [colours_of(tile) for tile in tiles]
    return {
        EMPTY + number: value_name(EMPTY + number) + f" ({colour})" * (colours.count(colour) == 1)
        for number, colour in enumerate(colours)
    }


def seen_in_words(seen: int, what: str) -> str:
    """Say in how many steps or cells something was seen."""
    return f"seen in {seen:,} {what if seen != 1 else what.removesuffix('s')}"


def counts_in_words(seen: int, wrong: int, what: str) -> str:
    """Say how often a rule was seen, and contradicted."""
    return f"{seen_in_words(seen, what)}, {f'contradicted by {wrong:,}' if wrong else 'never contradicted'}"


# ---- rules of a lattice


def local_sentences(rules: LocalRules, actions: Sequence[str], values: dict[int, str]) -> Iterator[str]:
    """Tell what each action does, a line for each rule."""
    for action, name in enumerate(actions):
        yield f"{name}:"
        yield from (f"  - {rule_sentence(rule, values, rules)}" for rule in rules.of(action))
        yield "  - else a cell stays as it is" if rules.of(action) else "  - every cell stays as it is"


def rule_sentence(rule: Rule, values: dict[int, str], rules: LocalRules) -> str:
    """Tell one of the rules: where, what, and how often it was seen."""
    shown = ((test.value, test.offset) for test in rule.tests if test.value)
    place = _places(rules, *((rule.value, HERE) if rule.value else next(shown, (EMPTY, HERE))))
    tests = sorted(rule.tests, key=lambda test: nearest(test.offset))
    said = [_test_in_words(test, values, place) for test in tests]
    said += [_of_the_board(test, values, rules) for test in rule.board]
    *first, last = said or ["this cell is on the board"]
    where = f"{', '.join(first)} and {last}" if first else last
    becomes = f"what {place(rule.copied)} was" if rule.copied else _value(rule.value or EMPTY, values)
    counts = counts_in_words(rule.seen, rule.wrong, "cells")
    return f"where {where}, {place(HERE)} becomes {becomes} ({counts})"


def _places(rules: LocalRules, value: int, offset: Offset = HERE) -> Callable[[Offset], str]:
    """Give what names places as they are seen from a cell, or the layer of one, at whose offset a value can be."""
    of_value = dict(enumerate(rules.layer_of, EMPTY))
    return partial(place_name, layer=(of_value.get(value, 0) - offset[1]) % rules.depth, layers=rules.depth)


def _of_the_board(test: Somewhere, values: dict[int, str], rules: LocalRules) -> str:
    told = f"{'some' if test.is_there else 'no'} cell shows {_value(test.value, values)}"
    if not test.beside:
        return told
    return told + f" where {_places(rules, test.value)(test.beside[0])} is {_value(test.beside[1], values)}"


def _test_in_words(test: Test, values: dict[int, str], place: Callable[[Offset], str]) -> str:
    if test.value is None or test.value == OUTSIDE:
        return f"{place(test.offset)} is {'on' if test.value is None else 'off'} the board"
    return f"{place(test.offset)} is {' or '.join(_value(value, values) for value in (test.value, *test.others))}"


def _value(value: int, values: dict[int, str]) -> str:
    return values.get(value, value_name(value))


# ---- copies


def copy_sentences(rules: CopyRules, actions: Sequence[str], parts: Parts) -> Iterator[str]:
    """Tell what each action does to the parts of the picture, a line for each action."""
    for action, name in enumerate(actions):
        counts = counts_in_words(int(rules.seen[action].sum(axis=1).max()), int(rules.wrong[action].max()), "steps")
        yield f"{name}: {'; '.join(_changes(moves_of(rules, action, parts)))} ({counts})"


def _changes(moves: list[tuple[int, bool]]) -> Iterator[str]:
    stay = {part for part, move in enumerate(moves) if move == (part, False)}
    flips = [part for part, move in enumerate(moves) if move == (part, True)]
    unknown = [part for part, (source, _) in enumerate(moves) if source < 0]
    if flips:
        yield f"flips {_numbers(flips)}"
    cycles = cycles_of(moves)
    if cycles:
        yield "moves " + ", ".join(" → ".join(str(part + 1) for part in [*cycle, cycle[0]]) for cycle in cycles)
    told = {*stay, *flips, *unknown, *(part for cycle in cycles for part in cycle)}
    for part, (source, flipped) in enumerate(moves):
        if part not in told:
            yield f"part {part + 1} becomes {'the opposite of ' * flipped}what part {source + 1} was"
    if unknown:
        yield f"no rule says what becomes of {_numbers(unknown)}"
    if stay:
        yield f"the other {len(stay)} parts stay" if len(stay) < len(moves) else "all parts stay"


def _numbers(parts: list[int]) -> str:
    *first, last = (str(part + 1) for part in parts)
    return f"parts {', '.join(first)} and {last}" if first else f"part {last}"


def moves_of(rules: CopyRules, action: int, parts: Parts) -> list[tuple[int, bool]]:
    """Give for each part which part it copies by an action, -1 where no rule says, and whether as the opposite."""
    first = np.array([bits[0] for bits in parts.bits])
    source, flipped = rules.source[action, first], rules.flipped[action, first]
    return [
        (int(parts.of_bit[bit]) if bit >= 0 else -1, bool(opposite)) for bit, opposite in zip(source, flipped.tolist())
    ]


def cycles_of(moves: list[tuple[int, bool]]) -> list[list[int]]:
    """Give the cycles in which parts move to the next one's place, none of them as the opposite."""
    cycles: list[list[int]] = []
    met: set[int] = set()
    for start in range(len(moves)):
        cycle = [start]
        while not moves[cycle[-1]][1] and (source := moves[cycle[-1]][0]) not in {-1, *cycle, *met}:
            cycle.append(source)
        if len(cycle) > 1 and moves[cycle[-1]] == (start, False):
            cycles.append([start, *reversed(cycle[1:])])  # from where a part comes to where it goes
            met.update(cycle)
    return cycles
