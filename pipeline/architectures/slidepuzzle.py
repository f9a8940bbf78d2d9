"""tile code of at most 400 bits, one local rule that reaches 1 cell"""

from functools import partial

from ..world_model.architecture import Architecture
from ..world_model.transition import local_transition

ARCHITECTURE = Architecture(
    code="tiles", max_bits=400, transition=partial(local_transition, reach=1, units=128), learning_rate=5e-3
)
