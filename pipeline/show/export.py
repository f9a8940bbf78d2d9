"""A run's model in the formats of other programs: its rules as a planning domain in PDDL."""

from pathlib import Path

import numpy as np
from PIL import Image

from ..codes.exactness import PIXEL_BOUND
from ..command_line.options import ExportCommand
from ..puzzles import Puzzle
from ..rules.language import CopyRules, LocalRules
from ..rules.parts import Pixels, parts_of, tiles_of
from ..rules.pddl import Domain, copy_domain, local_domain
from ..runs.folder import Run
from ..system.errors import UserError
from ..system.files import replacing
from .rules import action_names, count_of, puzzle_of

MIXING = 1000  # random actions that lead from a puzzle's solved state to a random one, where all can be undone


def export(options: ExportCommand) -> None:
    """Write a run's rules as a domain, and a problem where start and goal are given."""
    run = Run(options.path)
    if not run.is_finished():
        raise UserError(f"--path must be the folder of a finished run, which `train` makes. Received: {options.path}")
    from ..world_model.loading import load_world_model  # TensorFlow, which takes seconds

    model = load_world_model(run.best_model)
    codes = None
    if options.start and options.goal:
        codes = np.concatenate(
            [_encoded(name, getattr(options, name), options, run, model) for name in ("start", "goal")]
        )
    if model.rules is None or not model.rules.is_complete:
        found = model.rules.summary() if model.rules else "none were found"
        raise UserError(f"a transition must be rules alone to be written as PDDL; in {options.path} {found}")
    domain = domain_of(model.rules, action_names(run, count_of(model.rules)), model.pixels, codes)
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


def domain_of(rules: LocalRules | CopyRules, actions: list[str], pixels: Pixels, codes: np.ndarray | None) -> Domain:
    """Write rules as a domain that fits the codes (2, B) of a start and a goal, if they are known."""
    if isinstance(rules, LocalRules):
        return local_domain(rules, actions, tiles_of(pixels, rules.grid), None if codes is None else codes[0])
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
        image = _read_image(name, Path(given))[None]
        if image.shape[1:] != (height, width, 3):
            size = " × ".join(map(str, image.shape[1:]))
            raise UserError(
                f"--{name} must be a picture of {height} × {width} pixels in colour, as the run's are. "
                f"Received: --{name} {given}, of {size}"
            )
    code = model.encode(image)
    worst = np.abs(model.decode(code).astype(int) - image).max()
    if worst > PIXEL_BOUND:
        print(f"--{name} {given} is no picture as those of the run: decoded again, pixels are up to {worst} of 255 off")
    return code


def state_of(puzzle: Puzzle, which: str, key: int) -> np.ndarray:
    """Give a puzzle's solved state, or a random one from which actions lead there: (1, S) uint8."""
    solved = puzzle.start(np.random.default_rng(key), 1, "solved")
    if which == "solved":
        return solved
    if puzzle.inverse is None:  # a level of the same key, to be played from
        return puzzle.start(np.random.default_rng(key), 1, "anywhere")
    rng, states = np.random.default_rng(key), solved
    for _ in range(MIXING):
        states = puzzle.step(states, puzzle.random_actions(rng, states))
    return states


def _read_image(name: str, path: Path) -> np.ndarray:
    try:
        if path.suffix == ".npy":
            image = np.load(path, allow_pickle=False)
            if image.dtype == np.uint8:
                return image
        else:
            return np.asarray(Image.open(path).convert("RGB"))
    except (OSError, ValueError, EOFError) as error:
        reason = str(error).split("\n")[0]
        raise UserError(f"--{name} must be a picture, .png or .npy ({reason}). Received: --{name} {path}") from None
    raise UserError(f"--{name} must hold an array of uint8. Received: --{name} {path}, of {image.dtype}")
