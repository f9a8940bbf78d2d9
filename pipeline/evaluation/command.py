"""`evaluate`: measure a run's model and write down what it is worth."""

import json
from pathlib import Path
from types import SimpleNamespace

from pipeline.dataset import DatasetKey, open_dataset
from pipeline.errors import UserError
from pipeline.evaluation.report import draw, measure, table
from pipeline.evaluation.subject import Subject
from pipeline.generation import ensure_dataset
from pipeline.keras_start import load_keras
from pipeline.puzzles import PUZZLES
from pipeline.runs import Run, write_json


def evaluate(options) -> None:
    """Measure a run's model on the unseen walk of a dataset, the run's own or another one asked for, and beyond it."""
    run = Run(options.output_dir)
    recorded = run.recorded_options()
    if recorded is None or not run.best_model.exists():
        raise UserError(f"there is no finished run in {run.folder}; `train` with the same options makes it")
    wanted = _with_recorded(options, recorded)
    path = ensure_dataset(wanted)
    subject = Subject(
        load_keras().models.load_model(run.best_model), PUZZLES[wanted.dataset], wanted.img_size, wanted.key
    )
    with open_dataset(path) as file:
        metrics, rollout = measure(subject, file["evaluation"], options)
        metrics_file = _place(run, wanted, recorded)
        write_json(metrics_file, {**_training_figures(metrics_file), **metrics})
        draw(subject, file, rollout, run)
    print(table(metrics))
    print(f"figures: {metrics_file}\npictures: {run.strip} {run.dream}")


def _with_recorded(options, recorded: dict):
    """Give the dataset options: those given now, else those the run recorded."""
    values = {name: value for name, value in recorded.items() if name not in options.model_fields_set}
    merged = SimpleNamespace(**{**options.model_dump(), **values})
    merged.img_size = tuple(merged.img_size)
    return merged


def _place(run: Run, wanted, recorded: dict) -> Path:
    """Choose the file for the figures: the run's own, or one beside it for another dataset than the run's."""
    key = DatasetKey.of(wanted)
    own = {**recorded, "img_size": tuple(recorded["img_size"])}
    if all(own[name] == value for name, value in key.__dict__.items()):
        return run.metrics_file
    return run.folder / f"metrics-{Path(key.file_name).stem}.json"


def _training_figures(metrics_file: Path) -> dict:
    """Give what training noted among the metrics and evaluation can't know."""
    if not metrics_file.exists():
        return {}
    found = json.loads(metrics_file.read_text())
    return {name: found[name] for name in ("epochs", "training_seconds") if name in found}
