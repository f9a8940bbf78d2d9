"""A saved world model: the one way to load it, which trusts nothing in the file, and a digest of its weights.

A `.keras` file is a zip archive of a JSON description and an HDF5 file of weights. Either can lie: name a class that
runs code, declare a layer of a terabyte, point to another file. So the archive, the classes and the HDF5 file are
checked first, and then the sizes: the model is built without its weights, which takes no memory, and measured. The
classes that a file may name are those that the architecture it claims to be of is made of here.
"""

import hashlib
import io
import json
import math
import threading
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import h5py
import keras
import numpy as np

from ..architectures import WORLD_MODELS, load_architecture
from ..codes.lattice import Lattice
from ..command_line.options import OPTIMIZERS
from ..rules.language import LocalRules
from ..system.errors import UserError, shown
from .coders import linear_coder
from .model import FORMAT_VERSION, DiscreteWorldModel, build_world_model
from .rule_layers import ApplyRules, CopyBits
from .sizes import parts_of_size
from .transition import behind

MEMBERS = {"metadata.json", "config.json", "model.weights.h5"}
MOST_CONFIG_BYTES = 2**22
MOST_NUMBERS_PER_IMAGE = 2**26  # that a layer gives: a quarter of a gigabyte
SMALL = (32, 32), 4  # the images' size and the number of actions of the models that show what an architecture is
SCHEDULES = {"CosineDecay", "ExponentialDecay"}  # that training gives an optimizer
MORE_THAN_NUMBERS = {  # what such a part is made with can hold code or name a file: no architecture is made of these
    "function", "Lambda", "__lambda__", "__typespec__", "TFSMLayer", "JaxLayer", "FlaxLayer", "TorchModuleWrapper",
    "StringLookup", "IntegerLookup", "TextVectorization",
}  # fmt: skip

Identity = tuple[str | None, str | None, str | None]  # a class: its module, its name, the name it is registered by


class _Refused(Exception):
    """Why a file is no world model that can be loaded safely, and what to do then."""

    def __init__(self, reason: str, cure: str = "move it away and train again"):
        super().__init__(reason)
        self.cure = cure


def load_world_model(path: Path, img_size: tuple[int, int] | None = None) -> DiscreteWorldModel:
    """Load a world model, with its optimizer if it was saved with one.

    Args:
        path: The `.keras` file.
        img_size: The height and width of the images that it must take, if that matters; a model whose rules are the
            same for all cells takes images of more or fewer of them.

    Raises:
        UserError: The file is damaged, isn't a world model, takes other images, or could do harm.
    """
    try:
        weights, config = _read_archive(path)
        _check_classes(config)
        stored = _check_weights(weights)
        takes = _in_a_thread(_measure_unbuilt, config, stored)
    except _Refused as error:
        raise _not_loadable(path, error) from None
    except OSError as error:
        raise _not_loadable(path, _Refused(error.strerror or str(error))) from None
    if img_size is None or takes == tuple(img_size):
        return _loaded(path)
    model = _loaded(path)
    parts = parts_of_size(model, img_size)
    if parts is None:
        raise UserError(
            f"--img_size must be {takes[0]} {takes[1]}, as the model in {path} was trained with, or of more or fewer "
            f"of the same cells where all cells have the same rules. Received: --img_size {img_size[0]} {img_size[1]}"
        )
    return model.with_parts(*parts)


def _loaded(path: Path) -> DiscreteWorldModel:
    """Load a file that was checked."""
    try:
        return keras.models.load_model(path, safe_mode=True)
    except Exception as error:  # Keras raises whatever its layers raise
        raise _not_loadable(path, _Refused(_first_line(error))) from None


def check_loadable(model: DiscreteWorldModel):
    """Make sure that a model of a registered architecture could be loaded once it is saved.

    Raises:
        UserError: It couldn't, since it is made of what the loader refuses or doesn't describe itself rightly.
    """
    try:
        try:
            description = json.dumps(keras.saving.serialize_keras_object(model))
        except Exception as error:  # whatever a layer's own `get_config` raises
            raise _Refused(f"it can't be described ({_first_line(error)})") from None
        if len(description) > MOST_CONFIG_BYTES:
            raise _Refused(f"its description is longer than {MOST_CONFIG_BYTES:,} bytes")
        config = json.loads(description)
        _check_classes(config)
        _in_a_thread(_measure_unbuilt, config, _bytes_of_weights(model))
    except _Refused as error:
        raise UserError(
            f"the world model {model.architecture} can't be trained, since it couldn't be loaded again: {error}; "
            "its layers must be Keras' own or registered for the package discrete_world_model, tell in get_config how "
            "they are made, and hold numbers only"
        ) from None


def model_digest(model: DiscreteWorldModel) -> str:
    """Give one SHA-256 over the names, shapes, types and bytes of all weights."""
    digest = hashlib.sha256()
    for weight in model.weights:
        values = np.ascontiguousarray(keras.ops.convert_to_numpy(weight))
        digest.update(f"{weight.name} {values.shape} {values.dtype}".encode() + values.tobytes())
    return digest.hexdigest()


def _not_loadable(path: Path, reason: _Refused) -> UserError:
    return UserError(f"{path} can't be loaded as a world model: {reason}; {reason.cure}")


def _first_line(error: Exception) -> str:
    return shown((str(error) or type(error).__name__).strip().split("\n")[0])


def _read_archive(path: Path) -> tuple[bytes, dict]:
    """Give the bytes of the HDF5 file and the description, of an archive that is whole and holds nothing else."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = [member.filename for member in members]
            if set(names) != MEMBERS or len(names) != len(MEMBERS):
                raise _Refused(f"it must hold {', '.join(sorted(MEMBERS))}, and holds {shown(', '.join(names))}")
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                raise _Refused("its parts must not be compressed")
            if sum(member.file_size for member in members) > path.stat().st_size:
                raise _Refused("its parts claim to be larger than the whole")
            if archive.getinfo("config.json").file_size > MOST_CONFIG_BYTES:
                raise _Refused(f"its description is longer than {MOST_CONFIG_BYTES:,} bytes")
            parts = {name: archive.read(name) for name in names}  # checks the checksums
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise _Refused(f"the file is damaged ({_first_line(error)})") from None
    try:
        return parts["model.weights.h5"], json.loads(parts["config.json"])
    except (ValueError, RecursionError):
        raise _Refused("its description isn't JSON") from None


def _check_classes(config):
    """Make sure that a description names no classes but those that its architecture and our optimizers are made of."""
    if not isinstance(config, dict) or config.get("registered_name") != "discrete_world_model>DiscreteWorldModel":
        raise _Refused("it is another kind of model")
    origin = config.get("config")
    if not isinstance(origin, dict):
        raise _Refused("its description is damaged")
    _check_format(origin.get("format_version"))
    name = origin.get("architecture")
    if not isinstance(name, str) or name not in WORLD_MODELS:
        given = shown(str(name))
        raise _Refused(f"its architecture must be one of {', '.join(WORLD_MODELS)}, and is {given}")
    known = _classes_of(name)
    for part in _parts(config):
        if not (_identity(part) in known or _is_of_training(part)):
            raise _Refused(f"it holds a {shown(str(part['class_name']))}, and such models don't")


def _check_format(version):
    """Make sure that a description is of the format that this version writes."""
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise _Refused(
            f"a newer version of this program saved it, in format {shown(str(version))}, and this one reads format "
            f"{FORMAT_VERSION}",
            "use the newer version, or move it away and train again",
        )
    if type(version) is not int or version != FORMAT_VERSION:
        raise _Refused(f"an older version of this program saved it, and this one reads format {FORMAT_VERSION}")


def _parts(config) -> Iterator[dict]:
    """Give every part of a description that names a class, wherever it stands."""
    waiting = [config]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if "class_name" in part:
                yield part
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part


def _identity(part: dict) -> Identity | None:
    """Give what Keras finds a part's class by: its registered name, or its module; None if that is contradictory."""
    module, name, registered = (part.get(key) for key in ("module", "class_name", "registered_name"))
    if not all(isinstance(value, str | None) for value in (module, name, registered)):
        return None
    if registered and ">" in registered:
        return None, name, registered
    return (module, name, None) if registered in (None, name) else None


def _is_of_training(part: dict) -> bool:
    """Tell whether a part is one of the optimizers that can be asked for, or a learning rate's schedule."""
    module, name, registered = _identity(part) or (None, None, None)
    if registered is not None or name is None:
        return False
    if module == "keras.optimizers":
        return name.lower() in OPTIMIZERS
    return module == "keras.optimizers.schedules" and name in SCHEDULES


@cache
def _classes_of(name: str) -> set[Identity]:
    """Give the classes that an architecture's models are made of, as some of them show that are built without weights.

    Any architecture must take a code without places, as images give it in which none is found, and one with places.
    """
    try:
        configs = _in_a_thread(_describe_small, name)
    except Exception as error:  # whatever a file of an architecture raises
        raise _Refused(f"its architecture {name} can't be built ({_first_line(error)})") from None
    return {identity for part in _parts(configs) if (identity := _identity(part)) and _is_of_numbers(*identity)}


def _describe_small(name: str) -> list[dict]:
    """Describe a model whose code is learned, the coder of one that is found, and transitions behind rules."""
    with keras.StatelessScope(initialize_variables=False):
        model = build_world_model(load_architecture(name), *SMALL, code=None)
        found = linear_coder(SMALL[0], Lattice.of_one_cell(SMALL[0]), model.bits)
        layers = [CopyBits(SMALL[1], model.bits), ApplyRules(LocalRules.of_nothing(model.grid, SMALL[1]).to_config())]
        placed = load_architecture(name).transition((2, 2, 2), SMALL[1])
        parts = [model, *found, placed, *(behind(model.transition, layer) for layer in layers)]
    return [json.loads(json.dumps(keras.saving.serialize_keras_object(part))) for part in parts]


def _is_of_numbers(module: str | None, name: str | None, registered: str | None) -> bool:
    """Tell whether a class of our own models can be made from another's description without harm."""
    ours = registered is not None and registered.startswith("discrete_world_model>")
    keras_own = registered is None and (module is None or module.split(".")[0] == "keras")
    return name not in MORE_THAN_NUMBERS and (ours or keras_own)


def _check_weights(content: bytes) -> int:
    """Make sure that an HDF5 file holds plain numbers, all of them in it; gives how many bytes they are."""
    sizes: list[int] = []

    def look(name, link) -> str | None:  # h5py goes on until something is returned
        if not isinstance(link, h5py.HardLink):
            return f"its weights hold a link to {shown(getattr(link, 'filename', link.path))}"
        part = file[name]
        if isinstance(part, h5py.Dataset):
            if part.is_virtual or part.external or part.dtype.kind not in "fiu":
                return f"its weights hold {shown(name)}, which isn't an array of numbers"
            if part.id.get_storage_size() != part.nbytes:
                return f"its weights claim {part.nbytes:,} bytes for {shown(name)} and don't hold them"
            sizes.append(part.nbytes)
        return None

    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            wrong = file.visititems_links(look)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, MemoryError, SystemError) as error:
        raise _Refused(f"its weights are damaged ({_first_line(error)})") from None
    if wrong:
        raise _Refused(wrong)
    if sum(sizes) > len(content):
        raise _Refused("its weights claim to be larger than the file")
    return sum(sizes)


def _in_a_thread(function, *arguments):
    """Call a function in a thread of its own, since Keras keeps its state by thread; gives or raises what it does."""
    result = []

    def call():
        try:
            result.extend((function(*arguments), None))
        except Exception as error:
            result.extend((None, error))

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    value, error = result
    if error:
        raise error
    return value


def _measure_unbuilt(config: dict, stored: int) -> tuple[int, int]:
    """Build a model without its weights, compare its size with the stored bytes; gives its images' height and width."""
    with keras.StatelessScope(initialize_variables=False):  # weights made in it have a shape and no values
        try:
            model = keras.saving.deserialize_keras_object({**config, "compile_config": None}, safe_mode=True)
        except Exception as error:
            raise _Refused(f"its description can't be built ({_first_line(error)})") from None
    if not isinstance(model, DiscreteWorldModel):
        raise _Refused("it is another kind of model")
    for part in (model.encoder, model.decoder, model.transition):
        for layer in part.layers:
            outputs = layer.output if isinstance(layer.output, list) else [layer.output]
            if max(math.prod(output.shape[1:]) for output in outputs) > MOST_NUMBERS_PER_IMAGE:
                raise _Refused(f"its layer {shown(layer.name)} gives more than {MOST_NUMBERS_PER_IMAGE:,} numbers")
    wanted = _bytes_of_weights(model)
    if wanted > stored:
        raise _Refused(f"its layers need {wanted:,} bytes of weights, and it holds {stored:,}")
    shapes = model.encoder.input_shape, model.decoder.output_shape
    if shapes[0] != shapes[1] or len(shapes[0]) != 4 or shapes[0][3] != 3:
        raise _Refused(f"its encoder takes {shapes[0]} and its decoder gives {shapes[1]}")
    return shapes[0][1:3]


def _bytes_of_weights(model: keras.Model) -> int:
    return sum(math.prod(weight.shape) * np.dtype(weight.dtype).itemsize for weight in model.weights)
