"""A finished run's world model as other programs use it: NumPy in and out, one or many at a time, every use checked."""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from .evaluation.stage import recorded_actions, recorded_options
from .planning.planner import Plan, Planner
from .planning.worlds import CodeWorld, World, compile_world
from .rules.language import Rules
from .rules.outcomes import Outcomes
from .runs.folder import finished_run
from .system.errors import quoted, shown
from .system.files import read_json
from .world_model.loading import load_world_model, model_digest

ROWS = 1000  # pictures or codes that Keras gets at a time
Actions = int | str | Sequence[int] | Sequence[str] | np.ndarray


class WorldModel:
    """The world model of a run: what pictures mean, what actions change, what codes look like.

    Codes are uint8 of 0 and 1, B to a picture; pictures are (H, W, 3) uint8, 0 to 255, of the run's size. An action is
    a number or a name. One picture or code can be given as well as many, and gives one.

    Args:
        folder: That of a finished run.

    Attributes:
        model: The Keras model; its `encoder`, `decoder` and `transition` are Keras models, too.
        actions: The names of the A actions.
        dataset: The puzzle or source that it was learned from.
        img_size: Height and width of its pictures.
        bits: B, how many bits a code has.
        outcomes: What tells rewards and ends, by `outcomes.told(codes, actions, next_codes)`; None where the data had
            none.
        metrics: What was measured of it, as `explain` explains; None where nothing was.
        recorded: The options that decided it.
        summary: What training said in the end.

    Raises:
        UserError: It isn't the folder of a finished run, or its model is damaged or could do harm.
    """

    def __init__(self, folder: Path):
        run = finished_run(folder)
        self.options = recorded_options(run)
        self.recorded, self.summary = run.recorded_options() or {}, (run.record() or {}).get("summary", {})
        self.model, self.folder = load_world_model(run.best_model), run.folder
        self.actions, self.dataset = recorded_actions(run), self.options.dataset
        self.img_size, self.bits = self.model.encoder.input_shape[1:3], self.model.bits
        self.metrics: dict[str, Any] | None = read_json(run.metrics_file)
        self.outcomes = Outcomes.of_record(run.record())
        self._planners: dict[float, Planner] = {}  # by how long they learn

    def __repr__(self) -> str:
        verdict = (self.metrics or {}).get("verdict", "not measured")
        return f"<world model of {self.dataset}: {self.bits} bits, {len(self.actions)} actions, {verdict}>"

    @cached_property
    def rules(self) -> Rules | None:
        """The rules that its transition computes; None where all of it is learned."""
        return self.model.rules

    @property
    def rules_are_all(self) -> bool:
        """Whether its transition is rules alone."""
        return self.model.rules_are_all

    @property
    def transition(self):
        """The Keras model from codes and actions to the logits of the next codes."""
        return self.model.transition

    def encode(self, images: ArrayLike) -> np.ndarray:
        """Encode a picture (H, W, 3) or pictures (N, H, W, 3) as codes (B,) or (N, B).

        Raises:
            ValueError: They aren't pictures of the run's size, in uint8.

        Examples:
            >>> model.encode(images).shape, model.encode(images[0]).shape
            ((5, 16), (16,))
        """
        given = np.asarray(images)
        height, width = self.img_size
        if given.dtype != np.uint8 or given.ndim not in (3, 4) or given.shape[-3:] != (height, width, 3):
            raise ValueError(
                f"images must be ({height}, {width}, 3) or (N, {height}, {width}, 3) uint8, 0 to 255. "
                f"Received: {_described(given)}"
            )
        return _by_parts(self.model.encode, given.reshape(-1, height, width, 3), (self.bits,), given.ndim == 3)

    def decode(self, codes: ArrayLike) -> np.ndarray:
        """Decode codes (B,) or (N, B) as pictures (H, W, 3) or (N, H, W, 3).

        Raises:
            ValueError: They aren't codes.

        Examples:
            >>> np.array_equal(model.decode(model.encode(images)), images)
            True
        """
        given, is_one = self._codes(codes)
        return _by_parts(self.model.decode, given, (*self.img_size, 3), is_one)

    def step(self, codes: ArrayLike, actions: Actions) -> np.ndarray:
        """Predict the codes that follow on codes by actions.

        Args:
            codes: (B,) or (N, B).
            actions: One for all, or one for each of N codes; or several for one code.

        Returns:
            (B,) where one code and one action are given, else (N, B).

        Raises:
            ValueError: They aren't codes, or there are no such actions.

        Examples:
            >>> code = model.encode(images[0])
            >>> model.step(code, "press 2,2").shape, model.step(code, [0, 1, 2]).shape
            ((16,), (3, 16))
        """
        given, chosen, is_one = self._pairs(codes, actions)
        try:
            after = self._compiled.step(given, chosen) if self._compiled else self._steps(given, chosen)
        except ValueError:  # codes that no picture has
            after = self._steps(given, chosen)
        return after[0] if is_one else after

    def known(self, codes: ArrayLike, actions: Actions) -> np.ndarray:
        """Tell of which codes and actions, as `step` takes them, rules decide everything that the data tested.

        Elsewhere `step` guesses. Nothing is known where all of the transition is learned.

        Returns:
            (N,) bool; a single one where one code and one action are given.

        Examples:
            >>> bool(model.known(model.encode(images), 5).all())
            True
        """
        given, chosen, is_one = self._pairs(codes, actions)
        known = self.rules.known(given, chosen) if self.rules else self.model.known(given, chosen)
        return known[0] if is_one else known

    def successors(self, codes: ArrayLike) -> np.ndarray:
        """Predict what follows on codes (B,) or (N, B) by each of the A actions: (A, B) or (N, A, B).

        Where rules or a table are all of the transition, `step` and this compute the same by NumPy, which is quicker.

        Examples:
            >>> model.successors(model.encode(images)).shape
            (5, 16, 16)
        """
        given, is_one = self._codes(codes)
        try:
            after = self._compiled.successors(given) if self._compiled else None
        except ValueError:  # codes that no picture has
            after = None
        if after is None:
            count = len(self.actions)
            many, each = np.repeat(given, count, axis=0), np.tile(np.arange(count), len(given))
            after = self._steps(many, each).reshape(len(given), count, self.bits)
        return after[0] if is_one else after

    def rollout(self, codes: ArrayLike, actions: Sequence | np.ndarray) -> np.ndarray:
        """Dream: take actions one after the other.

        Args:
            codes: (B,) or (N, B), where it begins.
            actions: T entries, each what `step` takes: one action, or one for each of the N codes.

        Returns:
            (T + 1, B) or (T + 1, N, B), the codes given first.

        Examples:
            >>> model.decode(model.rollout(model.encode(images[0]), ["press 1,4", "press 3,2"])).shape
            (3, 8, 8, 3)
        """
        dream = [self._codes(codes)[0]]
        is_one = np.ndim(codes) == 1
        for action in actions:
            dream.append(self.step(dream[-1], action))
        return np.stack(dream)[:, 0] if is_one else np.stack(dream)

    def solve(self, start: ArrayLike, goal: ArrayLike, seconds: float = 5.0, train_seconds: float = 60.0) -> Plan:
        """Plan from a start to a goal, each a picture (H, W, 3) or a code (B,).

        Args:
            seconds: That the search may take.
            train_seconds: That learning a heuristic may take, where the world is too large to be searched as a whole;
                it is kept in the run's folder.

        Returns:
            Its `actions` are numbers, None where there is none; `status` is solved, impossible or unsolved.

        Examples:
            >>> code = model.encode(images[0])
            >>> plan = model.solve(code, model.rollout(code, ["press 1,4", "press 3,2"])[-1])
            >>> sorted(model.actions[action] for action in plan.actions), plan.optimal
            (['press 1,4', 'press 3,2'], True)
        """
        given = [np.asarray(one) for one in (start, goal)]
        begin, end = (self._codes(one)[0][0] if one.ndim == 1 else self.encode(one) for one in given)
        if train_seconds not in self._planners:
            self._planners[train_seconds] = self.planner(train_seconds)
            self._planners[train_seconds].check(np.stack([begin, end]))
        return self._planners[train_seconds].solve(begin, end.reshape(1, -1), seconds)

    def planner(self, train_seconds: float, **chosen: Any) -> Planner:
        """Give what plans in this world, with heuristics that are learned for so long and kept in the run's folder.

        Args:
            chosen: `Planner`'s width, search and weight.

        Examples:
            >>> model.planner(60.0, width=1000).world.about != ""
            True
        """
        digest = model_digest(self.model)

        def learn(task):
            from .planning.kept import heuristic

            return heuristic(task, self.folder / "heuristics", digest, train_seconds)

        return Planner(self.model, len(self.actions), learn, **chosen)

    def functions(self) -> tuple[Callable, Callable, Callable]:
        """Give encode, decode and step on many of the backend's own arrays, unchecked: pure, for jit and `tf.function`.

        Examples:
            >>> encode, decode, step = model.functions()
            >>> np.array_equal(step(encode(images), np.zeros(5, int)), model.step(model.encode(images), 0))
            True
        """
        net = self.model

        def encode(images):
            return ops.cast(net.encoder(images) > 0, "uint8")

        def decode(codes):
            return ops.cast(ops.clip(ops.round(net.decoder(ops.cast(codes, "float32")) * 255), 0, 255), "uint8")

        def step(codes, actions):
            logits = net.transition([ops.cast(codes, "float32"), ops.cast(actions, "int32")])
            return ops.cast(logits > 0, "uint8")

        return encode, decode, step

    @cached_property
    def _compiled(self) -> World | None:
        """The transition as whole numbers, where it is nothing else."""
        world = compile_world(self.model, len(self.actions))
        return None if isinstance(world, CodeWorld) and world.step == self.model.step else world

    def _steps(self, codes: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Step codes (N, B) by actions (N,) with the Keras model."""
        return _by_parts(self.model.step, codes, (self.bits,), False, actions)

    def _codes(self, codes: ArrayLike) -> tuple[np.ndarray, bool]:
        """Give codes as (N, B) uint8, and whether it is one code alone."""
        given = np.asarray(codes)
        if given.ndim not in (1, 2) or given.shape[-1] != self.bits or given.dtype.kind not in "buif":
            raise ValueError(
                f"codes must be ({self.bits},) or (N, {self.bits}) of 0 and 1. Received: {_described(given)}"
            )
        if given.dtype == np.uint8 and given.size and given.max() <= 1:
            return given.reshape(-1, self.bits), given.ndim == 1
        if not ((given == 0) | (given == 1)).all():
            raise ValueError(f"codes must be of 0 and 1, as `encode` gives them. Received: {_described(given)}")
        return given.reshape(-1, self.bits).astype(np.uint8), given.ndim == 1

    def _pairs(self, codes: ArrayLike, actions: Actions) -> tuple[np.ndarray, np.ndarray, bool]:
        """Give codes (N, B) and actions (N,) int that belong together, and whether it is one code and one action."""
        (given, is_one_code), chosen = self._codes(codes), np.asarray(actions)
        if chosen.dtype.kind in "UO":
            chosen = np.array([self._number(name) for name in chosen.reshape(-1)], int).reshape(chosen.shape)
        count = len(self.actions)
        if chosen.dtype.kind not in "ui" and chosen.size:
            raise ValueError(f"actions must be whole numbers or names. Received: {_described(chosen)}")
        if chosen.ndim > 1 or (chosen.size and not (chosen.min() >= 0 and chosen.max() < count)):
            raise ValueError(f"actions must be one or (N,), from 0 to {count - 1}. Received: {_described(chosen)}")
        if chosen.ndim and not is_one_code and len(chosen) != len(given):
            raise ValueError(
                f"actions must be one, or one for each of the {len(given):,} codes. Received: {len(chosen):,} actions"
            )
        number = len(chosen) if chosen.ndim else len(given)
        pairs = np.broadcast_to(given, (number, self.bits)), np.broadcast_to(chosen.astype(np.int64), (number,))
        return *pairs, is_one_code and not chosen.ndim

    def _number(self, name: Any) -> int:
        if name not in self.actions:
            some = ", ".join(map(quoted, self.actions[:12])) + (", …" if len(self.actions) > 12 else "")
            raise ValueError(f"an action must be one of {some}. Received: {shown(name)}")
        return self.actions.index(name)


def _by_parts(
    function: Callable[..., np.ndarray], rows: np.ndarray, shape: tuple[int, ...], is_one: bool, *more: np.ndarray
) -> np.ndarray:
    """Apply a function to rows some at a time; gives what it gives of all, or of the only one."""
    parts = [slice(first, first + ROWS) for first in range(0, len(rows), ROWS)]
    found = [function(*(values[part] for values in (rows, *more))) for part in parts]
    whole = np.concatenate(found) if found else np.empty((0, *shape), np.uint8)
    return whole[0] if is_one else whole


def _described(values: np.ndarray) -> str:
    """Say what an array is: its shape, its type, and from where to where it goes."""
    numbers = f" from {values.min():.6g} to {values.max():.6g}" if values.size and values.dtype.kind in "uif" else ""
    return f"{values.shape} {values.dtype}{numbers}"
