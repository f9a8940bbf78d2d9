"""The world models by name. A new architecture is a line here; nothing else changes. Imports no Keras."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """How a published system trains all parts together by gradient descent, counted in its own steps.

    Attributes:
        both_losses: "cross_entropy" or "squared_error" between predicted and encoded next code, in both directions.
        share: (step, share) points of the transition loss's share in the sum; the rest is the reconstruction's.
        is_gradual: Whether the share moves evenly between two points, or keeps each value until the next.
        decay: (steps, factor) by which the learning rate falls exponentially.
        pixel_scale: What the reconstruction's squared error is multiplied by, pixels in 0…1.
        steps, batch: The whole recipe.
    """

    both_losses: str
    share: tuple[tuple[int, float], ...]
    is_gradual: bool
    decay: tuple[int, float]
    pixel_scale: float
    steps: int
    batch: int

    def share_at(self, step: int) -> float:
        """Give the transition loss's share at a step."""
        if not self.is_gradual:
            return [share for first, share in self.share if first <= step][-1]
        (first, low), (last, high) = self.share
        return low + (high - low) * min(max((step - first) / (last - first), 0.0), 1.0)


@dataclass(frozen=True)
class Architecture:
    """What a world model is made of. Shapes come from the dataset.

    Attributes:
        summary: One line for help screens.
        code: How the code is found in the images: "tiles" (a lattice of equal pictures) or "pixels" (pixels that
            stand for parts of the picture), or "learned" (by gradient descent alone). Tiles fall back to pixels where
            the images show no lattice.
        max_bits: The most bits a code may have.
        transition: "linear" (a linear map for each action), "local" (one rule for every place and its surroundings,
            one small network for all), or that of a published system.
        learning_rate: What suits the transition with Adam and batches of 1,000.
        reach: For "local": how many cells away a cell's next content may depend on.
        hidden: For "local": units per layer.
        recipe: For a published system: how it trains.
    """

    summary: str
    code: str
    max_bits: int
    transition: str
    learning_rate: float
    reach: int = 1
    hidden: int = 128
    recipe: Recipe | None = None


WORLD_MODELS = {
    "rubikscube": Architecture(
        "part code of at most 400 bits, a linear transition for each action", "pixels", 400, "linear", 2e-2
    ),
    "rubikscube_optimized": Architecture(
        "part code of at most 240 bits, a linear transition for each action", "pixels", 240, "linear", 2e-2
    ),
    "sokoban": Architecture(
        "tile code of at most 1,600 bits, one local rule that reaches 2 cells", "tiles", 1600, "local", 5e-3, reach=2
    ),
    "sokoban_optimized": Architecture(
        "tile code of at most 200 bits, one smaller local rule that reaches 2 cells",
        "tiles", 200, "local", 5e-3, reach=2, hidden=64,
    ),
    "slidepuzzle": Architecture(
        "tile code of at most 400 bits, one local rule that reaches 1 cell", "tiles", 400, "local", 5e-3
    ),
    "lightsout": Architecture(
        "tile code of at most 400 bits, a linear transition for each action", "tiles", 400, "linear", 2e-2
    ),
    "jaxtar": Architecture(
        "the network and training of JAxtar: 400 bits, gradient descent alone",
        "learned", 400, "jaxtar", 1e-2,
        recipe=Recipe("cross_entropy", ((30_000, 5e-5), (330_000, 0.5)), True, (5000, 0.995), 2.0, 600_000, 1000),
    ),
    "deepcubeai": Architecture(
        "the network and training of DeepCubeAI: 400 bits, gradient descent alone",
        "learned", 400, "deepcubeai", 1e-3,
        recipe=Recipe(
            "squared_error", ((0, 1e-4), (40_000, 1e-3), (60_000, 1e-2), (80_000, 0.1), (100_000, 0.5)), False,
            (1000, 0.96237), 1.0, 180_000, 100,
        ),
    ),
}  # fmt: skip
