"""tile code of at most 200 bits, one smaller local rule that reaches 2 cells"""

from dataclasses import replace
from functools import partial

from ..world_model.transition import local_transition
from . import sokoban

ARCHITECTURE = replace(sokoban.ARCHITECTURE, max_bits=200, transition=partial(local_transition, reach=2, units=64))
