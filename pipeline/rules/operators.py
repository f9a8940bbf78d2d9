"""Local rules as the operators of planning: what an action does around the one cell that shows a value.

In many games an action moves one thing: the player, the blank. Then every rule of the action asks for that thing
somewhere near, and the rules can be told from its cell. What they ask for together is an operator's precondition and
what they change its effect, without conditions: STRIPS (Fikes and Nilsson, 1971), which every classical planner reads.
"""

from dataclasses import dataclass

from .language import EMPTY, HERE, OUTSIDE, LocalRules, Offset, Rule, Test

ON_THE_BOARD = None  # what a test asks for that asks for no value


@dataclass(frozen=True)
class Operator:
    """What an action does in one case.

    Attributes:
        action: The action's number.
        asks: What must be at offsets from the thing's cell: a value, `OUTSIDE`, or `ON_THE_BOARD`.
        becomes: The offsets of the cells that change, and what each gets: a value, or the offset of a cell to copy.
        rules: The rules that say so.
    """

    action: int
    asks: dict[Offset, int | None]
    becomes: dict[Offset, int | Offset]
    rules: tuple[Rule, ...]


def operators_of(rules: LocalRules) -> dict[int, list[Operator]]:
    """Give the operators for each value that can be the thing's: one cell alone must show it, then one always does."""
    if any(rule.board for rule in rules.rules):  # which no cell near the thing tells
        return {}
    rules = rules.apart
    asked = [{test.value for test in rule.tests if test.value} for rule in rules.rules]
    things = set.intersection(*asked) if asked else set()
    found = {}
    for thing in sorted(things, key=lambda value: (value == EMPTY, value)):  # that is the commonest
        of_actions = [_operators(action, rules.of(action), thing) for action in range(rules.actions)]
        if None not in of_actions:
            found[thing] = [operator for operators in of_actions for operator in operators or ()]
    return found


def _operators(action: int, rules: list[Rule], thing: int) -> list[Operator] | None:
    cases: dict[frozenset, list[tuple[Offset, Rule]]] = {}
    for rule in rules:
        places = [test.offset for test in rule.tests if test.value == thing]
        if len(places) > 1:
            return None
        cell = _add(HERE, places[0], -1)  # the rule's cell, seen from the thing's
        asks = {_add(cell, test.offset): test.value for test in sorted(rule.tests, key=_values_last)}
        case = frozenset({cell: ON_THE_BOARD, **asks}.items())
        cases.setdefault(case, []).append((cell, rule))
    if any(not _exclude(dict(one), dict(other)) for one in cases for other in cases if one != other):
        return None
    operators = []
    for case, found in cases.items():
        asks = dict(case)
        becomes: dict[Offset, int | Offset] = {}
        for cell, rule in found:
            copied = _add(cell, rule.copied) if rule.copied else HERE
            if asks.get(copied, OUTSIDE) == OUTSIDE:
                return None  # a cell that is copied may not be there
            new = asks[copied] or copied if rule.copied else rule.value or EMPTY
            becomes.setdefault(cell, new)  # of several rules about a cell the first counts
        things = [*(cell for cell, new in becomes.items() if new == thing), *({HERE} - set(becomes))]
        if len(things) != 1:
            return None
        operators.append(Operator(action, asks, becomes, tuple(rule for _, rule in found)))
    return operators


def _add(one: Offset, other: Offset, sign: int = 1) -> Offset:
    return one[0] + sign * other[0], one[1] + sign * other[1]


def _values_last(test: Test) -> bool:
    return test.value is not None


def _exclude(one: dict[Offset, int | None], other: dict[Offset, int | None]) -> bool:
    """Tell whether two cases can't be at once."""
    both = ((one[place], other[place]) for place in one.keys() & other.keys())
    return any(a != b and (None not in (a, b) or OUTSIDE in (a, b)) for a, b in both)
