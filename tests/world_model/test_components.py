"""Components: linear functions of images that take few levels, found from any start; and the mending of poor codes."""

from functools import cache

import numpy as np
import pytest

from pipeline.codes import components, pixel_bits
from pipeline.codes.linear import flat
from pipeline.codes.linear_code import find_code, make_code, mend
from pipeline.codes.value_bits import ValueBits
from pipeline.puzzles import PUZZLES


@cache
def cube_images(seed: int, n: int = 2000) -> np.ndarray:
    """Draw cubes mixed by up to 30 turns: (n, 24, 24, 3) uint8."""
    cube, rng = PUZZLES["rubikscube"], np.random.default_rng(seed)
    states = cube.start(rng, n, "solved")
    turns = rng.integers(0, 31, n)
    for turn in range(30):
        moved = cube.step(states, rng.integers(0, 12, n).astype(np.uint8))
        states = np.where((turns > turn)[:, None], moved, states)
    return cube.render(states, (24, 24))


def blurred(images: np.ndarray) -> np.ndarray:
    """Mix each pixel with its neighbours, so that hardly a pixel shows one sticker alone."""
    mixed = images.astype(np.uint32) * 4
    for axis in (1, 2):
        for shift in (1, -1):
            mixed += np.roll(images, shift, axis)
    return (mixed // 8).astype(np.uint8)


def poor_code(kind: str, images: np.ndarray):
    pixels, rng = flat(images), np.random.default_rng(3)
    if kind == "half the bits":
        good = pixel_bits.find(images, 400)
        values, level = good.values[:, ::2], good.level[::2]
    elif kind == "random bits":
        values = pixels @ rng.standard_normal((pixels.shape[1], 100)).astype(np.float32)
        level = np.median(values, axis=0)
    else:
        mixtures = [i for i, column in enumerate(pixels.T) if len(np.unique(column)) > 3]
        values = pixels[:, rng.permutation(mixtures)[:100]]
        level = np.median(values, axis=0)
    return make_code(ValueBits(pixels, values, level, kind), images)


def assert_loses_nothing(code, images: np.ndarray):
    bits = code.encode(images)
    assert abs(np.rint(code.decode(bits) * 255) - images).max() <= 1
    assert len(np.unique(bits, axis=0)) == len(np.unique(flat(images), axis=0))


def kurtosis_above_its_least(values):
    """Pearson's inequality: kurtosis is at least squared skewness + 1."""
    values = (values - values.mean()) / values.std()
    return (values**4).mean() - (values**3).mean() ** 2 - 1


def test_the_error_for_two_levels_is_the_distance_from_pearsons_bound():
    rng = np.random.default_rng(0)
    points = rng.standard_normal((5000, 6)) ** 3
    points, _ = components.whiten(points.astype(np.float32))
    directions = np.eye(6, dtype=np.float32)
    error, _ = components._polynomial_error(points, directions, levels=2)
    wanted = [kurtosis_above_its_least(points[:, d].astype(float)) for d in range(6)]
    np.testing.assert_allclose(error, wanted, rtol=1e-3)


@pytest.mark.parametrize("levels", [2, 3])
def test_the_error_is_zero_for_that_many_levels_and_not_for_one_more(levels):
    rng = np.random.default_rng(0)
    few = rng.integers(0, levels, 4000) ** 1.5
    more = rng.integers(0, levels + 1, 4000) ** 1.5
    points = np.stack([few - few.mean(), more - more.mean()], axis=1) / np.array([few.std(), more.std()])
    error, _ = components._polynomial_error(points.astype(np.float32), np.eye(2, dtype=np.float32), levels)
    assert abs(error[0]) < 1e-3 and error[1] > 1e-2


@pytest.mark.parametrize("levels", [2, 3])
def test_the_slope_is_that_of_finite_differences(levels):
    rng = np.random.default_rng(1)
    points = (rng.standard_normal((800, 5)) ** 3).astype(np.float32)
    points /= points.std(axis=0)
    direction = components._unit(rng.standard_normal((5, 1)))
    _, slope = components._polynomial_error(points, direction, levels)
    for k in range(5):
        step = np.zeros((5, 1))
        step[k] = 1e-3
        ahead, back = (
            components._polynomial_error(points.astype(float), direction + sign * step, levels)[0] for sign in (1, -1)
        )
        assert slope[k, 0] == pytest.approx((ahead[0] - back[0]) / 2e-3, rel=2e-2, abs=1e-2)


def test_bits_mixed_at_random_are_unmixed():
    rng = np.random.default_rng(0)
    bits = rng.random((3000, 20)) < np.linspace(0.2, 0.8, 20)
    mixture = rng.standard_normal((20, 10 * 10 * 3))
    pixels = bits @ mixture
    images = np.rint(255 * (pixels - pixels.min()) / np.ptp(pixels)).astype(np.uint8).reshape(-1, 10, 10, 3)
    found = components.find(images, 100)
    told = {row.tobytes() for row in np.concatenate([found.bits.T, ~found.bits.T])}
    assert all(bit.tobytes() in told for bit in bits.T)


LONG = [pytest.param(kind, marks=pytest.mark.long) for kind in ("random bits", "half the bits")]


@pytest.mark.parametrize("kind", [*LONG, "wrong pixels"])
def test_a_code_that_is_poor_on_purpose_is_mended(kind):
    poor = poor_code(kind, cube_images(0))
    assert not poor.is_exact
    mended = mend(poor, cube_images(0), 400)
    assert mended.is_exact
    assert_loses_nothing(mended, cube_images(1))


def test_pictures_without_pure_pixels_get_an_exact_code():
    code = find_code(blurred(cube_images(0)), "pixels", 400)
    assert code.is_exact and "components" in code.description
    assert_loses_nothing(code, blurred(cube_images(1)))


def test_a_budget_too_small_for_the_picture_leaves_the_code_as_it_was():
    poor = poor_code("random bits", cube_images(0))
    assert mend(poor, cube_images(0), 60) is poor


def test_a_small_budget_is_kept():
    mended = mend(None, cube_images(0), 200)
    assert mended is None or (mended.is_exact and mended.grid[2] <= 200)
