"""What *exact* means, once: for training, early stop, the best epoch, evaluation, pictures and the README.

A step is exact where the predicted next code equals the next picture's code in every bit, and the codes of both
pictures tell what they show: no other state has the code, the state has no other code, and the code decodes to the true
picture, every pixel within a bound. A code that has collapsed is easy to predict; its steps are not exact.
"""

import math
from dataclasses import dataclass

import numpy as np

PIXEL_BOUND = 4  # grey levels of 255 by which a pixel of a decoded picture may differ from the true one
NOISE_MARGIN = 7  # standard deviations of the pictures' own noise that are allowed on top
PAIRS = 100  # of frames that show the same, by which the noise is estimated


@dataclass(frozen=True)
class Frames:
    """What F frames are worth as codes.

    Attributes:
        is_told_apart: (F,) bool, whether code and state belong to one another alone among all frames.
        is_pictured: (F,) bool, whether the code decodes to the true picture, every pixel within the bound.
        states: How many distinct states the frames show; distinct pictures where states aren't known.
        codes: How many distinct codes they have.
    """

    is_told_apart: np.ndarray
    is_pictured: np.ndarray
    states: int
    codes: int

    @property
    def is_sound(self) -> np.ndarray:
        """(F,) bool: a step to or from a frame that isn't sound doesn't count as exact."""
        return self.is_told_apart & self.is_pictured

    def figures(self) -> dict:
        """Give the counts and shares as metrics."""
        return {
            "distinct_states": self.states,
            "distinct_codes": self.codes,
            "told_apart": float(self.is_told_apart.mean()),
            "true_pictures": float(self.is_pictured.mean()),
        }


def judge_frames(numbers: np.ndarray, shown: np.ndarray, pixel_errors: np.ndarray, bound: float) -> Frames:
    """Judge the codes of F frames.

    Args:
        numbers: (F,) uint64 that stand for the codes: equal ones for equal codes, as `number_rows` gives them.
        shown: (F,) uint64, what each frame shows: equal numbers for equal states, or pictures where no state is known.
        pixel_errors: (F,) grey levels, the largest error of any pixel of the decoded picture.
        bound: The largest that counts as the true picture; `pixel_bound` gives it.
    """
    is_told_apart = _is_alone(numbers, shown) & _is_alone(shown, numbers)
    return Frames(is_told_apart, pixel_errors <= bound, len(np.unique(shown)), len(np.unique(numbers)))


def exact_steps(predicted: np.ndarray, next_codes: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Tell which of N steps are exact, (N,) bool.

    Args:
        predicted: (N, B) of 0 and 1, the predicted next codes.
        next_codes: (N, B) of 0 and 1, the codes of the next pictures.
        before, after: (N,) bool, whether the frames that the steps lead from and to are sound.
    """
    return (predicted == next_codes).all(axis=1) & before & after


def pixel_bound(noise: float = 0.0) -> float:
    """Give the most grey levels by which a pixel may be off, in pictures with noise of a standard deviation."""
    return PIXEL_BOUND + NOISE_MARGIN * noise


def as_image(pixels: np.ndarray) -> np.ndarray:
    """Round decoded pixels, about 0…1, to grey levels: float (N, H, W, 3) to uint8."""
    levels = pixels * 255
    return np.clip(np.rint(levels, out=levels), 0, 255, out=levels).astype(np.uint8)


def pixel_errors(decoded: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Give the largest difference of any pixel of each picture: two of (N, H, W, 3) uint8 to (N,) uint8."""
    return (np.maximum(decoded, images) - np.minimum(decoded, images)).reshape(len(images), -1).max(axis=1)


def noise_of(images, shown: np.ndarray) -> float:
    """Estimate the standard deviation, in grey levels, of the noise on pictures: from frames that show the same.

    Args:
        images: (F, H, W, 3) uint8, in memory or in a file.
        shown: (F,) uint64, as for `judge_frames`.

    Returns:
        0 where equal states have equal pictures, or no state is shown twice.
    """
    order = np.argsort(shown, kind="stable")
    same = np.flatnonzero(shown[order][1:] == shown[order][:-1])
    same = same[:: max(1, len(same) // PAIRS)]
    if not len(same):
        return 0.0
    pairs = zip(order[same].tolist(), order[same + 1].tolist())
    squares = [np.mean(np.square(images[one].astype(np.float64) - images[other])) for one, other in pairs]
    return float(np.sqrt(np.mean(squares) / 2))


def percent(share: float) -> str:
    """Write a share of 0…1 in per cent, rounded down: only what is all is 100 %.

    Example:
        >>> percent(0.999999), percent(0.57), percent(1.0)
        ('99.99%', '57.00%', '100%')
    """
    hundredths = min(math.floor(share * 10_000 + 1e-6), 9_999)  # 0.57 * 10,000 is a little less than 5,700
    return "100%" if share == 1 else f"{hundredths / 100:.2f}%"


def _is_alone(numbers: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Tell for each entry whether all entries with the same number have one and the same other number, (F,) bool."""
    _, which = np.unique(numbers, return_inverse=True)
    lowest, highest = np.full(which.max() + 1, ~np.uint64(0)), np.zeros(which.max() + 1, np.uint64)
    np.minimum.at(lowest, which, others)
    np.maximum.at(highest, which, others)
    return (lowest == highest)[which]
