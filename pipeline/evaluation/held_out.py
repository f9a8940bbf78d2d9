"""What can be measured of a world that isn't at hand: on its recorded episodes that training never saw."""

from collections.abc import Iterator, Mapping

import h5py
import numpy as np
from tqdm import tqdm

from ..codes.exactness import judge_frames, noise_of, pixel_bound
from ..dataset.layout import SPLITS
from ..dataset.reading import episode_starts
from ..system.hashing import number_rows
from .rollout import Rollout
from .subject import Subject


def roll_out_episodes(subject: Subject, walk: Mapping, episodes: int, steps: int) -> Rollout:
    """Dream recorded episodes from their first pictures, at most so many and so far, and compare every step.

    Args:
        walk: The arrays of a split, in a file or in memory.
    """
    images, actions, frames = walk["images"], walk["actions"][:], walk["frames"][:].astype(np.int64)
    bounds = np.append(episode_starts(frames), len(frames))[: episodes + 1]
    begins, ends = bounds[:-1], bounds[1:]
    lengths = np.minimum(ends - begins, steps)
    steps, episodes, firsts = int(lengths.max()), len(lengths), frames[begins]
    step = np.arange(steps)[:, None]
    happened = step < lengths  # (T, E)
    taken = np.where(happened, actions[np.minimum(begins + step, len(actions) - 1)], 0)
    place = firsts + np.minimum(np.arange(steps + 1)[:, None], lengths)  # (T + 1, E), the frame at each step
    states = walk["states"][:][place]
    first = subject.encode(np.stack([images[frame] for frame in firsts.tolist()]))
    codes = np.empty((steps + 1, *first.shape), np.uint8)
    codes[0] = first
    for t in tqdm(range(steps), "dreaming", unit="step", leave=False, dynamic_ncols=True):
        codes[t + 1] = subject.model.step(codes[t], taken[t])
    numbers = np.full(len(images), -1)  # of each frame, where it is among the steps
    inside = np.arange(steps + 1)[:, None] <= lengths
    numbers[place[inside]] = np.flatnonzero(inside)
    shown = number_rows(walk["states"][:])
    right, code_numbers = np.zeros(len(images), bool), np.zeros(len(images), np.uint64)
    off, squared, flat = np.zeros(len(images), np.uint8), [], codes.reshape(-1, codes.shape[-1])
    for first_row, part in _parts(subject, images):
        used = np.flatnonzero(numbers[first_row : first_row + len(part)] >= 0)
        if not len(used):
            continue
        part, rows = part[used], first_row + used
        true_codes, dreamed = subject.encode(part), flat[numbers[rows]]
        right[rows], code_numbers[rows] = (true_codes == dreamed).all(axis=1), number_rows(true_codes)
        off[rows], errors = subject.compare(dreamed, part)
        squared.append(errors)
    met = numbers >= 0
    judged = judge_frames(code_numbers[met], shown[met], off[met], pixel_bound(noise_of(images, shown)))
    sound = np.zeros(len(images), bool)
    sound[met] = judged.is_sound
    exact = right[place[1:]] & sound[place[1:]] & sound[place[:-1]] & happened
    longest = int(lengths.argmax())
    return Rollout(
        states, taken, codes, exact, np.concatenate(squared),
        lambda shown: np.stack([images[frame] for frame in place[shown, longest].tolist()]), happened, longest,
    )  # fmt: skip


def measure_seen_identity(subject: Subject, file: h5py.File, wanted: int) -> dict:
    """Look for pictures that share a code, among all that the file shows or so many; gives what the figures are of."""
    seen = codes = np.empty(0, np.uint64)
    for split in SPLITS:
        images, states = file[split]["images"], file[split]["states"]
        for first, part in _parts(subject, images):
            if len(seen) >= wanted:
                break
            shown, place = np.unique(number_rows(states[first : first + len(part)]), return_index=True)
            new = ~np.isin(shown, seen, assume_unique=True)
            if new.any():
                shown, place = shown[new][: wanted - len(seen)], place[new][: wanted - len(seen)]
                seen = np.concatenate([seen, shown])
                codes = np.concatenate([codes, number_rows(subject.encode(part[np.sort(place)]))])
    return {"states": len(seen), "shared_codes": len(seen) - len(np.unique(codes))}


def _parts(subject: Subject, images) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the images some at a time, with the number of the first."""
    size = subject.rows_at_a_time
    return ((first, images[first : first + size]) for first in range(0, len(images), size))
