"""One step from the truth: the test split of the dataset file, which training never sees."""

from collections.abc import Callable, Sequence

import h5py
import numpy as np

from ..codes.exactness import Frames, exact_steps, judge_frames, noise_of, pixel_bound
from ..system.hashing import number_rows
from .subject import Subject

Tell = Callable[[np.ndarray, np.ndarray], dict | None]


def measure_walk(
    subject: Subject,
    walk: h5py.Group,
    certain: np.ndarray | None = None,
    seen: np.ndarray | None = None,
    tell: Tell | None = None,
) -> tuple[dict, Frames]:
    """Measure single steps on the unseen walk; gives the figures, and what its frames are worth as codes.

    Args:
        certain: (N,) bool, which steps always led to the same picture, where that was counted.
        seen: (N,) bool, of which steps training has seen the state and the action, where that was looked at.
        tell: Measures what is told of rewards and ends, of codes before and after, which is given as `outcome`.

    Returns:
        one_step_exact: The share of transitions that are exact, as `codes/exactness.py` defines it.
        bit_match: The share of right bits in the predicted next codes, among the bits that change at all; 0 if none
            does.
        bit_match_lowest: The same of the worst prediction.
        reconstruction_mse: The mean squared error of the decoded images, pixels in 0…1.
        transitions: How many steps were measured.
        one_step_by_change: For each kind of change how many steps there are, and how many of them are exact.
        one_step_by_pair: The same of the steps whose state and action training has seen together, and of those that it
            never has: there only rules can be right.
        unknown_steps: How many unseen steps the rules of the model decide by a case that the training data never
            showed, or its table by a pair of picture and action: there it guesses; null where all is learned.
        bits: The length of a code.
        distinct_states, distinct_codes: How many the unseen walk has.
        told_apart: The share of frames whose code and state belong to one another alone.
        true_pictures: The share of frames whose code decodes to the true picture, every pixel within `pixel_bound`.
        pixel_error, pixel_bound: The largest error of any pixel of any decoded picture, and the largest that a true
            picture may have, in grey levels of 255.
        exact_where_certain: The share of exact ones among the steps that always led to the same picture, where others
            didn't.
        true_state: The share of images whose decoded code reads back as the true state; left out where the puzzle
            can't read pictures.
        true_next_state: The share of transitions whose decoded prediction reads back as the true next state; left out
            there, too.
    """
    images, states = walk["images"], walk["states"][:]  # images are read in parts
    actions, frames = walk["actions"][:], walk["frames"][:]
    shown = number_rows(states)
    codes = subject.encode(images)  # (F, B)
    predicted = subject.step(codes[frames], actions)  # (N, B)
    bound, (errors, squared) = pixel_bound(noise_of(images, shown)), subject.compare(codes, images)
    judged = judge_frames(number_rows(codes), shown, errors, bound)
    exact = exact_steps(predicted, codes[frames + 1], judged.is_sound[frames], judged.is_sound[frames + 1])
    kinds = subject.puzzle.kind_of(states[frames], states[frames + 1])
    is_code = (predicted == codes[frames + 1]).all(axis=1)
    right = (predicted == codes[frames + 1])[:, (codes != codes[0]).any(axis=0)]
    reads = {}
    if "read" not in subject.puzzle.lacks:
        read = subject.read(codes)
        read_next = read[frames + 1]  # equal codes read as the same state
        if not is_code.all():
            read_next[~is_code] = subject.read(predicted[~is_code])
        reads = {"true_state": _share(read == states), "true_next_state": _share(read_next == states[frames + 1])}
    figures = {
        "one_step_exact": float(exact.mean()),
        "bit_match": float(right.mean()) if right.size else 0.0,
        "reconstruction_mse": float(squared.mean()),
        "transitions": len(actions),
        "one_step_by_change": by_change(kinds, exact, subject.puzzle.kinds),
        "unknown_steps": subject.unknown(codes[frames], actions),
        "bits": codes.shape[1],
        "bit_match_lowest": float(right.mean(axis=1).min()) if right.size else 0.0,
        **judged.figures(),
        "pixel_error": int(errors.max()),
        "pixel_bound": bound,
        **reads,
    }
    if seen is not None:
        figures["one_step_by_pair"] = by_change(seen.astype(int), exact, ("never seen", "seen"))
    if certain is not None and not certain.all():
        figures["exact_where_certain"] = float(exact[certain].mean()) if certain.any() else None
    if tell and (told := tell(codes[frames], predicted)):
        figures["outcome"] = told
    return figures, judged


def by_change(kinds: np.ndarray, exact: np.ndarray, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Count steps and the exact ones (N,) among them, by what they changed: kinds (N,), as indices into the names."""
    steps, right = (np.bincount(of, minlength=len(names)).tolist() for of in (kinds, kinds[exact]))
    return {
        name: {"steps": count, "exact": exact_ones} for name, count, exact_ones in zip(names, steps, right) if count
    }


def _share(equal: np.ndarray) -> float:
    return float(equal.all(axis=1).mean())
