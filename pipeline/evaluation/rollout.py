"""Open loop: the model sees the first image only, then dreams."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from ..codes.exactness import judge_frames, pixel_bound
from ..system.hashing import number_rows
from .one_step import by_change
from .subject import Subject

MILESTONES = (1, 10, 100, 1000, 10_000)


@dataclass(frozen=True)
class Rollout:
    """T steps of E episodes: truth and dream."""

    states: np.ndarray  # (T + 1, E, S) uint8, the true states
    actions: np.ndarray  # (T, E) uint8
    codes: np.ndarray  # (T + 1, E, B) uint8, the dreamed codes; the first are those of the true images
    exact: np.ndarray  # (T, E) bool, whether the dreamed code is exact
    errors: np.ndarray  # (K,) float64, the mean squared errors of the decoded pictures that were compared
    true_pictures: Callable[[list[int]], np.ndarray]  # gives those of the episode shown at some steps, (n, H, W, 3)
    happened: np.ndarray | None = None  # (T, E) bool, where episodes end at different steps; exact is False where not
    shown: int = 0  # the episode that is drawn


def roll_out(subject: Subject, episodes: int, steps: int, most_decoded: int) -> Rollout:
    """Dream episodes from anywhere, and compare every step with the truth.

    A step is exact where the dreamed code is that of the true picture, no other state met has the code, nor the state
    another code, and where pictures are compared, the decoded one is the true one within the bound for every pixel.

    Args:
        most_decoded: How many pictures, about, are decoded and compared; of longer rollouts every so many-th step.
    """
    states, actions = subject.walk(subject.rng("rollouts"), episodes, steps)
    first = subject.encode_states(states[0])
    codes = np.empty((steps + 1, *first.shape), np.uint8)
    codes[0] = first
    for t in tqdm(range(steps), "dreaming", unit="step", leave=False, dynamic_ncols=True):
        codes[t + 1] = subject.model.step(codes[t], actions[t])
    flat_states, flat_codes = states.reshape(-1, states.shape[-1]), codes.reshape(-1, codes.shape[-1])
    right, numbers = np.empty(len(flat_codes), bool), np.empty(len(flat_codes), np.uint64)
    off, squared = np.zeros(len(flat_codes), np.uint8), []
    every = max(1, steps * episodes // most_decoded)
    at_a_time = subject.rows_at_a_time
    for begin in tqdm(range(0, len(flat_codes), at_a_time), "comparing", unit="part", leave=False, dynamic_ncols=True):
        part = slice(begin, begin + at_a_time)
        images = subject.puzzle.render(flat_states[part], subject.img_size)
        true_codes = subject.encode(images)
        right[part], numbers[part] = (true_codes == flat_codes[part]).all(axis=1), number_rows(true_codes)
        decoded = np.arange(begin, begin + len(images)) // episodes % every == 0
        if decoded.any():
            off[part][decoded], errors = subject.compare(flat_codes[part][decoded], images[decoded])
            squared.append(errors)
    judged = judge_frames(numbers, number_rows(flat_states), off, pixel_bound())
    right_at, sound = (of_frames.reshape(steps + 1, episodes) for of_frames in (right, judged.is_sound))
    exact = right_at[1:] & sound[1:] & sound[:-1]
    return Rollout(
        states, actions, codes, exact, np.concatenate(squared),
        lambda shown: subject.puzzle.render(states[shown, 0], subject.img_size),
    )  # fmt: skip


def measure_rollout(subject: Subject, rollout: Rollout) -> dict:
    """Say how long the dream stays true.

    Returns:
        episodes: How many were dreamed.
        steps: How many the longest episode has.
        steps_walked: How many all episodes have together, where they differ.
        exact_at: For each milestone the share of episodes whose dreamed code is exact at that step.
        true_state_at: For each milestone the share of episodes whose decoded picture reads back as the true state.
        steps_all_exact: The number of steps at which all episodes are exact.
        episodes_all_exact: The number of episodes that are exact at all steps.
        first_failure: The first step at which an episode isn't exact; null if none fails.
        by_change: For each kind of change how many steps there are and how many of them are exact.
        by_change_late: For each kind of change the same numbers in the second half of the episodes.
        mse_mean, mse_median, mse_max: The mean, the median and the largest of the mean squared errors of the decoded
            images that were compared, pixels in 0…1.
    """
    steps, episodes = rollout.exact.shape
    milestones = [step for step in MILESTONES if step <= steps]
    happened = np.ones((steps, episodes), bool) if rollout.happened is None else rollout.happened
    is_late = np.arange(steps)[:, None].repeat(episodes, axis=1)[happened] >= steps // 2
    kinds = subject.puzzle.kind_of(rollout.states[:-1][happened], rollout.states[1:][happened])
    exact, names = rollout.exact[happened], subject.puzzle.kinds
    right = rollout.exact | ~happened
    failing = np.flatnonzero(~right.all(axis=1))
    more: dict[str, Any] = {} if rollout.happened is None else {"steps_walked": int(happened.sum())}
    if "read" not in subject.puzzle.lacks:
        read = {t: subject.read(rollout.codes[t]) == rollout.states[t] for t in milestones}
        more["true_state_at"] = {str(t): float(read[t].all(axis=1).mean()) for t in milestones}
    return {
        "episodes": episodes,
        "steps": steps,
        "exact_at": {str(t): float(rollout.exact[t - 1][happened[t - 1]].mean()) for t in milestones},
        **more,
        "steps_all_exact": int(right.all(axis=1).sum()),
        "episodes_all_exact": int(right.all(axis=0).sum()),
        "first_failure": int(failing[0]) + 1 if len(failing) else None,
        "by_change": by_change(kinds, exact, names),
        "by_change_late": by_change(kinds[is_late], exact[is_late], names),
        "mse_mean": float(rollout.errors.mean()),
        "mse_median": float(np.median(rollout.errors)),
        "mse_max": float(rollout.errors.max()),
    }
