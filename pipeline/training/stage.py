"""Stage 2: from a dataset file to a run with a trained world model. Knows nothing of the puzzles' rules."""

import shlex
from typing import Any

from ..command_line.fields import as_attributes
from ..command_line.options import SEARCH_SECONDS, TrainCommand
from ..dataset.key import SourceKey
from ..generation.stage import action_names, ensure_dataset, key_of, resolved
from ..runs.folder import ReadOnlyRun, Run, State
from ..system.backend import load_keras
from ..system.cluster import is_chief
from ..system.errors import UserError
from ..system.interruption import Interrupted
from ..system.program import PROGRAM

MANY_EPOCHS = 100  # from which it is said that an early stop has to be asked for
# What decides a run's result; how it was made and where it lies doesn't count.
NOT_RECORDED = ("retrain", "data_dir", "output_dir", "dataset_minibatch_size", "dataset_in")


def train(options: TrainCommand) -> None:
    """Train the world model that the options ask for, going on where an earlier call stopped.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; says what was kept and which command goes on.
        UserError: The run can't be written, or training went wrong.
    """
    options = resolved(options)
    run = Run(options.output_dir) if is_chief() else ReadOnlyRun(options.output_dir)
    try:
        with run.locked():
            _train(options, run, recorded(options))
    except Interrupted as stop:
        raise Interrupted(stop.number, _what_is_kept(run, options)) from None
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError(f"the run in {run.folder} can't be written ({error.strerror or error})") from error


def _train(options: TrainCommand, run: Run, wanted: dict[str, Any]) -> None:
    if run.is_finished() and run.recorded_options() == wanted and not options.retrain:
        print(f"the run in {run.folder} is finished; --retrain trains it again")
        return run.drop_checkpoint()  # a kill may have left it
    path = ensure_dataset(options)
    state = _clear_the_place(run, wanted, options.retrain) if is_chief() else None
    if not options.stop_when_exact and options.train_epochs >= MANY_EPOCHS:
        print(
            f"all {options.train_epochs:,} epochs are trained, whatever they reach: --stop_when_exact 5 would end once "
            "the unseen walk was exact five times in a row"
        )
    run.begin(wanted)
    load_keras()
    from .fit import fit  # heavy: only now

    result = fit(options, path, run, state)
    if result is None:
        return print("this worker has trained along and written nothing; the chief writes the run")
    history, record = result
    if "source" in wanted:  # which may be elsewhere when the model is used
        record["actions"] = list(action_names(options))
    run.finish(history, {"options": wanted, **record})
    summary = record["summary"]
    print(f"trained: {summary['stopped']}; kept epoch {summary['best_epoch']}, the best on the unseen walk")
    print(f"model: {run.best_model}\nhistory: {run.history_file} {run.curve}")


def recorded(options: TrainCommand) -> dict[str, Any]:
    """Give the options that decide a run's result, as its folder records them."""
    values = as_attributes(options, type(options))
    values = {name: value for name, value in values.items() if name not in NOT_RECORDED}
    usual = {"env_options": (None, ""), "policy": (None, "random"), "search_seconds": (SEARCH_SECONDS,)}  # say nothing
    values = {name: value for name, value in values.items() if value not in usual.get(name, ())}
    key = key_of(options)
    return {**values, "source": key.source} if isinstance(key, SourceKey) else values


def _clear_the_place(run: Run, wanted: dict[str, Any], retrain: bool) -> State | None:
    """Find the state to go on from; move a run with other options, or of an earlier version, aside."""
    if run.is_of_an_earlier_version():
        print(f"the run there before, of an earlier version of this program, is now in {run.set_aside()}")
        return None
    found = run.recorded_options()
    if found == wanted and not retrain:
        return run.last_state()
    if found is not None:
        other = [f"{name}={found.get(name)}" for name in wanted if found.get(name) != wanted[name]]
        print(f"the run there before ({', '.join(other) or 'the same options'}) is now in {run.set_aside()}")
    return None


def _what_is_kept(run: Run, options: TrainCommand) -> str:
    """Say what of an interrupted run is kept, and the command that goes on."""
    given = [name for name in type(options).model_fields if name in options.model_fields_set and name != "retrain"]
    words = [word for name in given for word in (f"--{name}", *_spelt(getattr(options, name)))]
    command = f"{PROGRAM} train {shlex.join(words)}"
    has_state = run.recorded_options() == recorded(options) and any(run.checkpoint.glob("state-*"))
    kept = f"the last state is kept in {run.checkpoint}" if has_state else "nothing was trained yet"
    if run.is_finished():
        kept = f"the run in {run.folder} is trained"
    return f"{kept}; this goes on: {command}"


def _spelt(value: Any) -> list[str]:
    return [str(part) for part in value] if isinstance(value, tuple) else [str(value)]
