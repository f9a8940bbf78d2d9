"""A model's transition as exact whole numbers on states (N, S) uint8, as quick as what was learned allows."""

import sys
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cached_property
from math import factorial, prod

import numpy as np
import scipy  # its parts are imported where they are first used: models load sooner

from ..rules.language import EMPTY, HERE, OUTSIDE, CopyRules, LocalRules, Offset, cell_bits, cell_values
from ..rules.operators import Operator, operators_of
from ..system.hashing import byte_weights, number_rows
from .invariants import is_odd

Change = tuple[np.ndarray, int | np.ndarray]  # in each row the cell that changes, and its new value
Chosen = np.ndarray | slice


class Moves:
    """Steps that change something: from the states at `rows` (M,) by `actions` (M,), to or from other states.

    Args:
        made: Makes the other states (m, S) of chosen steps, which often are a few of them.
    """

    def __init__(self, rows: np.ndarray, actions: np.ndarray, made: Callable[[Chosen], np.ndarray]):
        self.rows, self.actions, self.made = rows, actions, made

    @cached_property
    def states(self) -> np.ndarray:
        return self.made(slice(None))

    def numbers(self, before: np.ndarray) -> np.ndarray:
        """Number the other states as `number_rows` does, (M,); `before` (N,) numbers those at the rows."""
        return number_rows(self.states)


class BoardMoves(Moves):
    """Steps that change a few cells of boards.

    Args:
        boards: (N, S) uint8.
        found: Of each operator its action, the rows where it applies, and what it changes there.
    """

    def __init__(self, boards: np.ndarray, found: list[tuple[int, np.ndarray, list[Change]]]):
        actions, rows, self.changes = zip(*found)
        counts = [len(part) for part in rows]
        super().__init__(np.concatenate(rows), np.repeat(np.array(actions, np.uint8), counts), self._made)
        self.boards, self.ends = boards, np.cumsum(counts)

    def _made(self, chosen: Chosen) -> np.ndarray:
        steps = np.arange(len(self.rows))[chosen]
        after = self.boards[self.rows[steps]]
        operators = np.searchsorted(self.ends, steps, side="right")
        for number, changes in enumerate(self.changes):
            at = np.flatnonzero(operators == number)
            own = steps[at] - (self.ends[number - 1] if number else 0)
            for cells, values in changes:
                after[at, cells[own]] = values[own] if isinstance(values, np.ndarray) else values
        return after

    def numbers(self, before: np.ndarray) -> np.ndarray:
        weights, found = byte_weights(self.boards.shape[1]), before[self.rows]
        for rows, numbers, changes in zip(
            *(np.split(part, self.ends[:-1]) for part in (self.rows, found)), self.changes
        ):
            for cells, values in changes:
                numbers += weights[cells] * (np.asarray(values, np.uint64) - self.boards[rows, cells])
        return found


class World(ABC):
    """States and what actions make of them."""

    about: str  # what it is made of, for a person
    actions: int  # A
    goes_back = False  # whether `parents` gives all states from which one step leads to a state
    unknown: np.ndarray | None = None  # the state (S,) that steps lead to which the data never showed, if there is one
    can_undo = False  # whether what an action does some other actions always undo
    step: Callable[[np.ndarray, np.ndarray], np.ndarray]  # codes (N, B) and actions (N,) to codes; errors as of `read`

    @abstractmethod
    def read(self, codes: np.ndarray) -> np.ndarray:
        """Give the states (N, S) uint8 of codes (N, B) uint8; `ValueError` where this world isn't about them."""

    @abstractmethod
    def children(self, states: np.ndarray) -> Moves:
        """Give all steps from states (N, S) that change something."""

    def parents(self, states: np.ndarray) -> Moves:
        """Give all steps to states (N, S) that change something; `states` are those that they come from."""
        raise NotImplementedError

    def successors(self, codes: np.ndarray) -> np.ndarray:
        """Give the codes (N, A, B) uint8 that follow on codes (N, B) by each action; `ValueError` as for `read`."""
        after = self.step(np.repeat(codes, self.actions, axis=0), np.tile(np.arange(self.actions), len(codes)))
        return after.reshape(len(codes), self.actions, -1)

    def most_states(self, state: np.ndarray) -> float:
        """Give a number that the states which can be reached from a state (S,) don't exceed."""
        return float("inf")

    def differs_for_ever(self, state: np.ndarray, other: np.ndarray) -> str:
        """Say what both show that no action ever changes, where a state (S,) isn't of another's level; else nothing."""
        return ""

    def no_way(self, state: np.ndarray, goal: np.ndarray) -> str:
        """Say why no actions lead from a state (S,) to a goal (S,), where an invariant tells; else nothing."""
        return ""


class BitWorld(World):
    """Each next bit is a copy of a bit or its opposite. States are the codes themselves."""

    def __init__(self, rules: CopyRules):
        self.about = "each next bit is a copy"
        self.source, self.flipped = rules.source, rules.flipped.astype(np.uint8)
        self.actions, bits = self.source.shape
        self.step = rules.step
        self.goes_back = bool((np.sort(self.source, axis=1) == np.arange(bits)).all())
        self.can_undo = self.goes_back
        self.only_flips = bool((self.source == np.arange(bits)).all())
        self._back = np.argsort(self.source, axis=1)

    def read(self, codes):
        return codes

    def children(self, states):
        return joined(states, [states[:, source] ^ flips for source, flips in zip(self.source, self.flipped)])

    def parents(self, states):
        return joined(states, [(states ^ flips)[:, back] for back, flips in zip(self._back, self.flipped)])

    def successors(self, codes):
        groups, kind = self._groups
        after = np.take(np.ascontiguousarray(codes).view(kind), groups, axis=1).view(np.uint8)
        after = after.reshape(len(codes), *self.source.shape)
        return after ^ self.flipped if self.flipped.any() else after

    @cached_property
    def _groups(self) -> tuple[np.ndarray, np.dtype]:
        """Give the sources (A, B / n) of n bits that are always copied together, and the type that holds n bits."""
        bits = self.source.shape[1]
        for size in (8, 4, 2):
            if bits % size == 0:
                first = self.source[:, ::size]
                if (
                    not (first % size).any()
                    and (self.source == np.repeat(first, size, 1) + np.arange(bits) % size).all()
                ):
                    return first // size, np.dtype(f"u{size}")
        return self.source, np.dtype("u1")

    def most_states(self, state):
        return _as_float(2 ** len(state))


class BoardWorld(World):
    """Operators around the one cell that shows a value. States are the cells' values, and one cell that is outside."""

    def __init__(self, rules: LocalRules, thing: int, operators: list[Operator]):
        self.grid, self.thing = rules.grid, thing
        self.about = f"{len(operators)} operators move one cell"
        self.actions, self.cells = rules.actions, rules.grid[0] * rules.grid[1]
        self.forward = [self._compiled(operator.action, operator.asks, operator.becomes) for operator in operators]
        back = [_turned_round(operator, thing) for operator in operators]
        self.goes_back = None not in back
        self.backward = [self._compiled(*turned) for turned in back if turned]
        effects = [(operator.asks, operator.becomes) for operator in operators]
        self.can_undo = self.goes_back and all(turned[1:] in effects for turned in back if turned)
        changes = [(operator.asks[at], new) for operator in operators for at, new in operator.becomes.items()]
        changed = {value for change in changes for value in change}
        moves_anything = any(isinstance(value, tuple) or value is None for value in changed)
        self.fixed = set() if moves_anything else set(range(EMPTY, self.grid[2] + 2)) - changed  # what nothing changes
        self.kept = _kept(operators, thing, range(EMPTY, self.grid[2] + 2))
        self.operators = operators
        told = {value for operator in operators for value in (*operator.asks.values(), *operator.becomes.values())}
        self.is_blind = {value for value in told if isinstance(value, int)} <= {thing, OUTSIDE}
        left = {operator.becomes.get(HERE) for operator in operators}
        self.left_behind = left.pop() if len(left) == 1 else None

    def read(self, codes):
        values = cell_values(codes, self.grid)
        if (values > self.grid[2] + 1).any():
            raise ValueError("a cell has several bits")
        states = np.full((len(codes), self.cells + 1), OUTSIDE, np.uint8)
        states[:, :-1] = values.reshape(len(codes), -1)
        if ((states == self.thing).sum(axis=1) != 1).any():
            raise ValueError(f"one cell must show v{self.thing}")
        return states

    def write(self, states: np.ndarray) -> np.ndarray:
        """Give the codes (N, B) uint8 of states (N, S)."""
        return cell_bits(states[:, :-1], self.grid[2])

    def step(self, codes, actions):
        after = codes.reshape(len(codes), self.cells, -1).copy()
        for _, rows, changes in self._found(self.forward, self.read(codes), actions):
            for cells, values in changes:
                after[rows, cells] = self._bits[values]
        return after.reshape(codes.shape)

    def successors(self, codes):
        shape = len(codes), self.actions, self.cells, self.grid[2]
        after = np.broadcast_to(codes.reshape(len(codes), 1, *shape[2:]), shape).copy()
        for action, rows, changes in self._found(self.forward, self.read(codes)):
            for cells, values in changes:
                after[rows, action, cells] = self._bits[values]
        return after.reshape(*shape[:2], -1)

    def children(self, states):
        return BoardMoves(states, list(self._found(self.forward, states)))

    def parents(self, states):
        return BoardMoves(states, list(self._found(self.backward, states)))

    def most_states(self, state):
        free = state[:-1][~np.isin(state[:-1], list(self.fixed))]
        return _as_float(factorial(len(free)) // prod(factorial(int(count)) for count in np.bincount(free)))

    def differs_for_ever(self, state, other):
        fixed = list(self.fixed)
        cells = np.flatnonzero((state != other) & (np.isin(state, fixed) | np.isin(other, fixed)))
        if len(cells):
            return f"no action ever changes {len(cells)} cells in which they differ"
        for value in self.kept:
            count, wanted = (state == value).sum(), (other == value).sum()
            if count != wanted:
                return f"no action changes how many cells show v{value}, which are {count} and {wanted}"
        return ""

    def no_way(self, state, goal):
        before, after = state[:-1], goal[:-1]
        if self.parities is None or len(np.unique(after)) < self.cells or set(before) != set(after):
            return ""
        odd = is_odd(np.argsort(after)[np.argsort(np.argsort(before))])
        begin, end = int(np.argmax(before == self.thing)), int(np.argmax(after == self.thing))
        if self.parities[begin, 0] == self.parities[end, odd]:
            return ""
        said = ("evenly", "oddly")
        return (
            f"the values of all cells are permuted {said[odd]}, and actions that bring v{self.thing} where it is in "
            f"the goal permute them {said[1 - odd]}"
        )

    @cached_property
    def parities(self) -> np.ndarray | None:
        """Number (cells, 2) what is reached together: where the thing is, and whether cells were permuted oddly.

        None where not every operator permutes the values of cells.
        """
        begins, ends = [], []
        for operator in self.operators:
            sources = _permuted(operator, self.thing)
            if sources is None:
                return None
            places = list(sources)
            odd = is_odd([places.index(source) for source in sources.values()])
            to = next((place for place, source in sources.items() if source == HERE), HERE)
            is_there = [(self._at(place) < self.cells) != (value == OUTSIDE) for place, value in operator.asks.items()]
            for cell in np.flatnonzero(np.all([np.full(self.cells, True), *is_there], axis=0)):
                for parity in (0, 1):
                    begins.append(2 * cell + parity)
                    ends.append(2 * self._at(to)[cell] + (parity ^ odd))
        size = 2 * self.cells
        edges = scipy.sparse.coo_array((np.ones(len(begins)), (begins, ends)), (size, size))
        return scipy.sparse.csgraph.connected_components(edges)[1].reshape(-1, 2)

    def renamed(self, start: np.ndarray, goal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give a start and a goal (S,) with other values, in ascending order in the goal, and the same plans.

        As they are, where operators tell values apart or a value is there twice.
        """
        cells = np.flatnonzero(goal[:-1] != self.thing)
        values = goal[cells]
        if not self.is_blind or len(np.unique(values)) < len(values) or set(start) != set(goal):
            return start, goal
        names = np.arange(256, dtype=np.uint8)
        names[values] = np.sort(values)
        return names[start], names[goal]

    def with_thing_anywhere(self, state: np.ndarray) -> np.ndarray:
        """Give a state (S,) with the thing in each cell that looks like what it leaves behind, (N, S)."""
        if not isinstance(self.left_behind, int):
            raise ValueError("what the thing leaves behind isn't always the same")
        bare = np.where(state == self.thing, self.left_behind, state).astype(np.uint8)
        cells = np.flatnonzero(bare == self.left_behind)
        states = np.tile(bare, (len(cells), 1))
        states[np.arange(len(cells)), cells] = self.thing
        return states

    def _compiled(self, action: int, asks: dict, becomes: dict) -> tuple:
        """Turn an operator's offsets into tables (cells,) of the cell at each, from the thing's cell."""
        tests = [(self._at(place), value) for place, value in asks.items() if place != HERE]
        writes = [
            (
                self._at(place),
                None if isinstance(new, tuple) else new,
                self._at(new) if isinstance(new, tuple) else None,
            )
            for place, new in becomes.items()
        ]
        return action, tests, writes

    def _at(self, offset: Offset) -> np.ndarray:
        rows, columns = self.grid[:2]
        down, right = np.divmod(np.arange(self.cells), columns)
        down, right = down + offset[0], right + offset[1]
        is_on = (down >= 0) & (down < rows) & (right >= 0) & (right < columns)
        return np.where(is_on, down * columns + right, self.cells)

    @cached_property
    def _bits(self) -> np.ndarray:
        """Give the bits (values, C) uint8 of a cell that shows a value."""
        return cell_bits(np.arange(self.grid[2] + 2)[:, None], self.grid[2])

    def _found(
        self, operators: list[tuple], states: np.ndarray, actions: np.ndarray | None = None
    ) -> Iterator[tuple[int, np.ndarray, list[Change]]]:
        """Yield for each operator its action, the rows of states (N, S) where it applies, and the cells' new values.

        Where actions (N,) are given, of each row's action alone.
        """
        flat, size = states.reshape(-1), states.shape[1]
        things, base = np.argmax(states == self.thing, axis=1), np.arange(len(states)) * size
        for action, tests, writes in operators:
            rows = np.arange(len(states)) if actions is None else np.flatnonzero(actions == action)
            for table, value in tests:
                shown = flat[base[rows] + table[things[rows]]]
                rows = rows[shown != OUTSIDE if value is None else shown == value]
            where = things[rows]
            yield (
                action,
                rows,
                [
                    (table[where], flat[base[rows] + copied[where]] if value is None else value)
                    for table, value, copied in writes
                ],
            )


def _before(operator: Operator, thing: int, place: Offset) -> int | Offset:
    """Give what is at a place before an operator is used: a value, or the place itself where any may be."""
    value = thing if place == HERE else operator.asks.get(place)
    return place if value is None else value


def _kept(operators: list[Operator], thing: int, values: range) -> list[int]:
    """Give the values that after each operator as many cells show as before."""
    changed: set[int | Offset] = set()
    for operator in operators:
        before = Counter(_before(operator, thing, place) for place in operator.becomes)
        after = Counter(
            _before(operator, thing, new) if isinstance(new, tuple) else new for new in operator.becomes.values()
        )
        changed |= {value for value in before | after if before[value] != after[value]}
    return (
        []
        if any(isinstance(value, tuple) for value in changed)
        else [value for value in values if value not in changed]
    )


def _permuted(operator: Operator, thing: int) -> dict[Offset, Offset] | None:
    """Give the place from which each changed place gets its value, if that is a permutation of them; else None."""
    sources = {}
    for place, new in operator.becomes.items():
        shown = [other for other in operator.becomes if new in (other, _before(operator, thing, other))]
        if len(shown) != 1:
            return None
        sources[place] = shown[0]
    return sources if set(sources.values()) == set(sources) else None


def _turned_round(operator: Operator, thing: int) -> tuple | None:
    """Give an operator that undoes one: action, what it asks and what becomes of it; None where none is exact."""
    places = [place for place, new in operator.becomes.items() if new == thing]
    new_place = places[0] if places else HERE

    def moved(place: Offset) -> Offset:
        return place[0] - new_place[0], place[1] - new_place[1]

    copies = {new: place for place, new in operator.becomes.items() if isinstance(new, tuple)}
    asks: dict[Offset, int | None] = {}
    becomes: dict[Offset, int | Offset] = {}
    for place, before in operator.asks.items():
        after = operator.becomes.get(place, before)
        asks[moved(place)] = None if isinstance(after, tuple) else after
        if place in operator.becomes:
            if before is not None:
                becomes[moved(place)] = before
            elif place in copies:
                becomes[moved(place)] = moved(copies[place])
            else:
                return None
    return operator.action, asks, becomes


def _as_float(count: int) -> float:
    """Give a count as a float; the largest that there is, where it is larger."""
    return float(min(count, int(sys.float_info.max)))


def joined(states: np.ndarray, following: list[np.ndarray]) -> Moves:
    """Put together what each action makes of states (N, S), where it changes something."""
    rows = [np.flatnonzero((after != states).any(axis=1)) for after in following]
    actions = np.repeat(np.arange(len(rows), dtype=np.uint8), [len(part) for part in rows])
    made = np.concatenate([after[part] for after, part in zip(following, rows)])
    return Moves(np.concatenate(rows), actions, made.__getitem__)


class CodeWorld(World):
    """Any transition, by batches. States are codes, eight bits to a byte."""

    def __init__(self, step: Callable, actions: int, bits: int, about: str):
        self.step, self.actions, self.bits, self.about = step, actions, bits, about

    def read(self, codes):
        return np.packbits(codes, axis=1)

    def children(self, states):
        codes = np.unpackbits(states, axis=1, count=self.bits)
        following = [self.step(codes, np.full(len(codes), action)) for action in range(self.actions)]
        return joined(states, [np.packbits(codes, axis=1) for codes in following])

    def most_states(self, state):
        return _as_float(2**self.bits)


class TableWorld(World):
    """A table of what follows on each of P pictures. States are their numbers in two bytes; P, unknown, stays so."""

    def __init__(self, following: np.ndarray):
        self.actions, self.count = following.shape  # (A, P) int
        self.following = np.pad(following, ((0, 0), (0, 1)), constant_values=self.count).astype("<u2")
        self.about = f"a table of {self.count:,} pictures"
        self.unknown = np.array([self.count], "<u2").view(np.uint8)

    def read(self, codes):
        numbers = codes.astype(np.int64) @ (1 << np.arange(codes.shape[1]))
        return np.minimum(numbers, self.count).astype("<u2")[:, None].view(np.uint8)

    def step(self, codes, actions):
        after = self.following[actions, self.read(codes).view("<u2")[:, 0]]
        return (after[:, None] >> np.arange(codes.shape[1]) & 1).astype(np.uint8)

    def children(self, states):
        numbers = np.ascontiguousarray(states).view("<u2")[:, 0]
        return joined(states, [following[numbers][:, None].view(np.uint8) for following in self.following])

    def most_states(self, state):
        return self.count + 1.0


class EndingWorld(CodeWorld):
    """Another world until it ends: steps that end it with the best reward lead to one state, `goal`, others nowhere.

    States are those of any transition, with a byte more that is 1 for the goal alone.

    Args:
        told: Codes (N, B), actions (N,) and next codes (N, B) to rewards (N,) and ends (N,).
        best: The best reward.
    """

    def __init__(self, world: World, bits: int, told: Callable, best: float):
        super().__init__(world.step, world.actions, bits, f"{world.about}, until it ends")
        self.told, self.best = told, best
        self.goal = np.append(np.zeros(-(-bits // 8), np.uint8), np.uint8(1))
        if isinstance(world, TableWorld):
            self.unknown = self.read(world.count >> np.arange(bits)[None] & 1)[0]

    def read(self, codes):
        return np.pad(super().read(codes), ((0, 0), (0, 1)))

    def children(self, states):
        codes, following = np.unpackbits(states[:, :-1], axis=1, count=self.bits), []
        for action in range(self.actions):
            actions = np.full(len(codes), action)
            after = self.step(codes, actions)
            rewards, ends = self.told(codes, actions, after)
            next_states = np.where(ends[:, None], states, self.read(after))
            following.append(np.where((ends & (rewards == self.best))[:, None], self.goal, next_states))
        return joined(states, following)


def compile_world(model, actions: int) -> World:
    """Turn a loaded world model's transition, of so many actions, into the quickest world that is equal to it."""
    rules = model.rules if model.rules_are_all else None
    if isinstance(rules, CopyRules):
        return BitWorld(rules)
    if isinstance(rules, LocalRules):
        for thing, operators in operators_of(rules).items():
            if operators:
                return BoardWorld(rules, thing, operators)
        return CodeWorld(rules.step, actions, model.bits, "rules of cells")
    layers = {layer.name: layer for layer in model.transition.layers}
    if "look_up" in layers:
        return TableWorld(np.asarray(layers["look_up"].table))
    return CodeWorld(model.step, actions, model.bits, "the network itself")
