"""A Gymnasium environment of one's own: a light on a strip of six cells; beyond the right end the world ends."""

import gymnasium
import numpy as np


class Strip(gymnasium.Env):
    """Actions: left, right, stay. With `chance` a step may fail."""

    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012

    def __init__(self, render_mode=None, chance=0.0, cells=6, kind=""):
        self.render_mode, self.chance, self.cells, self.kind = render_mode, chance, cells, kind
        self.action_space = gymnasium.spaces.Discrete(3, start=1)
        if kind == "continuous":
            self.action_space = gymnasium.spaces.Box(0, 1)
        if kind == "many":
            self.action_space = gymnasium.spaces.Discrete(300)
        self.observation_space = gymnasium.spaces.Discrete(cells)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = int(self.np_random.integers(self.cells))
        return self.place, {}

    def step(self, action):
        assert action in (1, 2, 3)
        if self.kind == "raises":
            raise RuntimeError("it broke\nbadly")
        if self.np_random.random() >= self.chance:
            self.place = max(0, self.place + {1: -1, 2: 1, 3: 0}[action])
        ended = self.place == self.cells
        self.place = min(self.place, self.cells - 1)
        return self.place, float(ended), ended, False, {}

    def render(self):
        lit = np.arange(self.cells) == (0 if self.kind == "alike" else self.place)
        image = np.kron(lit, np.full((8, 8), 255))[..., None].repeat(3, axis=2)
        return image.astype(np.float32 if self.kind == "floats" else np.uint8)


gymnasium.register("Strip-v0", Strip, max_episode_steps=5)
