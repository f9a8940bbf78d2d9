"""How much of the unseen walk training has seen all the same: in a small puzzle most of it."""

import h5py
import numpy as np
from tqdm import tqdm

from ..system.hashing import number_pairs, number_rows

ROWS = 2**20  # states, or transitions, read at a time


def measure_overlap(file: h5py.File) -> dict:
    """Count the distinct states of the unseen walk that occur in the training data too.

    Returns:
        walk_states_seen_in_training: How many of the unseen walk's `distinct_states` occur in the training data too.
    """
    walk = np.unique(number_rows(file["test/states"][:]))
    states, seen = file["train/states"], np.zeros(len(walk), bool)
    portions = range(0, len(states), ROWS)
    for first in tqdm(portions, "comparing states", unit="part", leave=False, disable=len(portions) < 2):
        seen |= np.isin(walk, number_rows(states[first : first + ROWS]))
    return {"walk_states_seen_in_training": int(seen.sum())}


def seen_pairs(file: h5py.File) -> np.ndarray:
    """Tell of which steps of the unseen walk training has seen the pair of a state and an action, (N,) bool."""
    walk, train = file["test"], file["train"]
    pairs = number_pairs(number_rows(walk["states"][:])[walk["frames"][:]], walk["actions"][:])
    portions, seen = range(0, len(train["actions"]), ROWS), np.zeros(len(pairs), bool)
    for first in tqdm(portions, "comparing pairs", unit="part", leave=False, disable=len(portions) < 2):
        frames, actions = (train[name][first : first + ROWS] for name in ("frames", "actions"))
        numbers = number_rows(train["states"][frames[0] : frames[-1] + 1])
        seen |= np.isin(pairs, number_pairs(numbers[frames - frames[0]], actions))
    return seen
