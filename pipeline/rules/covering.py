"""Local rules found by covering: short ones, that nothing seen contradicts and that explain every change.

One rule is found at a time: a conjunction of few tests, true of a change that no rule explains yet, that contradicts
nothing, and that explains the most (AQ, Michalski, 1969; CN2, Clark and Niblett, 1989).
"""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from tqdm import tqdm

from .language import HERE, OUTSIDE, LocalRules, Offset, Rule, Somewhere, Surroundings, Test, cell_values

MOST_TESTS = 4  # in a rule
MOST_RULES = 60  # for an action: more are no rules but a list of cases
PATIENCE = 5  # changes in a row that no rule explains
SECONDS_WITHOUT_BAR = 1  # most searches are over by then
MOST_GROUPS = 300_000  # conjunctions of as many tests that are tried
AT_A_TIME = 2**21  # pairs of a conjunction and a pattern
MOST_ASKED = 40  # of the whole board, else it isn't tried
# Surroundings that are tried in turn, until they decide what comes next: how far they reach, and what is asked of the
# whole board besides: which values some cell shows, or also what lies beside values that one cell at most shows.
STAGES = ((1, ""), (1, "shown"), (2, ""), (1, "beside"), (3, ""))


def cross(reach: int, layers: int = 1) -> tuple[Offset, ...]:
    """List the offsets of a cell, its column and its row up to a distance, the nearest first, all layers of each."""
    ways = ((-1, 0), (1, 0), (0, -1), (0, 1))
    cells = [HERE, *((far * down, far * right) for far in range(1, reach + 1) for down, right in ways)]
    others = sorted(range(1 - layers, layers), key=abs)  # from one layer of a cell to another
    return tuple(dict.fromkeys((down, layers * right + other) for down, right in cells for other in others))


@dataclass(frozen=True)
class Patterns:
    """The distinct surroundings that cells had, and what they became: P patterns of K cells, the cell itself first."""

    before: np.ndarray  # (P, K + V): what lies at the offsets, then whether each of V things is true of the board
    after: np.ndarray  # (P,)
    counts: np.ndarray  # (P,) int
    asked: tuple[Somewhere, ...] = ()  # these V things

    @classmethod
    def of(
        cls,
        values: np.ndarray,
        following: np.ndarray,
        offsets: tuple[Offset, ...],
        asked: Iterable[Somewhere] = (),
    ) -> "Patterns":
        """Count those of boards with values (N, h, w) that became (N, h, w), also by what is asked of whole boards.

        Of what is asked, what is true of some alone counts, up to one more than `MOST_ASKED`.
        """
        around = Surroundings(values)
        shown: dict[Somewhere, np.ndarray] = {}
        for somewhere in asked:
            if len(shown) > MOST_ASKED:
                break
            is_true = somewhere.holds(values)
            if is_true.any() and not is_true.all():
                shown[somewhere] = np.broadcast_to(is_true, values.shape).astype(values.dtype).ravel()
        columns = [*(around[offset].ravel() for offset in offsets), *shown.values(), following.ravel()]
        _, first, counts = np.unique(_numbers(columns), return_index=True, return_counts=True)
        rows = np.stack([column[first] for column in columns], axis=1)
        return cls(rows[:, :-1], rows[:, -1], counts, tuple(shown))

    def decide(self) -> bool:
        """Tell whether what comes next follows from the surroundings: none has become two things."""
        return len(np.unique(_numbers(list(self.before.T)))) == len(self.before)


def _numbers(columns: list[np.ndarray]) -> np.ndarray:
    """Number rows, given as C columns (N,) of whole numbers: exact while these fit into 2^64, else a hash."""
    base, numbers = max(int(column.max()) for column in columns) + 1, np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        numbers = numbers * np.uint64(base | 1) + column.astype(np.uint64)
    return numbers


@dataclass(frozen=True)
class Tolerance:
    """What a rule may get wrong, and has to explain, to count as one.

    Attributes:
        wrong: The share of the cells it applies to that may become something else.
        least: The changes that it has to explain beyond what it gets wrong.
    """

    wrong: float
    least: int


@dataclass(frozen=True)
class Limits:
    """Where the search for rules ends.

    Attributes:
        ends: When, as `time.monotonic` tells it.
        bits: How many bits rules may take.
    """

    ends: float = math.inf
    bits: float = math.inf

    def are_over(self, rules: Iterable[Rule], of_a_cell: int) -> bool:
        """Tell whether they are, with rules of cells of so many bits."""
        return time.monotonic() > self.ends or sum(rule.bits(of_a_cell) for rule in rules) > self.bits


NO_LIMITS = Limits()
WITHOUT_NOISE, IN_NOISE = Tolerance(0.0, 1), Tolerance(0.1, 5)
TRANSITIONS_IN_NOISE = 2000  # by an action, that are compared
USUAL = 0.05  # of the transitions change the numbers of cells of each value in the same way
NOISE = 0.02  # of the changes may be left over, and no larger surroundings are tried
TEST_COST = 0.5  # of a test, in things that a rule gets wrong


@dataclass(frozen=True)
class Candidate:
    """A rule that was found: what it says, and what it is worth."""

    rule: Rule
    applies: np.ndarray  # (P,) bool, to which patterns
    right: np.ndarray  # (P,) bool, whether such a pattern becomes what it says
    misses: float  # cells that become something else
    worth: float


def cover(
    patterns: Patterns,
    action: int,
    offsets: tuple[Offset, ...],
    tolerance: Tolerance = WITHOUT_NOISE,
    is_over: Callable[[list[Rule]], bool] = lambda _: False,
    widens: bool = False,
) -> tuple[list[Rule], int]:
    """Find rules for an action; gives them, and how many cells become something that they don't say.

    Args:
        is_over: Whether no more are looked for beside some.
        widens: Whether tests may ask for one of several values.
    """
    rules: list[Rule] = []
    unexplained = patterns.after != patterns.before[:, 0]
    left, wrong, fruitless = unexplained.copy(), 0.0, 0
    while left.any() and len(rules) < MOST_RULES and fruitless < PATIENCE and not is_over(rules):
        seed = int(np.where(left, patterns.counts, -1).argmax())
        found = _best_rule(patterns, seed, unexplained, action, offsets, tolerance)
        if found is None:
            left[seed], fruitless = False, fruitless + 1
            continue
        found = _widened(found, patterns, offsets, unexplained) if widens and not found.misses else found
        rules.append(found.rule)
        wrong, fruitless = wrong + found.misses, 0
        unexplained &= ~(found.applies & found.right)
        left &= unexplained
    return rules, int(patterns.counts[unexplained].sum() + wrong)


def _best_rule(
    patterns: Patterns,
    seed: int,
    unexplained: np.ndarray,
    action: int,
    offsets: tuple[Offset, ...],
    tolerance: Tolerance,
) -> Candidate | None:
    """Find the rule true of a pattern that is worth most; shorter ones first, until one gets nothing wrong."""
    before, after = patterns.before, patterns.after
    tests, truth = _tests_of(patterns, seed, offsets)
    sources = [at for at in range(1, len(offsets)) if before[seed, at] == after[seed]]
    right = np.stack(
        [*(before[:, at] == after for at in sources), after == after[seed]]
    )  # (L, P): copies, then the value
    wrong, gained = ((mask * patterns.counts).astype(np.float32) for mask in (~right, right & unexplained))  # (L, P)
    packed = tuple(map(_packed, (truth, wrong > 0, gained > 0)))
    step = max(1, AT_A_TIME // len(before))
    best = None
    for size in range(1, MOST_TESTS + 1):
        if math.comb(len(tests), size) > MOST_GROUPS:
            break
        groups = np.array(list(combinations(range(len(tests)), size)))
        for first in range(0, len(groups), step):
            explained, misses, group, leaf = _worth_most(
                groups[first : first + step], packed, wrong, gained, patterns.counts, tolerance
            )
            worth = explained - misses - TEST_COST * size
            if explained - misses >= tolerance.least and (best is None or worth > best.worth):  # of equals the nearest
                copied = offsets[sources[leaf]] if leaf < len(sources) else None
                rule = _plain(action, [tests[number] for number in group], copied, int(after[seed]))
                best = Candidate(rule, truth[group].min(axis=0), right[leaf], misses, worth)
        if best and best.misses == 0:
            break
    return best


def _worth_most(
    groups: np.ndarray, packed: tuple[np.ndarray, ...], wrong, gained, counts, tolerance: Tolerance
) -> tuple[float, float, list[int], int]:
    """Find the conjunction that is worth most, within the tolerance.

    Args:
        groups: (G, n) int, the tests of each.
        packed: Words of bits, (…, P / 64): where tests are true, and which patterns each leaf gets wrong or gains.

    Returns:
        The changes that it explains, the cells it gets wrong, its tests, and its leaf.
    """
    is_true, misses_some, gains_some = packed
    applies = is_true[groups[:, 0]]
    for column in groups.T[1:]:
        applies &= is_true[column]
    best: tuple[float, float, list[int], int] = (0.0, 0.0, [], -1)
    for leaf in range(len(wrong)):
        some = np.arange(len(groups))
        if not tolerance.wrong:
            some = some[~(applies & misses_some[leaf]).any(axis=1)]
        some = some[(applies[some] & gains_some[leaf]).any(axis=1)]
        if not len(some):
            continue
        mask = np.unpackbits(applies[some].view(np.uint8), axis=1, count=len(counts)).astype(np.float32)  # (G, P)
        explained, misses = mask @ gained[leaf], mask @ wrong[leaf]
        allowed = misses <= tolerance.wrong * (mask @ counts.astype(np.float32))
        at = int(np.where(allowed, explained - misses, -np.inf).argmax())
        if allowed[at] and explained[at] - misses[at] > best[0] - best[1]:
            best = float(explained[at]), float(misses[at]), groups[some[at]].tolist(), leaf
    return best


def _widened(found: Candidate, patterns: Patterns, offsets: tuple[Offset, ...], unexplained: np.ndarray) -> Candidate:
    """Let each test of a rule ask for more values, where it then explains more and still gets nothing wrong."""
    columns = [*offsets, *(replace(somewhere, is_there=True) for somewhere in patterns.asked)]
    rule, applies, after = found.rule, found.applies, patterns.after
    right = after == (rule.value if rule.copied is None else patterns.before[:, offsets.index(rule.copied)])
    for place, test in enumerate(rule.tests):
        if test.value is None or test.value == OUTSIDE:
            continue
        rest = [other for other in rule.every_test if other is not test]
        where = np.ones(len(after), bool)
        for other in rest:
            key = other.offset if isinstance(other, Test) else replace(other, is_there=True)
            shown = patterns.before[:, columns.index(key)]
            where &= other.holds(shown) if isinstance(other, Test) else shown == other.is_there
        there = patterns.before[:, offsets.index(test.offset)]
        gained, wrong = (np.unique(there[where & mask]) for mask in (right & unexplained, ~right))
        others = sorted({*gained.tolist()} - {*wrong.tolist(), OUTSIDE, test.value})
        rule = replace(rule, tests=(*rule.tests[:place], replace(test, others=tuple(others)), *rule.tests[place + 1 :]))
        applies = where & rule.tests[place].holds(there)
    return replace(found, rule=rule, applies=applies, right=right)


def _packed(rows: np.ndarray) -> np.ndarray:
    """Pack bool (…, P) into words, (…, P / 64) uint64."""
    padded = np.pad(rows, (*[(0, 0)] * (rows.ndim - 1), (0, -rows.shape[-1] % 64)))
    return np.packbits(padded, axis=-1).view(np.uint64)


def _tests_of(patterns: Patterns, seed: int, offsets: tuple[Offset, ...]) -> tuple[list[Test | Somewhere], np.ndarray]:
    """List the tests that are true of a pattern, but not of all, and which patterns each is true of, (T, P) bool."""
    tests: list[Test | Somewhere] = []
    truth = []
    for at, offset in enumerate(offsets):
        value, shown = int(patterns.before[seed, at]), patterns.before[:, at]
        if (shown != value).any():
            tests.append(Test(offset, value))
            truth.append(shown == value)
        if value != OUTSIDE and (shown == OUTSIDE).any():
            tests.append(Test(offset, None))
            truth.append(shown != OUTSIDE)
    for somewhere, shown in zip(patterns.asked, patterns.before[:, len(offsets) :].T):
        tests.append(replace(somewhere, is_there=bool(shown[seed])))
        truth.append(shown == shown[seed])
    return tests, np.stack(truth)


def _plain(action: int, tests: list[Test | Somewhere], copied: Offset | None, value: int) -> Rule:
    """Write a rule: a copy of a cell of which a test tells the value is that value."""
    near = tuple(test for test in tests if isinstance(test, Test))
    board = tuple(test for test in tests if isinstance(test, Somewhere))
    if copied is None or any(test.offset == copied and test.value is not None for test in near):
        return Rule(action, near, None, value, board=board)
    return Rule(action, near, copied, None, board=board)


def find_local(
    codes: np.ndarray, actions: np.ndarray, next_codes: np.ndarray, count: int, grid: tuple[int, int, int],
    has_noise: bool = False, layers: tuple[int, ...] = (), limits: Limits = NO_LIMITS,
) -> LocalRules:  # fmt: skip
    """Find the local rules of each action, in the smallest surroundings that decide what comes next.

    Args:
        codes, next_codes: (N, B) of 0 and 1.
        actions: (N,) int below `count`.
        grid: Rows, columns and bits per cell.
        has_noise: Whether some bits are wrong: rules may then be, too, as far as the whole gets shorter by it.
        layers: How many values each layer has, where cells have several.
        limits: Where the search ends, where no bits are wrong.
    """
    rules: list[Rule] = []

    def is_over(more: list[Rule]) -> bool:
        return limits.are_over([*rules, *more], grid[2])

    for action in tqdm(range(count), "finding rules", unit="action", leave=False, delay=SECONDS_WITHOUT_BAR):
        values, following = (cell_values(part[actions == action], grid) for part in (codes, next_codes))
        if not len(values) or is_over([]):
            continue
        if has_noise:
            found = _in_noise(values, following, action)
        else:
            found = _without_noise(values, following, action, max(1, len(layers)), is_over)
        if found is None:
            break  # there are changes that no rules explain: nor will there be rules for other actions
        rules += found
    return replace(LocalRules.of_nothing(grid, count), rules=tuple(rules), layers=layers)


def _without_noise(
    values: np.ndarray, following: np.ndarray, action: int, layers: int, is_over: Callable[[list[Rule]], bool]
) -> list[Rule]:
    found = []
    for stage in STAGES:
        reach, of_the_board = stage
        offsets = cross(reach, layers)
        asked = _asked(values, cross(1, layers)[1:] if of_the_board == "beside" else ()) if of_the_board else []
        patterns = Patterns.of(values, following, offsets, asked)
        if len(patterns.asked) > MOST_ASKED:
            continue
        if stage is STAGES[-1] or patterns.decide():
            rules, wrong = cover(patterns, action, offsets, is_over=is_over, widens=layers > 1)
            found.append((wrong, rules))
            if not wrong or is_over(rules):
                break
    return min(found, key=lambda one: one[0])[1]


def _asked(values: np.ndarray, offsets: tuple[Offset, ...]) -> list[Somewhere]:
    """List what can be asked of boards (N, h, w): whether some cell shows a value, and what lies beside it if once."""
    shown, around = np.unique(values), Surroundings(values)
    things = [value for value in shown.tolist() if (values == value).sum(axis=(1, 2)).max() == 1] if offsets else []
    pairs = []
    for place, offset in enumerate(offsets):
        met = np.isin(values, things) & (around[offset] != OUTSIDE)
        both = np.unique(np.stack([values[met], around[offset][met]], axis=1), axis=0)
        pairs += [(thing, place, other) for thing, other in both.tolist()]
    beside = [Somewhere(thing, True, (offsets[place], other)) for thing, place, other in sorted(pairs)]
    return [*(Somewhere(value, True) for value in shown.tolist()), *beside]


def _in_noise(values: np.ndarray, following: np.ndarray, action: int) -> list[Rule] | None:
    """Find the rules that describe the transitions in the fewest bits (Rissanen, 1978); None if these are many."""
    usual = np.flatnonzero(_is_usual(values, following))[:TRANSITIONS_IN_NOISE]
    changes, found = int((values[usual] != following[usual]).sum()), []
    for offsets in (cross(reach) for reach, of_the_board in STAGES if not of_the_board):
        rules, wrong = cover(Patterns.of(values[usual], following[usual], offsets), action, offsets, IN_NOISE)
        found.append((wrong + TEST_COST * sum(1 + len(rule.tests) for rule in rules), rules))
        if wrong < NOISE * changes:
            break
    shortest, rules = min(found, key=lambda one: one[0])
    return rules if 2 * shortest < changes else None


def _is_usual(values: np.ndarray, following: np.ndarray) -> np.ndarray:
    """Tell of which transitions (N,) the numbers of cells of each value change as they often do.

    A wrong bit changes such a number by one, so most transitions with a wrong bit are among the others.
    """
    most = int(max(values.max(), following.max()))
    kinds = np.stack(
        [(following == v).sum(axis=(1, 2)) - (values == v).sum(axis=(1, 2)) for v in range(most + 1)], axis=1
    )
    _, which, counts = np.unique(kinds, axis=0, return_inverse=True, return_counts=True)
    return (counts >= USUAL * len(values))[which.ravel()]


def count_local(rules: LocalRules, codes: np.ndarray, actions: np.ndarray, next_codes: np.ndarray):
    """See what transitions say of rules.

    Returns:
        The rules with what they say added; which transitions contradict them, (N,) bool.
    """
    contradicts, left_over = np.zeros(len(actions), bool), rules.left_over
    counted, cases = [], list(rules.cases)
    for action in range(rules.actions):
        rows = np.flatnonzero(actions == action)
        values, following = (cell_values(part[rows], rules.grid) for part in (codes, next_codes))
        found = rules.applied(values, action)
        wrong, which = found.following != following, found.which
        contradicts[rows], left_over = wrong.any(axis=(1, 2)), left_over + int(wrong.sum())
        cases[action] |= _distinct(found.cases)
        of = rules.of(action)
        seen, missed = (np.bincount(which[mask], minlength=len(of)) for mask in (which >= 0, (which >= 0) & wrong))
        counted += [
            replace(rule, seen=rule.seen + int(n), wrong=rule.wrong + int(m)) for rule, n, m in zip(of, seen, missed)
        ]
    return replace(rules, rules=tuple(counted), cases=tuple(cases), left_over=left_over), contradicts


def _distinct(cases: np.ndarray) -> set[int]:
    """Give the distinct numbers of cases, of which few tests make small ones: counting is quicker than sorting."""
    is_small = int(cases.max(initial=0)) < cases.size
    found = np.flatnonzero(np.bincount(cases.ravel().astype(np.intp))) if is_small else np.unique(cases)
    return set(found.tolist())
