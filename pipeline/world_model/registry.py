"""The world models by name. A new architecture is a line here; nothing else changes. Imports no Keras."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """What a world model is made of. Shapes come from the dataset.

    Attributes:
        summary: One line for help screens.
        code: How the code is found in the images: "tiles" (a lattice of equal pictures) or "pixels" (values that
            determine all others). Tiles fall back to pixels where the images show no lattice.
        max_bits: The most bits a code may have.
        transition: "linear" (a linear map for each action) or "local" (one rule for every place and its
            neighbourhood, a small convolutional network).
        learning_rate: What suits the transition with Adam and batches of 1,000.
        reach: For "local": how many cells away a cell's next content may depend on.
        hidden: For "local": units per layer.
    """

    summary: str
    code: str
    max_bits: int
    transition: str
    learning_rate: float
    reach: int = 1
    hidden: int = 128


WORLD_MODELS = {
    "rubikscube": Architecture(
        "pixel code of at most 400 bits, a linear transition for each action", "pixels", 400, "linear", 2e-2
    ),
    "rubikscube_optimized": Architecture(
        "pixel code of at most 240 bits, a linear transition for each action", "pixels", 240, "linear", 2e-2
    ),
    "sokoban": Architecture(
        "tile code of at most 1,600 bits, one local rule that reaches 2 cells", "tiles", 1600, "local", 3e-3, reach=2
    ),
    "sokoban_optimized": Architecture(
        "tile code of at most 200 bits, one local rule that reaches 2 cells", "tiles", 200, "local", 3e-3, reach=2, hidden=64
    ),
    "slidepuzzle": Architecture(
        "tile code of at most 400 bits, one local rule that reaches 1 cell", "tiles", 400, "local", 5e-3
    ),
    "lightsout": Architecture(
        "tile code of at most 400 bits, a linear transition for each action", "tiles", 400, "linear", 2e-2
    ),
}  # fmt: skip
