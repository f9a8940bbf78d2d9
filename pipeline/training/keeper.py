"""Keeping a run while it trains: its history, its best model, the states it can go on from, and when it is over."""

import math
import time

import keras
import numpy as np
from tqdm import tqdm

from ..runs.folder import Run, State
from ..system.cluster import worker_count
from ..system.errors import UserError
from ..system.interruption import Interrupted, asked_to_end
from ..world_model.loading import load_world_model
from ..world_model.model import DiscreteWorldModel

SECONDS_BETWEEN_STATES = 20  # the most that a killed process loses, if no single batch takes longer
SECONDS_BETWEEN_LOOKS = 0.5  # at the loss, which waits for the device


class RunKeeper(keras.callbacks.Callback):
    """Keeps a run while it trains, and begins where a state has left it.

    Args:
        run: Where everything is kept.
        state: What to go on from; None for the beginning.
        epochs: After how many epochs the run ends.
        steps: Batches in an epoch.
        stop_when_exact: After how many exact epochs in a row it ends before that; 0 for never.
    """

    def __init__(self, run: Run, state: State | None, epochs: int, steps: int, stop_when_exact: int):
        super().__init__()
        self.run, self.steps, self.epochs, self.stop_when_exact = run, steps, epochs, stop_when_exact
        state = state or State(step=0, seconds=0.0, best_epoch=0, history=[], tallies=[])
        self.history, self.best_epoch, self.before = list(state.history), state.best_epoch, state.seconds
        self.epoch, self.step = divmod(state.step, steps)  # epochs done, and batches of the one under way
        self._tallies, self._saved_step = state.tallies, state.step
        best = run.models_of(state)[1]
        self._best = load_world_model(best) if best else None
        self.bar = None

    def best_model(self) -> DiscreteWorldModel:
        return self._best

    def is_done(self) -> bool:
        """Tell whether the run is over: all epochs are done, or the last ones were exact."""
        last = self.history[-self.stop_when_exact :]
        exact = 0 < self.stop_when_exact <= len(last) and all(row["val_one_step_exact"] == 1 for row in last)
        return exact or self.epoch >= self.epochs

    def __enter__(self) -> "RunKeeper":
        self.started = self.saved = self.looked = time.perf_counter()
        self.bar = tqdm(
            total=self.epochs * self.steps, initial=self._steps_done(), unit="batch", dynamic_ncols=True
        )  # fmt: skip
        return self

    def __exit__(self, kind, *rest):
        self.bar.close()

    def on_epoch_begin(self, epoch, logs=None):
        self._offset = self.step  # batches of this epoch that were done before
        if self.step:
            for variable, value in zip(self.model.metrics_variables, self._tallies, strict=True):
                variable.assign(np.asarray(value, variable.dtype))
        if self._best is None:
            self._best = keras.models.clone_model(self.model)

    def on_train_batch_end(self, batch, logs=None):
        self.step = self._offset + batch + 1
        now = time.perf_counter()
        if now - self.looked > SECONDS_BETWEEN_LOOKS:
            self.looked = now
            self._show(logs)
            self._check_finite(logs)
        if (
            self.step < self.steps
            and worker_count() == 1
            and (asked_to_end() or now - self.saved > SECONDS_BETWEEN_STATES)
        ):
            self._save()
            self._end_if_asked()

    def on_epoch_end(self, epoch, logs=None):
        self._check_finite(logs)
        self.epoch, self.step = epoch + 1, 0
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        self.history.append({"epoch": self.epoch, "seconds": round(self._seconds(), 2), **logs, "learning_rate": rate})
        if _rank(self.history[-1]) >= max(map(_rank, self.history)):
            self.best_epoch = self.epoch
            self._best.set_weights(self.model.get_weights())
        self.run.write_history(self.history)
        self._show(logs)
        if asked_to_end() or self.is_done() or time.perf_counter() - self.saved > SECONDS_BETWEEN_STATES:
            self._save()
            self._end_if_asked()
        self.model.stop_training = self.is_done()

    def _steps_done(self) -> int:
        return self.epoch * self.steps + self.step

    def _seconds(self) -> float:
        return self.before + time.perf_counter() - self.started

    def _save(self):
        if not all(np.isfinite(weight).all() for weight in self.model.get_weights()):
            raise self._not_finite("a weight isn't finite")
        tallies = [keras.ops.convert_to_numpy(value).tolist() for value in self.model.metrics_variables if self.step]
        state = State(self._steps_done(), self._seconds(), self.best_epoch, self.history, tallies)
        self.run.save_state(state, self.model, self._best if self.best_epoch else None)
        self.saved, self._saved_step = time.perf_counter(), state.step

    def _end_if_asked(self):
        if number := asked_to_end():
            raise Interrupted(number)

    def _check_finite(self, logs):
        wrong = [f"{name} is {float(value)}" for name, value in logs.items() if not math.isfinite(float(value))]
        if wrong:
            raise self._not_finite(wrong[0])

    def _not_finite(self, what: str) -> UserError:
        saved = f"the last good state, {where(self._saved_step, self.steps)}, is in {self.run.checkpoint}"
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        return UserError(
            f"training went wrong in epoch {self.epoch + 1}: {what}; "
            f"{saved if self._saved_step else 'no state was saved before'}; "
            f"try a smaller --learning_rate, which was {rate:.3g}"
        )

    def _show(self, logs):
        self.bar.update(self._steps_done() - self.bar.n)
        shown = {"epoch": f"{min(self.epoch + 1, self.epochs)}/{self.epochs}", "loss": f"{float(logs['loss']):.1e}",
                 "exact": f"{float(logs['one_step_exact']):.2%}"}  # fmt: skip
        if self.history:
            shown["unseen"] = f"{self.history[-1]['val_one_step_exact']:.2%}"
        self.bar.set_postfix(shown, refresh=False)


def where(step: int, steps: int) -> str:
    """Say where a run stands after `step` batches, at `steps` an epoch."""
    epoch, batch = divmod(step, steps)
    return f"after epoch {epoch}" + (f" and {batch:,} of {steps:,} batches of the next" if batch else "")


def _rank(row: dict) -> tuple[float, float]:
    """Order epochs: more exact on the unseen walk, then less loss."""
    return row["val_one_step_exact"], -row["val_loss"]
