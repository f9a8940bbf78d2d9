"""The Keras side.

Importing this package imports Keras and registers all of our layers, those in the architectures' own files too, so that
`keras.models.load_model` finds them. The names of the world models alone are in `architectures`.
"""

from importlib import import_module

from ..architectures import WORLD_MODELS
from . import model as model  # registers the model itself

for _name in WORLD_MODELS:
    import_module(f"..architectures.{_name}", __package__)
