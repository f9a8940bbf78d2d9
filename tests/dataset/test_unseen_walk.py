"""The unseen walk: ten walks of a thousand steps in every file, made from random streams of their own."""

import numpy as np
import pytest

from pipeline.puzzles import PUZZLES


def walk_is_the_same(contents, one, other):
    one, other = contents(one, "evaluation"), contents(other, "evaluation")
    return all(np.array_equal(one[name], other[name]) for name in ("images", "states", "actions", "frames"))


def test_the_unseen_walk_is_ten_walks_of_a_thousand_steps(made, contents):
    walk = contents(made(dataset_size=1), "evaluation")
    assert len(walk["actions"]) == 10_000 and len(walk["images"]) == len(walk["states"]) == 10_010
    assert np.array_equal(np.flatnonzero(np.diff(walk["frames"].astype(int)) == 2) + 1, np.arange(1, 10) * 1000)
    assert not walk["states"][::1001].any()  # all lights off


@pytest.mark.parametrize("name", ["lightsout_4x4", "slidepuzzle_3x3", "sokoban"])
def test_the_unseen_walk_is_the_same_for_every_size_of_dataset(name, made, contents):
    small, large = (made(dataset=name, start="anywhere", dataset_size=size) for size in (1, 3000))
    assert walk_is_the_same(contents, small, large)


def test_the_unseen_walk_does_not_depend_on_the_length_of_the_shuffles(made, contents):
    assert walk_is_the_same(contents, made(shuffle_length=5), made(shuffle_length=1000))


def test_another_key_gives_another_walk(made, contents):
    assert not walk_is_the_same(contents, made(key=0), made(key=1))


@pytest.mark.parametrize("name", PUZZLES)
def test_training_on_walks_of_the_same_length_does_not_see_the_unseen_moves(name, made, contents):
    path = made(dataset=name, dataset_size=3000, shuffle_length=1000)
    seen, unseen = (contents(path, split)["actions"].reshape(-1, 1000) for split in ("train", "evaluation"))
    assert (seen[:, None, :40] == unseen[None, :, :40]).mean(axis=2).max() < 0.9


def test_the_walls_of_the_unseen_walk_are_in_no_trajectory_of_the_training(made, contents):
    path = made(dataset="sokoban", dataset_size=3000)
    walls = [contents(path, split)["states"] == 1 for split in ("train", "evaluation")]
    seen, unseen = ({wall.tobytes() for wall in of_split} for of_split in walls)
    assert len(seen) == 100 and len(unseen) == 10 and not seen & unseen


def test_ten_tiles_in_different_places_begin_ten_walks_of_the_slide_puzzle(made, contents):
    starts = contents(made(dataset="slidepuzzle", start="anywhere"), "evaluation")["states"][::1001]
    assert len(np.unique(starts, axis=0)) == 10 and PUZZLES["slidepuzzle"].is_reachable(starts).all()
