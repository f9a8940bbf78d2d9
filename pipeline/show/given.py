"""Pictures that a person names: a file, or a state of the run's puzzle."""

from pathlib import Path

import numpy as np
from PIL import Image

from ..codes.exactness import PIXEL_BOUND
from ..puzzles import Puzzle
from ..system.errors import UserError

MIXING = 1000  # random actions that lead from a puzzle's solved state to a random one, where all can be undone


def state_of(puzzle: Puzzle, which: str, key: int) -> np.ndarray:
    """Give a puzzle's solved state, or a random one from which actions lead there: (1, S) uint8."""
    solved = puzzle.start(np.random.default_rng(key), 1, "solved")
    if which == "solved":
        return solved
    if puzzle.inverse is None:  # a level of the same key, to be played from
        return puzzle.start(np.random.default_rng(key), 1, "anywhere")
    rng, states = np.random.default_rng(key), solved
    for _ in range(MIXING):
        states = puzzle.step(states, puzzle.random_actions(rng, states))
    return states


def read_image(name: str, path: Path, img_size: tuple[int, int]) -> np.ndarray:
    """Read the picture that an option gives, (H, W, 3) uint8."""
    image = _read(name, path)
    if image.shape != (*img_size, 3):
        size = " × ".join(map(str, image.shape))
        raise UserError(
            f"--{name} must be a picture of {img_size[0]} × {img_size[1]} pixels in colour, as the run's are. "
            f"Received: --{name} {path}, of {size}"
        )
    return image


def _read(name: str, path: Path) -> np.ndarray:
    try:
        if path.suffix == ".npy":
            image = np.load(path, allow_pickle=False)
            if image.dtype == np.uint8:
                return image
        else:
            return np.asarray(Image.open(path).convert("RGB"))
    except (OSError, ValueError, EOFError) as error:
        reason = str(error).split("\n")[0]
        raise UserError(f"--{name} must be a picture, .png or .npy ({reason}). Received: --{name} {path}") from None
    raise UserError(f"--{name} must hold an array of uint8. Received: --{name} {path}, of {image.dtype}")


def pixels_off(model, codes: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Tell how many grey levels pictures (N, H, W, 3) are off, at most, that are decoded from codes: (N,), 0 if few."""
    worst = np.abs(model.decode(codes).astype(int) - images).reshape(len(images), -1).max(axis=1)
    return np.where(worst > PIXEL_BOUND, worst, 0)
