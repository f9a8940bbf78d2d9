"""From a puzzle's name to a trained discrete world model: the two stages and what they share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

    from .loaded import WorldModel

__all__ = ["load"]


def load(run: str | os.PathLike[str]) -> WorldModel:
    """Load the world model of a finished run; nothing in its file is trusted.

    Keras is imported now, not with the package.

    Args:
        run: The folder that `train` made.

    Raises:
        UserError: It isn't the folder of a finished run, or its model is damaged or could do harm.
    """
    from pathlib import Path

    from .system.backend import silenced_libraries

    with silenced_libraries():
        from .loaded import WorldModel

    return WorldModel(Path(run))
