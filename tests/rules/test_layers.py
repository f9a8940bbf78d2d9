"""Values in layers: a walker over grounds, who carries a parcel from one to another."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.architectures.cells import coder_of, parts_of, parts_of_size, undrawn
from pipeline.codes.cells import Dictionary, fit_cells
from pipeline.codes.combs import Comb, Combs
from pipeline.rules.boards import shortest_rules
from pipeline.rules.language import LocalRules
from pipeline.rules.layers import find_layers
from pipeline.system.hashing import number_rows
from pipeline.world_model.model import DiscreteWorldModel

SIDE, PIXELS, GROUNDS = 4, 4, 3
WAYS, CARRY = np.array([(0, 1), (0, -1), (1, 0), (-1, 0)]), 4  # the actions
VALUES = GROUNDS * 2 * (1 + len(WAYS))


def walked(steps: int, side: int = SIDE) -> tuple[np.ndarray, np.ndarray]:
    """Walk, looking where one goes; gives distinct boards (D, side, side) and transitions (N, 3).

    A cell shows a ground, with 3 more if the parcel lies on it, and with 6 times the way more if the walker is there.
    """
    rng, boards, rows, actions = np.random.default_rng(0), [], [], []
    for step in range(steps):
        if step % 40 == 0:
            ground, way = rng.integers(0, GROUNDS, (side, side)), 0
            place, parcel = rng.integers(0, side, (2, 2))
            boards.append(board_of(ground, place, parcel, way))
        action = int(rng.integers(CARRY + 1))
        if action < CARRY:
            way, onto = action, place + WAYS[action]
            place = onto if (onto >= 0).all() and (onto < side).all() else place
        elif parcel is None:
            parcel = place
        elif (parcel == place).all():
            parcel = None
        rows.append(len(boards) - 1)
        actions.append(action)
        boards.append(board_of(ground, place, parcel, way))
    numbers = number_rows(np.stack(boards))
    _, first, which = np.unique(numbers, return_index=True, return_inverse=True)
    before = np.array(rows)
    return np.stack(boards)[first], np.unique(np.stack([which[before], actions, which[before + 1]], axis=1), axis=0)


def board_of(ground, place, parcel, way) -> np.ndarray:
    board = ground.copy()
    if parcel is not None:
        board[*parcel] += GROUNDS
    board[*place] += 2 * GROUNDS * (1 + way)
    return board


def drawn(boards: np.ndarray) -> np.ndarray:
    """Draw boards (D, side, side), each value as colours of its own, (D, H, W, 3) uint8."""
    looks = np.random.default_rng(1).integers(0, 256, (VALUES, PIXELS, PIXELS, 3), np.uint8)
    count, side = boards.shape[:2]
    return looks[boards].swapaxes(2, 3).reshape(count, side * PIXELS, side * PIXELS, 3)


def test_who_walks_what_is_carried_and_the_ground_are_layers_with_few_rules_and_the_model_is_exact():
    boards, triples = walked(3000)
    layers = find_layers(boards, *triples.T)
    assert layers.counts == (1 + len(WAYS), 2, GROUNDS)
    assert len(np.unique(layers.table, axis=0)) == VALUES  # nothing is lost

    images, comb = drawn(boards), Comb(0.0, float(PIXELS), SIDE)
    dictionary = Dictionary(Combs(comb, comb))
    values, looks = dictionary.merge(dictionary.read(images)[0])
    rules, chosen = shortest_rules(values, triples, CARRY + 1)
    assert chosen is not None and rules.is_complete and len(rules.rules) < 30
    assert LocalRules.from_config(rules.to_config()) == rules
    cells = replace(fit_cells(Combs(comb, comb), images, values, looks), table=chosen.table)
    assert undrawn(cells, images) == 0
    model = DiscreteWorldModel(*parts_of(cells, rules, CARRY + 1))
    codes = model.encode(images)
    assert len(np.unique(codes, axis=0)) == len(images)
    assert (model.step(codes[triples[:, 0]], triples[:, 1]) == codes[triples[:, 2]]).all()
    assert np.abs(model.decode(codes).astype(int) - images).max() == 0

    larger, steps = walked(1000, 2 * SIDE)
    large = model.with_parts(*parts_of_size(model, (2 * SIDE * PIXELS, 2 * SIDE * PIXELS)))
    codes = large.encode(drawn(larger))
    assert (large.step(codes[steps[:, 0]], steps[:, 1]) == codes[steps[:, 2]]).all()


def test_reading_and_drawing_layers_are_made_of_what_onnx_has():
    tf2onnx, runtime = pytest.importorskip("tf2onnx"), pytest.importorskip("onnxruntime")
    import tensorflow as tf

    comb = Combs(Comb(0.0, 4.0, 2), Comb(0.0, 4.0, 2))
    images = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 3), np.uint8)
    values, looks = (dictionary := Dictionary(comb)).merge(dictionary.read(images)[0])
    table = np.stack([np.arange(len(looks[0])) % 3, 3 + np.arange(len(looks[0])) // 3], axis=1)
    encoder, decoder = coder_of(replace(fit_cells(comb, images, values, looks), table=table))
    codes = (np.asarray(encoder(images)) > 0).astype(np.float32)
    for part, given in ((encoder, images), (decoder, codes)):
        shape = [tf.TensorSpec((None, *given.shape[1:]), given.dtype, "given")]
        call = tf.function(lambda given, part=part: part(given), input_signature=shape)
        content = tf2onnx.convert.from_function(call, input_signature=shape, opset=18)[0].SerializeToString()
        (found,) = runtime.InferenceSession(content).run(None, {"given": given})
        assert np.abs(found - np.asarray(part(given))).max() < 1e-5


def test_tiles_that_change_places_are_no_layers():
    rng = np.random.default_rng(0)
    boards = np.stack([rng.permutation(9).reshape(3, 3) for _ in range(400)])
    after = boards.copy()
    for board in after:  # the blank, 0, goes right where it can
        row, column = np.argwhere(board == 0)[0]
        if column < 2:
            board[row, column], board[row, column + 1] = board[row, column + 1], 0
    both = np.concatenate([boards, after])
    assert find_layers(both, np.arange(400), np.zeros(400, int), 400 + np.arange(400)) is None
