"""A learned world as a Gymnasium environment: an agent that runs in it sees what the model dreams.

    import gymnasium
    env = gymnasium.make("pipeline.dream:Dream-v0", run="models/FrozenLake-v1-auto")

From an installed package the first word is `discrete_world_model.dream`. Importing this module registers it.
"""

from collections import OrderedDict
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from . import load
from .dataset.cache import use_dataset
from .generation.stage import ensure_dataset
from .loaded import ROWS, WorldModel
from .puzzles import PUZZLES
from .system.errors import UserError

MOST_STARTS = 10_000  # codes of the data in which episodes begin
MOST_KEPT = 100_000  # codes whose successors are remembered, which are asked for again and again
MOST_STEPS = 200  # of an episode, where `max_episode_steps` doesn't say otherwise


class Dream(gymnasium.Env):
    """A run's world, dreamed: a step is the model's, an observation the picture that it decodes.

    Rewards and ends are those that the data showed for a code and an action. A puzzle's data has none: there an episode
    ends, with reward 1, in the goal. Episodes begin where the data's did; for a puzzle in any of its states.

    Args:
        run: The folder of a finished run.
        goal: A picture (H, W, 3) uint8 that ends an episode with reward 1; by default the puzzle's solved state, or
            what the data showed.
        codes: Observations are codes (B,) instead of pictures (H, W, 3) uint8.
        data_dir: Where the run's dataset is, which is made again if it isn't there.
        render_mode: None or "rgb_array".

    Example:
        >>> env = Dream("run", codes=True)
        >>> code, _ = env.reset(seed=0)
        >>> code, reward, terminated, truncated, info = env.step(1)
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 4}  # noqa: RUF012

    def __init__(
        self, run: str, goal: np.ndarray | None = None, codes: bool = False, data_dir: str = "data",
        render_mode: str | None = None,
    ):  # fmt: skip
        self.model: WorldModel = load(run)
        self.codes, self.render_mode = codes, render_mode
        self.action_space = spaces.Discrete(len(self.model.actions))
        self.observation_space = (
            spaces.MultiBinary(self.model.bits) if codes else spaces.Box(0, 255, (*self.model.img_size, 3), np.uint8)
        )
        options = self.model.options.model_copy(update={"data_dir": data_dir})
        is_puzzle = options.dataset in PUZZLES
        if goal is None and is_puzzle:
            puzzle = PUZZLES[options.dataset]
            goal = puzzle.render(puzzle.start(np.random.default_rng(0), 1, "solved"), self.model.img_size)[0]
        self.goal = None if goal is None else self.model.encode(goal)
        with use_dataset(ensure_dataset(options)) as file:
            split = file["train"]
            frames = split["frames"][:].astype(np.int64)
            first = np.arange(len(frames)) if is_puzzle else np.flatnonzero(np.append(2, np.diff(frames)) > 1)
            chosen = first[np.linspace(0, len(first) - 1, min(len(first), MOST_STARTS)).astype(int)]
            self._starts = self._encoded(split["images"], frames[chosen])
            self._outcomes = self._seen(split, frames) if self.goal is None else {}
        self._after: OrderedDict[bytes, np.ndarray] = OrderedDict()
        self._code = self._starts[0]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin an episode; `options={"start": picture}` says where."""
        super().reset(seed=seed)
        given = (options or {}).get("start")
        if given is not None:
            self._code = self.model.encode(given)
            return self._observed(), {"code": self._code.copy()}
        places = self.np_random.permutation(len(self._starts))
        ends = (place for place in places if not self._is_goal(self._starts[place]))
        self._code = self._starts[next(ends, places[0])]
        return self._observed(), {"code": self._code.copy()}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Dream a step: the observation, the reward, whether the world ended, False, and a dictionary.

        In this are `code` (B,), and `known`, whether the data tested what the model says.
        """
        before = self._code
        self._code = self._successors(before)[int(action)]
        if self.goal is None:
            reward, ended = self._outcomes.get((before.tobytes(), int(action)), (0.0, False))
        else:
            ended = self._is_goal(self._code)
            reward = float(ended)
        known = bool(self.model.known(before, int(action)))
        return self._observed(), reward, ended, False, {"code": self._code.copy(), "known": known}

    def render(self):
        """Decode where the dream is: (H, W, 3) uint8."""
        return self.model.decode(self._code) if self.render_mode == "rgb_array" else None

    def _observed(self) -> np.ndarray:
        return self._code.astype(np.int8) if self.codes else self.model.decode(self._code)

    def _is_goal(self, code: np.ndarray) -> bool:
        return self.goal is not None and bool((code == self.goal).all())

    def _successors(self, code: np.ndarray) -> np.ndarray:
        """Give the successors (A, B) of a code (B,)."""
        name = code.tobytes()
        if name not in self._after:
            self._after[name] = self.model.successors(code)
            if len(self._after) > MOST_KEPT:
                self._after.popitem(last=False)
        return self._after[name]

    def _encoded(self, images, frames: np.ndarray) -> np.ndarray:
        """Encode some frames (n,) of a file, in rising order, as codes (n, B)."""
        parts = [frames[at : at + ROWS] for at in range(0, len(frames), ROWS)]
        return np.concatenate([self.model.encode(np.stack([images[frame] for frame in part])) for part in parts])

    def _seen(self, split, frames: np.ndarray) -> dict[tuple[bytes, int], tuple[float, bool]]:
        """Give the reward and the end that the data showed last for a code and an action, where there were any."""
        if "rewards" not in split and "terminated" not in split:
            raise UserError("a dream needs a goal, for the run's data has no rewards and no ends. Received: goal=None")
        rewards, ends = (
            split[name][:] if name in split else np.zeros(len(frames)) for name in ("rewards", "terminated")
        )
        told = np.flatnonzero((rewards != 0) | (ends != 0))
        codes = self._encoded(split["images"], frames[told]) if len(told) else np.empty((0, self.model.bits), np.uint8)
        pairs = zip(codes, split["actions"][:][told].tolist(), rewards[told].tolist(), ends[told].tolist())
        return {(code.tobytes(), action): (reward, bool(end)) for code, action, reward, end in pairs}


gymnasium.register("Dream-v0", f"{__name__}:Dream", max_episode_steps=MOST_STEPS)
