"""Looking at the disk before a command starts, without creating anything."""

import os
from pathlib import Path

from ..system.errors import UserError, shown
from .group import Options, received
from .options import EvaluateCommand, ExportCommand, ProblemsCommand, ShowCommand, SolveCommand


def check_places(options: Options) -> None:
    """Refuse places that can't be written to, and places to be read that aren't there."""
    if isinstance(options, ExportCommand | SolveCommand | ProblemsCommand):
        _check_run(options)
    if isinstance(options, ExportCommand | SolveCommand):
        _check_states(options)
    for name in options.writes:
        if (place := getattr(options, name)) and (problem := _why_not_writable(name, Path(place))):
            given = received(options, name)
            raise UserError(f"--{name} must be a place that can be written: {problem}. Received: {given}")
    if isinstance(options, EvaluateCommand) and not os.path.isdir(options.output_dir):
        raise UserError(
            "--output_dir must be the folder of a run, which `train` makes. "
            f"Received: {received(options, 'output_dir')}"
        )
    if isinstance(options, ShowCommand) and not os.path.exists(options.path):
        raise UserError(
            "--path must be a dataset's .h5 file or the folder of a run, and nothing is there. "
            f"Received: {received(options, 'path')}"
        )


def _check_run(options: ExportCommand | SolveCommand | ProblemsCommand) -> None:
    if not os.path.isdir(options.path):
        raise UserError(
            f"--path must be the folder of a run, which `train` makes. Received: {received(options, 'path')}"
        )


def _check_states(options: ExportCommand | SolveCommand) -> None:
    problems = getattr(options, "problems", None)
    if problems and not os.path.isfile(problems):
        raise UserError(
            f"--problems must be an .npz file, and none is there. Received: {received(options, 'problems')}"
        )
    for name in ("start", "goal"):
        place = getattr(options, name)
        named = (
            (*options.states, "terminal") if name == "goal" and isinstance(options, SolveCommand) else options.states
        )
        if place and place not in named and not os.path.isfile(place):
            choices = f"a picture, {' or '.join(named)}, and no file is there"
            raise UserError(f"--{name} must be {choices}. Received: {received(options, name)}")


def _why_not_writable(name: str, place: Path) -> str:
    """Say what speaks against writing to a place; empty if nothing does."""
    try:
        if max((len(os.fsencode(part)) for part in place.parts), default=0) > 255 or len(str(place)) > 3000:
            return "the name is too long"
        if name == "data_dir" and any(place.glob("*.h5")):  # datasets that are there already are only read
            return ""
        if name not in ("picture", "save"):
            return _why_no_folder(place)
        if not os.path.exists(place):
            return _why_no_folder(place.parent)
        overwritable = place.is_file() and os.access(place, os.W_OK)
        return "" if overwritable else f"{shown(str(place))} can't be overwritten"
    except OSError as error:
        return (error.strerror or str(error)).lower()


def _why_no_folder(place: Path) -> str:
    """Say why no file can be put into a folder, which may not exist yet; empty if one can."""
    while not os.path.lexists(place):
        place = place.parent
    if not place.is_dir():
        return f"{shown(str(place))} is not a folder"
    pseudo = Path(os.path.realpath(place)).parts[1:2] in (("proc",), ("sys",))  # root is told yes there
    if pseudo or not os.access(place, os.W_OK | os.X_OK):
        return f"no permission to write in {shown(str(place if place.name else place.resolve()))}"
    return ""
