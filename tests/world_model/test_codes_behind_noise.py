"""Codes of noisy pictures, and what learning one begins with, on small puzzles with noise in every frame."""

from functools import cache

import numpy as np
import pytest

from pipeline.codes.learned import begin, choose
from pipeline.codes.linear import flat
from pipeline.codes.linear_code import find_code
from pipeline.codes.noise import find_code_in_noise, without_clipping
from pipeline.codes.whitening import whiten
from pipeline.evaluation.robustness import add_noise
from pipeline.puzzles import PUZZLES
from pipeline.training.code_learning import idle_bits, settled_code

CASES = {  # dataset: image size, kind of code, directions in which clean pictures vary
    "lightsout_4x4": ((12, 12), "tiles"),
    "slidepuzzle_3x3": ((18, 12), "tiles"),
    "rubikscube_2x2x2": ((16, 16), "pixels"),
}
SIGMA = 8


@cache
def pictures(name: str, seed: int = 0, count: int = 3000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give states (N, S), their pictures (N, H, W, 3) and these with noise."""
    rng = np.random.default_rng(seed)
    states = PUZZLES[name].start(rng, count, "anywhere")
    clean = PUZZLES[name].render(states, CASES[name][0])
    return states, clean, add_noise(clean, SIGMA, rng)


@pytest.mark.parametrize("name", CASES)
def test_a_code_behind_noise_is_that_of_the_clean_pictures_and_gives_these_back(name):
    _, _, noisy = pictures(name)
    code = find_code_in_noise(noisy, CASES[name][1], 400)
    assert code and code.is_exact and SIGMA - 1 < code.noise < SIGMA + 1
    _, clean, unseen = pictures(name, seed=1)
    assert np.array_equal(code.encode(unseen), code.encode(clean))
    assert np.abs(code.decode(code.encode(unseen)) * 255 - clean).max() < 4
    assert code.grid == find_code(clean, CASES[name][1], 400).grid


def test_pictures_without_noise_have_nothing_to_be_looked_behind():
    assert find_code_in_noise(pictures("lightsout_4x4")[1], "tiles", 400) is None


def test_pure_noise_has_no_code():
    noise = np.random.default_rng(0).integers(0, 256, (500, 8, 8, 3), np.uint8)
    assert find_code_in_noise(noise, "tiles", 400) is None


def test_means_of_noise_that_is_cut_off_tell_the_true_values():
    true = np.array([0, 4, 100, 250, 255])
    noisy = add_noise(np.tile(true.astype(np.uint8), (200_000, 1)), SIGMA, np.random.default_rng(0))
    assert noisy[:, 0].mean() > 3 and noisy[:, -1].mean() < 252
    np.testing.assert_allclose(without_clipping(noisy.mean(axis=0) / 255, SIGMA / 255) * 255, true, atol=0.2)


def test_whitening_keeps_the_directions_in_which_pictures_differ_and_no_noise():
    _, clean, noisy = pictures("lightsout_4x4")
    white = whiten(flat(noisy))
    points = white.points(flat(noisy))
    assert points.shape[1] == np.linalg.matrix_rank(flat(clean) - flat(clean).mean(axis=0), tol=1) == 16
    np.testing.assert_allclose(points.std(axis=0), 1, atol=0.01)
    off = (white.pixels(points) - flat(clean)) * 255
    assert off.std() < SIGMA / 2
    assert white.grey_levels == pytest.approx(SIGMA, abs=0.5)


@pytest.mark.parametrize("name", CASES)
def test_learning_begins_with_bits_that_tell_all_states_apart_whatever_the_noise(name):
    states, _, noisy = pictures(name)
    start = begin(noisy, 400)
    kernel, bias = start.encoder
    np.testing.assert_allclose(np.linalg.norm(kernel, axis=0), 1, rtol=1e-5)
    points = start.white.points(flat(noisy))
    bits = points @ kernel + bias > 0
    both = np.unique(np.concatenate([states, bits], axis=1), axis=0)
    assert len(both) == len(np.unique(states, axis=0)) == len(np.unique(bits, axis=0))
    assert np.mean((bits @ start.decoder[0] + start.decoder[1] - points) ** 2) < 0.1


def test_no_bit_is_chosen_that_others_tell():
    _, _, noisy = pictures("lightsout_4x4")
    start = begin(noisy, 400)
    points = start.white.points(flat(noisy))
    denoised = start.white.pixels(points)
    assert len(start.bits) == 16
    more, _ = choose(start.candidates, denoised, points, 5, start.bits.of(denoised))
    assert not len(more)
    fewer, explained = choose(start.candidates, denoised, points, 5)
    assert len(fewer) == 5 and 4 < explained < 6


def test_bits_are_idle_that_are_constant_or_that_others_tell():
    bits = np.random.default_rng(0).integers(0, 2, (2000, 4)).astype(np.float32)
    told = np.column_stack([bits, bits[:, 1], 1 - bits[:, 2], np.ones(len(bits)), bits[:, 0] * bits[:, 1]])
    assert idle_bits(told).tolist() == [False] * 4 + [True] * 3 + [False]


@pytest.mark.parametrize("has_noise", [False, True])
def test_a_code_that_was_learned_is_settled_as_the_tiles_that_its_pictures_show(has_noise):
    _, clean, noisy = pictures("lightsout_4x4")
    images = noisy if has_noise else clean
    start = begin(images, 400)
    code = settled_code(start.encoder, start, images, "tiles", 400)
    assert code.is_exact and code.grid == (4, 4, 1)


def test_a_code_that_shows_no_tiles_is_settled_as_it_was_learned():
    rng = np.random.default_rng(0)
    mixtures = rng.random((6, 8 * 8 * 3))  # pictures that are smooth mixtures: no pixel has levels
    images = (rng.random((2000, 6)) @ mixtures * 40).astype(np.uint8).reshape(-1, 8, 8, 3)
    start = begin(images, 24)
    code = settled_code(start.encoder, start, images, "tiles", 24)
    assert not code.is_exact and "as they were learned" in code.description
    points = start.white.points(flat(images))
    assert np.array_equal(code.encode(images), points @ start.encoder[0] + start.encoder[1] > 0)
