"""Keeping a run while it trains: its history, its best model, the states it can go on from, and when it is over."""

import math
import time

import keras
import numpy as np
from tqdm import tqdm

from ..codes.exactness import percent
from ..runs.folder import Run, State
from ..system.cluster import worker_count
from ..system.errors import UserError
from ..system.interruption import Interrupted, asked_to_end
from ..world_model.loading import load_world_model
from ..world_model.model import DiscreteWorldModel
from .devices import as_the_chief_found
from .validation import Validation

SECONDS_BETWEEN_STATES = 20  # the most that a killed process loses, if no single batch takes longer
SECONDS_BETWEEN_LOOKS = 0.5  # at the loss, which waits for the device


class RunKeeper(keras.callbacks.Callback):
    """Keeps a run while it trains, and begins where a state has left it.

    Args:
        run: Where everything is kept.
        state: What to go on from; None for the beginning.
        last: After how many batches the run ends.
        steps: Batches in an epoch.
        stop_when_exact: After how many exact epochs in a row it ends before that; 0 for never.
        validation: Says after each epoch how exact the model is.
        apart: A model like the one that is trained, on one device and with no optimizer: it is measured, and the best
            is kept in a copy of it.
    """

    def __init__(
        self,
        run: Run,
        state: State | None,
        last: int,
        steps: int,
        stop_when_exact: int,
        validation: Validation,
        apart: DiscreteWorldModel,
    ):
        super().__init__()
        self.run, self.steps, self.last, self.stop_when_exact = run, steps, last, stop_when_exact
        self.validation, self._apart = validation, apart
        state = state or State(step=0, seconds=0.0, best_epoch=0, history=[], tallies=[])
        self.history, self.best_epoch, self.before = list(state.history), state.best_epoch, state.seconds
        self.epoch, self.step = divmod(state.step, steps)  # epochs done, and batches of the one under way
        self._tallies, self._saved_step = state.tallies, state.step
        # the first epoch that counts: those before it had another code
        self._first = sum("bits_in_use" in row for row in self.history) if validation.is_settled else 0
        best = run.models_of(state)[1]
        self._best = load_world_model(best) if best else keras.models.clone_model(apart)

    def best_model(self) -> DiscreteWorldModel:
        return self._best

    def state_without_a_best(self) -> State:
        """Give the state from which a model with another code goes on: nothing is best yet."""
        return State(self._steps_done(), self._seconds(), 0, self.history, [])

    def is_exact_long_enough(self) -> bool:
        """Tell whether as many of the last epochs were exact as were asked for."""
        last = self.history[self._first :][-self.stop_when_exact :]
        return 0 < self.stop_when_exact <= len(last) and all(row["val_one_step_exact"] == 1 for row in last)

    def is_done(self) -> bool:
        """Tell whether the run is over: all epochs are done, or the last ones were exact."""
        return self.is_exact_long_enough() or self._steps_done() >= self.last

    def why_stopped(self) -> str:
        """Say why a run that is over is over."""
        if self.is_exact_long_enough():
            return f"the unseen walk was exact for {self.stop_when_exact} epochs in a row"
        return f"all {self.epoch:,} epochs are done"

    def seconds(self) -> float:
        """Give how long the run has trained."""
        return self.history[-1]["seconds"] if self.history else self.before

    def __enter__(self) -> "RunKeeper":
        self.started = self.saved = self.looked = time.perf_counter()
        self.bar = tqdm(
            total=self.last, initial=self._steps_done(), unit="batch", dynamic_ncols=True
        )  # fmt: skip
        return self

    def __exit__(self, kind, *rest):
        self.bar.close()

    def on_epoch_begin(self, epoch, logs=None):
        self._offset = self.step  # batches of this epoch that were done before
        if self._tallies:
            for variable, value in zip(self.model.metrics_variables, self._tallies, strict=True):
                variable.assign(np.asarray(value, variable.dtype))

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
        if self.step < self.steps:  # with another code the epoch goes on
            self._save()
            return self._end_if_asked()
        self.epoch, self.step, self._tallies = epoch + 1, 0, []
        weights = self.model.get_weights()
        self._apart.set_weights(weights)
        found = {
            f"val_{name}": value for name, value in as_the_chief_found(self.validation.measure(self._apart)).items()
        }
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        row = {"epoch": self.epoch, "seconds": round(self._seconds(), 2), **logs, **found, "learning_rate": rate}
        self.history.append(row)
        if _rank(row) >= max(map(_rank, self.history[self._first :])):
            self.best_epoch = self.epoch
            self._best.set_weights(weights)
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
        epochs = math.ceil(self.last / self.steps)
        shown = {"epoch": f"{min(self.epoch + 1, epochs)}/{epochs}", "loss": f"{float(logs['loss']):.1e}"}
        if self.history:
            last = self.history[-1]
            shown |= {"bits in use": percent(last["bits_in_use"])} if "bits_in_use" in last else {}
            shown["unseen exact"] = percent(last["val_one_step_exact"])
            shown["codes/states"] = f"{last['val_distinct_codes']:.0f}/{last['val_distinct_states']:.0f}"
        self.bar.set_postfix(shown, refresh=False)


def where(step: int, steps: int) -> str:
    """Say where a run stands after `step` batches, at `steps` an epoch."""
    epoch, batch = divmod(step, steps)
    return f"after epoch {epoch}" + (f" and {batch:,} of {steps:,} batches of the next" if batch else "")


def _rank(row: dict) -> tuple[float, float, float]:
    """Order epochs: more exact on the unseen walk, then a code that tells more apart, then less loss."""
    return row["val_one_step_exact"], row["val_told_apart"], -row["val_loss"]
