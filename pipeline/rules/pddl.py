"""Rules as a planning domain in PDDL, which classical planners read.

Local rules become operators where they can be told from the one cell that shows a value, else an action without
parameters whose conditional effects hold for all cells. Either way one domain serves boards of every size: which cells
lie beside each other, and what they show, is said by the problem. Copies become conditional effects of each bit. What
no effect names stays as it is, in PDDL as in the rules.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .language import EMPTY, HERE, OUTSIDE, CopyRules, LocalRules, Offset, Rule, Somewhere, Test, cell_values
from .operators import Operator, operators_of
from .parts import Parts, colours_of
from .words import nearest, place_name, rule_sentence, value_name, values_in_words

RESERVED = "(is|on|object|place|cell|value|bit|outside|world|[vpc][0-9].*|cell-.*)$"  # names of what isn't an action


def action_names(actions: Sequence[str]) -> list[str]:
    """Give the actions names that PDDL allows, no two alike: "press 1,1" is press-1-1, "U'" is u-prime."""
    names: list[str] = []
    for action in actions:
        name = re.sub(r"[^a-z0-9]+", "-", action.lower().replace("'", "-prime")).strip("-")
        name = f"do-{name}".rstrip("-") if re.match(RESERVED, name) or not re.match("[a-z]", name) else name
        names.append(name if name not in names else f"{name}-{len(names) + 1}")
    return names


@dataclass(frozen=True)
class Domain:
    """A domain, and how problems are written for it.

    Attributes:
        text: The domain in PDDL.
        problem: Writes a problem from the codes (B,) of start and goal; raises `ValueError` where they don't fit.
        about: A line on what planners must be able to read, and what the domain takes for granted.
    """

    text: str
    problem: Callable[[np.ndarray, np.ndarray], str]
    about: str


# ---- local rules


def local_domain(rules: LocalRules, actions: Sequence[str], tiles: np.ndarray, start: np.ndarray | None) -> Domain:
    """Write the domain of local rules, as operators where they fit, which all planners read.

    Args:
        actions: Their names.
        tiles: (V, h, w, 3) uint8, what the values look like, for the comments.
        start: A code (B,) that problems start from, if one is known: it may be one that operators don't fit.
    """
    values, rules = values_in_words(tiles), rules.apart
    fitting = {
        thing: operators
        for thing, operators in operators_of(rules).items()
        if start is None or _count(rules, start, thing) == 1
    }
    if fitting:
        thing, operators = next(iter(fitting.items()))
        used = {place for operator in operators for place in (*operator.asks, *operator.becomes)}
        about = f"plain STRIPS with types, for every planner; it holds where exactly one cell is {values[thing]}"
        requirements = ":strips :typing"
        written = [
            line for action in range(len(actions)) for line in _as_operators(action, actions, rules, operators, values)
        ]
    else:
        thing, used = None, {offset for rule in rules.rules for offset in rule.offsets}
        used |= {rule.copied for rule in rules.rules if rule.copied}
        about = "conditional effects for all cells, for planners that read ADL"
        requirements = ":typing :equality :negative-preconditions :disjunctive-preconditions :conditional-effects"
        requirements += " :existential-preconditions" * any(rule.board for rule in rules.rules)
        written = [line for action in range(len(actions)) for line in _as_effects(action, actions, rules, values)]
    has_outside = thing is None or any(OUTSIDE in operator.asks.values() for operator in operators)
    offsets = sorted(used - {HERE}, key=nearest)
    place = "place" if has_outside else "cell"
    text = [
        f"; {rules.summary()}",
        f"; {about}",
        *["; the layers of a cell are cells that lie side by side, the top first"] * bool(rules.layers),
        "(define (domain world)",
        f"  (:requirements {requirements})",
        f"  (:types value - object{' place - object cell - place' if has_outside else ' cell - object'})",
        "  (:constants",
        *["    outside - place  ; whatever lies beyond the board"] * has_outside,
        *(f"    {value_name(EMPTY + at)} - value  ; {colours_of(tile)}" for at, tile in enumerate(tiles)),
        "  )",
        "  (:predicates",
        f"    (is ?{place} - {place} ?value - value)",
        *(
            f"    ({_relation(offset)} ?cell - cell ?{place}-there - {place})  ; there is {place_name(offset)}"
            for offset in offsets
        ),
        "  )",
        *written,
        ")",
        "",
    ]

    def problem(begin: np.ndarray, end: np.ndarray) -> str:
        if thing and _count(rules, begin, thing) != 1:
            raise ValueError(f"exactly one cell of the start must be {values[thing]}")
        return _local_problem(rules.grid, offsets, has_outside, begin, end)

    return Domain("\n".join(text), problem, about)


def _count(rules: LocalRules, code: np.ndarray, value: int) -> int:
    return int((cell_values(code[None], rules.grid) == value).sum())


def _local_problem(
    grid: tuple[int, int, int], offsets: Sequence[Offset], has_outside: bool, start: np.ndarray, goal: np.ndarray
) -> str:
    rows, columns, bits = grid
    begin, end = cell_values(np.stack([start, goal]), grid)
    if max(begin.max(), end.max()) > EMPTY + bits:
        raise ValueError("every cell must show one of the values, and one has several bits set")
    cells = list(np.ndindex(rows, columns))
    lines = ["(define (problem from-start-to-goal)", "  (:domain world)"]
    lines += ["  (:objects  ; c1-2 is the cell in row 1, column 2"]
    lines += [f"    {' '.join(_cell(row, column) for column in range(columns))} - cell" for row in range(rows)]
    lines += ["  )", "  (:init"]
    for offset in offsets:
        there = ((cell, (cell[0] + offset[0], cell[1] + offset[1])) for cell in cells)
        lines += [
            f"    ({_relation(offset)} {_cell(*cell)} {_cell(*other) if other in set(cells) else 'outside'})"
            for cell, other in there
            if has_outside or other in set(cells)
        ]
    lines += [f"    (is {_cell(*cell)} {value_name(begin[cell])})" for cell in cells]
    lines += ["  )", "  (:goal (and"]
    lines += [f"    (is {_cell(*cell)} {value_name(end[cell])})" for cell in cells]
    return "\n".join([*lines, "  ))", ")", ""])


def _cell(row: int, column: int) -> str:
    return f"c{row + 1}-{column + 1}"


def _relation(offset: Offset) -> str:
    """Name the predicate of an offset, as in cell-above, or cell-below-2-right."""
    ways = ((offset[0], ("above", "below")), (offset[1], ("left", "right")))
    return "-".join(["cell", *(names[far > 0] + f"-{abs(far)}" * (abs(far) > 1) for far, names in ways if far)])


def _variable(offset: Offset) -> str:
    return "?cell" if offset == HERE else f"?{_relation(offset).removeprefix('cell-')}"


# ---- local rules as operators


def _as_operators(
    action: int, actions: Sequence[str], rules: LocalRules, operators: Sequence[Operator], values: dict[int, str]
) -> Iterator[str]:
    name, cases = action_names(actions)[action], [operator for operator in operators if operator.action == action]
    yield from ("", f"  ; action {action}: {actions[action]}" + ", which does nothing" * (not cases))
    for number, operator in enumerate(cases, 1):
        yield from (f"  ; {rule_sentence(rule, values, rules)}" for rule in operator.rules)
        yield from _operator(name + f"-{number}" * (len(cases) > 1), operator)


def _operator(name: str, operator: Operator) -> Iterator[str]:
    places = sorted((place for place, value in operator.asks.items() if value != OUTSIDE), key=nearest)
    copied = {new for new in operator.becomes.values() if isinstance(new, tuple)}
    unknown = [place for place in places if not operator.asks[place] and place in {*operator.becomes, *copied}]
    shows = {place: value_name(value) for place in places if (value := operator.asks[place])}
    shows |= {place: "?value" + _variable(place).replace("?", "-") for place in unknown}
    typed = [f"{' '.join(map(_variable, places))} - cell", *(f"{shows[place]} - value" for place in unknown)]
    asks = [f"({_relation(place)} ?cell {_variable(place)})" for place in places if place != HERE]
    asks += [f"({_relation(place)} ?cell outside)" for place, value in operator.asks.items() if value == OUTSIDE]
    asks += [f"(is {_variable(place)} {value})" for place, value in shows.items()]
    yield from (f"  (:action {name}", f"    :parameters ({' '.join(typed)})")
    yield f"    :precondition (and {' '.join(asks)})"
    lost = [f"(not (is {_variable(cell)} {shows[cell]}))" for cell in operator.becomes]
    new = {cell: shows[new] if isinstance(new, tuple) else value_name(new) for cell, new in operator.becomes.items()}
    gained = [f"(is {_variable(cell)} {value})" for cell, value in new.items()]
    yield f"    :effect (and {' '.join([*lost, *gained])}))"


# ---- local rules as effects for all cells


def _as_effects(action: int, actions: Sequence[str], rules: LocalRules, values: dict[int, str]) -> Iterator[str]:
    effects = []
    for number, rule in enumerate(rules.of(action)):
        effects += [f"; {rule_sentence(rule, values, rules)}", *_effects(rule, rules.of(action)[:number])]
    yield from _action(action, actions, effects)


def _action(action: int, actions: Sequence[str], effects: list[str]) -> Iterator[str]:
    yield from ("", f"  ; action {action}: {actions[action]}", f"  (:action {action_names(actions)[action]}")
    yield from ("    :parameters ()", "    :precondition ()", "    :effect (and")
    yield from (f"      {effect}" for effect in effects)
    yield "    ))"


def _effects(rule: Rule, earlier: Sequence[Rule]) -> Iterator[str]:
    """Write a rule as effects for all cells; not where an earlier rule applies, unless that says the same."""
    tests: list[Test | Somewhere] = [test for test in rule.tests if test.offset != HERE]
    tests += rule.board
    unless = [_left_open(other, rule) for other in earlier if _differs(other, rule)]
    old, new = _asked(rule, HERE), _asked(rule, rule.copied) if rule.copied else rule.value
    if rule.copied == HERE or old in (OUTSIDE, new or OUTSIDE) or [] in unless:
        return  # it changes nothing, or never applies
    conditions = [_condition(test) for test in tests]
    conditions += [_any([_condition(test, holds=False) for test in failing]) for failing in unless]
    near = [test for part in (tests, *unless) for test in part if isinstance(test, Test)]
    looked_at = {test.offset for test in near if test.value not in (None, OUTSIDE)} - {HERE}
    old_name = "?old" if old is None else value_name(old)
    if new or rule.copied is None:
        yield _for_all_cells(conditions, looked_at, old_name, value_name(new or EMPTY))
        return
    copied = [*conditions, f"(is {_variable(rule.copied)} ?new)"]
    yield _for_all_cells(copied, looked_at | {rule.copied}, old_name, "?new")
    if Test(rule.copied, None) not in tests:  # it may be outside, and that sets no bit
        nothing = [*conditions, _condition(Test(rule.copied, OUTSIDE))]
        yield _for_all_cells(nothing, looked_at, old_name, value_name(EMPTY))


def _for_all_cells(conditions: list[str], looked_at: set[Offset], old: str, new: str) -> str:
    """Write that each cell with an old value gets a new one where the conditions hold of the places looked at."""
    offsets = sorted(looked_at)
    variables = ["?cell - cell", *(f"{_variable(offset)} - place" for offset in offsets)]
    variables += [f"{name} - value" for name in (old, new) if name[0] == "?"]
    there = [f"({_relation(offset)} ?cell {_variable(offset)})" for offset in offsets]
    other = [f"(not (= {old} {new}))"] if len(variables) > 1 + len(offsets) else []
    where = " ".join([f"(is ?cell {old})", *there, *conditions, *other])
    return f"(forall ({' '.join(variables)}) (when (and {where}) (and (not (is ?cell {old})) (is ?cell {new}))))"


def _asked(rule: Rule, offset: Offset) -> int | None:
    """Give the value that a rule asks for at an offset, if it does."""
    return next((test.value for test in rule.tests if test.offset == offset and test.value is not None), None)


def _condition(test: Test | Somewhere, holds: bool = True) -> str:
    """Write that a test holds or fails; every cell has one place at each offset, `outside` beyond the board."""
    if isinstance(test, Somewhere):
        shows = f"(is ?any {value_name(test.value)})"
        some = f"(exists (?any - cell) {shows})"
        if test.beside:
            there = f"({_relation(test.beside[0])} ?any ?there) (is ?there {value_name(test.beside[1])})"
            some = f"(exists (?any ?there - cell) (and {shows} {there}))"
        return some if holds == test.is_there else f"(not {some})"
    if test.value in (None, OUTSIDE):
        fact, positive = f"({_relation(test.offset)} ?cell outside)", holds == (test.value == OUTSIDE)
    else:
        fact, positive = f"(is {_variable(test.offset)} {value_name(test.value)})", holds
    return fact if positive else f"(not {fact})"


def _any(conditions: list[str]) -> str:
    return conditions[0] if len(conditions) == 1 else f"(or {' '.join(conditions)})"


def _differs(earlier: Rule, rule: Rule) -> bool:
    """Tell whether an earlier rule can apply where a rule does, and says something else."""
    same = (earlier.copied, earlier.value) == (rule.copied, rule.value)
    ours = (*rule.tests, Test(HERE, None))
    return not same and not any(_excludes(test, other) for test in earlier.tests for other in ours)


def _excludes(test: Test, other: Test) -> bool:
    if test.offset != other.offset or test.value == other.value:
        return False
    return None not in (test.value, other.value) or OUTSIDE in (test.value, other.value)


def _left_open(earlier: Rule, rule: Rule) -> list[Test | Somewhere]:
    """Give the tests of an earlier rule that may fail where a rule applies."""
    ours = (*rule.tests, Test(HERE, None))
    near = [test for test in earlier.tests if not any(_implies(other, test) for other in ours)]
    return [*near, *(test for test in earlier.board if test not in rule.board)]


def _implies(test: Test, other: Test) -> bool:
    return test.offset == other.offset and (
        test.value == other.value or (other.value is None and test.value != OUTSIDE)
    )


# ---- copies


def bit_names(parts: Parts) -> list[str]:
    """Name the bits by their parts: p7, or p7-1, p7-2 … where part 7 has several."""
    names = [""] * len(parts.of_bit)
    for number, bits in enumerate(parts.bits, 1):
        for place, bit in enumerate(bits, 1):
            names[bit] = f"p{number}" + f"-{place}" * (len(bits) > 1)
    return names


def copy_domain(rules: CopyRules, actions: Sequence[str], parts: Parts) -> Domain:
    """Write the domain of copies."""
    names = bit_names(parts)
    about = "conditional effects, for planners that read them"
    text = [
        f"; {rules.summary()}",
        f"; {about}",
        "(define (domain world)",
        "  (:requirements :typing :negative-preconditions :conditional-effects)",
        "  (:types bit - object)",
        "  (:constants",
    ]
    for number, (bits, (row, column)) in enumerate(zip(parts.bits, parts.middles), 1):
        where = f"part {number} of the picture, around its row {row + 1:.0f} and column {column + 1:.0f}"
        text.append(f"    {' '.join(names[bit] for bit in bits)} - bit  ; {where}")
    text += ["  )", "  (:predicates (on ?bit - bit))"]
    for action in range(len(actions)):
        effects = []
        for bit, (source, flipped) in enumerate(zip(rules.source[action], rules.flipped[action])):
            if source != bit or flipped:
                told = (f"(on {names[source]})", f"(not (on {names[source]}))")
                on, off = told[::-1] if flipped else told
                effects.append(f"(when {on} (on {names[bit]})) (when {off} (not (on {names[bit]})))")
        text += _action(action, actions, effects)

    def problem(start: np.ndarray, goal: np.ndarray) -> str:
        lines = ["(define (problem from-start-to-goal)", "  (:domain world)", "  (:init"]
        lines += [f"    (on {name})" for name, bit in zip(names, start) if bit]
        lines += ["  )", "  (:goal (and"]
        lines += [f"    (on {name})" if bit else f"    (not (on {name}))" for name, bit in zip(names, goal)]
        return "\n".join([*lines, "  ))", ")", ""])

    return Domain("\n".join([*text, ")", ""]), problem, about)
