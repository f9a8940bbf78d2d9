"""A run's model in the formats of other programs: its rules as a planning domain in PDDL, or its parts as ONNX."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..command_line.options import ExportCommand
from ..rules.language import CopyRules, LocalRules
from ..rules.parts import Pixels, parts_of, tiles_of
from ..rules.pddl import Domain, copy_domain, local_domain
from ..runs.folder import Run, finished_run
from ..system.backend import load_keras
from ..system.errors import UserError
from ..system.files import replacing
from .given import pixels_off, read_image, state_of
from .rules import puzzle_of


def export(options: ExportCommand) -> None:
    """Write a run's rules as a domain, and a problem where start and goal are given; or its parts as ONNX."""
    run = finished_run(options.path)
    load_keras()
    from ..loaded import WorldModel  # heavy: only now

    loaded = WorldModel(run.folder)
    if options.format == "onnx":
        from .onnx_files import write_onnx

        return write_onnx(options, loaded)
    model, codes = loaded.model, None
    if options.start and options.goal:
        codes = np.concatenate(
            [_encoded(name, getattr(options, name), options, run, model) for name in ("start", "goal")]
        )
    if model.rules is None or not model.rules.is_complete:
        found = model.rules.summary() if model.rules else "none were found"
        raise UserError(f"a transition must be rules alone to be written as PDDL; in {options.path} {found}")
    domain = domain_of(model.rules, loaded.actions, model.pixels, codes)
    folder = run.folder / "export"
    folder.mkdir(exist_ok=True)
    _write(folder / "domain.pddl", domain.text)
    print(f"{folder / 'domain.pddl'}: {model.rules.summary()}; {domain.about}")
    if codes is not None:
        try:
            text = domain.problem(*codes)
        except ValueError as error:
            raise UserError(f"--start and --goal must be pictures that the rules are about: {error}") from None
        _write(folder / "problem.pddl", text)
        print(f"{folder / 'problem.pddl'}: from {options.start} to {options.goal}")


def domain_of(
    rules: LocalRules | CopyRules, actions: Sequence[str], pixels: Pixels, codes: np.ndarray | None
) -> Domain:
    """Write rules as a domain that fits the codes (2, B) of a start and a goal, if they are known."""
    if isinstance(rules, LocalRules):
        return local_domain(rules, actions, tiles_of(pixels, rules), None if codes is None else codes[0])
    return copy_domain(rules, actions, parts_of(rules, pixels))


def _write(path: Path, text: str):
    with replacing(path, sync=False) as partial:
        partial.write_text(text)


def _encoded(name: str, given: str, options: ExportCommand, run: Run, model) -> np.ndarray:
    """Encode the picture that an option gives, (1, B) uint8; say so if it isn't one that the model knows."""
    height, width = model.encoder.input_shape[1:3]
    if given in ExportCommand.states:
        puzzle = puzzle_of(run)
        if puzzle is None:
            raise UserError(
                f"--{name} must be a picture, for the run's dataset has no states. Received: --{name} {given}"
            )
        image = puzzle.render(state_of(puzzle, given, options.key), (height, width))
    else:
        image = read_image(name, Path(given), (height, width))[None]
    code = model.encode(image)
    if worst := pixels_off(model, code, image)[0]:
        print(f"--{name} {given} is no picture as those of the run: decoded again, pixels are up to {worst} of 255 off")
    return code
