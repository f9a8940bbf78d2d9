"""The puzzles. A new one is a file here and a line in `PUZZLES`; nothing else changes."""

from .base import Puzzle
from .lightsout import LightsOut
from .rubikscube import RubiksCube
from .slidepuzzle import SlidePuzzle
from .sokoban import Sokoban

PUZZLES: dict[str, Puzzle] = {
    puzzle.name: puzzle
    for puzzle in (
        RubiksCube("rubikscube", side=3),
        Sokoban("sokoban"),
        SlidePuzzle("slidepuzzle", side=4),
        LightsOut("lightsout", side=7),
        # Small enough to visit every state: a world model can be proven exact on them.
        RubiksCube("rubikscube_2x2x2", side=2),
        SlidePuzzle("slidepuzzle_3x3", side=3),
        LightsOut("lightsout_4x4", side=4),
    )
}

__all__ = ["PUZZLES", "Puzzle"]
