"""Rules found in transitions: in a part of them, checked against all, and found again with what contradicts them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from tqdm import tqdm

from .copies import count_copies, find_copies, without_wrong
from .covering import MOST_RULES, NO_LIMITS, SECONDS_WITHOUT_BAR, Limits, count_local, find_local
from .language import CopyRules, LocalRules, Rules

SAMPLE = 20_000  # transitions that rules are found in at first
ROUNDS, CONTRADICTING = 5, 2000  # times that rules are found, and transitions that contradict them for the next time
PART = 20_000  # transitions that are checked at a time
MOSTLY = 0.5  # of the changes must be explained; else what was found are no rules


class Transitions(Protocol):
    """N transitions in codes."""

    def __len__(self) -> int: ...

    def part(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give codes (n, B) of 0 and 1, actions (n,) and next codes (n, B) of some transitions."""
        ...


@dataclass(frozen=True)
class Arrays:
    """Transitions in memory: codes (N, B) of 0 and 1, actions (N,) int and next codes (N, B)."""

    codes: np.ndarray
    actions: np.ndarray
    next_codes: np.ndarray

    def __len__(self) -> int:
        return len(self.actions)

    def part(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.codes[index], self.actions[index], self.next_codes[index]


def find_rules(
    transitions: Transitions, grid: tuple[int, int, int], actions: int, may_err: bool = True,
    layers: tuple[int, ...] = (), limits: Limits = NO_LIMITS,
) -> Rules:  # fmt: skip
    """Find rules that no transition contradicts: copies, or local rules where the code has a lattice and they say more.

    Args:
        grid: Rows, columns and bits per cell of the codes; (1, 1, B) where they have no lattice.
        actions: How many there are.
        may_err: Whether local rules that some transitions contradict are looked for where none are without.
        layers: How many values each layer has, where the lattice's cells have several.
        limits: Where the search for local rules ends; of rules that may not err, those until then are given.
    """
    has_lattice = grid[:2] != (1, 1)
    if layers:
        return _local_rules(transitions, grid, actions, may_err, layers, limits)
    if not has_lattice or find_copies(*transitions.part(_first(transitions)), actions).is_complete:
        copies = _copy_rules(transitions, actions)
        if copies.is_complete or not has_lattice:
            return copies
    local = _local_rules(transitions, grid, actions, may_err, layers, limits)
    return local if local.share > MOSTLY or not may_err else _copy_rules(transitions, actions)


def _copy_rules(transitions: Transitions, actions: int) -> CopyRules:
    sample = _first(transitions)
    for _ in range(ROUNDS):
        rules = find_copies(*transitions.part(sample), actions)
        parts = _parts(transitions, "checking copies")
        against = np.concatenate([part[count_copies(rules, *transitions.part(part))] for part in parts])
        if not len(against):
            return rules
        sample = np.union1d(sample, against[:CONTRADICTING])
    return without_wrong(rules)


def _local_rules(
    transitions: Transitions, grid: tuple[int, int, int], actions: int, may_err: bool, layers: tuple[int, ...],
    limits: Limits,
) -> LocalRules:  # fmt: skip
    sample = _first(transitions)
    for _ in range(ROUNDS):
        found = find_local(*transitions.part(sample), actions, grid, layers=layers, limits=limits)
        rules, against = _checked(found, transitions)
        if rules.is_complete:
            return rules
        is_list = any(len(rules.of(action)) == MOST_RULES for action in range(actions))
        if is_list or rules.share < MOSTLY or limits.are_over(rules.rules, grid[2]):
            break  # what is a list of cases becomes no shorter by more of them
        sample = np.union1d(sample, against[:CONTRADICTING])
    if not may_err or layers or limits.are_over(rules.rules, grid[2]):
        return rules
    in_noise, _ = _checked(
        find_local(*transitions.part(_first(transitions)), actions, grid, has_noise=True), transitions
    )
    return max(rules, in_noise, key=lambda found: found.share)


def _checked(rules: LocalRules, transitions: Transitions) -> tuple[LocalRules, np.ndarray]:
    """Add what all transitions say of rules; gives which of them contradict one, too."""
    against = []
    for part in _parts(transitions, "checking rules"):
        rules, contradicts = count_local(rules, *transitions.part(part))
        against.append(part[contradicts])
    return rules, np.concatenate(against)


def _first(transitions: Transitions) -> np.ndarray:
    return np.arange(min(SAMPLE, len(transitions)))


def _parts(transitions: Transitions, what: str) -> Iterator[np.ndarray]:
    firsts = tqdm(range(0, len(transitions), PART), what, unit="part", leave=False, delay=SECONDS_WITHOUT_BAR)
    return (np.arange(first, min(first + PART, len(transitions))) for first in firsts)
