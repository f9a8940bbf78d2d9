"""code of at most 400 bits that gradient descent learns, and a linear or local transition

What descent has learned is then settled: where the pictures that it gives back show tiles or parts, these become the
code. Other world models learn so, too, where no code is found in the images.
"""

from functools import partial

import keras

from ..world_model.architecture import Architecture
from ..world_model.transition import linear_transition, local_transition, start_linear


def transition(grid: tuple[int, int, int], actions: int) -> keras.Model:
    """Build one local rule where the code has places, else a linear map for each action."""
    build = linear_transition if grid[:2] == (1, 1) else partial(local_transition, reach=2, units=128)
    return build(grid, actions)


ARCHITECTURE = Architecture(code=None, max_bits=400, transition=transition, start=start_linear, learning_rate=5e-3)
