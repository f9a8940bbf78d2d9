"""part code of at most 240 bits, a linear transition for each action"""

from dataclasses import replace

from . import rubikscube

ARCHITECTURE = replace(rubikscube.ARCHITECTURE, max_bits=240)
