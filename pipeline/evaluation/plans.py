"""Whether plans hold in the true puzzle or environment."""

import numpy as np

from ..codes.exactness import pixel_bound, pixel_errors
from ..puzzles import Puzzle
from ..sources.environment import Environment
from ..sources.pictures import resized

RESETS = 2000  # of an environment, one of which must show a plan's start


def replayed(puzzle: Puzzle, start: np.ndarray, actions: list[int]) -> tuple[np.ndarray, bool] | None:
    """Read a picture (H, W, 3) uint8 as a state, without the model, and take actions from it in the true puzzle.

    Returns:
        The true pictures of the way (T + 1, H, W, 3), and that it didn't end the world, as puzzles don't; None where
        the first isn't the puzzle's, or can't be read.
    """
    if "read" in puzzle.lacks:
        return None
    states = [puzzle.read(start[None])]
    for action in actions:
        states.append(puzzle.step(states[-1], np.array([action], np.uint8)))
    images = puzzle.render(np.concatenate(states), start.shape[:2])
    return (images, False) if looks_alike(images[0], start) else None


def replayed_live(environment: Environment, start: np.ndarray, actions: list[int]) -> tuple[np.ndarray, bool] | None:
    """Reset an environment until it shows a picture (H, W, 3) uint8, and take actions in it until it ends.

    Returns:
        The true pictures of the way, at most (T + 1, H, W, 3), and whether it ended; None where no reset showed it.
    """
    with environment.made() as (env, _):
        for seed in range(RESETS):
            if looks_alike(_picture(environment, env.reset(seed=seed), env, start), start):
                images, ended = [start], False
                for action in actions:
                    ended = env.step(env.action_space.start + action)[2]
                    images.append(_picture(environment, None, env, start))
                    if ended:
                        break
                return np.stack(images), ended
    return None


def _picture(environment: Environment, reset, env, like: np.ndarray) -> np.ndarray:
    return resized(environment.picture(reset, env)[None], like.shape[:2])[0]


def looks_alike(image: np.ndarray, other: np.ndarray) -> bool:
    """Tell whether two pictures (H, W, 3) uint8 are the same, every pixel within the bound."""
    return bool(pixel_errors(image[None], other[None])[0] <= pixel_bound())
