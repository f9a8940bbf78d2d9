"""A run's folder: what was asked for, how far it got, what came of it.

    models/<run>/
        model.keras (the best)  last.keras  history.csv  curve.png      training's
        training.json           training's too: options, summary, environment; written last, it marks a finished run
        metrics.json  strip.png  dream.png                              evaluation's
        rules.txt  rules.png  export/                                   made by `show` and `export`
        checkpoint/             while the run isn't finished: the last two states to go on from

DVC deletes a stage's outputs before it runs the stage. What a killed run goes on from is therefore all in
`checkpoint/`, which is no output, and is deleted when the run is finished.
"""

import csv
import hashlib
import json
import shutil
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

from ..system.errors import UserError, shown
from ..system.files import read_json, replacing, save_model, write_json
from ..system.hashing import file_digest
from ..system.locks import locked

FORMAT_VERSION = 1  # of a run's record


@dataclass(frozen=True)
class State:
    """Where a run stands; the models are saved beside it.

    Attributes:
        step: Batches done since the beginning.
        seconds: Spent on them.
        best_epoch: The epoch of the best model; 0 while no epoch is finished.
        history: A row of figures per finished epoch.
        tallies: The sums behind the figures of the epoch that is under way.
    """

    step: int
    seconds: float
    best_epoch: int
    history: list[dict]
    tallies: list


class Run:
    """The folder of one run."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self.record_file, self.metrics_file = self.folder / "training.json", self.folder / "metrics.json"
        self.history_file, self.checkpoint = self.folder / "history.csv", self.folder / "checkpoint"
        self.best_model, self.last_model = self.folder / "model.keras", self.folder / "last.keras"
        self.curve, self.strip, self.dream = (self.folder / f"{name}.png" for name in ("curve", "strip", "dream"))
        self.rules_text, self.rules_picture = self.folder / "rules.txt", self.folder / "rules.png"
        self._checksums: dict[Path, str] = {}  # of models that this process has written or found whole

    def locked(self) -> AbstractContextManager:
        """Keep other processes out of the folder while the block runs; wait first for one that is at work in it."""
        folder = self.folder.resolve()
        waiting = f"another process is at work in {self.folder}; waiting until it has ended ..."
        return locked(folder.with_name(f".{folder.name}.lock"), waiting)

    def recorded_options(self) -> dict | None:
        """Give the options of the run that the folder holds, finished or not; {} if they can't be read."""
        if self.record_file.exists():
            record = self.record() or {}
            return record["options"] if isinstance(record.get("options"), dict) else {}
        if (place := self.checkpoint / "options.json").exists():
            return read_json(place) or {}
        return {} if self.is_of_an_earlier_version() else None

    def record(self) -> dict | None:
        """Give what training recorded at its end; None if it hasn't ended, or the record can't be read."""
        return read_json(self.record_file)

    def is_of_an_earlier_version(self) -> bool:
        """Tell whether an earlier version of this program, which kept its record elsewhere, made the run."""
        if self.record_file.exists():
            version = (self.record() or {"format_version": FORMAT_VERSION}).get("format_version", 0)
            return isinstance(version, int) and version < FORMAT_VERSION
        return (self.folder / "options.json").exists()

    def is_finished(self) -> bool:
        return bool(self.best_model.exists() and self.record() and not self.is_of_an_earlier_version())

    def pictures_of(self, other: str = "") -> tuple[Path, Path, Path]:
        """Give the places of an evaluation's metrics, strip and dream: of the run's own dataset or of another one."""
        if not other:
            return self.metrics_file, self.strip, self.dream
        stems = (f"metrics-{other}.json", f"strip-{other}.png", f"dream-{other}.png")
        return self.folder / stems[0], self.folder / stems[1], self.folder / stems[2]

    def begin(self, options: dict):
        """Make the folder, note what is asked for, and clear away what a killed process left half-written."""
        self.checkpoint.mkdir(parents=True, exist_ok=True)
        for partial in self.folder.glob(".*.partial*"):
            partial.unlink()
        made = (self.metrics_file, self.strip, self.dream, self.rules_text, self.rules_picture)
        for old in (self.record_file, *made):  # another model's, or none
            old.unlink(missing_ok=True)
        write_json(self.checkpoint / "options.json", options)

    def set_aside(self) -> Path:
        """Move the folder out of the way under a new name, which is given."""
        number = 1
        folder = self.folder.resolve()  # "." has no name of its own
        while (aside := folder.with_name(f"{folder.name}.{number}")).exists():
            number += 1
        self.folder.rename(aside)
        return aside

    # ---- the states to go on from

    def models_of(self, state: State) -> tuple[Path, Path | None]:
        """Give the places of a state's last and best model; the best is None while no epoch is finished."""
        best = self.checkpoint / f"best-{state.best_epoch}.keras" if state.best_epoch else None
        return self.checkpoint / f"last-{state.step}.keras", best

    def save_state(self, state: State, last_model, best_model):
        """Save a state to go on from; the one before stays until the next."""
        place = self.checkpoint / f"state-{state.step}.json"
        place.unlink(missing_ok=True)  # while its models are replaced it doesn't count
        last, best = self.models_of(state)
        self._save_checked(last_model, last)
        if best and best not in self._checksums:
            self._save_checked(best_model, best)
        sums = {path.name: self._checksums[path] for path in (last, best) if path}
        content = {**asdict(state), "models": sums}
        write_json(place, {"checksum": _checksum_of(content), **content})  # last: it tells that the rest is whole
        self._drop_old_states()

    def _save_checked(self, model, path: Path):
        save_model(model, path)
        self._checksums[path] = file_digest(path)

    def _drop_old_states(self):
        kept = sorted(self.checkpoint.glob("state-*.json"), key=_step_of)[-2:]
        models = {name for place in kept for name in (read_json(place) or {}).get("models", [])}
        for path in self.checkpoint.iterdir():
            is_old = path not in kept if path.name.startswith("state-") else path.suffix == ".keras"
            if is_old and path.name not in models:
                path.unlink()
                self._checksums.pop(path, None)

    def last_state(self) -> State | None:
        """Give the newest state that is whole, if there is one; damaged ones are named and dropped."""
        for place in sorted(self.checkpoint.glob("state-*.json"), key=_step_of, reverse=True):
            if state := self._read_state(place):
                return state
            print(f"{place} or a model of it is damaged: going on from the state before it, if there is one")
            place.unlink()
        return None

    def _read_state(self, place: Path) -> State | None:
        """Read a state and make sure that it and its models are as they were written; None if they aren't."""
        content = read_json(place) or {}
        if content.pop("checksum", None) != _checksum_of(content):
            return None
        sums = {self.checkpoint / name: checksum for name, checksum in content.pop("models").items()}
        if any(not path.exists() or file_digest(path) != checksum for path, checksum in sums.items()):
            return None
        self._checksums.update(sums)
        return State(**content)

    # ---- what comes of it

    def write_history(self, history: list[dict]):
        """Write a row per epoch."""
        with replacing(self.history_file, sync=False) as partial, open(partial, "w", newline="") as file:
            names = dict.fromkeys(name for row in history for name in row)  # epochs that learn a code have more
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(history)

    def finish(self, history: list[dict], record: dict):
        """Write what came of the training, and drop what it would have gone on from."""
        self.write_history(history)
        write_json(self.record_file, {"format_version": FORMAT_VERSION, **record})
        self.drop_checkpoint()

    def drop_checkpoint(self):
        """Remove what a finished run would have gone on from."""
        shutil.rmtree(self.checkpoint, ignore_errors=True)


def finished_run(folder: str | Path) -> Run:
    """Give the run in a folder, which must be finished."""
    run = Run(folder)
    if not run.is_finished():
        raise UserError(f"it must be the folder of a finished run, which `train` makes. Received: {shown(str(folder))}")
    return run


def _checksum_of(content: dict) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _step_of(place: Path) -> int:
    return int(place.stem.rpartition("-")[2])


class ReadOnlyRun(Run):
    """A run's folder as a worker sees it that isn't the chief: it reads what the chief writes, and writes nothing."""

    def locked(self):
        return nullcontext()  # the chief holds the lock

    def begin(self, options):
        pass

    def save_state(self, state, last_model, best_model):
        pass

    def write_history(self, history):
        pass

    def drop_checkpoint(self):
        pass
