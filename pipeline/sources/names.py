"""What a word after `--dataset` names, told from the word alone; imports nothing that is heavy."""

import os
import re
from pathlib import Path


def is_source(word: str) -> bool:
    """Tell whether a word that isn't a puzzle of ours can name a source: by its form, or by what lies there."""
    return bool(":" in word or Path(word).suffix or os.path.exists(word))


def is_own_puzzle(word: str) -> bool:
    """Tell whether a source is a puzzle: a Python file, or an object in a package as `package.module:object`."""
    named = ":" in word and not word.startswith(("gym:", "minari:")) and not os.path.exists(word)
    return Path(word).suffix == ".py" or named


def is_environment(word: str) -> bool:
    """Tell whether a source is a Gymnasium environment, `gym:ID` or `gym:module:ID`."""
    return word.startswith("gym:")


def is_function(word: str) -> bool:
    """Tell whether a word names a function, as `module:function`."""
    return bool(re.fullmatch(r"[\w.]+:\w+", word))


def short_name(word: str) -> str:
    """Give the name that runs and figures of a source are called by: a path's last part without its suffix.

    Example:
        >>> short_name("recordings/ice.npz"), short_name("my.puzzles:ice")
        ('ice', 'my.puzzles-ice')
    """
    if word.startswith(("gym:", "minari:")):
        return re.sub(r"[^\w.+-]", "-", re.split("[:/]", word)[-1]) or "source"
    path = Path(os.path.abspath(word))
    return re.sub(r"[^\w.+-]", "-", path.name if ":" in word else path.stem) or "source"


def place_of(word: str) -> str:
    """Give how the dataset file's name begins: the path where it stays below this folder, else its last part."""
    path = Path(os.path.normpath(word))
    return path.name if path.is_absolute() or ".." in path.parts else str(path)
