"""Levels larger than those of training: the same cells and rules, on more of them."""

import numpy as np
import pytest

from pipeline.architectures import load_architecture
from pipeline.codes.linear_code import find_code
from pipeline.puzzles.sokoban import Sokoban
from pipeline.rules.find import Arrays, find_rules
from pipeline.world_model.model import build_world_model
from pipeline.world_model.sizes import parts_of_size
from pipeline.world_model.transition import with_rules

SMALL, LARGE = (32, 32), (44, 44)  # cells of 3 × 3 pixels, and a rim of one around the board


def walked(puzzle, img_size, levels, steps):
    """Walk levels; gives the pictures (N, H, W, 3) before and after each step, and the actions."""
    rng, found = np.random.default_rng(0), []
    states = puzzle.start(rng, levels, "anywhere")
    for _ in range(steps):
        actions = puzzle.explore(rng, states)
        after = puzzle.step(states, actions)
        found.append((puzzle.render(states, img_size), actions, puzzle.render(after, img_size)))
        states = after
    return map(np.concatenate, zip(*found))


@pytest.fixture(scope="module")
def small():
    """Make a model of Sokoban's levels of 10 × 10 cells, of rules alone."""
    images, actions, after = walked(Sokoban("small"), SMALL, 100, 15)
    architecture = load_architecture("sokoban")
    code = find_code(images, architecture.code, architecture.max_bits)
    before, following = (code.encode(part).astype(np.uint8) for part in (images, after))
    rules = find_rules(Arrays(before, actions, following), code.grid, 4)
    model = build_world_model(architecture, SMALL, 4, code)
    return model.with_transition(with_rules(model.transition, rules))


def test_a_model_is_exact_on_levels_larger_than_those_of_training(small):
    images, actions, after = walked(Sokoban("large", side=14, boxes=6), LARGE, 20, 10)
    large = small.with_parts(*parts_of_size(small, LARGE))
    codes = large.encode(images)
    assert len(np.unique(codes, axis=0)) == len(np.unique(images, axis=0))
    assert (large.step(codes, actions) == large.encode(after)).all()
    assert np.abs(large.decode(codes).astype(int) - images).max() < 4


def test_pictures_that_are_not_of_whole_cells_have_no_model(small):
    assert parts_of_size(small, (45, 44)) is None and parts_of_size(small, (2, 32)) is None
