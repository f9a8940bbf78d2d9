"""What a dataset file or a run's folder is, told without TensorFlow."""

from contextlib import suppress
from pathlib import Path

import numpy as np

from ..command_line.options import ShowCommand
from ..dataset.checks import check_digest, open_dataset
from ..dataset.key import DatasetKey, SourceKey
from ..dataset.layout import SPLITS, array_names
from ..evaluation.report import table
from ..evaluation.verdict import sentences
from ..pictures import drawing
from ..runs.folder import Run
from ..system.errors import UserError
from ..system.files import read_json
from .rules import show_outcomes, show_rules

FRAMES_SHOWN, COLUMNS = 32, 8


def show(options: ShowCommand) -> None:
    """Tell what is at a path."""
    path = Path(options.path)
    if path.is_dir():
        if options.picture:
            raise UserError(f"--picture is for datasets; a run has its own drawing. Received: --path {options.path}")
        if options.verify:
            raise UserError(f"--verify is for datasets; a run checks itself. Received: --path {options.path}")
        _show_run(Run(path))
    elif path.suffix == ".h5":
        _show_dataset(path, Path(options.picture or path.with_suffix(".png")), options.verify)
    else:
        raise UserError(f"--path must be a dataset's .h5 file or the folder of a run. Received: {options.path}")


def _show_dataset(path: Path, picture: Path, verify: bool):
    with open_dataset(path) as file:
        print(f"{path}: {_size(path.stat().st_size)}")
        names = list((SourceKey if "source" in file.attrs else DatasetKey).__dataclass_fields__)
        for name in [*names, "start_used", "format_version", "content_digest"]:
            value = file.attrs[name]
            print(f"  {name:16} {value.tolist() if isinstance(value, np.ndarray) else value}")
        actions = file.attrs["action_names"].tolist()
        print(f"  {'actions':16} {', '.join(actions[:12])}{f', ... ({len(actions)})' if len(actions) > 12 else ''}")
        for split in SPLITS:
            for name in array_names(file[split]):
                array = file[split][name]
                stored = array.id.get_storage_size()
                print(f"  {array.name:19} {array.shape!s:23} {array.dtype!s:7} {_size(array.nbytes):>12}, "
                      f"stored in {_size(stored)}")  # fmt: skip
        if verify:
            check_digest(file)
            print("verified: every array is that of the digest")
        frames = file["train/images"][:FRAMES_SHOWN]
    try:
        drawing.contact_sheet(frames, COLUMNS, picture)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"the frames can't be drawn in {picture} ({reason}); --picture puts them elsewhere") from None
    print(f"the first {len(frames)} frames: {picture}")


def _size(count: int) -> str:
    """Write a number of bytes as a person reads it."""
    power = sum(count >= limit for limit in (10**4, 10**6, 10**9))
    return f"{count / 1000**power:,.{min(power, 1)}f} {('bytes', 'kB', 'MB', 'GB')[power]}"


def _show_run(run: Run):
    options, record = run.recorded_options(), run.record() or {}
    if options is None:
        raise UserError(f"{run.folder} isn't the folder of a run; a run has a training.json")
    if run.is_of_an_earlier_version():
        raise UserError(f"the run in {run.folder} was made by an earlier version of this program; train it again")
    print(f"{run.folder}: {'finished' if run.is_finished() else 'not finished; the same train command goes on'}")
    print("\n".join(f"  {name:24} {value}" for name, value in options.items()))
    for group in ("summary", "environment"):
        if group in record:
            print(f"  {group}\n{table(record[group], '    ')}")
    if metrics := read_json(run.metrics_file):
        print(f"  metrics\n{table(metrics, '    ')}")
        with suppress(KeyError, TypeError):  # a file that isn't evaluation's
            print("\n".join(sentences(metrics)))
    elif run.is_finished():
        print(f"not measured yet; `evaluate --output_dir {run.folder}` measures it")
    if run.is_finished():
        show_rules(run)
        show_outcomes(run)
    for place in sorted(run.folder.iterdir()):
        if place.is_file():
            print(f"  {place}: {_size(place.stat().st_size)}")
