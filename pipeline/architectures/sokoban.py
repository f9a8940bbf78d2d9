"""tile code of at most 1,600 bits, one local rule that reaches 2 cells"""

from functools import partial

from ..world_model.architecture import Architecture
from ..world_model.transition import local_transition

ARCHITECTURE = Architecture(
    code="tiles", max_bits=1600, transition=partial(local_transition, reach=2, units=128), learning_rate=5e-3
)
