"""The language of rules: parts with values, and what they become by an action.

A code of 0 and 1 is read as parts. Where it has a lattice, (rows, columns, bits per cell), a part is a cell and the
same rules hold for all cells: `LocalRules`. Where it has none a part is a bit, each with a source of its own:
`CopyRules`. Both tell of a code and an action what comes next, in whole numbers, and whether the data ever showed such
a case.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property, reduce
from itertools import product
from operator import or_
from typing import Any

import numpy as np

Offset = tuple[int, int]  # down and right, in cells
HERE: Offset = (0, 0)
OUTSIDE, EMPTY = 0, 1  # values of a cell: not on the board; no bit is set. Bit b, from 0, alone is 2 + b
MOST_REACH = 12  # of an offset
CELLS_AT_A_TIME = 2**22


@dataclass(frozen=True)
class Test:
    """What must be true of one cell of the surroundings.

    Attributes:
        offset: Where it lies, from the cell that the rule is about.
        value: What it shows; None where anything on the board will do.
        others: Values that will do as well.
    """

    __test__ = False  # for pytest, which takes it for one of its own

    offset: Offset
    value: int | None
    others: tuple[int, ...] = ()

    def holds(self, values: np.ndarray) -> np.ndarray:
        """Tell where it is true, of the values that lie at its offset."""
        if self.value is None:
            return values != OUTSIDE
        return reduce(or_, (values == value for value in (self.value, *self.others)))

    @property
    def apart(self) -> list["Test"]:
        """The same as tests for one value each."""
        return [replace(self, value=value, others=()) for value in (self.value, *self.others)]


@dataclass(frozen=True)
class Somewhere:
    """What must be true of the whole board: that some cell shows a value, or that none does.

    Attributes:
        value: What it shows.
        is_there: Whether one must, or none may.
        beside: The offset of the cell from there that must show another value, and that value; None where any may lie.
    """

    value: int
    is_there: bool
    beside: tuple[Offset, int] | None = None

    def holds(self, values: np.ndarray) -> np.ndarray:
        """Tell of which boards (N, h, w) it is true, (N, 1, 1) bool."""
        shows = values == self.value
        if self.beside:
            shows = shows & (Surroundings(values)[self.beside[0]] == self.beside[1])
        return shows.any(axis=(1, 2), keepdims=True) == self.is_there


@dataclass(frozen=True)
class Rule:
    """By an action, where all tests are true, a cell becomes a copy of another or takes a value.

    Attributes:
        action: The action's number.
        tests: All must be true.
        copied: The offset of the cell that is copied; None where `value` is set.
        value: What the cell becomes; None where another is copied.
        seen, wrong: To how many cells of the transitions it applied, and how many of them became something else.
        board: What must be true of the whole board, too.
    """

    action: int
    tests: tuple[Test, ...]
    copied: Offset | None
    value: int | None
    seen: int = 0
    wrong: int = 0
    board: tuple[Somewhere, ...] = ()

    @property
    def every_test(self) -> list["Test | Somewhere"]:
        """What must be true, near by and of the whole board."""
        return [*self.tests, *self.board]

    @property
    def offsets(self) -> list[Offset]:
        """Where its tests look, from the cell that each is about."""
        return [*(test.offset for test in self.tests), *(test.beside[0] for test in self.board if test.beside)]

    def bits(self, of_a_cell: int) -> float:
        """Give how many bits tell it: for each test, and for what a cell becomes, the kind and a value."""
        told, others = len(self.every_test) + 1, sum(len(test.others) for test in self.tests)
        return 2 * told + (told + others) * math.log2(of_a_cell + 2)

    @property
    def apart(self) -> "list[Rule]":
        """The same as rules whose tests ask for one value each."""
        return [replace(self, tests=tests) for tests in product(*(test.apart for test in self.tests))]

    @property
    def says(self) -> tuple:
        """What it says, whatever it was found in."""
        return self.action, frozenset(self.every_test), self.copied, self.value


def cell_values(codes: np.ndarray, grid: tuple[int, int, int]) -> np.ndarray:
    """Read codes (N, B) of 0 and 1 as values of cells, (N, rows, columns) uint16; several bits are one more."""
    bits = grid[2]
    cells = codes.reshape(-1, bits).astype(np.float32)
    numbers = cells @ np.arange(bits + 1, 2 * bits + 1, dtype=np.float32)  # one bit: at most 2 * bits
    found = np.where(numbers > 2 * bits, bits + 2, np.maximum(numbers - (bits - 1), EMPTY))
    return found.astype(np.uint16).reshape(-1, *grid[:2])


def cell_bits(values: np.ndarray, bits: int) -> np.ndarray:
    """Write values of cells (N, rows, columns) as codes (N, B) uint8: the reverse of `cell_values`."""
    return (values[..., None] == np.arange(2, bits + 2, dtype=values.dtype)).view(np.uint8).reshape(len(values), -1)


@dataclass(frozen=True)
class Applied:
    """What an action's rules make of boards."""

    following: np.ndarray  # (N, h, w), the next values
    which: np.ndarray  # (N, h, w) int16, the number of each cell's rule; -1 where none applies
    cases: np.ndarray  # (N, h, w) uint64, each cell's case as a number: which tests are true of it


@dataclass(frozen=True)
class LocalRules:
    """Rules that hold for every cell of a lattice. Where none applies a cell stays; of several the first holds.

    Attributes:
        grid: Rows, columns and bits per cell.
        actions: How many there are.
        rules: By action.
        cases: For each action the combinations of its rules' tests that the data showed true of some cell, as numbers.
        left_over: How many cells of the transitions became something that no rule says.
        layers: Where a cell has layers, which lie side by side, how many values each has, the top first; else none.
    """

    grid: tuple[int, int, int]
    actions: int
    rules: tuple[Rule, ...]
    cases: tuple[frozenset[int], ...]
    left_over: int = 0
    layers: tuple[int, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether they leave nothing over of the transitions that they were found in."""
        return self.left_over == 0

    @property
    def depth(self) -> int:
        """How many layers a cell has."""
        return max(1, len(self.layers))

    @property
    def layer_of(self) -> list[int]:
        """The layer of each value from `EMPTY` on."""
        return [layer for layer, count in enumerate(self.layers or (self.grid[2] + 1,)) for _ in range(count)]

    @property
    def bits(self) -> float:
        """How many bits tell them."""
        return sum(rule.bits(self.grid[2]) for rule in self.rules)

    @property
    def apart(self) -> "LocalRules":
        """The same rules with tests for one value each; `cases` are those of these rules, not theirs."""
        return replace(self, rules=tuple(one for rule in self.rules for one in rule.apart))

    @property
    def share(self) -> float:
        """The share of the changes that they explain."""
        right = sum(rule.seen - rule.wrong for rule in self.rules)
        return right / max(1, right + self.left_over)

    def of(self, action: int) -> list[Rule]:
        """Give the rules of an action."""
        return [rule for rule in self.rules if rule.action == action]

    def tests(self, action: int) -> list[Test | Somewhere]:
        """Give the tests that the rules of an action use, each once."""
        return list(dict.fromkeys(test for rule in self.of(action) for test in rule.every_test))

    def step(self, codes: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Give the next codes (N, B) uint8 of codes (N, B) uint8 and actions (N,) int."""
        after = codes.copy()
        for action, rows in self._portions(actions):
            values = cell_values(codes[rows], self.grid)
            following = self.applied(values, action).following
            bits = cell_bits(following, self.grid[2]).reshape(-1, *self.grid)
            changed = (following != values)[..., None]
            after[rows] = np.where(changed, bits, codes[rows].reshape(-1, *self.grid)).reshape(len(rows), -1)
        return after

    def applied(self, values: np.ndarray, action: int) -> "Applied":
        """Apply an action's rules to values (N, h, w)."""
        around = Surroundings(values)
        holds = {test: test.holds(around.of(test)) for test in self.tests(action)}
        cases = np.zeros(values.shape, np.uint64)
        for mask, weight in zip(holds.values(), _weights()):
            cases += mask * weight
        following, which = values.copy(), np.full(values.shape, -1, np.int16)
        for number, rule in enumerate(self.of(action)):
            applies = which < 0
            for test in rule.every_test:
                applies &= holds[test]
            following[applies] = rule.value if rule.copied is None else around[rule.copied][applies]
            which[applies] = number
        return Applied(following, which, cases)

    def known(self, codes: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Tell of which codes and actions the data showed every case that decides them, (N,) bool."""
        known = np.zeros(len(codes), bool)
        for action, rows in self._portions(actions):
            cases = self.applied(cell_values(codes[rows], self.grid), action).cases
            seen = np.array(sorted(self.cases[action]), np.uint64)
            known[rows] = np.isin(cases, seen).all(axis=(1, 2))
        return known

    def summary(self) -> str:
        """Say what was found, in a line."""
        seen = sum(rule.seen for rule in self.rules)
        over = f", which leave over {self.left_over:,} cells" if self.left_over else " and nothing is left over"
        return f"{len(self.rules)} rules for {self.actions} actions explain {seen:,} changes of cells{over}"

    def _portions(self, actions: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the rows of each action, not too many at a time."""
        size = max(1, CELLS_AT_A_TIME // (self.grid[0] * self.grid[1]))
        for action in range(self.actions):
            rows = np.flatnonzero(actions == action)
            yield from ((action, rows[first : first + size]) for first in range(0, len(rows), size))

    def to_config(self) -> dict[str, Any]:
        """Write all of it as JSON takes it."""
        return {**asdict(self), "cases": [sorted(cases) for cases in self.cases]}

    @classmethod
    def of_nothing(cls, grid: tuple[int, int, int], actions: int) -> "LocalRules":
        """Give rules that say that nothing changes."""
        return cls(grid, actions, (), (frozenset(),) * actions)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LocalRules":
        """Read it again, and make sure that it is sound.

        Raises:
            ValueError: It isn't.
        """
        try:
            rules = tuple(_rule_of(**rule) for rule in config["rules"])
            found = cls(
                _three(config["grid"]), int(config["actions"]), rules,
                tuple(frozenset(map(int, cases)) for cases in config["cases"]), int(config["left_over"]),
                tuple(map(int, config.get("layers", ()))),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"rules must be described as they were saved. Received: {error!r}") from None
        (_, columns, bits), layers = found.grid, found.layers or (found.grid[2] + 1,)
        fits = len(found.cases) == found.actions and sum(layers) == bits + 1 and columns % len(layers) == 0
        if not (fits and all(map(found._is_sound, rules))):
            raise ValueError("rules must be about the actions, values and cells near by that there are")
        return found

    def _is_sound(self, rule: Rule) -> bool:
        offsets = [*rule.offsets, *([rule.copied] if rule.copied else [])]
        values = [*(test.value for test in rule.every_test if test.value is not None), rule.value or EMPTY]
        values += [test.beside[1] for test in rule.board if test.beside]
        values += [value for test in rule.tests for value in test.others]
        near = all(max(map(abs, offset)) <= MOST_REACH for offset in offsets)
        return (
            near and 0 <= rule.action < self.actions and all(OUTSIDE <= value <= self.grid[2] + 2 for value in values)
        )


def _rule_of(action, tests, copied, value, seen, wrong, board=()) -> Rule:
    read = tuple(_test(**test) for test in tests)
    return Rule(
        int(action), read, None if copied is None else _offset(copied), None if value is None else int(value),
        int(seen), int(wrong), tuple(_somewhere(**test) for test in board),
    )  # fmt: skip


def _test(offset, value, others=()) -> Test:
    return Test(_offset(offset), None if value is None else int(value), tuple(map(int, others)))


def _somewhere(value, is_there, beside) -> Somewhere:
    return Somewhere(int(value), bool(is_there), (_offset(beside[0]), int(beside[1])) if beside else None)


def _three(numbers) -> tuple[int, int, int]:
    rows, columns, bits = map(int, numbers)
    return rows, columns, bits


def _offset(pair) -> Offset:
    down, right = map(int, pair)
    return down, right


def _weights() -> Iterator[np.uint64]:
    """Yield numbers of which the sums tell apart any few of them."""
    rng = np.random.default_rng(0)
    while True:
        yield rng.integers(2**63, dtype=np.uint64)


class Surroundings:
    """What lies at any offset from each cell of values (N, h, w): `OUTSIDE` beyond the board."""

    def __init__(self, values: np.ndarray):
        self.shape, self.padded, self.reach = values.shape, values, 0
        self.values = values

    def of(self, test: Test | Somewhere) -> np.ndarray:
        """Give what a test is about: what lies at its offset, or all values."""
        return self.values if isinstance(test, Somewhere) else self[test.offset]

    def __getitem__(self, offset: Offset) -> np.ndarray:
        reach = max(map(abs, offset))
        if reach > self.reach:
            self.reach = reach
            self.padded = np.pad(self.values, ((0, 0), (reach, reach), (reach, reach)), constant_values=OUTSIDE)
        top, left = self.reach + offset[0], self.reach + offset[1]
        return self.padded[:, top : top + self.shape[1], left : left + self.shape[2]]


@dataclass(frozen=True)
class CopyRules:
    """For each action and bit: which bit it becomes a copy of, or the opposite of.

    Attributes:
        source: (A, B) int32, the bit that is copied; -1 where no copy fits.
        flipped: (A, B) bool, where it becomes the opposite.
        seen: (A, B, 2) int64, in how many transitions the source was 0, and 1.
        wrong: (A, B) int64, in how many the bit became something else.
    """

    source: np.ndarray
    flipped: np.ndarray
    seen: np.ndarray
    wrong: np.ndarray

    @property
    def is_complete(self) -> bool:
        """Whether they leave nothing over of the transitions that they were found in."""
        return bool((self.source >= 0).all())

    @cached_property
    def share(self) -> float:
        """The share of next bits, over all actions, that are copies."""
        return float((self.source >= 0).mean())

    def step(self, codes: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Give the next codes (N, B) uint8 of codes (N, B) uint8 and actions (N,) int."""
        source = self.source[actions]
        copied = np.take_along_axis(codes, np.maximum(source, 0), axis=1) ^ self.flipped[actions]
        return np.where(source >= 0, copied, codes).astype(np.uint8)

    def known(self, codes: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Tell of which codes and actions the data showed every case that decides them, (N,) bool."""
        shown = np.take_along_axis(codes, np.maximum(self.source[actions], 0), axis=1)  # (N, B)
        seen = np.where(shown == 1, self.seen[actions, :, 1], self.seen[actions, :, 0])
        return ((seen > 0) & (self.source[actions] >= 0)).all(axis=1)

    def summary(self) -> str:
        """Say what was found, in a line."""
        itself = np.arange(self.source.shape[1]) == self.source
        copied, flipped = self.source >= 0, self.flipped & itself
        parts = {"stay": itself & ~self.flipped, "flip": flipped, "become a copy of another": copied & ~itself}
        shares = ", ".join(f"{mask.mean():.1%} {name}" for name, mask in parts.items() if mask.any())
        return f"{copied.mean():.1%} of the next bits follow from one bit: {shares}"


Rules = LocalRules | CopyRules
