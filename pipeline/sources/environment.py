"""A Gymnasium environment with discrete actions that can draw itself: walked, one picture after each step.

`render` is called once after each step and each reset, and never left out: some environments (Taxi) change by it. Time
limits are switched off where Gymnasium set them, since they end an episode without ending the world.
"""

import ast
import copy
import hashlib
import importlib
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from typing import Any

import numpy as np

from ..system.errors import UserError, shown
from ..system.executors import ahead, cores, processes
from ..system.program import INSTALLED
from ..system.streams import stream
from .pictures import resized
from .policies import POLICIES, Chosen, Novel, identity_of, policy_of, source_digest
from .recording import MOST_ACTIONS

PREFIX = "gym:"
WALK_VERSION = 2  # raise it where the same environment is walked otherwise, or what is walked is written otherwise
TRIED_STEPS = 100  # in which something must have changed
WORTH_PROCESSES = 1000  # steps below which they aren't
AT_A_TIME = 4  # blocks that are walked by what all before them saw
PATIENCE = 50  # episodes in a row without anything new that make `novel` walk on for a step in the next
MOST_PIXELS = 4096**2
OPTION_ENDS = re.compile(r",(?![^\[(]*[\])])")  # commas, but none in brackets


@dataclass(frozen=True)
class Walk:
    """Some episodes of an environment: F frames, P distinct pictures."""

    pictures: np.ndarray  # (P, H, W, 3) uint8, each once
    digests: list[bytes]  # of each picture
    shown: np.ndarray  # (F,) int, which picture each frame shows
    lengths: np.ndarray  # (E,) int, frames of each episode
    actions: np.ndarray  # (F,) uint8, that taken in each frame; 0 in an episode's last
    rewards: np.ndarray  # (F,) float32
    terminated: np.ndarray  # (F,) uint8

    def tell(self, policy: Chosen) -> None:
        """Let a policy know what was seen, as if it had walked here itself."""
        known_by, actions, ends = (
            [self.digests[number] for number in self.shown],
            self.actions.tolist(),
            self.terminated,
        )
        frame = 0
        for length in self.lengths.tolist():
            policy.begin(known_by[frame])
            for here in range(frame, frame + length - 1):
                policy.took(actions[here], known_by[here + 1], bool(ends[here]))
            frame += length


@dataclass(frozen=True)
class Environment:
    """An environment by its name.

    Attributes:
        word: As `--dataset` names it.
        options: What it is made with, as `name=value,name=value`.
        policy: What chooses the actions of training: `random`, `novel` or `module:function`.
    """

    word: str
    options: str
    policy: str

    def check(self, img_size: tuple[int, int]) -> None:
        """Make it, and try it; its pictures must differ when they have the size, too.

        Raises:
            UserError: It can't be used; says why.
        """
        with self.made() as (env, count):
            first, rng = self.picture(env.reset(seed=0), env), np.random.default_rng(0)
            if self.policy not in POLICIES:
                policy_of(self.policy, count).choose(rng, first)
            for step in range(TRIED_STEPS):
                ended = env.step(env.action_space.start + int(rng.integers(count)))[2]
                if (_of_size(self.picture(None, env), img_size) != _of_size(first, img_size)).any():
                    return
                if ended:
                    env.reset(seed=step)
        height, width = img_size
        raise self.refusal(
            f"its pictures of {height}x{width} must differ", f"{TRIED_STEPS} steps whose pictures are all alike"
        )

    @property
    def actions(self) -> tuple[str, ...]:
        """The names of its actions: their numbers."""
        with self.made() as (_, count):
            return tuple(str(number) for number in range(count))

    @property
    def digest(self) -> str:
        """A SHA-256 over what it is: its id, options and the versions of the packages that it comes from."""
        with self.made() as (env, _):
            kind = type(env.unwrapped)
        module = kind.__module__.partition(".")[0]
        found = {"id": self.word, "options": self._options(), "walk": WALK_VERSION, "policy": identity_of(self.policy)}
        versions = {module: _version_of(module) or source_digest(kind), "gymnasium": _version_of("gymnasium")}
        return hashlib.sha256(json.dumps([found, versions], sort_keys=True, default=str).encode()).hexdigest()

    @contextmanager
    def made(self) -> Iterator[tuple[Any, int]]:
        """Make it; gives it and the number of its actions. Whatever goes wrong inside is said in one line."""
        gymnasium = _gymnasium()
        env = None
        try:
            env = gymnasium.make(
                self.word.removeprefix(PREFIX), render_mode="rgb_array", max_episode_steps=-1,
                disable_env_checker=True, **self._options(),
            )  # fmt: skip
            if not isinstance(env.action_space, gymnasium.spaces.Discrete):
                raise self.refusal("its actions must be discrete", str(env.action_space))
            if env.action_space.n > MOST_ACTIONS:
                raise self.refusal(f"it must have at most {MOST_ACTIONS} actions", f"{env.action_space.n}")
            if env.render_mode != "rgb_array":
                raise self.refusal("it must render rgb_array", f"render mode {env.render_mode}")
            yield env, int(env.action_space.n)
        except UserError:
            raise
        except Exception as error:  # whatever somebody's environment raises
            text = " ".join(str(error).split())[:200]
            raise self.refusal("it must work", f"{type(error).__name__}: {text}") from None
        finally:
            if env is not None:
                env.close()

    def picture(self, reset: Any, env: Any) -> np.ndarray:
        """Draw it, (H, W, 3) uint8, after a step or a reset."""
        image = np.asarray(env.render())
        if image.ndim == 3 and image.shape[2] == 4 and (image[..., 3] == 255).all():  # nothing to see through
            image = image[..., :3]
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size > 3 * MOST_PIXELS:
            raise self.refusal("its render must give (H, W, 3) uint8", f"{image.shape} {image.dtype}")
        return image

    def first_picture(self, seed: int, img_size: tuple[int, int]) -> np.ndarray:
        """Draw what an episode begins with, (H, W, 3) uint8 of a size."""
        with self.made() as (env, _):
            return _of_size(self.picture(env.reset(seed=seed), env), img_size)

    def refusal(self, wanted: str, received: str) -> UserError:
        with_options = f" with {self.options}" if self.options else ""
        return UserError(
            f"the environment {shown(self.word)}{with_options} can't be used: {wanted}. Received: {received}"
        )

    def _options(self) -> dict[str, Any]:
        found = {}
        for part in OPTION_ENDS.split(self.options) if self.options else []:
            name, equals, value = part.partition("=")
            if not equals or not name.strip().isidentifier():
                raise UserError(
                    f"--env_options must be name=value,name=value. Received: --env_options {shown(self.options)}"
                )
            found[name.strip()] = _value_of(value.strip())
        return found

    # ---- walking

    def walk_block(
        self,
        img_size: tuple[int, int],
        key: int,
        purpose: str,
        length: int,
        block: "Block",
        known: Novel | None = None,
    ) -> Walk:
        """Walk some episodes, by random streams of their own: any block can be walked alone, with the same result.

        Args:
            known: What `novel` knows from the blocks before; None for nothing.
        """
        rng = stream(key, "environment", purpose, block.number)
        seen: dict[bytes, int] = {}
        found: dict[str, list] = {name: [] for name in ("pictures", "shown", "actions", "rewards", "terminated")}
        lengths: list[int] = []
        done = 0
        with self.made() as (env, count):
            policy = copy.deepcopy(known) or policy_of(self.policy, count)

            def look(reset: Any = None) -> tuple[bytes, np.ndarray]:
                image = self.picture(reset, env)
                digest = hashlib.sha256(np.ascontiguousarray(image).data).digest()
                if digest not in seen:
                    seen[digest] = len(found["pictures"])
                    found["pictures"].append(_of_size(image, img_size))
                found["shown"].append(seen[digest])
                return digest, image

            while done < block.transitions and len(lengths) < block.episodes:
                digest, image = look(env.reset(seed=int(rng.integers(2**31))))
                policy.begin(digest)
                steps, ended = 0, False
                while not ended and steps < length and done < block.transitions:
                    if (action := policy.choose(rng, image)) is None:
                        break
                    _, reward, ended, _, _ = env.step(env.action_space.start + action)
                    digest, image = look()
                    policy.took(action, digest, ended)
                    for name, value in (("actions", action), ("rewards", float(reward)), ("terminated", bool(ended))):
                        found[name].append(value)
                    steps, done = steps + 1, done + 1
                for name in ("actions", "rewards", "terminated"):
                    found[name].append(0)  # in an episode's last picture nothing is done
                lengths.append(steps + 1)
        return Walk(
            np.stack(found["pictures"]), list(seen), np.array(found["shown"]), np.array(lengths),
            np.array(found["actions"], np.uint8), np.array(found["rewards"], np.float32),
            np.array(found["terminated"], np.uint8),
        )  # fmt: skip

    def walks(
        self, img_size: tuple[int, int], key: int, purpose: str, length: int, blocks: list["Block"]
    ) -> Iterator[Walk]:
        """Walk blocks in order, on all cores where that is worth it; `novel` knows in training what was seen before."""
        known, size = None, len(blocks)
        if self.remembers(purpose):
            with self.made() as (_, actions):
                known, size = Novel(actions, PATIENCE), AT_A_TIME
        rounds = (blocks[first : first + size] for first in range(0, len(blocks), size))
        walk = partial(self.walk_block, img_size, key, purpose, length)
        count = min(cores(), len(blocks))
        steps = sum(min(block.transitions, block.episodes * length) for block in blocks)
        with nullcontext() if count == 1 or steps < WORTH_PROCESSES else processes(count) as executor:
            # Environments draw under Python's lock, and many aren't made for threads.
            for some in rounds:
                task = partial(walk, known=known)
                walks = ahead(executor, count, task, some) if executor else map(task, some)
                for found in list(walks) if known else walks:
                    if known:
                        found.tell(known)
                    yield found

    def remembers(self, purpose: str) -> bool:
        """Tell whether a block is walked by what the blocks before it saw."""
        return self.policy == "novel" and purpose == "train"


@dataclass(frozen=True)
class Block:
    """How much is walked at a time: until there are so many transitions, or episodes."""

    number: int
    transitions: int
    episodes: int


def _of_size(image: np.ndarray, img_size: tuple[int, int]) -> np.ndarray:
    return resized(image[None], img_size)[0]


def _gymnasium():
    """Import Gymnasium, quietly and without a screen."""
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    if os.getcwd() not in sys.path:  # an environment of one's own may lie there
        sys.path.append(os.getcwd())
    try:
        gymnasium = importlib.import_module("gymnasium")
    except ImportError:
        hint = "pip install 'discrete-world-model[gym]'" if INSTALLED else "pip install -r requirements-gym.txt"
        raise UserError(f"an environment needs the package gymnasium ({hint}). Received: --dataset gym:...") from None
    gymnasium.logger.min_level = 50  # below which nothing is said
    return gymnasium


def _version_of(package: str) -> str | None:
    names = metadata.packages_distributions().get(package, [])
    return metadata.version(names[0]) if names else None


def _value_of(text: str) -> Any:
    """Read true, 8, 0.5, None or a list; else text."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
