"""What no model of the picture can know: actions that did different things in the same picture."""

import h5py
import numpy as np

from ..dataset.layout import SPLITS
from ..dataset.reading import seen_outcomes
from ..system.hashing import number_pairs, number_rows


def measure_chance(file: h5py.File) -> tuple[dict, np.ndarray]:
    """Count the pairs of picture and action after which different pictures came: chance, or a hidden state.

    Returns:
        pairs, ambiguous_pairs: How many pairs of a picture and an action there are in the whole file, and how many of
            them led to several pictures.
        ambiguous_steps: The share of the unseen steps that are of such a pair.
        bound: The share of unseen steps that a model can predict at most, if it always says what came most often.
        And (N,) bool, which of the test split's steps are of a pair that always led to the same picture.
    """
    parts = [_pairs_and_outcomes(file[split]) for split in SPLITS]
    pairs, outcomes = (np.concatenate(column) for column in zip(*parts))
    test = slice(len(pairs) - len(parts[-1][0]), None)
    order = np.lexsort((outcomes, pairs))
    is_new = np.ones(len(order), bool)  # another pair or another outcome than the one before
    is_new[1:] = (pairs[order][1:] != pairs[order][:-1]) | (outcomes[order][1:] != outcomes[order][:-1])
    group = np.cumsum(is_new) - 1
    counts = np.bincount(group)  # how often each outcome of each pair came
    _, pair_of_group = np.unique(pairs[order][is_new], return_inverse=True)
    most = np.zeros(pair_of_group.max() + 1, int)
    np.maximum.at(most, pair_of_group, counts)
    several = np.bincount(pair_of_group) > 1
    commonest, certain = np.empty(len(order), bool), np.empty(len(order), bool)
    commonest[order] = (counts == most[pair_of_group])[group]
    certain[order] = ~several[pair_of_group][group]
    return {
        "pairs": len(several),
        "ambiguous_pairs": int(several.sum()),
        "ambiguous_steps": float((~certain[test]).mean()),
        "bound": float(commonest[test].mean()),
    }, certain[test]


def certain_outcomes(file: h5py.File) -> np.ndarray:
    """Tell of which steps of the test split, (N,) bool, action and picture were always rewarded and ended alike."""
    found = [of for of in (seen_outcomes(file[split]) for split in SPLITS) if of is not None]
    if len(found) < len(SPLITS):
        return np.ones(len(file["test/actions"]), bool)
    pairs = np.concatenate([_pairs_and_outcomes(file[split])[0] for split in SPLITS])
    told = np.concatenate([np.stack(of, dtype=np.float32) for of in found], axis=1)
    which, outcome = (np.unique(of, axis=-1, return_inverse=True)[1] for of in (pairs, told))
    several = np.bincount(np.unique(np.stack([which, outcome]), axis=1)[0]) > 1
    return ~several[which][-len(file["test/actions"]) :]


def _pairs_and_outcomes(split: h5py.Group) -> tuple[np.ndarray, np.ndarray]:
    """Give a number for picture and action of each transition, and one for the picture that came: (N,) uint64 each."""
    shown = split["pictures"][:] if "pictures" in split else number_rows(split["states"][:])
    frames = split["frames"][:].astype(np.int64)
    return number_pairs(shown[frames], split["actions"][:]), shown[frames + 1]
