"""Rules as Keras layers: each computes the next bits in whole numbers, and learns how certain every rule is.

Both take bits (N, B) of -1 and 1 and actions (N,) int, and give logits (N, B).
"""

import keras
import numpy as np
from keras import ops

from ..rules.language import EMPTY, OUTSIDE, CopyRules, LocalRules, Offset, Rules
from .layers import rows_of

VALUES = 3  # of a cell beside its bits: not on the board, no bit, several bits
MOST_CERTAIN = 8.0  # the logit with which a rule begins that was often seen and never contradicted


def certainty(right, wrong):
    """Give the logit with which a rule begins: of its odds, once more right and once more wrong than was seen."""
    return np.clip(np.log((np.asarray(right) + 1.0) / (np.asarray(wrong) + 1.0)), 0.1, MOST_CERTAIN).astype(np.float32)


@keras.saving.register_keras_serializable("discrete_world_model")
class CopyBits(keras.layers.Layer):
    """For each action and bit a copy of one bit, or its opposite; 0 where there is none."""

    def __init__(self, actions: int, units: int, **kwargs):
        super().__init__(**kwargs)
        self.actions, self.units = actions, units

    def build(self, input_shape):
        def table(name, *more):
            shape = (self.actions, self.units, *more)
            return self.add_weight(shape=shape, initializer="zeros", dtype="int32", trainable=False, name=name)

        self.source, self.sign, self.seen, self.wrong = table("source"), table("sign"), table("seen", 2), table("wrong")
        shape = (self.actions, self.units)
        self.certainty = self.add_weight(shape=shape, initializer="ones", name="certainty")

    @property
    def _tables(self):
        return self.source, self.sign, self.seen, self.wrong

    @property
    def inner_numbers(self) -> int:
        """How many numbers it holds for each row beside its output: sources, signs, certainties and copies."""
        return 4 * self.units

    def call(self, inputs):
        bits, action = inputs
        copied = ops.take_along_axis(bits, ops.take(self.source, action, axis=0), axis=1)
        signs = ops.cast(ops.take(self.sign, action, axis=0), bits.dtype)
        return copied * signs * rows_of(self.certainty, action)

    def begin(self, rules: CopyRules):
        """Begin with rules."""
        is_copy = rules.source >= 0
        sign = np.where(rules.flipped, -1, 1) * is_copy
        most = np.iinfo(np.int32).max
        self.certainty.assign(certainty(rules.seen.sum(axis=-1) - rules.wrong, rules.wrong))
        tables = (np.maximum(rules.source, 0), sign, np.minimum(rules.seen, most), np.minimum(rules.wrong, most))
        for weight, table in zip(self._tables, tables):
            weight.assign(table.astype(np.int32))

    @property
    def rules(self) -> CopyRules:
        """The rules that it computes."""
        source, sign, seen, wrong = (np.asarray(ops.convert_to_numpy(weight)) for weight in self._tables)
        return CopyRules(np.where(sign == 0, -1, source), sign < 0, seen.astype(np.int64), wrong.astype(np.int64))

    def compute_output_shape(self, input_shape):
        return (*input_shape[0][:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "actions": self.actions, "units": self.units}


@keras.saving.register_keras_serializable("discrete_world_model")
class ApplyRules(keras.layers.Layer):
    """Local rules, computed on whole boards: each test is a comparison of a board that was moved by its offset.

    Args:
        rules: What `LocalRules.to_config` gives.
    """

    def __init__(self, rules: dict, **kwargs):
        super().__init__(**kwargs)
        self.rules = LocalRules.from_config(rules)
        self.reach = max((max(map(abs, offset)) for offset in self._offsets()), default=0)

    def _offsets(self) -> list[Offset]:
        copied = [rule.copied for rule in self.rules.rules if rule.copied]
        return [*copied, *(offset for rule in self.rules.rules for offset in rule.offsets)]

    def build(self, input_shape):
        rules, kept = self.rules.rules, [MOST_CERTAIN] * self.rules.actions
        begin = [*certainty([rule.seen - rule.wrong for rule in rules], [rule.wrong for rule in rules]), *kept]
        first = keras.initializers.Constant(np.array(begin, np.float32))
        self.certainty = self.add_weight(shape=(len(begin),), initializer=first, name="certainty")

    @property
    def inner_numbers(self) -> int:
        """How many numbers it holds for each row beside its output: boards of tests, rules and outcomes."""
        rows, columns, bits = self.rules.grid
        return rows * columns * (len(self.rules.rules) + 4 * bits)

    def call(self, inputs):
        bits, action = inputs
        rows, columns, count = self.rules.grid
        cells = ops.reshape(bits, (-1, count))  # (N h w, C)
        which = self._decided(ops.reshape(self._numbers(cells), (-1, rows, columns)), action)
        board = count + VALUES + ops.arange(ops.shape(which)[0])[:, None] * (rows * columns)
        here = ops.reshape(which, (-1, rows * columns)) * (rows * columns) + ops.arange(rows * columns)
        place = ops.take(ops.reshape(self._places(), (-1,)), here)
        source = ops.where(place < 0, -1 - place, board + place)  # among first all values, then all cells
        following = ops.take(ops.concatenate([self._symbols(cells.dtype), cells]), ops.reshape(source, (-1,)), axis=0)
        certain = rows_of(self.certainty[:, None], ops.reshape(which, (-1,)))
        return ops.reshape(following * certain, ops.shape(bits))

    def _decided(self, numbers, action):
        """Find what says what each cell becomes: a rule's number, or after all rules the action, where nothing changes.

        Args:
            numbers: The cells' values (N, h, w).
            action: (N,).

        Returns:
            (N, h, w) int32.
        """
        sides = (self.reach, self.reach)
        around, known = ops.pad(numbers, ((0, 0), sides, sides), constant_values=OUTSIDE), {}  # where each test is true
        which = ops.zeros_like(numbers) + len(self.rules.rules) + action[:, None, None]
        for number, rule in reversed(list(enumerate(self.rules.rules))):  # the first that applies has the last word
            applies = ops.equal(action, rule.action)[:, None, None]
            for test in rule.tests:
                if test not in known:
                    known[test] = test.holds(self._at(around, test.offset))
                applies = ops.logical_and(applies, known[test])
            for somewhere in rule.board:
                shows = ops.equal(numbers, somewhere.value)
                if somewhere.beside:
                    offset, value = somewhere.beside
                    shows = ops.logical_and(shows, ops.equal(self._at(around, offset), value))
                is_there = ops.any(shows, axis=(1, 2), keepdims=True)
                applies = ops.logical_and(applies, ops.equal(is_there, somewhere.is_there))
            which = ops.where(applies, number, which)
        return which

    def _places(self) -> np.ndarray:
        """Give for each rule, then each action, where the next bits of each cell are: (R + A, h w) int32.

        A cell's place on the board; -1 - v where they are those of value v.
        """
        rows, columns, _ = self.rules.grid
        cells = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
        padded = np.pad(cells, self.reach, constant_values=-1 - OUTSIDE)
        said = [
            self._at(padded, rule.copied) if rule.copied else np.full_like(cells, -1 - (rule.value or OUTSIDE))
            for rule in self.rules.rules
        ]
        return np.stack([*said, *[cells] * self.rules.actions]).reshape(-1, rows * columns)

    def _symbols(self, dtype):
        """Give the bits of each value a cell can take, (C + VALUES, C) of -1 and 1."""
        count = self.rules.grid[2]
        return ops.cast(np.where(np.arange(count + VALUES)[:, None] == np.arange(2, count + 2), 1, -1), dtype)

    def _numbers(self, cells):
        """Read cells (…, C) of -1 and 1 as values, as `cell_values` does."""
        bits = self.rules.grid[2]
        weights = ops.cast(np.arange(bits + 1, 2 * bits + 1)[:, None] * 0.5, cells.dtype)
        numbers = ops.cast(ops.matmul(cells, weights) + ops.sum(weights), "int32")
        return ops.where(numbers > 2 * bits, bits + 2, ops.maximum(numbers - bits + 1, EMPTY))

    def _at(self, padded, offset: Offset):
        top, left = self.reach + offset[0], self.reach + offset[1]
        return padded[..., top : top + self.rules.grid[0], left : left + self.rules.grid[1]]

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return {**super().get_config(), "rules": self.rules.to_config()}


def rules_layer(rules: Rules, bits: int) -> keras.layers.Layer:
    """Give the layer that computes rules."""
    if isinstance(rules, LocalRules):
        return ApplyRules(rules.to_config(), name="rules")
    layer = CopyBits(len(rules.source), bits, name="rules")
    layer.build([(None, bits), (None,)])
    layer.begin(rules)
    return layer
