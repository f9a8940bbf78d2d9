"""Rules as pictures: what a cell and those around it show, and what it becomes; or how parts of the picture move."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..rules.language import EMPTY, HERE, OUTSIDE, CopyRules, LocalRules, Rule
from ..rules.parts import Parts
from ..rules.words import cycles_of, moves_of, value_name
from .drawing import pyplot, save

IN_A_ROW = 5  # rules, of a lattice
PANELS_IN_A_ROW = 6  # actions, of copies
INCHES = 0.55  # a cell's side
THIS, COPIED, ANYTHING, LINE = "crimson", "royalblue", "0.94", "0.6"
FADED = 0.6  # of white over the picture behind the parts

Place = tuple[float, float]  # row and column, in cells


def local_rules(rules: LocalRules, actions: Sequence[str], tiles: np.ndarray, path: Path):
    """Draw each rule as tiles: what it asks for, the cell that it is about in red, and what that becomes.

    Args:
        actions: Their names.
        tiles: (V, h, w, 3) uint8, what the values of a cell look like.
    """
    figure = pyplot().figure()
    axis = figure.add_axes((0, 0, 1, 1))
    for number, tile in enumerate(tiles):
        _draw_tile(axis, tile, (0, number * 1.1))
        _write(axis, (0.75, number * 1.1), value_name(EMPTY + number))
    bottom, right = 1.5, len(tiles) * 1.1
    for action, name in enumerate(actions):
        of_action = rules.of(action)
        title = name if of_action else f"{name}: every cell stays"
        axis.text(-0.5, bottom, title, va="center", fontsize=12, fontweight="bold")
        bottom += 0.6
        for first in range(0, len(of_action), IN_A_ROW):
            line = of_action[first : first + IN_A_ROW]
            extents = [_extent(rule) for rule in line]
            row, column = bottom + 0.5 - min(top for top, *_ in extents), 0.0
            for rule, (_, _, left, end) in zip(line, extents):
                _draw_rule(axis, rule, (row, column - left), end, tiles)
                column += end - left + 4
            bottom, right = row + max(low for _, low, *_ in extents) + 1.2, max(right, column)
    top = -1.2 if rules.layers else -0.8
    if rules.layers:
        axis.text(-0.5, -0.9, "layers of a cell lie side by side, the top one to the left", va="center", fontsize=8)
    axis.set_axis_off()
    axis.set(xlim=(-0.8, right), ylim=(bottom, top), aspect="equal")
    figure.set_size_inches(INCHES * (right + 0.8), INCHES * (bottom - top))
    save(figure, path, tight=False)


def _extent(rule: Rule) -> tuple[int, int, int, int]:
    """Give the first and last row and column of the places that a rule is about."""
    rows, columns = zip(HERE, rule.copied or HERE, *(test.offset for test in rule.tests))
    return min(rows), max(rows), min(columns), max(columns)


def _draw_rule(axis, rule: Rule, here: Place, last_column: int, tiles: np.ndarray):
    """Draw a rule about the cell here: its tests, an arrow, what the cell becomes, and below that how often."""
    asked = {test.offset: test.value for test in rule.tests}
    others = {test.offset: [value_name(value) for value in test.others] for test in rule.tests}
    for place in {HERE, rule.copied or HERE, *asked}:
        _draw_value(axis, asked.get(place), at := (here[0] + place[0], here[1] + place[1]), tiles)
        _write_others(axis, at, others.get(place, []))
    end: Place = (here[0], here[1] + last_column + 2.2)
    style = {"arrowstyle": "-|>", "color": "0.2", "lw": 1.5}
    axis.annotate("", (end[1] - 0.6, end[0]), (end[1] - 1.6, end[0]), arrowprops=style)
    becomes = asked.get(rule.copied) if rule.copied else rule.value
    _draw_value(axis, becomes, end, tiles, "copy")
    if rule.copied and becomes is None:
        _draw_box(axis, (here[0] + rule.copied[0], here[1] + rule.copied[1]), edgecolor=COPIED, lw=2.5, zorder=3)
    for framed in (here, end):
        _draw_box(axis, framed, edgecolor=THIS, lw=2.5, zorder=4)
    board = "".join(f"{'some' if test.is_there else 'no'} {value_name(test.value)}, " for test in rule.board)
    told = f"{board}seen {rule.seen:,}" + f", wrong {rule.wrong:,}" * bool(rule.wrong)
    _write(axis, (end[0] + 0.75, end[1]), told)


def _draw_value(axis, value: int | None, place: Place, tiles: np.ndarray, unknown: str = "any"):
    if value is None:
        _draw_box(axis, place, facecolor=ANYTHING)
        _write(axis, place, unknown)
    elif value == OUTSIDE:
        _draw_box(axis, place, hatch="////")
    elif value - EMPTY < len(tiles):
        _draw_tile(axis, tiles[value - EMPTY], place)
    else:
        _write(axis, place, value_name(value))


def _draw_tile(axis, tile: np.ndarray, place: Place):
    extent = (place[1] - 0.5, place[1] + 0.5, place[0] + 0.5, place[0] - 0.5)
    axis.imshow(tile, extent=extent, interpolation="nearest", zorder=1)
    _draw_box(axis, place, zorder=2)


def _draw_box(axis, place: Place, **style):
    style = {"facecolor": "none", "edgecolor": LINE, "lw": 0.5, **style}
    axis.add_patch(pyplot().Rectangle((place[1] - 0.5, place[0] - 0.5), 1, 1, **style))


def _write(axis, place: Place, text: str):
    axis.text(place[1], place[0], text, ha="center", va="center", fontsize=8)


def _write_others(axis, place: Place, names: list[str]):
    """Write the values that will do as well into a cell, two in a line."""
    if names:
        lines = "\n".join(" ".join(names[first : first + 2]) for first in range(0, len(names), 2))
        style = {"boxstyle": "round,pad=0.1", "facecolor": "white", "alpha": 0.8, "lw": 0}
        axis.text(place[1], place[0], f"or {lines}", ha="center", va="center", fontsize=6, bbox=style, zorder=5)


def copy_rules(rules: CopyRules, actions: Sequence[str], parts: Parts, path: Path):
    """Draw the numbered parts, and for each action where their values go and which become the opposite."""
    height, width = parts.background.shape[:2]
    columns = min(PANELS_IN_A_ROW, len(actions) + 1)
    rows = -(-(len(actions) + 1) // columns)
    size = (2.8 * columns, 2.8 * rows * height / width + 0.3 * rows)
    figure, axes = pyplot().subplots(rows, columns, figsize=size, squeeze=False)
    behind = (parts.background * (1 - FADED) + 255 * FADED).astype(np.uint8)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, title in zip(axes.flat, ["parts", *actions]):
        axis.imshow(behind, interpolation="nearest")
        axis.set_title(title, fontsize=10)
    for number, (row, column) in enumerate(parts.middles, 1):
        axes.flat[0].text(column, row, str(number), ha="center", va="center", fontsize=7)
    for action, axis in enumerate(axes.flat[1 : len(actions) + 1]):
        _draw_moves(axis, moves_of(rules, action, parts), parts)
    save(figure, path)


def _draw_moves(axis, moves: list[tuple[int, bool]], parts: Parts):
    """Draw an arrow from each part to where its value goes, a colour for each cycle; flipped parts are red."""
    colours = {part: f"C{number % 10}" for number, cycle in enumerate(cycles_of(moves)) for part in cycle}
    for part, (source, flipped) in enumerate(moves):
        if source in (part, -1) and (flipped or source < 0):
            shown = np.zeros((*parts.background.shape[:2], 4))
            shown[parts.masks[part]] = (0.86, 0.08, 0.24, 0.75) if source == part else (0, 0, 0, 0.6)
            axis.imshow(shown, interpolation="nearest")
        elif source != part:
            style = {"arrowstyle": "-|>", "lw": 1.2, "shrinkA": 0, "shrinkB": 0, "connectionstyle": "arc3,rad=0.15"}
            style["color"] = THIS if flipped else colours.get(part, COPIED)
            axis.annotate("", parts.middles[part][::-1], parts.middles[source][::-1], arrowprops=style)
