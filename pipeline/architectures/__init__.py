"""The world models by name, one file each: whatever is in this folder can be asked for.

A file's name is the world model's, the first line of its docstring says what it is on help screens, and its
`ARCHITECTURE` says what it is made of. Nothing here imports Keras until an architecture is loaded.
"""

import ast
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..world_model.architecture import Architecture

FIRST = ("rubikscube", "rubikscube_optimized", "sokoban", "sokoban_optimized", "slidepuzzle", "lightsout")


def _summaries() -> dict[str, str]:
    """Read the first line of each file's docstring without importing it: those of `FIRST`, then all others by name."""
    files = {file.stem: file for file in Path(__file__).parent.glob("*.py") if file.stem[0].isalpha()}
    names = [*(name for name in FIRST if name in files), *sorted(files.keys() - set(FIRST))]
    texts = (ast.get_docstring(ast.parse(files[name].read_text(encoding="utf-8"))) or "" for name in names)
    return {name: text.partition("\n")[0] for name, text in zip(names, texts)}


WORLD_MODELS = _summaries()  # what each is, by name


def load_architecture(name: str) -> "Architecture":
    """Give the architecture of a name of `WORLD_MODELS`. Imports Keras."""
    return replace(import_module(f".{name}", __package__).ARCHITECTURE, name=name)
