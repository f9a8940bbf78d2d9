"""Every state and every action: no statistic but a proof, for puzzles small enough."""

import numpy as np
from tqdm import tqdm

from ..puzzles.search import state_numbers
from ..system.errors import UserError
from .subject import Subject

MOST_STATES = 10_000_000
PART = 20_000


def prove(subject: Subject) -> dict:
    """Check each state of the puzzle and each action on it.

    Returns:
        states, transitions: How many there are, all of which were checked.
        wrong_transitions: Predicted next codes that differ from the code of the true next state's image.
        shared_codes: States whose code another state has too.
        misread_states: States that don't read back from their decoded code.
        proven: Whether all three are zero: the model and the puzzle are the same graph.

    Raises:
        UserError: The puzzle has too many states.
    """
    count = subject.puzzle.state_count
    if count is None or count > MOST_STATES:
        size = "a new space for each level" if count is None else f"{count:,} states"
        raise UserError(f"--exhaustive is for puzzles of at most {MOST_STATES:,} states. Received: {size}")
    print(f"visiting all {count:,} states ...", flush=True)
    states = subject.puzzle.all_states()
    numbers = state_numbers(states)
    order = np.argsort(numbers)
    packed, misread = _encode_all(subject, states)
    bits = subject.model.transition.output_shape[-1]
    wrong = 0
    actions = range(len(subject.puzzle.actions))
    with tqdm(total=count * len(actions), desc="proving", unit="step", unit_scale=True, dynamic_ncols=True) as progress:
        for first in range(0, count, PART):
            part = states[first : first + PART]
            codes = np.unpackbits(packed[first : first + PART], axis=1, count=bits)
            for action in actions:
                chosen = np.full(len(part), action, np.uint8)
                following = order[
                    np.searchsorted(numbers, state_numbers(subject.puzzle.step(part, chosen)), sorter=order)
                ]
                target = np.unpackbits(packed[following], axis=1, count=bits)
                wrong += int((subject.step(codes, chosen) != target).any(axis=1).sum())
                progress.update(len(part))
    shared = count - len(np.unique(packed, axis=0))
    return {
        "states": count,
        "transitions": count * len(actions),
        "wrong_transitions": wrong,
        "shared_codes": shared,
        "misread_states": misread,
        "proven": wrong == 0 and shared == 0 and misread == 0,
    }


def _encode_all(subject: Subject, states: np.ndarray) -> tuple[np.ndarray, int]:
    """Encode all states; gives their codes, eight bits to a byte, and how many don't read back."""
    packed, misread = [], 0
    for first in tqdm(range(0, len(states), PART), "encoding all states", unit="part", dynamic_ncols=True):
        part = states[first : first + PART]
        codes = subject.encode_states(part)
        misread += int((subject.read(codes) != part).any(axis=1).sum())
        packed.append(np.packbits(codes, axis=1))
    return np.concatenate(packed), misread
