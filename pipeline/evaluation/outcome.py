"""Rewards and ends, where the data has them: what the model tells of unseen steps beside what came."""

import h5py
import numpy as np

from ..dataset.reading import seen_outcomes
from ..rules.outcomes import Outcomes

CLOSE = 1e-6  # of a reward, which the file keeps in float32


def measure_outcome(
    walk: h5py.Group, outcomes: Outcomes, certain: np.ndarray, codes: np.ndarray, predicted: np.ndarray
) -> dict | None:
    """Tell rewards and ends of the unseen walk's steps from codes alone, and compare them with what came; None without.

    Args:
        certain: (N,) bool, of which steps the same action was always rewarded alike in the same picture.
        codes, predicted: (N, B) uint8, the code of each step's picture and the next one that the model says.

    Returns:
        rewards_right: The share of steps whose reward is told rightly.
        ends_right: The share of steps of which it is told rightly whether they end the world.
        unusual_steps: How many steps have another reward than most, or end the world.
        unusual_right: How many of these are told rightly, reward and end.
        uncertain_steps: How many steps are of a picture and an action that were rewarded in several ways, or ended the
            world but sometimes, or of ends that each have another reward: chance, or a hidden state, as of a clock.
        wrong_steps: How many of all other steps are told wrongly.
    """
    seen = seen_outcomes(walk)
    if seen is None:
        return None
    (rewards, ends), actions = seen, walk["actions"][:]
    told_rewards, told_ends = outcomes.told(codes, actions, predicted)
    if outcomes.about is not None:
        certain = certain & ~(ends & told_ends & (told_rewards == outcomes.about))
    right_reward, right_end = np.abs(told_rewards - rewards) < CLOSE, told_ends == ends
    right, (usual, usual_end) = right_reward & right_end, outcomes.kinds[0]
    unusual = (np.abs(rewards - usual) >= CLOSE) | (ends != usual_end)
    return {
        "rewards_right": float(right_reward.mean()),
        "ends_right": float(right_end.mean()),
        "unusual_steps": int(unusual.sum()),
        "unusual_right": int((unusual & right).sum()),
        "uncertain_steps": int((~certain).sum()),
        "wrong_steps": int((~right & certain).sum()),
    }
