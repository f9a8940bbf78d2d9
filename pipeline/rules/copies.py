"""Copies: which bit a next bit always equals, or is always the opposite of; found by counting how often they agree."""

from dataclasses import replace

import numpy as np

from .language import CopyRules

ITSELF = 0.1  # of a bit's chance counts where it only turns into its opposite: that is likelier to begin with
CHANCE = 0.01  # that bits which have nothing to do with one another agree in all that was seen: above, nothing is said


def find_copies(codes: np.ndarray, actions: np.ndarray, next_codes: np.ndarray, count: int) -> CopyRules:
    """Find the source of each next bit: itself, if that fits, else its opposite, else the bit that agrees most.

    A bit that was never seen to change is taken to stay; for anything else agreement must be more than chance.

    Args:
        codes, next_codes: (N, B) of 0 and 1.
        actions: (N,) int below `count`.
    """
    bits = codes.shape[1]
    itself = np.arange(bits)
    source, flipped = np.full((count, bits), -1, np.int32), np.zeros((count, bits), bool)
    for action in range(count):
        rows = actions == action
        before, after = (part[rows].astype(np.float32) * 2 - 1 for part in (codes, next_codes))
        agreement, most = before.T @ after, len(before)  # (B, B) sums of whole numbers: exact in float32
        is_itself = np.abs(agreement[itself, itself]) == most
        chosen = np.where(is_itself, itself, np.abs(agreement).argmax(axis=0))
        stays, sign = agreement[itself, itself] == most, np.sign(agreement[chosen, itself])
        one, other = before.mean(axis=0)[chosen] if most else 0, after.mean(axis=0) if most else 0
        chance = ((1 + sign * one * other) / 2) ** most * np.where(is_itself, ITSELF, 2 * bits)
        fits = stays | ((np.abs(agreement[chosen, itself]) == most) & (chance < CHANCE))
        source[action] = np.where(fits, chosen, -1)
        flipped[action] = fits & (sign < 0)
    return CopyRules(source, flipped, np.zeros((count, bits, 2), np.int64), np.zeros((count, bits), np.int64))


def count_copies(rules: CopyRules, codes: np.ndarray, actions: np.ndarray, next_codes: np.ndarray) -> np.ndarray:
    """Add what transitions say to the counts that rules hold; gives which of them contradict a rule, (N,) bool."""
    contradicts = np.zeros(len(actions), bool)
    for action in range(len(rules.source)):
        rows = np.flatnonzero(actions == action)
        is_copy = rules.source[action] >= 0
        shown = codes[rows][:, rules.source[action]]
        wrong = is_copy & ((shown ^ rules.flipped[action]) != next_codes[rows])
        ones = shown.sum(axis=0, dtype=np.int64)
        rules.seen[action] += np.stack([len(rows) - ones, ones], axis=-1) * is_copy[:, None]
        rules.wrong[action] += wrong.sum(axis=0)
        contradicts[rows] = wrong.any(axis=1)
    return contradicts


def without_wrong(rules: CopyRules) -> CopyRules:
    """Drop what some transition contradicts."""
    return replace(rules, source=np.where(rules.wrong == 0, rules.source, -1))
