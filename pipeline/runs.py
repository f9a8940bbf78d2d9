"""A run's folder: what was asked for, how far it got, what came of it.

    models/<run>/
        options.json  history.csv  metrics.json  model.keras (the best)  last.keras  curve.png  strip.png  dream.png
        checkpoint/   while the run isn't finished: the last two states to go on from

DVC deletes a stage's outputs before it runs the stage. What a killed run goes on from is therefore all in
`checkpoint/`, which is no output, and is deleted when the run is finished.
"""

import csv
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class State:
    """Where a run stands: epochs done, a row of figures per epoch, and the models saved with them."""

    epoch: int
    history: list[dict]
    best_epoch: int
    last_model: Path
    best_model: Path


class Run:
    """The folder of one run."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self.options_file, self.metrics_file = self.folder / "options.json", self.folder / "metrics.json"
        self.history_file, self.checkpoint = self.folder / "history.csv", self.folder / "checkpoint"
        self.best_model, self.last_model = self.folder / "model.keras", self.folder / "last.keras"
        self.curve, self.strip, self.dream = (self.folder / f"{name}.png" for name in ("curve", "strip", "dream"))

    def recorded_options(self) -> dict | None:
        """Give the options of the run that the folder holds, finished or not."""
        for place in (self.options_file, self.checkpoint / "options.json"):
            if place.exists():
                return json.loads(place.read_text())
        return None

    def is_finished(self) -> bool:
        return self.metrics_file.exists() and self.best_model.exists() and self.options_file.exists()

    def begin(self, options: dict):
        """Make the folder and note what is asked for."""
        self.checkpoint.mkdir(parents=True, exist_ok=True)
        write_json(self.checkpoint / "options.json", options)

    def set_aside(self) -> Path:
        """Move the folder out of the way under a new name, which is given."""
        number = 1
        folder = self.folder.resolve()  # "." has no name of its own
        while (aside := folder.with_name(f"{folder.name}.{number}")).exists():
            number += 1
        self.folder.rename(aside)
        return aside

    def save_state(self, epoch: int, history: list[dict], best_epoch: int, last_model, best_model):
        """Save a state to go on from; the one before stays until the next."""
        last, best = self.checkpoint / f"last-{epoch}.keras", self.checkpoint / f"best-{best_epoch}.keras"
        last_model.save(last)
        if best not in {state.best_model for state in self._states()}:  # a kill may have left a part of it
            best_model.save(best)
        state = {"epoch": epoch, "best_epoch": best_epoch, "history": history}
        write_json(self.checkpoint / f"state-{epoch}.json", state)  # last: it tells that the rest is whole
        self._drop_old_states()

    def _drop_old_states(self):
        kept = self._states()[-2:]
        models = {path for state in kept for path in (state.last_model, state.best_model)}
        epochs = {state.epoch for state in kept}
        for path in self.checkpoint.iterdir():
            number = path.stem.rpartition("-")[2]
            if (path.suffix == ".keras" and path not in models) or (
                path.stem.startswith("state-") and int(number) not in epochs
            ):
                path.unlink()

    def last_state(self) -> State | None:
        """Give the state to go on from, if there is one."""
        states = self._states()
        return states[-1] if states else None

    def _states(self) -> list[State]:
        states = []
        for path in self.checkpoint.glob("state-*.json"):
            state = json.loads(path.read_text())
            last = self.checkpoint / f"last-{state['epoch']}.keras"
            best = self.checkpoint / f"best-{state['best_epoch']}.keras"
            states.append(State(state["epoch"], state["history"], state["best_epoch"], last, best))
        return sorted(states, key=lambda state: state.epoch)

    def write_history(self, history: list[dict]):
        """Write a row per epoch."""
        with replacing(self.history_file) as partial, open(partial, "w", newline="") as file:
            writer = csv.DictWriter(file, history[0])
            writer.writeheader()
            writer.writerows(history)

    def finish(self, options: dict, history: list[dict], metrics: dict):
        """Write what came of the run, and drop what it would have gone on from."""
        self.write_history(history)
        write_json(self.options_file, options)
        write_json(self.metrics_file, metrics)
        shutil.rmtree(self.checkpoint)


class replacing:
    """Give a temporary path beside the target that takes the target's place when the block ends well."""

    def __init__(self, target: Path):
        self.target = target
        self.partial = target.with_name(f".{target.name}.{os.getpid()}.partial{target.suffix}")

    def __enter__(self) -> Path:
        return self.partial

    def __exit__(self, kind, *rest):
        if kind is None:
            os.replace(self.partial, self.target)
        else:
            self.partial.unlink(missing_ok=True)


def write_json(path: Path, content: dict):
    """Write JSON that is there whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n")
