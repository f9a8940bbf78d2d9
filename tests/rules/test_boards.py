"""Boards that others draw: cells that aren't whole pixels, few states, and what isn't near decides."""

import numpy as np
import pytest
from PIL import Image

from pipeline.architectures.cells import parts_of, parts_of_size, undrawn
from pipeline.codes.cells import Dictionary, fit_cells
from pipeline.codes.combs import Comb, Combs
from pipeline.puzzles import PUZZLES
from pipeline.rules.boards import Seen, described, find_combs
from pipeline.rules.covering import Limits
from pipeline.rules.find import Arrays, find_rules
from pipeline.rules.language import LocalRules, cell_bits
from pipeline.sources.pictures import resized
from pipeline.system.hashing import number_rows
from pipeline.world_model.model import DiscreteWorldModel

FLOOR, WALKER, KEY, DOOR = range(4)
MOVES = np.array([(0, 1), (0, -1), (1, 0), (-1, 0)])
SIDE, CELL = 5, 12  # cells of a board, and pixels of a cell as it is drawn


def walked(steps: int, img_size: tuple[int, int], is_blurred: bool, side: int = SIDE) -> Seen:
    """Walk boards on which a door lets the walker in where no key is left; drawn large, and resized."""
    rng, boards, actions, before = np.random.default_rng(0), [], [], []
    tiles = np.broadcast_to(rng.integers(0, 256, (4, 1, 1, 3), np.uint8), (4, CELL, CELL, 3)).copy()
    tiles[1:, 3:9, 3:9] = rng.integers(0, 256, (3, 1, 1, 3))
    while len(actions) < steps:
        board = np.full(side * side, FLOOR)
        board[rng.permutation(side * side)[:3]] = WALKER, KEY, DOOR
        board = board.reshape(side, side)
        for _ in range(30):
            action = int(rng.integers(4))
            before.append(len(boards))
            boards.append(board)
            actions.append(action)
            place = np.argwhere(board == WALKER)[0]
            onto = place + MOVES[action]
            if (onto >= 0).all() and (onto < side).all() and not (board[*onto] == DOOR and (board == KEY).any()):
                board = board.copy()
                board[*place], board[*onto] = FLOOR, WALKER
        boards.append(board)
    whole = tiles[np.stack(boards)].transpose(0, 1, 3, 2, 4, 5).reshape(-1, side * CELL, side * CELL, 3)
    images = bilinear(whole, img_size) if is_blurred else resized(whole, img_size)
    _, first, shown = np.unique(number_rows(images), return_index=True, return_inverse=True)
    frames = np.array(before)
    triples = np.unique(np.stack([shown[frames], actions, shown[frames + 1]], axis=1), axis=0)
    return Seen(images[first], *triples.T, len(MOVES))


def bilinear(images: np.ndarray, img_size: tuple[int, int]) -> np.ndarray:
    """Shrink images as a screenshot is shrunk: what a cell shows reaches half a pixel beyond its edges."""
    every = (Image.fromarray(image).resize(img_size[::-1], Image.Resampling.BILINEAR) for image in images)
    return np.stack([np.asarray(image) for image in every])


@pytest.mark.parametrize(("img_size", "is_blurred"), [((24, 28), False), ((30, 30), True)])
def test_cells_are_found_by_their_rules_whole_pixels_or_not_and_every_pixel_comes_back(img_size, is_blurred):
    seen = walked(1000, img_size, is_blurred)
    combs = find_combs(seen)[0][1]
    down, across = (Comb(0.0, size / SIDE, SIDE, 0.5 * is_blurred) for size in img_size)
    assert combs == Combs(down, across)
    _, rules = described(seen, combs)
    assert rules.is_complete and len(rules.rules) <= 8 * len(MOVES)
    assert any(test.is_there is False for rule in rules.rules for test in rule.board)  # no cell shows the key

    dictionary = Dictionary(combs)
    boards, looks = dictionary.merge(dictionary.read(seen.images)[0])
    assert looks.shape[1] == 4
    cells = fit_cells(combs, seen.images[:300], boards[:300], looks)
    assert undrawn(cells, seen.images) == 0
    small = DiscreteWorldModel(*parts_of(cells, rules, len(MOVES)))
    assert np.abs(small.decode(small.encode(seen.images)).astype(int) - seen.images).max() < 4

    twice = (2 * img_size[0], 2 * img_size[1])
    larger, large = walked(300, twice, is_blurred, 2 * SIDE), small.with_parts(*parts_of_size(small, twice))
    codes = large.encode(larger.images)
    assert (large.step(codes[larger.before], larger.actions) == codes[larger.after]).all()
    if combs.phases.max() == 0:  # else some things were never seen to lie so on the pixel grid
        assert np.abs(large.decode(codes).astype(int) - larger.images).max() < 4
    assert parts_of_size(small, (img_size[0] + 1, img_size[1])) is None


def test_a_search_whose_time_is_over_gives_a_board_all_the_same_and_looks_for_no_more_rules():
    seen = walked(100, (24, 28), False)
    found = find_combs(seen, ends=0.0)
    assert len(found) == 1
    codes = cell_bits(np.random.default_rng(0).integers(1, 4, (50, 3, 3)).astype(np.uint16), 3)
    rules = find_rules(Arrays(codes, np.zeros(50, int), codes[::-1]), (3, 3, 3), 1, limits=Limits(0.0))
    assert not rules.is_complete


def test_whole_tiles_that_need_few_rules_are_shorter_than_halves_that_fewer_looks_spell():
    puzzle, rng = PUZZLES["slidepuzzle_3x3"], np.random.default_rng(0)
    before = puzzle.start(rng, 600, "anywhere")
    actions = rng.integers(4, size=600)
    pair = np.concatenate([before, puzzle.step(before, actions)])
    states, shown = np.unique(pair, axis=0, return_inverse=True)
    images = bilinear(puzzle.render(states, (96, 96)), (37, 37))
    seen = Seen(images, shown.ravel()[:600], actions, shown.ravel()[600:], 4)
    whole, halves = (Combs(Comb(0.0, 37 / 3, 3, 0.5), Comb(0.0, 37 / count, count, 0.5)) for count in (3, 6))
    (bits, rules), (more, others) = described(seen, whole), described(seen, halves)
    assert rules.is_complete and len(rules.rules) < len(others.rules) and bits < more


@pytest.mark.parametrize("side", [45, 47])
def test_a_tile_has_one_number_however_it_lies_on_the_pixel_grid(side):
    puzzle, comb = PUZZLES["slidepuzzle"], Comb(0.0, side / 4, 4, 0.5)
    states = puzzle.start(np.random.default_rng(0), 300, "anywhere")
    dictionary = Dictionary(Combs(comb, comb))
    boards, _ = dictionary.read(bilinear(puzzle.render(states, (128, 128)), (side, side)))
    values, looks = dictionary.merge(boards)
    assert looks.shape[:2] == (16, 16)  # phases and tiles
    assert len(np.unique(np.stack([values.ravel(), states.ravel()], axis=1), axis=0)) == 16


def test_a_cell_far_from_its_cause_changes_by_what_lies_beside_a_thing_and_the_layer_says_the_same():
    from pipeline.world_model.rule_layers import rules_layer

    rng, before = np.random.default_rng(0), np.ones((300, 4, 6), np.uint16)  # all are v1
    before[:, 3, 0], before[np.arange(300), rng.integers(3, size=300), rng.integers(6, size=300)] = 2, 3
    before[:, 3, 3:] = 4
    after = before.copy()
    falls = (before[:, 2, 3:] == 3).any(axis=1)  # above the abyss, v4: back to v2, which becomes v5
    after[falls] = np.where(before[falls] == 3, 1, np.where(before[falls] == 2, 5, before[falls]))
    grid = (4, 6, 4)
    codes, next_codes = cell_bits(before, 4), cell_bits(after, 4)
    rules = find_rules(Arrays(codes, np.zeros(300, int), next_codes), grid, 1)
    assert rules.is_complete and any(test.beside for rule in rules.rules for test in rule.board)
    assert LocalRules.from_config(rules.to_config()) == rules
    assert (rules.step(codes, np.zeros(300, int)) == next_codes).all()
    logits = rules_layer(rules, codes.shape[1])([codes * 2.0 - 1, np.zeros(300, "int32")])
    assert ((np.asarray(logits) > 0) == next_codes).all()


def test_copies_are_read_from_a_layer_that_is_not_trained():
    from pipeline.world_model.rule_layers import rules_layer

    codes = np.random.default_rng(0).integers(0, 2, (50, 4), np.uint8)
    rules = find_rules(Arrays(codes, np.zeros(50, int), codes[:, [1, 0, 2, 3]]), (1, 1, 4), 1)
    layer = rules_layer(rules, 4)
    layer.trainable = False
    assert layer.rules.source.tolist() == [[1, 0, 2, 3]]
