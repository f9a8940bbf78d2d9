"""tile code of at most 400 bits, a linear transition for each action"""

from ..world_model.architecture import Architecture
from ..world_model.transition import linear_transition, start_linear

ARCHITECTURE = Architecture(
    code="tiles", max_bits=400, transition=linear_transition, start=start_linear, learning_rate=2e-2, jit=True
)
