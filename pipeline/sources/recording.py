"""A recording: pictures, and the actions taken in them, of episodes that somebody else has walked.

    images   (F, H, W) or (F, H, W, 3) uint8
    episode  (F,)       which episode a frame is of; an episode's frames follow one another
    action   (F,)       the action taken in the frame, a number or a name; that of an episode's last frame is ignored
    state    (F, ...)   optional: what the frame shows, for measuring only
    reward   (F,)       optional: what the action was rewarded with
    terminated (F,)     optional: whether the action ended the world, not only the episode

As an `.npz` or `.h5` file with arrays of these names, or as a folder with a `steps.csv` whose columns have them, `file`
in the place of `images`. Nothing in it is trusted: nothing is unpickled, no link is followed, no size is believed.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from ..system.errors import UserError, shown

NEEDED = ("images", "episode", "action")
OPTIONAL = ("state", "reward", "terminated")
LARGEST_SIDE = 1024  # pixels
MOST_ACTIONS = 256  # that a byte can number
MOST_FRAMES = 2**32 - 1  # that the dataset file can number
MOST_STATE_BYTES = 4096
MOST_LETTERS = 100  # of the name of an action
PORTION_BYTES = 2**24  # of images that are read at a time
LEAST_EPISODES = 3  # to train on, to choose the best epoch by, to be measured on


class Frames(ABC):
    """The frames of a recording, wherever they lie; they can be gone through again and again."""

    shape: tuple[int, ...]  # (F, H, W) or (F, H, W, 3)

    @abstractmethod
    def portions(self, rows: int) -> Iterator[np.ndarray]:
        """Yield the frames in order, `rows` at a time: (n, H, W) or (n, H, W, 3) uint8."""


class Recording:
    """A recording that has been looked at: F frames of E episodes.

    Attributes:
        name: What the person called it.
        digest: A SHA-256 over all of it.
        actions: The names of its actions; a frame's `action` (F,) uint8 is an index into them.
        lengths: (E,) int, the frames of each episode.
        states: (F, S) uint8, the bytes of what each frame shows; None where that isn't known.
        rewards: (F,) float32 or None.
        terminated: (F,) uint8 of 0 and 1, or None.
        unused: The names of what else is in it.
    """

    unused: tuple[str, ...] = ()

    def __init__(self, name: str, digest: str, frames: Frames, columns: Mapping[str, np.ndarray]):
        self.name, self.digest, self.frames = name, digest, frames
        self._check_shapes(columns)
        self.lengths = self._read_episodes(columns["episode"])
        self.actions, self.action = self._read_actions(columns["action"])
        self.states = self._read_states(columns.get("state"))
        self.rewards = self._read_rewards(columns.get("reward"))
        self.terminated = self._read_ends(columns.get("terminated"))

    @property
    def img_size(self) -> tuple[int, int]:
        """Height and width of the frames."""
        return self.frames.shape[1], self.frames.shape[2]

    @property
    def transitions(self) -> int:
        return int(self.lengths.sum() - len(self.lengths))

    def images(self) -> Iterator[np.ndarray]:
        """Yield all frames in order, some at a time, as (n, H, W, 3) uint8."""
        rows = max(1, PORTION_BYTES // int(3 * np.prod(self.img_size)))
        for part in self.frames.portions(rows):
            colours = part if part.ndim == 4 else part[..., None]
            yield np.ascontiguousarray(np.broadcast_to(colours, (*colours.shape[:3], 3)))

    def check_shows_something(self) -> None:
        """Make sure that not all frames are alike.

        Raises:
            UserError: They are.
        """
        first = None
        for part in self.frames.portions(64):
            first = part[:1] if first is None else first
            if (part != first).any():
                return
        raise self.refusal("images must differ somewhere", f"{self.frames.shape[0]:,} frames that are all alike")

    def beside(self, names: Iterable[str]) -> "Recording":
        """Note which of the names of all that is in it aren't those of a recording; gives it back."""
        self.unused = tuple(name for name in names if name not in (*NEEDED, *OPTIONAL))
        return self

    def refusal(self, wanted: str, received: str) -> UserError:
        return UserError(f"the recording {shown(self.name)} can't be used: {wanted}. Received: {received}")

    # ---- reading what is beside the images

    def _check_shapes(self, columns: Mapping[str, np.ndarray]):
        shape = self.frames.shape
        if len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] not in (1, 3)):
            raise self.refusal("images must be (F, H, W) or (F, H, W, 3) uint8", f"shape {shape}")
        if not 0 < shape[0] <= MOST_FRAMES:
            raise self.refusal("images must be at least some frames, and fewer than 2^32", f"{shape[0]:,} frames")
        if not (1 <= shape[1] <= LARGEST_SIDE and 1 <= shape[2] <= LARGEST_SIDE):
            raise self.refusal(f"images must have sides of 1 to {LARGEST_SIDE} pixels", f"shape {shape}")
        for name, values in columns.items():
            if name != "state" and values.ndim != 1:
                raise self.refusal(f"{name} must be one value for each frame, (F,)", f"shape {values.shape}")
            if len(values) != shape[0]:
                raise self.refusal(
                    f"{name} must have a row for each of the {shape[0]:,} frames", f"{len(values):,} rows"
                )

    def _read_episodes(self, episode: np.ndarray) -> np.ndarray:
        if episode.dtype.kind not in "iuSU":
            raise self.refusal("episode must be whole numbers or names", f"type {episode.dtype}")
        begins = np.flatnonzero(np.concatenate([[True], episode[1:] != episode[:-1]]))
        distinct = len(np.unique(episode[begins]))
        if distinct < len(begins):
            raise self.refusal(
                "the frames of an episode must follow one another",
                f"{len(begins):,} pieces of {distinct:,} episodes",
            )
        lengths = np.diff(np.append(begins, len(episode)))
        if (lengths > 1).sum() < LEAST_EPISODES:
            needed = "to train on, to choose the best epoch by, and to be measured on"
            raise self.refusal(
                f"there must be at least {LEAST_EPISODES} episodes of two frames or more, {needed}",
                f"{int((lengths > 1).sum())} such episodes of {len(lengths)}",
            )
        return lengths

    def _read_actions(self, action: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
        kind = action.dtype.kind
        ignored = np.zeros(len(action), bool)
        ignored[np.cumsum(self.lengths) - 1] = True  # an episode's last
        if kind == "f":  # whole numbers that a program has written as 1.0
            if (~np.isfinite(action[~ignored])).any():
                raise self.refusal("action must be a number or a name", "NaN or infinity")
            if (action[~ignored] != np.rint(action[~ignored])).any():
                raise self.refusal("actions must be discrete, whole numbers or names", "continuous actions")
            action, kind = np.where(ignored, 0, action).astype(np.int64), "i"
        if kind in "SU":
            action = action.astype("U")
            names = np.unique(action[~ignored])
            if len(names) > MOST_ACTIONS:
                raise self.refusal(f"there must be at most {MOST_ACTIONS} actions", f"{len(names):,} names")
            for name in names.tolist():
                if not (name.isprintable() and 0 < len(name) <= MOST_LETTERS):
                    wanted = f"the names of actions must be printable, of 1 to {MOST_LETTERS} letters"
                    raise self.refusal(wanted, shown(name))
            found = np.searchsorted(names, action)
            return tuple(names.tolist()), np.where(ignored, 0, found).astype(np.uint8)
        if kind not in "iu":
            raise self.refusal("action must be whole numbers or names", f"type {action.dtype}")
        taken = action[~ignored]
        if taken.min() < 0 or taken.max() >= MOST_ACTIONS:
            wrong = taken.min() if taken.min() < 0 else taken.max()
            raise self.refusal(f"action must be numbers from 0 to {MOST_ACTIONS - 1}, or names", f"{wrong}")
        numbers = tuple(str(number) for number in range(int(taken.max()) + 1))
        return numbers, np.where(ignored, 0, action).astype(np.uint8)

    def _read_states(self, state: np.ndarray | None) -> np.ndarray | None:
        if state is None:
            return None
        if state.dtype.kind not in "biufSU":
            raise self.refusal("state must be numbers or names", f"type {state.dtype}")
        if state.dtype.kind == "f" and not np.isfinite(state).all():
            raise self.refusal("state must be finite numbers", "NaN or infinity")
        rows = np.ascontiguousarray(state).reshape(len(state), -1)
        if not 0 < rows.nbytes // len(rows) <= MOST_STATE_BYTES:
            raise self.refusal(
                f"a state must have at most {MOST_STATE_BYTES:,} bytes", f"{rows.nbytes // len(rows):,} bytes"
            )
        return rows.view(np.uint8)

    def _read_rewards(self, reward: np.ndarray | None) -> np.ndarray | None:
        if reward is None:
            return None
        if reward.dtype.kind not in "biuf":
            raise self.refusal("reward must be numbers", f"type {reward.dtype}")
        rewards = reward.astype(np.float32)
        rewards[np.cumsum(self.lengths) - 1] = 0  # of no action
        if not np.isfinite(rewards).all():
            raise self.refusal("reward must be finite numbers", "NaN or infinity")
        return rewards

    def _read_ends(self, terminated: np.ndarray | None) -> np.ndarray | None:
        if terminated is None:
            return None
        if terminated.dtype.kind not in "biu" or not np.isin(terminated, (0, 1)).all():
            raise self.refusal("terminated must be true or false, or 1 or 0", f"type {terminated.dtype}")
        ends, lasts = terminated.astype(np.uint8), np.cumsum(self.lengths) - 1
        acted = lasts[self.lengths > 1]
        ends[acted - 1] |= ends[acted]  # some mark the frame that the last action led to
        ends[lasts] = 0
        early = ends.copy()
        early[acted - 1] = 0
        if early.any():
            raise self.refusal("terminated must be true only for the last action of an episode", "one before it")
        return ends
