"""The Keras model: its layers one by one, then the whole."""

from functools import cache, partial
from itertools import product

import keras
import numpy as np
import pytest

from pipeline.architectures import WORLD_MODELS, load_architecture
from pipeline.codes.linear_code import find_code
from pipeline.puzzles import PUZZLES
from pipeline.world_model.architecture import Architecture
from pipeline.world_model.layers import Binarize, LinearPerAction
from pipeline.world_model.learning import whitened
from pipeline.world_model.model import DiscreteWorldModel, build_world_model, unpacked
from pipeline.world_model.transition import local_transition

SIZE = (32, 32)
LOCAL = partial(local_transition, reach=2, units=128)


def transitions(name: str, n: int, seed: int = 0):
    """Draw n transitions of a puzzle: images, actions, next images."""
    puzzle, rng = PUZZLES[name], np.random.default_rng(seed)
    states = puzzle.start(rng, n, "anywhere")
    actions = rng.integers(0, len(puzzle.actions), n).astype(np.uint8)
    return puzzle.render(states, SIZE), actions, puzzle.render(puzzle.step(states, actions), SIZE)


@cache
def code_of(name: str, kind: str | None, max_bits: int):
    """Find a code in a puzzle's images."""
    return find_code(transitions(name, 1500)[0], kind, max_bits) if kind else None


def adapted(name: str, architecture: str) -> DiscreteWorldModel:
    """Build a world model on the code of a puzzle's images."""
    chosen = load_architecture(architecture)
    code = code_of(name, chosen.code, chosen.max_bits)
    return build_world_model(chosen, SIZE, len(PUZZLES[name].actions), code)


def image_batches(name: str, n: int):
    images, actions, after = transitions(name, n, seed=1)
    return {"image": images, "action": actions.astype(np.int32), "next_image": after}


# ---- layers


def test_binarize_gives_exact_bits_and_the_gradient_of_a_sigmoid():
    import tensorflow as tf

    logits = tf.constant([[-3.0, -0.1, 0.0, 0.1, 3.0]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        bits = Binarize()(logits)
    np.testing.assert_array_equal(bits, [[0, 0, 0, 1, 1]])
    soft = 1 / (1 + np.exp(-logits.numpy()))
    np.testing.assert_allclose(tape.gradient(bits, logits), soft * (1 - soft), rtol=1e-5)


@pytest.mark.parametrize("rows", [1, 63, 64, 65, 1000])
@pytest.mark.parametrize("most_actions", [1, 2, 5])
def test_linear_per_action_is_the_matrix_of_the_sample_s_action(rows, most_actions):
    rng = np.random.default_rng(0)
    layer = LinearPerAction(actions=5, units=7)
    code = rng.standard_normal((rows, 11)).astype(np.float32)
    action = rng.integers(5 - most_actions, 5, rows).astype(np.int32)  # some actions may not occur
    layer([code, action])
    kernel, bias = rng.standard_normal((5, 11, 7)).astype(np.float32), rng.standard_normal((5, 7)).astype(np.float32)
    layer.set_weights([kernel, bias])
    wanted = [row @ kernel[chosen] + bias[chosen] for row, chosen in zip(code, action)]
    np.testing.assert_allclose(layer([code, action]), wanted, rtol=1e-4, atol=1e-5)


def test_packed_codes_come_back_as_bits():
    bits = np.random.default_rng(0).integers(0, 2, (9, 21)).astype(np.uint8)
    np.testing.assert_array_equal(unpacked(np.packbits(bits, axis=1, bitorder="little"), 21), bits)


def test_linear_per_action_comes_back_from_its_config():
    layer = LinearPerAction(actions=5, units=7)
    again = LinearPerAction.from_config(layer.get_config())
    assert (again.actions, again.units) == (5, 7)


def test_an_untrained_local_rule_says_that_nothing_changes():
    transition = LOCAL((8, 8, 3), actions=4)
    codes = np.random.default_rng(0).integers(0, 2, (50, 192)).astype(np.float32)
    logits = transition.predict_on_batch([codes, np.zeros(50, np.int32)])
    np.testing.assert_array_equal(logits > 0, codes > 0.5)


def test_a_local_rule_is_the_same_at_every_place_and_looks_no_farther_than_its_reach():
    transition = LOCAL((8, 8, 3), actions=4)
    rng = np.random.default_rng(0)
    transition.set_weights([rng.standard_normal(weight.shape) for weight in transition.get_weights()])
    codes = rng.integers(0, 2, (8, 8, 8, 3)).astype(np.float32)
    touched = codes.copy()
    touched[:, 3, 4] = 1 - touched[:, 3, 4]
    actions = rng.integers(0, 4, 8).astype(np.int32)
    before, after = (
        transition.predict_on_batch([grids.reshape(8, -1), actions]).reshape(8, 8, 8, 3) for grids in (codes, touched)
    )
    changed = (before != after).any(axis=(0, 3))
    cross = np.zeros((8, 8), bool)
    cross[1:6, 4] = cross[3, 2:7] = True
    np.testing.assert_array_equal(changed, cross)
    shifted = np.roll(codes, 1, axis=1)  # inner cells see the same neighbourhood one row further down
    lower = transition.predict_on_batch([shifted.reshape(8, -1), actions]).reshape(8, 8, 8, 3)
    np.testing.assert_allclose(lower[:, 3:6], before[:, 2:5], rtol=1e-4, atol=1e-4)


# ---- the coder of a lattice


@pytest.mark.parametrize("name", ["sokoban", "slidepuzzle", "lightsout"])
def test_cells_are_read_and_drawn_as_the_whole_image_would_be(name):
    code = code_of(name, "tiles", 1600)
    whole, images = code.of_one_cell(), transitions(name, 50, seed=3)[0]
    assert whole.grid == (1, 1, np.prod(code.grid)) and code.lattice.values < whole.lattice.values
    bits = code.encode(images)
    np.testing.assert_array_equal(whole.encode(images), bits)
    np.testing.assert_allclose(whole.decode(bits), code.decode(bits), atol=1e-6)
    for found in (code, whole):
        model = build_world_model(load_architecture("sokoban"), SIZE, 4, found)
        np.testing.assert_array_equal(model.encode(images), bits)
        np.testing.assert_allclose(model.pixels(bits), code.decode(bits), atol=1e-6)


# ---- the whole model


MENDED_SLOWLY = {*product(["sokoban", "slidepuzzle"], ["rubikscube", "rubikscube_optimized"])}


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        pytest.param(*pair, marks=[pytest.mark.long] * (pair in MENDED_SLOWLY))
        for pair in product(["rubikscube", "sokoban", "slidepuzzle", "lightsout"], WORLD_MODELS)
    ],
)
def test_every_world_model_fits_every_puzzle_and_keeps_to_its_bits(name, architecture):
    model = adapted(name, architecture)
    images, actions, _ = transitions(name, 8)
    codes = model.encode(images)
    assert codes.dtype == np.uint8 and set(np.unique(codes)) <= {0, 1}
    assert codes.shape[1] <= load_architecture(architecture).max_bits
    assert model.step(codes, actions).shape == codes.shape
    assert model.decode(codes).shape == images.shape and model.decode(codes).dtype == np.uint8


@pytest.mark.parametrize("name", ["rubikscube", "sokoban", "slidepuzzle", "lightsout"])
def test_images_survive_their_code_unharmed(name):
    model = adapted(name, name)
    images = transitions(name, 300, seed=5)[0]
    decoded = model.decode(model.encode(images))
    assert np.abs(decoded.astype(int) - images).max() <= (1 if name == "rubikscube" else 0)  # its edges are rounded


def test_a_settled_code_is_not_trained_and_a_lossy_one_is():
    assert not adapted("slidepuzzle", "slidepuzzle").encoder.trainable_variables
    assert adapted("slidepuzzle", "sokoban_optimized").encoder.trainable_variables  # 200 bits are too few


def test_without_a_code_all_parts_learn_end_to_end():
    keras.utils.set_random_seed(0)
    model = build_world_model(Architecture("pixels", 64, LOCAL, 1e-3), SIZE, 49, None)
    model.compile(optimizer="adam")
    before = [np.array(weight) for weight in model.trainable_variables]
    batch, points = image_batches("lightsout", 600), whitened(model.encoder)
    batch |= {f"{name}point": points.predict(batch.pop(f"{name}image"), verbose=0) for name in ("", "next_")}
    history = model.fit(batch, batch_size=100, epochs=4, verbose=0).history
    assert history["loss"][-1] < 0.8 * history["loss"][0]
    assert set(history) == {"loss", "reconstruction", "transition", "bit_match", "code_match", "bits_in_use"}
    assert all((old != new).any() for old, new in zip(before, map(np.array, model.trainable_variables)) if old.ndim > 1)


def test_the_metrics_are_those_of_the_predictions():
    model = adapted("sokoban", "sokoban")
    rng = np.random.default_rng(0)
    model.transition.set_weights([w + rng.normal(0, 0.02, w.shape) for w in model.transition.get_weights()])
    model.compile(optimizer="adam")
    batch = image_batches("sokoban", 300)
    found = model.evaluate(batch, batch_size=100, verbose=0, return_dict=True)
    codes, after = model.encode(batch["image"]), model.encode(batch["next_image"])
    right = model.step(codes, batch["action"]) == after
    assert found["code_match"] == pytest.approx(right.all(axis=1).mean(), abs=1e-6)
    assert found["bit_match"] == pytest.approx(right.mean(), abs=1e-6)


@pytest.mark.parametrize("architecture", ["jaxtar", "deepcubeai"])
def test_the_published_systems_learn_all_parts_and_come_back_from_their_file(architecture, tmp_path):
    keras.utils.set_random_seed(0)
    model = adapted("lightsout_4x4", architecture)
    model.compile(optimizer="adam")
    batch = image_batches("lightsout_4x4", 200)
    history = model.fit(batch, batch_size=50, epochs=3, verbose=0).history
    assert history["reconstruction"][-1] < history["reconstruction"][0]
    model.share.assign(0.25)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.encode(batch["image"]), model.encode(batch["image"]))
    assert float(again.share) == 0.25 and again.both_losses == model.both_losses


def test_the_shares_of_the_published_recipes_are_theirs():
    jaxtar, deepcubeai = load_architecture("jaxtar").recipe, load_architecture("deepcubeai").recipe
    epochs = np.array([0, 100, 600, 1100, 2000])
    theirs = np.clip((epochs - 100) / 1000, 0.0001, 1) * 0.5
    assert [jaxtar.share_at(300 * epoch) for epoch in epochs] == pytest.approx(theirs.tolist(), abs=1e-4)
    assert [deepcubeai.share_at(step) for step in (0, 39_999, 40_000, 79_999, 179_999)] == [1e-4, 1e-4, 1e-3, 1e-2, 0.5]
