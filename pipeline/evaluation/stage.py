"""`evaluate`: measure a run's model and write down what it is worth."""

from pathlib import Path

from ..command_line.options import TrainCommand
from ..dataset.cache import use_dataset
from ..dataset.key import DatasetKey
from ..generation.stage import ensure_dataset
from ..puzzles import PUZZLES
from ..runs.files import read_json, write_json
from ..runs.folder import Run
from ..system.backend import load_keras
from ..system.errors import UserError
from .capacity import check_effort
from .report import draw, measure, table
from .subject import Subject

NEEDED = {*DatasetKey.__dataclass_fields__, "world_model"}  # what a run's options must hold
FROM_TRAINING = ("epochs", "training_seconds", "environment")  # figures that evaluation can't know


def evaluate(options) -> None:
    """Measure a run's model on the unseen walk of a dataset, the run's own or another one asked for, and beyond it.

    Raises:
        UserError: There is no finished run, its model can't be loaded, or it isn't one for the dataset asked for.
    """
    run = Run(options.output_dir)
    with run.locked():
        recorded = _recorded(run)
        wanted = _with_recorded(options, recorded)
        _check_fits(wanted, recorded)
        path = ensure_dataset(wanted)
        model = _load(run.best_model, wanted.img_size)
        subject = Subject(model, PUZZLES[wanted.dataset], wanted.img_size, wanted.key)
        with use_dataset(path) as file:
            _measure(run, subject, file, options, _place(run, wanted, recorded))


def _load(place: Path, img_size: tuple[int, int]):
    load_keras()
    from ..world_model.loading import load_world_model

    return load_world_model(place, img_size)


def _measure(run: Run, subject: Subject, file, options, metrics_file: Path):
    from ..world_model.loading import model_digest

    check_effort(subject, options)
    metrics, rollout = measure(subject, file, options)
    metrics["dataset_digest"] = file.attrs["content_digest"]
    metrics["model_digest"] = model_digest(subject.model)
    write_json(metrics_file, {**_training_figures(metrics_file), **metrics})
    draw(subject, file, rollout, run)
    print(table(metrics))
    print(f"figures: {metrics_file}\npictures: {run.strip} {run.dream}")


def _recorded(run: Run) -> TrainCommand:
    """Give the options of the run in a folder."""
    found = run.recorded_options()
    if found is None or not (run.best_model.exists() and run.options_file.exists()):
        raise UserError(f"there is no finished run in {run.folder}; `train` with the same options makes it")
    try:
        if found.keys() >= NEEDED:
            return TrainCommand(**found)
    except (UserError, TypeError):
        pass
    raise UserError(f"{run.options_file} is damaged; move {run.folder} away and train again")


def _with_recorded(options, recorded: TrainCommand):
    """Give the dataset options: those given now, else those the run recorded."""
    given = {name: getattr(options, name) for name in options.model_fields_set}
    known = {name: getattr(recorded, name) for name in recorded.model_fields_set}
    return options.model_copy(update=known | given)


def _check_fits(wanted, recorded: TrainCommand):
    """Make sure that a model of the run's puzzle and picture size is asked about such pictures and such actions."""
    if wanted.img_size != recorded.img_size:
        height, width = recorded.img_size
        given = f"--img_size {wanted.img_size[0]} {wanted.img_size[1]}"
        raise UserError(f"--img_size must be {height} {width}, as this run was trained with. Received: {given}")
    if PUZZLES[wanted.dataset].actions != PUZZLES[recorded.dataset].actions:
        raise UserError(
            f"--dataset must be {recorded.dataset}, which this run was trained on, or have the same actions. "
            f"Received: --dataset {wanted.dataset}"
        )


def _place(run: Run, wanted, recorded: TrainCommand) -> Path:
    """Choose the file for the figures: the run's own, or one beside it for another dataset than the run's."""
    key = DatasetKey.of(wanted)
    return (
        run.metrics_file if key == DatasetKey.of(recorded) else run.folder / f"metrics-{Path(key.file_name).stem}.json"
    )


def _training_figures(metrics_file: Path) -> dict:
    """Give what training noted among the metrics and evaluation can't know."""
    return {name: value for name, value in (read_json(metrics_file) or {}).items() if name in FROM_TRAINING}
