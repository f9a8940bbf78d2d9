"""Every state and every action: no statistic but a proof, for puzzles small enough."""

import numpy as np
from tqdm import tqdm

from ..system.errors import UserError
from ..system.hashing import number_rows
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
        wrong_pictures: States whose decoded picture isn't the true one within the bound for every pixel.
        proven: Whether all four are zero: the model and the puzzle are the same graph.

    Raises:
        UserError: The puzzle has too many states.
    """
    count = subject.puzzle.state_count
    if not subject.is_live:
        raise UserError("--exhaustive needs a puzzle, all of whose states can be made. Received: a recording")
    if "all_states" in subject.puzzle.lacks:
        raise UserError(f"--exhaustive needs state_count or all_states. Received: {subject.puzzle.name} without them")
    if count is None or count > MOST_STATES:
        size = "a new space for each level" if count is None else f"{count:,} states"
        raise UserError(f"--exhaustive is for puzzles of at most {MOST_STATES:,} states. Received: {size}")
    print(f"visiting all {count:,} states ...", flush=True)
    states = subject.puzzle.all_states()
    numbers = number_rows(states)
    order = np.argsort(numbers)
    packed, misread, wrong_pictures = _encode_all(subject, states)
    bits = subject.model.bits
    wrong = 0
    actions = range(len(subject.puzzle.actions))
    with tqdm(total=count * len(actions), desc="proving", unit="step", unit_scale=True, dynamic_ncols=True) as progress:
        for first in range(0, count, PART):
            part = states[first : first + PART]
            codes = np.unpackbits(packed[first : first + PART], axis=1, count=bits)
            for action in actions:
                chosen = np.full(len(part), action, np.uint8)
                following = order[
                    np.searchsorted(numbers, number_rows(subject.puzzle.step(part, chosen)), sorter=order)
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
        "wrong_pictures": wrong_pictures,
        "proven": wrong == shared == misread == wrong_pictures == 0,
    }


def _encode_all(subject: Subject, states: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Encode all states; gives their codes, eight bits to a byte, how many don't read back, and wrong pictures."""
    packed, misread, wrong = [], 0, 0
    reads = "read" not in subject.puzzle.lacks
    for first in tqdm(range(0, len(states), PART), "encoding all states", unit="part", dynamic_ncols=True):
        part = states[first : first + PART]
        codes = subject.encode_states(part)
        if reads:
            misread += int((subject.read(codes) != part).any(axis=1).sum())
        wrong += int((~subject.are_pictured(codes, part)).sum())
        packed.append(np.packbits(codes, axis=1))
    return np.concatenate(packed), misread, wrong
