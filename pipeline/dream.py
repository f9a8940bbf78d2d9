"""A learned world as a Gymnasium environment: an agent that runs in it sees what the model dreams.

    import gymnasium
    env = gymnasium.make("pipeline.dream:Dream-v0", run="models/FrozenLake-v1-auto")
    envs = gymnasium.make_vec("pipeline.dream:Dream-v0", num_envs=64, run="models/FrozenLake-v1-auto")

From an installed package the first word is `discrete_world_model.dream`. Importing this module registers it.
"""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from . import load
from .dataset.cache import use_dataset
from .dataset.reading import episode_starts
from .generation.stage import ensure_dataset
from .loaded import ROWS, WorldModel
from .puzzles import PUZZLES
from .system.errors import UserError

MOST_STARTS = 10_000  # codes of the data in which episodes begin
MOST_STEPS = 200  # of an episode, where `max_episode_steps` doesn't say otherwise
METADATA = {"render_modes": ["rgb_array"], "render_fps": 4}


class Dreamed:
    """What is dreamed: a model, where episodes begin, and where they end with what reward.

    Rewards and ends are told by the run's rules for them. A puzzle's data has none: there an episode ends, with reward
    1, in the goal. Episodes begin where the data's did; for a puzzle in any of its states.
    """

    def __init__(self, run: str, goal: np.ndarray | None, codes: bool, data_dir: str):
        self.model: WorldModel = load(run)
        self.actions = spaces.Discrete(len(self.model.actions))
        self.codes = codes
        self.observations: spaces.Space = (
            spaces.MultiBinary(self.model.bits) if codes else spaces.Box(0, 255, (*self.model.img_size, 3), np.uint8)
        )
        puzzle = PUZZLES.get(self.model.dataset)
        if goal is None and puzzle:
            goal = puzzle.render(puzzle.start(np.random.default_rng(0), 1, "solved"), self.model.img_size)[0]
        if goal is None and self.model.outcomes is None:
            raise UserError("a dream needs a goal, for the run's data has no rewards and no ends. Received: goal=None")
        self.goal = None if goal is None else self.model.encode(goal)
        with use_dataset(ensure_dataset(self.model.options.model_copy(update={"data_dir": data_dir}))) as file:
            split = file["train"]
            frames = split["frames"][:].astype(np.int64)
            first = np.arange(len(frames)) if puzzle else episode_starts(frames)
            chosen = first[np.linspace(0, len(first) - 1, min(len(first), MOST_STARTS)).astype(int)]
            starts = self._encoded(split["images"], frames[chosen])
        others = starts[~self._ended(starts)]
        self._starts = others if len(others) else starts

    def begin(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Give codes (count, B) in which episodes begin."""
        return self._starts[rng.integers(len(self._starts), size=count)]

    def step(self, codes: np.ndarray, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give the codes (N, B) that follow, the rewards (N,) and what ended (N,) bool."""
        after = self.model.step(codes, actions)
        if self.goal is not None:
            ended = self._ended(after)
            return after, ended.astype(np.float64), ended
        assert self.model.outcomes is not None  # there is a goal without them
        return after, *self.model.outcomes.told(codes, actions, after)

    def observed(self, codes: np.ndarray) -> np.ndarray:
        """Give what is seen of codes (N, B): they themselves (N, B) int8, or pictures (N, H, W, 3) uint8."""
        return codes.astype(np.int8) if self.codes else self.model.decode(codes)

    def _ended(self, codes: np.ndarray) -> np.ndarray:
        return np.zeros(len(codes), bool) if self.goal is None else (codes == self.goal).all(axis=1)

    def _encoded(self, images, frames: np.ndarray) -> np.ndarray:
        """Encode some frames (n,) of a file, in rising order, as codes (n, B)."""
        parts = [frames[at : at + ROWS] for at in range(0, len(frames), ROWS)]
        return np.concatenate([self.model.encode(np.stack([images[frame] for frame in part])) for part in parts])


class Dream(gymnasium.Env):
    """A run's world, dreamed: a step is the model's, an observation the picture that it decodes.

    Args:
        run: The folder of a finished run.
        goal: A picture (H, W, 3) uint8 that ends an episode with reward 1; by default the puzzle's solved state, or
            what the data showed.
        codes: Observations are codes (B,) instead of pictures (H, W, 3) uint8.
        data_dir: Where the run's dataset is, which is made again if it isn't there.
        render_mode: None or "rgb_array".

    Examples:
        >>> env = Dream("run", codes=True)
        >>> code, _ = env.reset(seed=0)
        >>> code, reward, terminated, truncated, info = env.step(1)
    """

    metadata = METADATA

    def __init__(
        self, run: str, goal: np.ndarray | None = None, codes: bool = False, data_dir: str = "data",
        render_mode: str | None = None,
    ):  # fmt: skip
        self.dreamed, self.render_mode = Dreamed(run, goal, codes, data_dir), render_mode
        self.action_space, self.observation_space = self.dreamed.actions, self.dreamed.observations
        self._code = self.dreamed.begin(np.random.default_rng(0), 1)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin an episode; `options={"start": picture}` says where."""
        super().reset(seed=seed)
        given = (options or {}).get("start")
        self._code = self.dreamed.begin(self.np_random, 1) if given is None else self.dreamed.model.encode(given)[None]
        return self.dreamed.observed(self._code)[0], {"code": self._code[0].copy()}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Dream a step: the observation, the reward, whether the world ended, False, and a dictionary.

        In this are `code` (B,), and `known`, whether the data tested what the model says.
        """
        known = bool(self.dreamed.model.known(self._code[0], int(action)))
        self._code, (reward,), (ended,) = self.dreamed.step(self._code, np.array([action]))
        told = {"code": self._code[0].copy(), "known": known}
        return self.dreamed.observed(self._code)[0], float(reward), bool(ended), False, told

    def render(self) -> np.ndarray | None:
        """Decode where the dream is: (H, W, 3) uint8."""
        return self.dreamed.model.decode(self._code[0]) if self.render_mode == "rgb_array" else None


class Dreams(VectorEnv):
    """Many dreams at once, a step of all of them one of the model; the arguments are those of `Dream`.

    An episode that has ended, or has `max_episode_steps`, begins anew with the next step, as is Gymnasium's custom.
    """

    metadata = METADATA | {"autoreset_mode": AutoresetMode.NEXT_STEP}

    def __init__(
        self, num_envs: int, run: str, goal: np.ndarray | None = None, codes: bool = False, data_dir: str = "data",
        render_mode: str | None = None, max_episode_steps: int = MOST_STEPS,
    ):  # fmt: skip
        self.dreamed, self.num_envs, self.render_mode = Dreamed(run, goal, codes, data_dir), num_envs, render_mode
        self.single_action_space, self.single_observation_space = self.dreamed.actions, self.dreamed.observations
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.longest, self._steps = max_episode_steps, np.zeros(num_envs, int)
        self._codes, self._over = self.dreamed.begin(np.random.default_rng(0), num_envs), np.zeros(num_envs, bool)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin all episodes."""
        super().reset(seed=seed)
        self._codes = self.dreamed.begin(self.np_random, self.num_envs)
        self._steps[:], self._over[:] = 0, False
        return self.dreamed.observed(self._codes), {"code": self._codes.copy()}

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Dream a step of each; what was over begins anew."""
        codes, rewards, ended = self.dreamed.step(self._codes, np.asarray(actions))
        codes[self._over] = self.dreamed.begin(self.np_random, int(self._over.sum()))
        rewards[self._over], ended[self._over] = 0.0, False
        self._codes, self._steps = codes, np.where(self._over, 0, self._steps + 1)
        cut = (self._steps >= self.longest) & ~ended
        self._over = ended | cut
        return self.dreamed.observed(codes), rewards, ended, cut, {"code": codes.copy()}


gymnasium.register(
    "Dream-v0", f"{__name__}:Dream", max_episode_steps=MOST_STEPS, vector_entry_point=f"{__name__}:Dreams"
)
