"""What steps are rewarded with, and which of them end the world: rules for it, and a list of what they leave over.

As with local rules a few tests are looked for that nothing seen contradicts and that explain the most (AQ, Michalski,
1969; CN2, Clark and Niblett, 1989). A test asks for the action, for a bit of the code before or after the step, whether
any cell of the lattice shows a value, or for the whole code that follows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from tqdm import tqdm

from ..system.hashing import number_pairs, number_rows
from .words import seen_in_words

MOST_KINDS = 32  # of reward and end together: more are a quantity, of which rules can't tell
MOST_RULES, MOST_TESTS = 100, 512  # tests of a step that tell it from the most others
SAMPLE, ROUNDS = 20_000, 4  # usual steps that rules are found in, and times that those they are wrong about are added
LEAST = 2  # steps with different codes that a rule must explain; what explains fewer is a list of cases
SCATTERED, FEW = 0.1, 3  # of the ends have a reward, at most, that so many such rewards make a quantity, as of a clock

Kind = tuple[float, bool]  # the reward, and whether the world ended


@dataclass(frozen=True)
class Test:
    """A test of a step.

    Attributes:
        of: "action"; "before" or "after", a bit of the code; "some before" or "some after", a bit of any cell; "both
            before" or "both after", two bits of different layers of any cell; "becomes", the whole code that follows.
        number: Of the action, the bit or, as `number_rows` gives it, the code; of two bits the upper layer's times the
            bits of a cell, C, and the other. Bit C is that the top layer shows none.
        is_set: Whether it must be so, or must not.
    """

    of: str
    number: int
    is_set: bool = True


@dataclass(frozen=True)
class OutcomeRule:
    """Steps of which all tests are true have an outcome of this kind; `seen` says of how many that is so."""

    tests: tuple[Test, ...]
    kind: int
    seen: int


@dataclass(frozen=True)
class Outcomes:
    """What steps are rewarded with, and which of them end the world.

    Attributes:
        grid: Rows, columns and bits per cell of the codes.
        kinds: K kinds of outcome, the usual one first.
        rules: The first that applies says the kind; where none does and no case is listed it is the usual one.
        cases: The kind of steps that no rule tells rightly, by a number of their code and action.
        about: The reward that stands for those of many ends, of which each has another, as by a clock; None without.
        layers: How many layers a cell has, which lie side by side in the grid.
    """

    grid: tuple[int, int, int]
    kinds: tuple[Kind, ...]
    rules: tuple[OutcomeRule, ...] = ()
    cases: dict[int, int] = field(default_factory=dict)
    about: float | None = None
    layers: int = 1

    @property
    def best_end(self) -> float | None:
        """The largest reward with which the world ends; None where nothing ends it."""
        return max((reward for reward, end in self.kinds if end), default=None)

    def told(self, codes: np.ndarray, actions: np.ndarray, next_codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Tell what steps are rewarded with, (N,) float64, and which of them end the world, (N,) bool.

        Args:
            codes: (N, B) of 0 and 1.
            actions: (N,) int.
            next_codes: (N, B), the codes that follow.
        """
        kinds = self._kinds(codes, actions, next_codes)
        if self.cases:
            listed = [self.cases.get(number, -1) for number in _numbers(codes, actions).tolist()]
            kinds = np.where(np.array(listed) < 0, kinds, listed)
        rewards, ends = (np.array(column) for column in zip(*self.kinds))
        return rewards[kinds].astype(np.float64), ends[kinds].astype(bool)

    def _kinds(self, codes: np.ndarray, actions: np.ndarray, next_codes: np.ndarray) -> np.ndarray:
        """Give the number of each step's kind (N,) int by the rules alone."""
        steps, kinds = _Steps(self.grid, self.layers, codes, actions, next_codes), np.zeros(len(actions), int)
        for rule in reversed(self.rules):
            kinds[np.logical_and.reduce([steps.holds(test) for test in rule.tests])] = rule.kind
        return kinds

    def summary(self) -> str:
        """Say in a line how rewards and ends are told."""
        if len(self.kinds) == 1:
            return f"every step {_kind(self.kinds[0])}"
        about = "" if self.about is None else f", but that of many ends only about ({self.about:g})"
        return (
            f"rewards and ends, of {len(self.kinds)} kinds: {len(self.rules):,} rules tell them{about}"
            + f", and {len(self.cases):,} cases listed one by one" * bool(self.cases)
        )

    def to_config(self) -> dict[str, Any]:
        """Describe them in what JSON holds."""
        rules = [[[[t.of, t.number, t.is_set] for t in rule.tests], rule.kind, rule.seen] for rule in self.rules]
        cases = {str(number): kind for number, kind in self.cases.items()}
        kinds = [list(kind) for kind in self.kinds]
        found = {"grid": list(self.grid), "kinds": kinds, "rules": rules, "cases": cases, "about": self.about}
        return {**found, "layers": self.layers}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Outcomes":
        """Make them of what `to_config` gave."""
        rules = tuple(
            OutcomeRule(tuple(Test(*test) for test in tests), kind, seen) for tests, kind, seen in config["rules"]
        )
        cases = {int(number): kind for number, kind in config["cases"].items()}
        rows, columns, bits = config["grid"]
        kinds = tuple((float(reward), bool(end)) for reward, end in config["kinds"])
        return cls((rows, columns, bits), kinds, rules, cases, config.get("about"), config.get("layers", 1))

    @classmethod
    def of_record(cls, record: dict[str, Any] | None) -> "Outcomes | None":
        """Give those that a run's record holds; None where its data had neither rewards nor ends."""
        return cls.from_config(record["outcomes"]) if record and "outcomes" in record else None


class _Steps:
    """N steps, of which tests ask."""

    def __init__(self, grid: tuple[int, int, int], layers: int, codes, actions, next_codes):
        self.grid, self.layers = grid, layers
        self.actions, self.bits = actions, {"before": codes, "after": next_codes}
        self.after = number_rows(next_codes)

    def holds(self, test: Test) -> np.ndarray:
        """Tell of which steps a test is true, (N,) bool."""
        if test.of == "action":
            found = self.actions == test.number
        elif test.of == "becomes":
            found = self.after == np.uint64(test.number)
        elif test.of in self.bits:
            found = self.bits[test.of][:, test.number] == 1
        else:
            which, when = test.of.split()
            bits = divmod(test.number, self.grid[2]) if which == "both" else [test.number]
            found = np.logical_and.reduce([self._shows(when, bit) for bit in bits]).any(axis=1)
        return found == test.is_set

    def _shows(self, when: str, bit: int) -> np.ndarray:
        """Tell which cells show a bit in any layer, or for bit C none in the top one, (N, cells) bool."""
        cells = self.bits[when].reshape(len(self.actions), -1, self.layers, self.grid[2])
        return cells[..., bit].any(axis=2) if bit < self.grid[2] else ~cells[:, :, 0].any(axis=2)

    @cached_property
    def asked(self) -> tuple[list[Test], np.ndarray]:
        """The tests of bits, those first that say the most of the world, and of which steps each is true, (N, T)."""
        tests, columns = [], []
        if self.grid[:2] != (1, 1):
            for when in ("after", "before"):
                bits = range(self.grid[2])
                shown = np.stack([self._shows(when, bit) for bit in range(len(bits) + 1)], axis=2)
                tests += [Test(f"some {when}", bit) for bit in bits]
                columns.append(shown[:, :, :-1].any(axis=1))
                for upper in range(len(bits) + 1) if self.layers > 1 else ():
                    both = (shown[:, :, :-1] & shown[:, :, [upper]]).any(axis=1)  # (N, C)
                    is_lower = (np.arange(len(bits)) > upper) | (upper == len(bits))
                    others = np.flatnonzero(both.any(axis=0) & is_lower).tolist()
                    tests += [Test(f"both {when}", upper * self.grid[2] + other) for other in others]
                    columns.append(both[:, others])
        for when in ("after", "before"):
            tests += [Test(when, bit) for bit in range(self.bits[when].shape[1])]
            columns.append(self.bits[when] == 1)
        return tests, np.concatenate(columns, axis=1)

    @cached_property
    def counts(self) -> np.ndarray:
        """Of how many steps each of these tests is true, (T,)."""
        return self.asked[1].sum(axis=0)

    def true_of(self, row: int) -> tuple[list[Test], np.ndarray]:
        """List the tests that are true of a step and tell it from most others, and of which each is true, (N, T)."""
        tests, shown = self.asked
        alike = np.where(shown[row], self.counts, len(shown) - self.counts)  # (T,) steps
        best = np.sort(np.argsort(alike, kind="stable")[:MOST_TESTS])
        best = best[np.argsort(~shown[row, best], kind="stable")]  # what is set says more
        found = [replace(tests[at], is_set=bool(shown[row, at])) for at in best.tolist()]
        more = [Test("becomes", int(self.after[row])), Test("action", int(self.actions[row]))]
        is_alike = shown[:, best] == shown[row, best]
        return [*found, *more], np.column_stack([is_alike, *(self.holds(test) for test in more)])


def find_outcomes(
    codes: np.ndarray, actions: np.ndarray, next_codes: np.ndarray, rewards: np.ndarray, ends: np.ndarray,
    grid: tuple[int, int, int], layers: int = 1,
) -> Outcomes | None:  # fmt: skip
    """Find what tells the rewards (N,) and the ends (N,) of steps: codes, next codes (N, B) and actions (N,).

    Returns:
        None where rewards take so many values that they are a quantity.

    Example:
        >>> codes, walked = np.eye(3, dtype=np.uint8)[[0, 1, 0, 1]], np.array([1, 1, 0, 1])  # on three places
        >>> after = np.eye(3, dtype=np.uint8)[[1, 2, 0, 2]]
        >>> found = find_outcomes(codes, walked, after, np.array([0, 1, 0, 1.0]), after[:, 2], (1, 1, 3))
        >>> found.told(codes[:2], np.array([1, 1]), after[:2])
        (array([0., 1.]), array([False,  True]))
    """
    rewards, about = _without_a_clock(rewards.astype(np.float64), ends)
    pairs = np.stack([rewards, ends.astype(np.float64)], axis=1)
    distinct, which, counts = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    if len(distinct) > MOST_KINDS:
        return None
    order = np.argsort(-counts, kind="stable")
    kinds = tuple((float(reward), bool(end)) for reward, end in distinct[order])
    kind = np.argsort(order)[which.ravel()]  # (N,), 0 for the usual one
    usual = np.flatnonzero(kind == 0)
    sample = np.union1d(np.flatnonzero(kind), usual[:: max(1, len(usual) // SAMPLE)])
    found = Outcomes(grid, kinds, about=about, layers=layers)
    for _ in range(ROUNDS if len(kinds) > 1 else 0):
        rules = _cover(_Steps(grid, layers, codes[sample], actions[sample], next_codes[sample]), kind[sample])
        found = replace(found, rules=tuple(rules))
        wrong = np.flatnonzero(found._kinds(codes, actions, next_codes) != kind)
        if np.isin(wrong, sample).all():
            break
        sample = np.union1d(sample, wrong)
    wrong = np.flatnonzero(found._kinds(codes, actions, next_codes) != kind)
    listed = zip(_numbers(codes[wrong], actions[wrong]).tolist(), kind[wrong].tolist())
    return replace(found, cases=dict(listed))


def _without_a_clock(rewards: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, float | None]:
    """Put the middle one in place of rewards (N,) of ends (N,) that are nearly all different; gives it, too."""
    _, which, counts = np.unique(rewards[ends], return_inverse=True, return_counts=True)
    is_rare = counts <= max(1, SCATTERED * len(which))
    if is_rare.sum() < FEW:
        return rewards, None
    rare = np.flatnonzero(ends)[is_rare[which]]
    settled, about = rewards.copy(), float(np.sort(rewards[rare])[len(rare) // 2])
    settled[rare] = about
    return settled, about


def _cover(steps: _Steps, kind: np.ndarray) -> list[OutcomeRule]:
    """Find rules for the unusual kinds of steps (N,), each of one or two tests that nothing contradicts."""
    rules: list[OutcomeRule] = []
    left, numbers = kind > 0, _numbers(np.concatenate([steps.bits["before"], steps.bits["after"]], 1), steps.actions)
    with tqdm(total=int(left.sum()), desc="what tells rewards and ends", unit="step", leave=False, delay=1) as bar:
        while left.any() and len(rules) < MOST_RULES:
            _, first, counts = np.unique(numbers[left], return_index=True, return_counts=True)
            seed = int(np.flatnonzero(left)[first[counts.argmax()]])  # the commonest that no rule explains
            tests = _best(steps, seed, kind, numbers)
            if tests is None:
                left &= numbers != numbers[seed]
            else:
                applies = np.logical_and.reduce([steps.holds(test) for test in tests])
                rules.append(OutcomeRule(tests, int(kind[seed]), int(applies.sum())))
                left &= ~applies
            bar.update(bar.total - int(left.sum()) - bar.n)
    return rules


def _best(steps: _Steps, seed: int, kind: np.ndarray, numbers: np.ndarray) -> tuple[Test, ...] | None:
    """Choose the one or two tests true of a step that no step of another kind passes, and most of its kind do."""
    tests, true = steps.true_of(seed)
    _, once = np.unique(numbers, return_index=True)  # steps that are alike count once
    same = kind[once] == kind[seed]
    right, wrong = (true[once][mask].astype(np.float32) for mask in (same, ~same))
    both_right, both_wrong = right.T @ right, wrong.T @ wrong  # (T, T): how many steps pass both; the diagonal: one
    pure = np.where(both_wrong == 0, both_right, 0)
    single = np.diagonal(pure)
    if single.max() >= LEAST:
        return (tests[int(single.argmax())],)
    one, other = np.unravel_index(int(pure.argmax()), pure.shape)
    return (tests[one], tests[other]) if pure[one, other] >= LEAST else None


def _numbers(codes: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """Give a number for each code and action, (N,) uint64."""
    return number_pairs(number_rows(codes), actions)


def outcome_sentences(outcomes: Outcomes, actions: Sequence[str], values: dict[int, str]) -> list[str]:
    """Tell in words what steps are rewarded with and where they end the world, a line for each rule.

    Args:
        actions: Their names.
        values: What the bits of a cell are called, the first one 0.
    """
    if len(outcomes.kinds) == 1:
        return [f"every step {_kind(outcomes.kinds[0])}"]
    said = [
        f"  - where {' and '.join(_words(test, outcomes, actions, values) for test in rule.tests)}: a step "
        f"{_kind(outcomes.kinds[rule.kind])} ({seen_in_words(rule.seen, 'steps')})"
        for rule in outcomes.rules
    ]
    listed = f"; {len(outcomes.cases):,} cases are listed one by one" if outcomes.cases else ""
    return ["rewards and ends:", *said, f"  - else a step {_kind(outcomes.kinds[0])}{listed}"]


def _kind(kind: Kind) -> str:
    return f"is rewarded with {kind[0]:g}" + " and ends the world" * kind[1]


def _words(test: Test, outcomes: Outcomes, actions: Sequence[str], values: dict[int, str]) -> str:
    _, columns, bits = grid = outcomes.grid
    if test.of == "action":
        return f"the action is {actions[test.number]}"
    if test.of == "becomes":
        return f"it leads to the code numbered {test.number:x}"
    when = test.of.split()[-1]
    if test.of.startswith("both"):
        upper, lower = divmod(test.number, bits)
        what = f"{values[upper]} over {values[lower]}" if upper < bits else f"{values[lower]} and nothing over it"
        return f"{when} it {'some' if test.is_set else 'no'} cell shows {what}"
    if test.of.startswith("some"):
        return f"{when} it {'some' if test.is_set else 'no'} cell shows {values[test.number]}"
    if grid[:2] == (1, 1):
        return f"{when} it bit {test.number} is {'set' if test.is_set else 'not set'}"
    cell, bit = divmod(test.number, bits)
    row, column = divmod(cell // outcomes.layers, columns // outcomes.layers)
    shows = "shows" if test.is_set else "doesn't show"
    return f"{when} it cell {row + 1}, {column + 1} {shows} {values[bit]}"
