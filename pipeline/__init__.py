"""From a puzzle's name to a trained discrete world model: the two stages and what they share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

    from .world_model.model import DiscreteWorldModel

__all__ = ["load"]


def load(run: str | os.PathLike[str]) -> DiscreteWorldModel:
    """Load the world model of a finished run; nothing in its file is trusted.

    Its `encode`, `step` and `decode` take and give NumPy arrays, images (N, H, W, 3) uint8, codes (N, B) of 0 and 1,
    actions (N,). Keras is imported now, not with the package.

    Args:
        run: The folder that `train` made.

    Raises:
        UserError: It isn't the folder of a finished run, or its model is damaged or could do harm.
    """
    from pathlib import Path

    from .runs.folder import Run
    from .system.errors import UserError, shown

    folder = Run(Path(run))
    if not folder.is_finished():
        raise UserError(f"load needs the folder of a finished run, which `train` makes. Received: {shown(str(run))}")
    from .world_model.loading import load_world_model

    return load_world_model(folder.best_model)
