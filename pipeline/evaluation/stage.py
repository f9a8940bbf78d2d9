"""Measuring a run's model: in full by `evaluate`, quickly at the end of the documented `train`."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from ..command_line.options import EvaluateCommand, TrainCommand
from ..dataset.cache import use_dataset
from ..dataset.key import DatasetKey, SourceKey
from ..generation.environments import walked_live
from ..generation.stage import action_names, ensure_dataset, key_of, resolved
from ..puzzles import PUZZLES, Puzzle
from ..rules.outcomes import Outcomes
from ..runs.folder import Run
from ..sources.names import is_environment, is_own_puzzle
from ..sources.own_puzzle import find_puzzle
from ..system.backend import load_keras
from ..system.cluster import is_chief
from ..system.errors import UserError
from ..system.files import read_json, write_json
from ..system.interruption import Interrupted
from ..system.program import PROGRAM
from .capacity import check_effort
from .report import Effort, QuickEffort, draw, measure, table
from .subject import Seen, Subject
from .verdict import sentences

NEEDED = {*DatasetKey.__dataclass_fields__, "world_model"}  # what a run's options must hold


def evaluate(options: EvaluateCommand) -> None:
    """Measure a run's model on the unseen walk of a dataset, the run's own or another one asked for, and beyond it.

    Raises:
        UserError: There is no finished run, its model can't be loaded, or it isn't one for the dataset asked for.
    """
    run = Run(options.output_dir)
    with run.locked():
        recorded = recorded_options(run)
        wanted = resolved(_with_recorded(options, recorded))
        _check_fits(run, wanted, recorded)
        other = _other(run, wanted, recorded)
        metrics = _measure(run, wanted, options, other)
    print(table(metrics))
    _say(run, metrics, other)


def measure_trained(options: TrainCommand) -> None:
    """Measure the run that `train` has just made or found, quickly, unless it has been measured before."""
    if not is_chief():
        return
    run = Run(options.output_dir)
    try:
        options = resolved(options)
        with run.locked():
            metrics = read_json(run.metrics_file) or {}
            if not (_are_of(metrics, run) and run.strip.exists() and run.dream.exists()):
                metrics = _measure(run, options, QuickEffort(), "")
    except Interrupted as stop:
        raise Interrupted(stop.number, f"the run in {run.folder} is trained; the same command measures it") from None
    _say(run, metrics, "")
    print(f"next: {PROGRAM} evaluate --output_dir {run.folder}")


def _measure(run: Run, wanted: TrainCommand | EvaluateCommand, effort: Effort, other: str) -> dict:
    """Measure and draw; gives the metrics, which lie in the run's folder then.

    Args:
        wanted: The dataset's options.
        other: What the figures are named after if the dataset isn't the run's own.
    """
    path = ensure_dataset(wanted)
    load_keras()
    from ..world_model.loading import load_world_model, model_digest  # heavy: only now

    model = load_world_model(run.best_model, wanted.img_size)
    subject = Subject(model, _world(wanted, path), wanted.img_size, wanted.key)
    check_effort(subject, effort)
    print("measuring ...", flush=True)
    metrics_file, strip, dream = run.pictures_of(other)
    with use_dataset(path) as file:
        metrics, rollout = measure(subject, file, effort, Outcomes.of_record(run.record()), is_own=not other)
        metrics["dataset_digest"] = file.attrs["content_digest"]
        metrics["model_digest"] = model_digest(model)
        draw(subject, file, rollout, strip, dream)
    write_json(metrics_file, metrics)
    return metrics


def _are_of(metrics: dict, run: Run) -> bool:
    """Tell whether metrics are those of the model that the run holds now."""
    summary = (run.record() or {}).get("summary", {})
    return "verdict" in metrics and metrics.get("model_digest") == summary.get("model_digest")


def _world(wanted: TrainCommand | EvaluateCommand, path: Path) -> Puzzle:
    """Give the puzzle of a dataset, or what stands in its place where there is only a recording."""
    if wanted.dataset in PUZZLES or is_own_puzzle(wanted.dataset):
        return find_puzzle(wanted.dataset)
    walk = partial(walked_live, wanted) if is_environment(wanted.dataset) else None
    with use_dataset(path) as file:
        return Seen(str(file.attrs["dataset"]), action_names(wanted), file["test/states"].shape[1], walk)


def _say(run: Run, metrics: dict, other: str) -> None:
    metrics_file, strip, dream = run.pictures_of(other)
    print(f"figures: {metrics_file}\npictures: {strip} {dream}")
    print("\n".join(sentences(metrics)))


def recorded_options(run: Run) -> TrainCommand:
    """Give the options of the run in a folder."""
    if run.is_of_an_earlier_version():
        raise UserError(f"the run in {run.folder} was made by an earlier version of this program; train it again")
    found = run.recorded_options()
    if found is None or not (run.best_model.exists() and run.record_file.exists()):
        raise UserError(f"there is no finished run in {run.folder}; `train` with the same options makes it")
    try:
        if found.keys() >= NEEDED:
            return TrainCommand(**{name: value for name, value in found.items() if name != "source"})
    except (UserError, TypeError):
        pass
    raise UserError(f"{run.record_file} is damaged; move {run.folder} away and train again")


def recorded_actions(run: Run) -> tuple[str, ...]:
    """Give the names of the actions of the run in a folder, whose source may be elsewhere now."""
    return tuple((run.record() or {}).get("actions") or action_names(recorded_options(run)))


def _with_recorded(options: EvaluateCommand, recorded: TrainCommand) -> EvaluateCommand:
    """Give the dataset options: those given now, else those the run recorded."""
    given = {name: getattr(options, name) for name in options.model_fields_set}
    known = {name: getattr(recorded, name) for name in recorded.model_fields_set}
    if given.get("dataset", recorded.dataset) not in (*PUZZLES, recorded.dataset):
        del known["dataset_size"]  # another source has a size of its own
    return options.model_copy(update=known | given)


def _check_fits(run: Run, wanted: EvaluateCommand, recorded: TrainCommand) -> None:
    """Make sure that a model of the run's puzzle is asked about such actions as it knows, and such pictures."""
    if action_names(wanted) != recorded_actions(run):
        raise UserError(
            f"--dataset must be {recorded.dataset}, which this run was trained on, or have the same actions. "
            f"Received: --dataset {wanted.dataset}"
        )
    if wanted.img_size != recorded.img_size:
        load_keras()
        from ..world_model.loading import load_world_model  # heavy: only now

        load_world_model(run.best_model, wanted.img_size)  # it may be one that takes other sizes


def _other(run: Run, wanted: EvaluateCommand, recorded: TrainCommand) -> str:
    """Give what figures are named after: nothing for the run's own dataset, else the dataset's file."""
    key = own = key_of(wanted)
    if recorded.dataset in PUZZLES:
        own = key_of(recorded)
    elif isinstance(key, SourceKey):  # the run's own source may be elsewhere now
        own = SourceKey.of_source(recorded, str((run.recorded_options() or {}).get("source")))
        own = replace(own, shuffle_length=key.shuffle_length, start=key.start, dataset=key.dataset)
    return "" if key == own else Path(key.file_name).stem
