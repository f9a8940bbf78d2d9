"""Codes found in closed form: the true lattice, exact bits, and no claim that isn't so."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from pipeline.codes import tile_bits
from pipeline.codes.linear_code import LinearCode, find_code
from pipeline.puzzles import PUZZLES

SAMPLE, UNSEEN = 1000, 1500
CUBE_CODES = [  # image size, most bits
    ((24, 24), 400), ((32, 32), 400), ((32, 64), 400), ((48, 40), 400), ((64, 64), 400),
    ((32, 32), 240), ((48, 40), 192),
]  # fmt: skip
TILES = {  # puzzle: (lattice at 32 × 32 as top, left, cell height, cell width, rows, columns; tiles)
    "slidepuzzle": ((0, 0, 8, 8, 4, 4), 16),
    "sokoban": ((4, 4, 3, 3, 8, 8), 4),  # without the walls around, which never change
    "lightsout": ((2, 2, 4, 4, 7, 7), 2),
}


@cache
def images_of(name, img_size, seed, count=SAMPLE) -> np.ndarray:
    """Draw positions from all over a puzzle's state space: (count, height, width, 3) uint8, all different."""
    puzzle, rng = PUZZLES[name], np.random.default_rng(seed)
    states = puzzle.start(rng, count, "anywhere")
    for _ in range(3):
        states = puzzle.step(states, rng.integers(0, len(puzzle.actions), count).astype(np.uint8))
    return puzzle.render(np.unique(states, axis=0), img_size)


@cache
def code_of(name, img_size=(32, 32), kind="tiles", max_bits=400) -> LinearCode:
    """Find the code in a sample of a puzzle's images."""
    code = find_code(images_of(name, img_size, 0), kind, max_bits)
    assert code is not None
    return code


@cache
def board_of(name) -> tile_bits.TileBits:
    """Find the lattice and the tiles in a sample of a puzzle's images."""
    found = tile_bits.find(images_of(name, (32, 32), 0), 400)
    assert found is not None
    return found


def decoded(code, bits, shape) -> np.ndarray:
    return np.rint(code.decode(bits) * 255).clip(0, 255).astype(np.uint8).reshape(shape)


def with_noise(images, deviation) -> np.ndarray:
    noise = np.random.default_rng(5).normal(0, deviation, images.shape)
    return np.rint(images + noise).clip(0, 255).astype(np.uint8)


def distinct(rows) -> int:
    return len({row.tobytes() for row in rows})


def check_shapes(code, img_size, max_bits):
    values, bits = code.lattice.values, code.grid[2]
    assert 0 < np.prod(code.grid) <= max_bits
    assert code.encoder_kernel.shape == (values, bits) and code.encoder_bias.shape == (bits,)
    assert code.decoder_kernel.shape == (bits, values) and code.decoder_bias.shape == (*img_size, 3)
    arrays = (code.encoder_kernel, code.encoder_bias, code.decoder_kernel, code.decoder_bias)
    assert all(array.dtype == np.float32 and np.isfinite(array).all() for array in arrays)


@pytest.mark.parametrize("levels", [2, 256])
@pytest.mark.parametrize("place", [(0, 0, 2, 2, 12, 10), (1, 3, 5, 4, 4, 4), (3, 0, 7, 20, 3, 1), (2, 1, 1, 3, 9, 6)])
def test_cells_have_equal_hashes_exactly_where_they_are_equal(place, levels):
    rng = np.random.default_rng(0)
    images = np.repeat(np.repeat(rng.integers(0, levels, (40, 8, 7, 3), np.uint8), 3, axis=1), 3, axis=2)  # (24, 21)
    lattice = tile_bits.Lattice(*place)
    cells, hashes = lattice.cut(images), tile_bits.CellHashes(images).of(lattice)
    _, of_cells = np.unique(cells.reshape(-1, cells.shape[-1]), axis=0, return_inverse=True)
    _, of_hashes = np.unique(hashes.reshape(-1), return_inverse=True)
    pairs = np.unique(np.stack([of_cells.reshape(-1), of_hashes]), axis=1)
    assert pairs.shape[1] == of_cells.max() + 1 == of_hashes.max() + 1
    assert np.array_equal(tile_bits.CellHashes(images).of(lattice, 3), hashes[:3])


@pytest.mark.parametrize("name", TILES)
def test_the_lattice_of_a_board_is_the_one_it_is_drawn_on(name):
    (*place, rows, columns), tiles = TILES[name]
    found = board_of(name)
    lattice = found.lattice
    assert [lattice.top, lattice.left, lattice.cell_height, lattice.cell_width] == place
    assert (lattice.rows, lattice.columns, len(found.tiles)) == (rows, columns, tiles)
    assert found.grid == code_of(name).grid == (rows, columns, tiles - 1)


@pytest.mark.parametrize(
    ("name", "img_size", "cell", "cells"),
    [
        ("slidepuzzle", (24, 32), (6, 8), (4, 4)),
        ("slidepuzzle_3x3", (18, 12), (6, 4), (3, 3)),
        ("lightsout", (21, 28), (3, 4), (7, 7)),
        ("lightsout_4x4", (9, 12), (2, 3), (4, 4)),
        ("sokoban", (20, 30), (2, 3), (8, 8)),
    ],
)
def test_cells_need_not_be_square(name, img_size, cell, cells):
    lattice = tile_bits.find_lattice(images_of(name, img_size, 0)[: tile_bits.LATTICE_SAMPLE])
    assert (lattice.cell_height, lattice.cell_width) == cell and (lattice.rows, lattice.columns) == cells


@pytest.mark.parametrize("name", TILES)
def test_each_cell_of_a_board_has_one_bit_per_tile_but_the_commonest(name):
    found = board_of(name)
    bits = found.bits.reshape(len(found.bits), -1, found.grid[2])
    assert bits.sum(axis=2).max() == 1  # a cell shows one tile
    counts = bits.sum(axis=(0, 1))
    assert bits.shape[0] * bits.shape[1] - counts.sum() >= counts.max()


@pytest.mark.parametrize("name", TILES)
def test_codes_of_boards_lose_nothing_of_images_never_seen(name):
    code, unseen = code_of(name), images_of(name, (32, 32), 1, UNSEEN)
    check_shapes(code, (32, 32), 400)
    assert code.is_exact
    bits = code.encode(unseen)
    assert distinct(bits) == distinct(unseen) == len(unseen) > 1000
    assert np.array_equal(decoded(code, bits, unseen.shape), unseen)
    assert np.array_equal(code.encode(with_noise(unseen, 8)), bits)


@pytest.mark.parametrize(("img_size", "max_bits"), CUBE_CODES)
def test_codes_of_the_cube_lose_nothing_of_images_never_seen(img_size, max_bits):
    code, unseen = code_of("rubikscube", img_size, "pixels", max_bits), images_of("rubikscube", img_size, 1, 300)
    check_shapes(code, img_size, max_bits)
    assert code.grid[:2] == (1, 1)
    assert code.is_exact, code.description
    bits = code.encode(unseen)
    assert distinct(bits) == distinct(unseen)
    worst = int(abs(decoded(code, bits, unseen.shape).astype(int) - unseen).max())
    assert worst <= 1, code.description


@pytest.mark.parametrize("max_bits", [240, 400])
def test_the_cube_at_the_usual_size_is_read_through_noise(max_bits):
    code, unseen = code_of("rubikscube", (32, 32), "pixels", max_bits), images_of("rubikscube", (32, 32), 1, UNSEEN)
    bits = code.encode(unseen)
    assert np.array_equal(code.encode(with_noise(unseen, 8)), bits) and distinct(bits) == len(unseen)


def test_the_bits_of_the_code_are_those_of_the_clean_image_by_definition():
    images = images_of("rubikscube_2x2x2", (24, 24), 0)
    code = find_code(images, "pixels", 400)
    assert code.is_exact and code.distinct_codes == code.distinct_images == len(images)
    assert code.worst_error == 0


@pytest.mark.parametrize(("name", "kind"), [("rubikscube", "pixels"), ("sokoban", "pixels"), ("lightsout", "tiles")])
@pytest.mark.parametrize("max_bits", [40, 20])
def test_a_code_never_has_more_bits_than_allowed_and_says_when_that_loses_something(name, kind, max_bits):
    code = find_code(images_of(name, (24, 24), 0)[:400], kind, max_bits)
    if code is not None:
        check_shapes(code, (24, 24), max_bits)
        assert not code.is_exact and code.worst_error > 4


def test_boards_whose_tiles_need_too_many_bits_get_pixel_bits_instead():
    images = images_of("slidepuzzle_3x3", (18, 12), 0)
    assert tile_bits.find(images, 72).grid == (3, 3, 8) and tile_bits.find(images, 71) is None
    code = find_code(images, "tiles", 71)
    assert code is None or (code.grid[:2] == (1, 1) and code.grid[2] <= 71)


def test_lights_of_single_pixels_have_no_lattice_but_a_code():
    code = find_code(images_of("lightsout", (7, 7), 0), "tiles", 400)
    assert code.is_exact and code.grid[:2] == (1, 1)
    unseen = images_of("lightsout", (7, 7), 1)
    assert np.array_equal(decoded(code, code.encode(unseen), unseen.shape), unseen)


@pytest.mark.parametrize("kind", ["tiles", "pixels"])
@pytest.mark.parametrize("count", [1, 50])
def test_images_that_are_all_alike_have_no_code(kind, count):
    assert find_code(np.full((count, 16, 16, 3), 77, np.uint8), kind, 400) is None
    assert find_code(np.repeat(images_of("rubikscube", (32, 32), 0)[:1], count, axis=0), kind, 400) is None


@pytest.mark.parametrize("kind", ["tiles", "pixels"])
def test_noise_of_many_levels_has_no_code(kind):
    noise = np.random.default_rng(0).integers(0, 256, (500, 16, 16, 3)).astype(np.uint8)
    assert find_code(noise, kind, 400) is None


def two_level_noise(count, contrast):
    return (100 + contrast * np.random.default_rng(1).integers(0, 2, (count, 16, 16, 3))).astype(np.uint8)


@pytest.mark.parametrize("kind", ["tiles", "pixels"])
@pytest.mark.parametrize("contrast", [1, 150])
def test_noise_of_two_levels_and_more_values_than_bits_is_not_called_exact(kind, contrast):
    code = find_code(two_level_noise(1500, contrast), kind, 400)
    assert code is None or not code.is_exact


@pytest.mark.parametrize("case", ["noise", "cube"])
def test_a_sample_smaller_than_the_code_is_not_called_exact(case):
    if case == "noise":
        seen, unseen = two_level_noise(300, 150), two_level_noise(600, 150)[300:]
    else:
        seen, unseen = images_of("rubikscube", (32, 32), 0)[:60], images_of("rubikscube", (32, 32), 1)
    code = find_code(seen, "pixels", 400)
    lost = np.mean((decoded(code, code.encode(unseen), unseen.shape) - unseen.astype(float)) ** 2) / 255**2
    assert lost > 0.01 and not code.is_exact


def test_a_code_is_exact_only_if_images_come_back_and_stay_distinct():
    code = code_of("lightsout")
    assert code.is_exact
    for flaw in ({"worst_error": 5}, {"distinct_codes": code.distinct_codes - 1}):
        assert not replace(code, **flaw).is_exact


@pytest.mark.parametrize(("name", "kind"), [("slidepuzzle_3x3", "tiles"), ("rubikscube_2x2x2", "pixels")])
def test_the_same_sample_gives_the_same_code(name, kind):
    size = PUZZLES[name].smallest_img_size
    first, second = (find_code(images_of(name, size, 0).copy(), kind, 400) for _ in range(2))
    assert first.description == second.description and first.grid == second.grid
    for name in ("encoder_kernel", "encoder_bias", "decoder_kernel", "decoder_bias"):
        assert np.array_equal(getattr(first, name), getattr(second, name))


def test_finding_a_code_leaves_the_images_as_they_are():
    for name, kind in (("slidepuzzle_3x3", "tiles"), ("rubikscube_2x2x2", "pixels")):
        images = images_of(name, (24, 24), 0)
        before = images.copy()
        find_code(images, kind, 400)
        assert np.array_equal(images, before)
