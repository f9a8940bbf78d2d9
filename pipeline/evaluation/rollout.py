"""Open loop: the model sees the first image only, then dreams."""

from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from .subject import Subject

MILESTONES = (1, 10, 100, 1000, 10_000)
ERRORS_EVERY = 10  # steps between those at which the decoded images are compared


@dataclass(frozen=True)
class Rollout:
    """T steps of E episodes: truth and dream."""

    states: np.ndarray  # (T + 1, E, S) uint8, the true states
    actions: np.ndarray  # (T, E) uint8
    codes: np.ndarray  # (T + 1, E, B) uint8, the dreamed codes; the first are those of the true images
    exact: np.ndarray  # (T, E) bool, whether the dreamed code equals that of the true image


def roll_out(subject: Subject, episodes: int, steps: int) -> Rollout:
    """Dream episodes of random actions from anywhere, and compare every step with the code of the true image."""
    states, actions = subject.walk(subject.rng("rollouts"), episodes, steps)
    first = subject.encode_states(states[0])
    codes = np.empty((steps + 1, *first.shape), np.uint8)
    codes[0] = first
    for t in tqdm(range(steps), "dreaming", unit="step", leave=False, dynamic_ncols=True):
        codes[t + 1] = subject.model.step(codes[t], actions[t])
    exact = np.empty((steps, episodes), bool)
    for t in tqdm(range(steps), "comparing", unit="step", leave=False, dynamic_ncols=True):
        exact[t] = (subject.encode_states(states[t + 1]) == codes[t + 1]).all(axis=1)
    return Rollout(states, actions, codes, exact)


def measure_rollout(subject: Subject, rollout: Rollout) -> dict:
    """Say how long the dream stays true.

    Returns:
        episodes, steps: What was measured.
        exact_at: For each milestone the share of episodes whose dreamed code is exact at that step.
        true_state_at: The same for the decoded image, read back to the puzzle's state.
        steps_all_exact: The number of steps at which all episodes are exact.
        first_failure: The first step at which an episode isn't; null if none fails.
        mse_mean, mse_median, mse_max: Over every tenth step's decoded images of all episodes, pixels in 0…1.
    """
    steps, episodes = rollout.exact.shape
    milestones = [step for step in MILESTONES if step <= steps]
    failing = np.flatnonzero(~rollout.exact.all(axis=1))
    errors = []
    for t in tqdm(range(ERRORS_EVERY, steps + 1, ERRORS_EVERY), "decoding", unit="step", leave=False):
        images = subject.puzzle.render(rollout.states[t], subject.img_size)
        errors.append(subject.squared_error(rollout.codes[t], images))
    errors = np.concatenate(errors) if errors else np.array([np.nan])
    read = {t: subject.read(rollout.codes[t]) == rollout.states[t] for t in milestones}
    return {
        "episodes": episodes,
        "steps": steps,
        "exact_at": {str(t): float(rollout.exact[t - 1].mean()) for t in milestones},
        "true_state_at": {str(t): float(read[t].all(axis=1).mean()) for t in milestones},
        "steps_all_exact": int(rollout.exact.all(axis=1).sum()),
        "first_failure": int(failing[0]) + 1 if len(failing) else None,
        "mse_mean": float(errors.mean()),
        "mse_median": float(np.median(errors)),
        "mse_max": float(errors.max()),
    }
