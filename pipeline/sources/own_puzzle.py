"""Somebody's own puzzle: a Python file, or an object in an installed package, that says how it starts, moves and looks.

    actions                    the names of the actions
    start(rng, n)              n states to begin from, (n, S) uint8, drawn from `rng` alone; or start(rng, n, where)
    step(states, actions)      the next states (N, S) of states (N, S) and actions (N,)
    render(states, img_size)   their pictures, (N, height, width, 3) uint8

What else `puzzles/base.py` describes is taken where it is there: `read`, `inverse`, `all_states`, `state_count`,
`kinds` with `kind_of`, `explore`, `smallest_img_size`, `default_start`. The names stand in the file by themselves, or
are those of an object `puzzle` in it.
"""

import hashlib
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from ..puzzles import PUZZLES, Puzzle
from ..system.errors import UserError, shown
from .recording import MOST_ACTIONS

NEEDED = ("actions", "start", "step", "render")
OPTIONAL = ("kinds", "smallest_img_size", "default_start", "start_reason")
SAMPLE = 16  # states that a puzzle is tried on before it is used


def find_puzzle(word: str) -> Puzzle:
    """Give the puzzle of a name: one of ours, or somebody's own.

    Raises:
        UserError: There is none, or it isn't as a puzzle must be.
    """
    return PUZZLES[word] if word in PUZZLES else find_own_puzzle(word)


def find_own_puzzle(word: str) -> "OwnPuzzle":
    """Give somebody's own puzzle; `check` tries it."""
    path = Path(word)
    if path.suffix == ".py" and not path.is_file():
        raise UserError(f"there is no puzzle at {shown(word)}. Received: --dataset {shown(word)}")
    return _loaded(word, path.stat().st_mtime_ns if path.is_file() else 0)


@lru_cache(maxsize=4)
def _loaded(word: str, changed: int) -> "OwnPuzzle":
    given, content = _load(word)
    return OwnPuzzle(word, given, hashlib.sha256(content).hexdigest())


def _load(word: str) -> tuple[Any, bytes]:
    """Run the file, or import the package; gives what holds the puzzle's parts, and the source of it."""
    module_name, _, name = word.partition(":")
    try:
        if Path(word).suffix == ".py":
            module = _run(Path(word))
            given = getattr(module, "puzzle", module)
        else:
            module = importlib.import_module(module_name)
            given = getattr(module, name)
        return given, Path(str(module.__file__)).read_bytes()
    except Exception as error:  # whatever somebody's code raises
        raise UserError(
            f"the puzzle {shown(word)} can't be loaded: {_said(error)}. Received: --dataset {shown(word)}"
        ) from None


def _run(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} isn't a Python file")
    module = importlib.util.module_from_spec(spec)
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)  # it may have other files beside it, as a script may
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(folder)
    return module


def _said(error: Exception) -> str:
    text = str(error).split("\n")[0]
    return f"{type(error).__name__}{': ' if text else ''}{text}"[:300]


class OwnPuzzle(Puzzle):
    """Somebody's own puzzle, with what it leaves out made good, and its errors said in one line."""

    default_start = "anywhere"
    start_reason = "where the puzzle itself starts"
    smallest_img_size = (1, 1)

    def __init__(self, name: str, given: Any, digest: str):
        self.name, self.given, self.digest = name, given, digest
        if missing := [part for part in NEEDED if not hasattr(given, part)]:
            raise self.refusal(f"it must have {', '.join(NEEDED)}", f"none of the name {missing[0]}")
        for part in OPTIONAL:
            if hasattr(given, part):
                setattr(self, part, getattr(given, part))
        self.actions = self._read_actions(given.actions)
        inverse = getattr(given, "inverse", None)
        self.inverse = None if inverse is None else tuple(int(action) for action in inverse)
        self.state_size = self.start(np.random.default_rng(0), 1, self.default_start).shape[1]
        countable = getattr(given, "state_count", None) is not None  # then they are found by a search
        known = {"read": self._own("read"), "inverse": inverse, "all_states": countable or self._own("all_states")}
        self.lacks = tuple(part for part, found in known.items() if not found)

    @cached_property
    def state_count(self) -> int | None:  # type: ignore[override]
        count = getattr(self.given, "state_count", None)
        return len(self.all_states()) if count is None and self._own("all_states") else count

    def start(self, rng, n, where):
        given = self._own("start")
        asked = (rng, n, where) if len(inspect.signature(given).parameters) > 2 else (rng, n)
        return self._bytes("start", self._call("start", *asked), (n, None))

    def step(self, states, actions):
        return self._bytes("step", self._call("step", states, actions), states.shape)

    def render(self, states, img_size):
        asked = (states, img_size) if len(inspect.signature(self._own("render")).parameters) > 1 else (states,)
        images = np.asarray(self._call("render", *asked))
        if images.dtype != np.uint8 or images.shape != (len(states), *img_size, 3):
            wanted = f"render must give ({len(states)}, {img_size[0]}, {img_size[1]}, 3) uint8"
            raise self.refusal(wanted, f"{images.shape} {images.dtype}")
        return np.ascontiguousarray(images)

    def read(self, images):
        return self._bytes("read", self._call("read", images), (len(images), self.state_size))

    def kind_of(self, before, after):
        return self._call("kind_of", before, after) if self._own("kind_of") else super().kind_of(before, after)

    def random_actions(self, rng, states):
        if self._own("random_actions"):
            return self._bytes("random_actions", self._call("random_actions", rng, states), (len(states),))
        return super().random_actions(rng, states)

    def explore(self, rng, states):
        if self._own("explore"):
            return self._bytes("explore", self._call("explore", rng, states), (len(states),))
        return self.random_actions(rng, states)

    def all_states(self):
        if self._own("all_states"):
            return self._bytes("all_states", self._call("all_states"), (None, self.state_size))
        return super().all_states()

    def refusal(self, wanted: str, received: str) -> UserError:
        return UserError(f"the puzzle {shown(self.name)} can't be used: {wanted}. Received: {received}")

    # ---- trying it

    def check(self, img_size: tuple[int, int]) -> None:
        """Try everything on some states and their pictures of a size.

        Raises:
            UserError: Something isn't as it must be; says what.
        """
        states = self._same_twice("start", lambda: self.start(np.random.default_rng(0), SAMPLE, self.default_start))
        before, ends = states.copy(), []
        for action in range(len(self.actions)):
            actions = np.full(SAMPLE, action, np.uint8)
            self.step(states, actions)
            if (states != before).any():
                raise self.refusal("step must leave the states that it is given as they are", "states that it changed")
            ends.append(self._same_twice("step", partial(self.step, states, actions)))
            if (self.step(states[:1], actions[:1]) != ends[-1][:1]).any():
                raise self.refusal("step must treat each state by itself", "another next state in another batch")
        images = self._same_twice("render", lambda: self.render(states, img_size))
        pictures = np.concatenate([images, *(self.render(end, img_size) for end in ends)])
        if (pictures == pictures[0]).all():
            raise self.refusal("its pictures must differ somewhere", "pictures that are all alike")
        if "read" not in self.lacks and (self.read(images) != states).any():
            raise self.refusal("read must give back the states that were drawn", "others")
        if self.inverse is not None:
            self._check_inverse(self.inverse, states, ends)

    def _check_inverse(self, inverse: tuple[int, ...], states: np.ndarray, ends: list[np.ndarray]):
        if len(inverse) != len(self.actions) or not set(inverse) <= set(range(len(self.actions))):
            raise self.refusal("inverse must have a number of an action for each action", f"{inverse}")
        for action, (back, end) in enumerate(zip(inverse, ends)):
            moved = (end != states).any(axis=1)
            if (self.step(end, np.full(SAMPLE, back, np.uint8)) != states)[moved].any():
                raise self.refusal("inverse must undo each action", f"one that doesn't undo {self.actions[action]}")

    def _same_twice(self, part: str, make: Callable[[], np.ndarray]) -> np.ndarray:
        first, second = make(), make()
        if (first != second).any():
            raise self.refusal(f"{part} must give the same for the same, by `rng` alone", "something else each time")
        return first

    # ---- calling it

    def _own(self, part: str):
        """Give a part of the puzzle that somebody has written; None where it is that of `Puzzle`, or missing."""
        found = getattr(self.given, part, None)
        return None if getattr(found, "__func__", None) is vars(Puzzle).get(part, found) else found

    def _call(self, part: str, *given):
        try:
            return getattr(self.given, part)(*given)
        except Exception as error:  # whatever somebody's code raises
            lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__)[1:] if self._is_in(frame)]
            said = f"{part} raised {_said(error)}{f' in line {lines[-1]}' if lines else ''}"
            raise UserError(f"the puzzle {shown(self.name)} can't be used: {said}") from None

    def _is_in(self, frame: traceback.FrameSummary) -> bool:
        """Tell whether a frame of a traceback is in the puzzle's own file."""
        return bool(frame.lineno) and Path(frame.filename).name == Path(self.name).name

    def _bytes(self, part: str, values, shape: tuple[int | None, ...]) -> np.ndarray:
        """Make sure that a part has given whole numbers of a byte in the right shape."""
        values = np.asarray(values)
        fits = values.ndim == len(shape) and all(side in (None, real) for side, real in zip(shape, values.shape))
        if not fits or values.dtype.kind not in "biu":
            wanted = "(" + ", ".join("S" if side is None else str(side) for side in shape) + ",)"[len(shape) > 1 :]
            raise self.refusal(f"{part} must give {wanted} uint8", f"{values.shape} {values.dtype}")
        if values.dtype != np.uint8:
            if values.size and (values.min() < 0 or values.max() > 255):
                raise self.refusal(f"{part} must give numbers from 0 to 255", f"{values.min()} to {values.max()}")
            values = values.astype(np.uint8)
        return np.ascontiguousarray(values)

    def _read_actions(self, actions) -> tuple[str, ...]:
        names = tuple(str(name) for name in actions) if np.iterable(actions) and not isinstance(actions, str) else ()
        if not 1 <= len(names) <= MOST_ACTIONS or len(set(names)) < len(names):
            raise self.refusal(f"actions must be 1 to {MOST_ACTIONS} different names", shown(str(actions)))
        if not all(name.isprintable() and name for name in names):
            raise self.refusal("the names of actions must be printable", shown(str(actions)))
        return names
