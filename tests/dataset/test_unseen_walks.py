"""The unseen walks: validation and test, a hundred walks of a hundred steps each, from random streams of their own."""

import numpy as np
import pytest

from pipeline.puzzles import PUZZLES
from pipeline.puzzles.walks import walk

SPLITS = ("validation", "test")


def walk_is_the_same(contents, one, other, split):
    one, other = contents(one, split), contents(other, split)
    return all(np.array_equal(one[name], other[name]) for name in ("images", "states", "actions", "frames"))


@pytest.mark.parametrize("split", SPLITS)
def test_an_unseen_walk_is_a_hundred_walks_of_a_hundred_steps(split, made, contents):
    unseen = contents(made(dataset_size=1), split)
    assert len(unseen["actions"]) == 10_000 and len(unseen["images"]) == len(unseen["states"]) == 10_100
    assert np.array_equal(np.flatnonzero(np.diff(unseen["frames"].astype(int)) == 2) + 1, np.arange(1, 100) * 100)
    assert not unseen["states"][::101].any()  # all lights off


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("name", ["lightsout_4x4", "slidepuzzle_3x3", "sokoban"])
def test_the_unseen_walks_are_the_same_for_every_size_of_dataset(name, split, made, contents):
    small, large = (made(dataset=name, start="anywhere", dataset_size=size) for size in (1, 3000))
    assert walk_is_the_same(contents, small, large, split)


def test_the_unseen_walks_do_not_depend_on_the_length_of_the_shuffles(made, contents):
    assert walk_is_the_same(contents, made(shuffle_length=5), made(shuffle_length=1000), "test")


def test_another_key_gives_another_walk(made, contents):
    assert not walk_is_the_same(contents, made(key=0), made(key=1), "test")


@pytest.mark.parametrize("name", PUZZLES)
def test_no_split_sees_the_moves_of_another(name, made, contents):
    path = made(dataset=name, dataset_size=3000, shuffle_length=100)
    moves = [contents(path, split)["actions"].reshape(-1, 100)[:, :40] for split in ("train", *SPLITS)]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert (moves[one][:, None] == moves[other][None]).mean(axis=2).max() < 0.95


def test_the_walls_of_one_split_are_in_no_trajectory_of_another(made, contents):
    path = made(dataset="sokoban", dataset_size=3000)
    walls = [{wall.tobytes() for wall in contents(path, split)["states"] == 1} for split in ("train", *SPLITS)]
    assert [len(of_split) for of_split in walls] == [100, 100, 100]
    assert len(set.union(*walls)) == 300


def test_tiles_in_different_places_begin_the_walks_of_the_slide_puzzle(made, contents):
    starts = contents(made(dataset="slidepuzzle", start="anywhere"), "test")["states"][::101]
    assert len(np.unique(starts, axis=0)) == 100 and PUZZLES["slidepuzzle"].is_reachable(starts).all()


@pytest.mark.parametrize("key", [0, 77])
@pytest.mark.parametrize("split", SPLITS)
def test_the_unseen_walks_of_sokoban_hold_thousands_of_pushes_and_every_other_kind_of_step(split, key, made, contents):
    puzzle, unseen = PUZZLES["sokoban"], contents(made(dataset="sokoban", start="auto", key=key), split)
    before, after = unseen["states"][unseen["frames"]], unseen["states"][unseen["frames"] + 1]
    nothing, walks, pushes = np.bincount(puzzle.kind_of(before, after), minlength=3)
    assert pushes >= 2000 and walks >= 5000 and nothing >= 300


def test_boxes_are_still_pushed_late_in_long_walks_of_sokoban():
    puzzle, rng = PUZZLES["sokoban"], np.random.default_rng(3)
    states, _ = walk(puzzle, rng, puzzle.start(rng, 40, "anywhere"), 1500, puzzle.explore)
    late = puzzle.kind_of(states[-501:-1].reshape(-1, 100), states[-500:].reshape(-1, 100))
    assert (late == puzzle.kinds.index("push")).mean() > 0.05
