"""The rules of a run's model, in words and as a picture."""

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ..pictures import rules as pictures
from ..puzzles import PUZZLES, Puzzle
from ..rules.language import EMPTY, CopyRules, LocalRules
from ..rules.outcomes import Outcomes, outcome_sentences
from ..rules.parts import Pixels, colours_of, parts_of, tiles_of
from ..rules.words import copy_sentences, local_sentences, value_name, values_in_words
from ..runs.folder import Run
from ..system.backend import load_keras
from ..system.errors import UserError
from ..system.files import replacing
from ..system.hashing import file_digest


def puzzle_of(run: Run) -> Puzzle | None:
    """Give the puzzle of a run's dataset, if it is one of ours."""
    return PUZZLES.get(str((run.recorded_options() or {}).get("dataset")))


def told(
    rules: LocalRules | CopyRules, are_all: bool, actions: Sequence[str], pixels: Pixels
) -> tuple[str, Callable[[Path], None]]:
    """Tell rules in words; gives the text, and a function that draws them into a file.

    Args:
        are_all: Whether no network stands beside them.
        actions: Their names.
        pixels: What decodes codes.
    """
    if isinstance(rules, LocalRules):
        tiles = tiles_of(pixels, rules)
        named = [f"{value_name(EMPTY + at)} {colours_of(tile)}" for at, tile in enumerate(tiles)]
        depth = rules.depth
        cells = f"what a cell of the {rules.grid[0]} × {rules.grid[1] // depth} cells can show"
        lines = [
            f"{cells}{f' in layer {layer + 1}' * (depth > 1)}: "
            + ", ".join(name for name, of_layer in zip(named, rules.layer_of) if of_layer == layer)
            for layer in range(depth)
        ]
        lines += local_sentences(rules, actions, values_in_words(tiles))

        def draw(path: Path):
            pictures.local_rules(rules, actions, tiles, path)
    else:
        parts = parts_of(rules, pixels)
        lines = [f"the picture has {len(parts)} parts, which {rules.source.shape[1]} bits stand for"]
        lines += copy_sentences(rules, actions, parts)

        def draw(path: Path):
            pictures.copy_rules(rules, actions, parts, path)

    return "\n".join([f"rules: {rules.summary()}", _learned(rules, are_all), *lines, ""]), draw


def _learned(rules: LocalRules | CopyRules, are_all: bool) -> str:
    if are_all:
        return "they are the whole transition: no network stands beside them"
    if rules.is_complete:
        return "a network stands beside them, although they leave nothing over"
    return "what they leave over is learned by a network"


def show_rules(run: Run) -> None:
    """Print the rules of a finished run, if it has any, and keep them in its folder in words and as a picture."""
    if not _has_rules(run):
        return
    of_model = f"of the model with SHA-256 {file_digest(run.best_model)}\n"
    text = run.rules_text.read_text() if run.rules_text.exists() else ""
    if not text.endswith(of_model):
        try:
            text, draw = _read_rules(run)
            text += of_model
            draw(run.rules_picture)
            with replacing(run.rules_text, sync=False) as partial:  # last: it tells that both are there
                partial.write_text(text)
        except UserError as error:
            print(text + str(error))
            return
    print(text + f"the same as pictures: {run.rules_picture}")


def show_outcomes(run: Run) -> None:
    """Print how a finished run tells rewards and ends, where its data had them."""
    record = run.record() or {}
    if outcomes := Outcomes.of_record(record):
        names = {bit: value_name(EMPTY + 1 + bit) for bit in range(outcomes.grid[2])}
        print("\n".join(outcome_sentences(outcomes, record["actions"], names)))


def _has_rules(run: Run) -> bool:
    """Tell whether a run's model computes rules, without loading it."""
    try:
        with zipfile.ZipFile(run.best_model) as archive:
            return b'"name": "rules"' in archive.read("config.json")
    except (OSError, zipfile.BadZipFile, KeyError):
        return False


def _read_rules(run: Run) -> tuple[str, Callable[[Path], None]]:
    load_keras()
    from ..loaded import WorldModel  # heavy: only now

    model = WorldModel(run.folder)
    if model.rules is None:
        raise UserError(f"the transition of {run.best_model} is learned as a whole, and has no rules to show")
    return told(model.rules, model.rules_are_all, model.actions, model.model.pixels)
