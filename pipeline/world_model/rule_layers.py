"""Rules as Keras layers: each computes the next bits in whole numbers, and learns how certain every rule is.

Both take bits (N, B) of -1 and 1 and actions (N,) int, and give logits (N, B).
"""

import keras
import numpy as np
from keras import ops

from ..rules.language import EMPTY, OUTSIDE, CopyRules, LocalRules, Offset, Rules
from .layers import rows_of

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
        for weight, table in zip(self.non_trainable_weights, tables):
            weight.assign(table.astype(np.int32))

    @property
    def rules(self) -> CopyRules:
        """The rules that it computes."""
        source, sign, seen, wrong = (np.asarray(ops.convert_to_numpy(weight)) for weight in self.non_trainable_weights)
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
        return [*copied, *(test.offset for rule in self.rules.rules for test in rule.tests)]

    def build(self, input_shape):
        rules, kept = self.rules.rules, [MOST_CERTAIN] * self.rules.actions
        begin = [*certainty([rule.seen - rule.wrong for rule in rules], [rule.wrong for rule in rules]), *kept]
        first = keras.initializers.Constant(np.array(begin, np.float32))
        self.certainty = self.add_weight(shape=(len(begin),), initializer=first, name="certainty")

    @property
    def inner_numbers(self) -> int:
        """How many numbers it holds for each row beside its output: boards of tests, rules and outcomes."""
        rows, columns, bits = self.rules.grid
        outcomes = len({(rule.copied, rule.value) for rule in self.rules.rules})
        return rows * columns * (len(self.rules.rules) + bits * (outcomes + 2))

    def call(self, inputs):
        bits, action = inputs
        cells = ops.reshape(bits, (-1, *self.rules.grid))
        numbers = self._padded(self._numbers(cells), OUTSIDE)  # (N, h + 2 reach, w + 2 reach)
        known = {}  # where each test is true, (N, h, w)
        free = ops.ones_like(cells[..., 0], dtype="bool")
        certain, outcomes = ops.zeros_like(cells[..., 0]), {}
        for number, rule in enumerate(self.rules.rules):
            applies = ops.logical_and(free, ops.equal(action, rule.action)[:, None, None])
            for test in rule.tests:
                if test not in known:
                    known[test] = test.holds(self._at(numbers, test.offset))
                applies = ops.logical_and(applies, known[test])
            free = ops.logical_and(free, ops.logical_not(applies))
            certain += ops.cast(applies, bits.dtype) * self.certainty[number]
            outcome = (rule.copied, rule.value)
            outcomes[outcome] = ops.logical_or(outcomes[outcome], applies) if outcome in outcomes else applies
        kept = rows_of(self.certainty[len(self.rules.rules) :], action)
        certain += ops.cast(free, bits.dtype) * kept[:, None, None]
        return ops.reshape(self._following(cells, outcomes) * certain[..., None], ops.shape(bits))

    def _following(self, cells, outcomes):
        """Put what the rules say into the cells (N, h, w, C) to which they apply."""
        around, following = self._padded(cells, -1.0), cells
        for (copied, value), applies in outcomes.items():
            bits = np.where(np.arange(2, cells.shape[-1] + 2) == value, 1, -1) if copied is None else None
            said = ops.cast(bits, cells.dtype) if copied is None else self._at(around, copied)
            following = ops.where(applies[..., None], said, following)
        return following

    def _numbers(self, cells):
        """Read cells (N, h, w, C) of -1 and 1 as values, as `cell_values` does."""
        bits = self.rules.grid[2]
        weights = ops.cast(np.arange(bits + 1, 2 * bits + 1), cells.dtype)
        numbers = ops.cast(ops.sum((cells + 1) * 0.5 * weights, axis=-1), "int32")
        return ops.where(numbers > 2 * bits, bits + 2, ops.maximum(numbers - bits + 1, EMPTY))

    def _padded(self, board, outside):
        sides = (self.reach, self.reach)
        return ops.pad(board, ((0, 0), sides, sides, *[(0, 0)] * (board.ndim - 3)), constant_values=outside)

    def _at(self, padded, offset: Offset):
        top, left = self.reach + offset[0], self.reach + offset[1]
        return padded[:, top : top + self.rules.grid[0], left : left + self.rules.grid[1]]

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


def no_rules(grid: tuple[int, int, int], actions: int) -> LocalRules:
    """Give local rules that say that nothing changes."""
    return LocalRules(grid, actions, (), (frozenset(),) * actions)
