"""What a word after `--dataset` names, told from the word alone; imports nothing that is heavy."""

import os
import re
from pathlib import Path


def is_source(word: str) -> bool:
    """Tell whether a word that isn't a puzzle of ours can name a source: by its form, or by what lies there."""
    return bool(":" in word or Path(word).suffix or os.path.exists(word))


def is_own_puzzle(word: str) -> bool:
    """Tell whether a source is a puzzle: a Python file, or an object in a package as `package.module:object`."""
    return Path(word).suffix == ".py" or (":" in word and not os.path.exists(word))


def short_name(word: str) -> str:
    """Give the name that runs and figures of a source are called by: a path's last part without its suffix.

    Example:
        >>> short_name("recordings/ice.npz"), short_name("my.puzzles:ice")
        ('ice', 'my.puzzles-ice')
    """
    path = Path(os.path.abspath(word))
    return re.sub(r"[^\w.+-]", "-", path.name if ":" in word else path.stem) or "source"


def place_of(word: str) -> str:
    """Give how the dataset file's name begins: the path where it stays below this folder, else its last part."""
    path = Path(os.path.normpath(word))
    return path.name if path.is_absolute() or ".." in path.parts else str(path)
