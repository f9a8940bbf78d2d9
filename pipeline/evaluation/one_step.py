"""One step from the truth: the unseen walk of the dataset file."""

import h5py
import numpy as np

from ..puzzles.search import state_numbers
from .subject import Subject

MOST_NUMBERS = 6  # of changed bits that are reported one by one


def measure_walk(subject: Subject, walk: h5py.Group) -> dict:
    """Measure single steps on the unseen walk.

    Returns:
        transitions: How many steps were measured.
        bits: The length of a code.
        one_step_exact: The share of transitions whose predicted next code has no wrong bit.
        exact_by_change: The same for the transitions that change as many bits, by their number: in Sokoban a step
            against a wall changes none, a push more than a walk. Beside it how many there are.
        bit_match, bit_match_lowest: The share of right bits in the predicted next codes, and that of the worst.
        reconstruction_mse: The mean squared error of the decoded images, pixels in 0…1.
        true_state: The share of images whose decoded code reads back as the true state.
        true_next_state: The share of transitions whose decoded prediction reads back as the true next state.
        distinct_states, distinct_codes: On the walk. Fewer codes than states would mean that exactness is bought by
            confusing states.
    """
    images, states = walk["images"], walk["states"][:]  # images are read in parts
    actions, frames = walk["actions"][:], walk["frames"][:]
    codes = subject.encode(images)  # (F, B)
    predicted = subject.step(codes[frames], actions)  # (N, B)
    right = predicted == codes[frames + 1]
    return {
        "transitions": len(actions),
        "bits": codes.shape[1],
        "one_step_exact": float(right.all(axis=1).mean()),
        "exact_by_change": _by_change((codes[frames] != codes[frames + 1]).sum(axis=1), right.all(axis=1)),
        "bit_match": float(right.mean()),
        "bit_match_lowest": float(right.mean(axis=1).min()),
        "reconstruction_mse": float(subject.squared_error(codes, images).mean()),
        "true_state": _share(subject.read(codes) == states),
        "true_next_state": _share(subject.read(predicted) == states[frames + 1]),
        "distinct_states": len(np.unique(state_numbers(states))),
        "distinct_codes": len(np.unique(state_numbers(codes))),
    }


def _by_change(changed: np.ndarray, right: np.ndarray) -> dict[str, str]:
    """Say for each number of changed bits (N,) which share of the transitions is right."""
    numbers = np.unique(changed)
    if len(numbers) > MOST_NUMBERS:  # in groups of about equal size
        edges = np.unique(np.quantile(changed, np.linspace(0, 1, MOST_NUMBERS + 1), method="lower"))
        groups = [(low, high - 1) for low, high in zip(edges[:-1], [*edges[1:-1], edges[-1] + 1])]
    else:
        groups = [(number, number) for number in numbers]
    chosen = [(low, high, (changed >= low) & (changed <= high)) for low, high in groups]
    return {
        f"{low}" if low == high else f"{low}-{high}": f"{right[rows].mean():.2%} of {rows.sum():,}"
        for low, high, rows in chosen
    }


def _share(equal: np.ndarray) -> float:
    return float(equal.all(axis=1).mean())
