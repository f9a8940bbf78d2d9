"""Whether a code and a state are the same thing: no two states share a code, no state has two."""

import numpy as np
from tqdm import tqdm

from ..system.hashing import number_rows
from .subject import Subject

WALKERS, FEWEST_WALKERS, STEPS = 10_000, 1000, 10
DETOUR = 4


def measure_identity(subject: Subject, states: int, probes: int) -> dict:
    """Look for states that share a code, for states with several codes, and for actions that aren't undone.

    Args:
        states: Among how many distinct states to look for shared codes.
        probes: From how many states to take two ways to one end, and a step there and back.

    Returns:
        states: How many distinct states were encoded.
        shared_codes: How many of them have a code that another one has too.
        two_ways: How many pairs of different action sequences that end in one state were tried.
        two_ways_one_code: The share of these whose predicted codes are equal too, and decode to the true picture.
        inverse_returns: The share of steps that their inverse action takes back to the code, which decodes to the true
            picture; null without inverses.
    """
    count, distinct_codes = _count_codes(subject, states)
    pairs, equal = _two_ways(subject, probes)
    return {
        "states": count,
        "shared_codes": count - distinct_codes,
        "two_ways": pairs,
        "two_ways_one_code": equal,
        "inverse_returns": _inverse_returns(subject, probes),
    }


def _count_codes(subject: Subject, wanted: int) -> tuple[int, int]:
    """Encode `wanted` distinct states, or as many as the puzzle has; gives their and their codes' number."""
    if subject.puzzle.state_count:
        wanted = min(wanted, subject.puzzle.state_count)
    rng = subject.rng("identity")
    walkers = min(WALKERS, wanted, max(FEWEST_WALKERS, wanted // STEPS))
    seen = codes = np.empty(0, np.uint64)
    with tqdm(total=wanted, desc="encoding states", unit="state", leave=False, dynamic_ncols=True) as progress:
        barren = 0  # walks in a row that met nothing new: the reachable states are used up
        while len(seen) < wanted and barren < 10:
            walk, _ = subject.walk(rng, walkers, STEPS)
            walk = walk.reshape(-1, walk.shape[-1])
            numbers, first = np.unique(number_rows(walk), return_index=True)
            new = ~np.isin(numbers, seen, assume_unique=True)
            numbers, first = numbers[new][: wanted - len(seen)], first[new][: wanted - len(seen)]
            barren = 0 if len(first) else barren + 1
            if len(first):
                seen = np.concatenate([seen, numbers])
                codes = np.concatenate([codes, number_rows(subject.encode_states(walk[first]))])
                progress.update(len(first))
    return len(seen), len(np.unique(codes))


def _two_ways(subject: Subject, probes: int) -> tuple[int, float | None]:
    """Compare the codes after some actions and after the same actions in another order, where both end in one state."""
    rng = subject.rng("two ways")
    states = subject.puzzle.start(rng, probes, "anywhere")
    one_way = _random_actions(subject, rng, (probes, DETOUR))
    other_way = rng.permuted(one_way, axis=1)
    ends = [_follow(subject.puzzle.step, states, way) for way in (one_way, other_way)]
    meet = (ends[0] == ends[1]).all(axis=1) & (one_way != other_way).any(axis=1)
    if not meet.any():
        return 0, None
    codes = subject.encode_states(states[meet])
    predicted = [_follow(subject.step, codes, way[meet]) for way in (one_way, other_way)]
    equal = (predicted[0] == predicted[1]).all(axis=1) & subject.are_pictured(predicted[0], ends[0][meet])
    return int(meet.sum()), float(equal.mean())


def _random_actions(subject: Subject, rng: np.random.Generator, shape) -> np.ndarray:
    return rng.integers(0, len(subject.puzzle.actions), shape, np.uint8)


def _follow(step, rows: np.ndarray, actions: np.ndarray) -> np.ndarray:
    for t in range(actions.shape[1]):
        rows = step(rows, actions[:, t])
    return rows


def _inverse_returns(subject: Subject, probes: int) -> float | None:
    """Take a step and its inverse in the model, wherever the true step changes the state."""
    if subject.puzzle.inverse is None:
        return None
    rng = subject.rng("inverses")
    states = subject.puzzle.start(rng, probes, "anywhere")
    actions = _random_actions(subject, rng, probes)
    moved = (subject.puzzle.step(states, actions) != states).any(axis=1)
    codes, actions = subject.encode_states(states[moved]), actions[moved]
    back = np.array(subject.puzzle.inverse, np.uint8)[actions]
    returned = subject.step(subject.step(codes, actions), back)
    return float(((returned == codes).all(axis=1) & subject.are_pictured(codes, states[moved])).mean())
