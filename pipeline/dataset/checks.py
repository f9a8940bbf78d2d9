"""Opening a dataset file, which is trusted in nothing: it may be damaged, old, another's, or made to do harm.

What describes the arrays is looked at when the file is opened; a chunk's checksum, when the chunk is read.
"""

import hashlib
import os
import re
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
from tqdm import tqdm

from ..command_line.options import STARTS, DatasetOptions
from ..command_line.values import LARGEST_SIDE
from ..puzzles import PUZZLES
from ..system.errors import UserError, shown
from .key import DatasetKey
from .layout import (
    EXTRAS,
    FORMAT_VERSION,
    SPLITS,
    SplitSize,
    array_names,
    checksum_of,
    chunk_shape,
    frame_count,
)

SIGNATURE = b"\x89HDF\r\n\x1a\n"
FILTERS = [h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_FLETCHER32]
MOST_ACTIONS = 256  # an action is a byte
ATTRIBUTES = (*DatasetKey.__dataclass_fields__, "format_version", "action_names", "start_used", "content_digest")
SOURCE_ATTRIBUTES = ("source", "transitions", "frame_counts", "state_size", "extras")  # of somebody's own source, too
MOST_STATE_BYTES = 2**16
ROWS = 2**22  # of a long array that are checked at a time
# What h5py raises for files that are not as they should be.
H5PY_ERRORS = (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, OverflowError, MemoryError)
UNREADABLE_DATA = re.compile(r"Can't synchronously read data( \([^)]*\))?")  # where a chunk's checksum is wrong


class Unusable(UserError):
    """What is at a dataset's place can't be used.

    Attributes:
        reason: What is wrong with it.
        is_ours: Whether it may be set aside and made again; a file that we didn't write is left alone.
    """

    def __init__(self, path: str | Path, reason: str, is_ours: bool = True):
        cure = "`generate` with its options sets it aside and makes it again" if is_ours else "move it away"
        super().__init__(f"{path} {reason}; {cure}")
        self.reason, self.is_ours = reason, is_ours


@contextmanager
def open_dataset(path: Path):
    """Open a dataset file for reading, once its structure has been found to be right.

    Raises:
        UserError: The file is missing.
        Unusable: It isn't a whole dataset of this format, or turns out damaged while the block reads it.
    """
    _check_is_hdf5(path)
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise _unreadable(path, error, is_ours=not error.errno) from None
    with file:
        try:
            check_structure(file)
        except H5PY_ERRORS as error:
            raise _unreadable(path, error) from None
        try:
            yield file
        except Exception as error:
            if found := UNREADABLE_DATA.search(str(error)):  # TensorFlow repeats the message in its own errors
                raise _unreadable(path, OSError(found[0])) from None
            raise


def _check_is_hdf5(path: Path):
    if path.exists() and not path.is_file():
        kind = "Is a directory" if path.is_dir() else "not a regular file"
        raise Unusable(path, f"can't be read as a dataset ({kind})", is_ours=False)
    try:
        with open(path, "rb") as file:
            head = file.read(len(SIGNATURE))
    except FileNotFoundError:
        raise UserError(f"there is no dataset at {path}; `generate` makes it") from None
    except OSError as error:
        raise _unreadable(path, error, is_ours=False) from None
    if not SIGNATURE.startswith(head):  # what is left of a cut file of ours may be shorter, or empty
        raise Unusable(path, "can't be read as a dataset (not an HDF5 file)", is_ours=False)


def _unreadable(path: Path, error: Exception, is_ours: bool = True) -> Unusable:
    reason = (
        os.strerror(error.errno)
        if isinstance(error, OSError) and error.errno
        else str(error).strip("'\"").split("\n")[0]
    )
    return Unusable(path, f"can't be read as a dataset ({reason or type(error).__name__})", is_ours)


# ---- what describes the arrays


def check_structure(file: h5py.File):
    """Make sure that a file has our attributes and arrays, and every chunk of them in its place.

    Raises:
        Unusable: It hasn't.
    """
    _check_version(file)
    sizes = _read_sizes(file)
    _check_members(file, SPLITS)
    size = os.path.getsize(file.filename)
    for split in SPLITS:
        expected = sizes[split].arrays()
        _check_members(file[split], list(expected))
        for name, (shape, dtype) in expected.items():
            size -= _check_array(file[split][name], shape, np.dtype(dtype))
    if size < 0:
        raise _damaged(file, "its chunks claim to be larger than the file")


def _damaged(part: h5py.File | h5py.Group | h5py.Dataset, reason: str) -> Unusable:
    return Unusable(part.file.filename, f"can't be read as a dataset ({reason})")


def _check_version(file: h5py.File):
    version = _attribute(file, "format_version")
    if not isinstance(version, int) or isinstance(version, bool) or not 0 <= version <= FORMAT_VERSION:
        found = f"Received: format {shown(version)}"
        raise Unusable(file.filename, f"isn't a dataset of format {FORMAT_VERSION}. {found}", is_ours=False)
    if version < FORMAT_VERSION:
        raise Unusable(file.filename, f"is a dataset of format {version}, which is older than {FORMAT_VERSION}")


def _attribute(file: h5py.File, name: str):
    """Read an attribute of few values as plain Python values; None if it is missing or something else."""
    if name not in file.attrs:
        return None
    stored = file.attrs.get_id(name)
    if stored.dtype.kind not in "iuOSU" or len(stored.shape) > 1 or stored.shape > (MOST_ACTIONS,):
        return None
    value = np.asarray(file.attrs[name]).tolist()
    plain = value if isinstance(value, list) else [value]
    return value if all(isinstance(item, int | str) for item in plain) else None


def _read_sizes(file: h5py.File) -> dict[str, SplitSize]:
    """Read the attributes, which must be such as we write; gives how large each split must be."""
    names = (*ATTRIBUTES, *SOURCE_ATTRIBUTES) if "source" in file.attrs else ATTRIBUTES
    found = {name: _attribute(file, name) for name in names}
    if checksum_of(found) != _attribute(file, "attributes_crc32"):
        raise _damaged(file, "its attributes have changed")
    actions = found["action_names"]
    if not (isinstance(actions, list) and 0 < len(actions) <= MOST_ACTIONS and all(map(_is_text, actions))):
        raise _damaged(file, "action_names must be a list of names")
    if found["start_used"] not in STARTS or not re.fullmatch("[0-9a-f]{64}", str(found["content_digest"])):
        raise _damaged(file, "start_used or content_digest is wrong")
    if "source" in names:
        return _sizes_of_source(file, found)
    try:
        key = DatasetKey.of(DatasetOptions(**{name: found[name] for name in DatasetKey.__dataclass_fields__}))
        state_size = PUZZLES[key.dataset].state_size
    except (UserError, KeyError) as error:
        raise _damaged(file, f"its options are wrong: {error}") from None
    return {
        split: SplitSize(transitions, frame_count(transitions, length), key.img_size, state_size)
        for split, (transitions, length) in key.sizes.items()
    }


def _sizes_of_source(file: h5py.File, found: dict) -> dict[str, SplitSize]:
    """Read how large the splits of somebody's own source are; the arrays are then compared with it."""
    counts = list(zip(*(_whole_numbers(file, found[name], len(SPLITS)) for name in ("transitions", "frame_counts"))))
    (state_size,), sides = _whole_numbers(file, [found["state_size"]], 1), _whole_numbers(file, found["img_size"], 2)
    extras = tuple(str(found["extras"]).split())
    possible = all(frames >= 2 and frames // 2 <= transitions < frames for transitions, frames in counts)
    if not possible or state_size > MOST_STATE_BYTES or max(sides) > LARGEST_SIDE or not set(extras) <= set(EXTRAS):
        raise _damaged(file, "its sizes are wrong")
    sized = (SplitSize(n, frames, (sides[0], sides[1]), state_size, extras) for n, frames in counts)
    return dict(zip(SPLITS, sized))


def _whole_numbers(file: h5py.File, values, count: int) -> list[int]:
    if not isinstance(values, list) or len(values) != count or not all(type(n) is int and n > 0 for n in values):
        raise _damaged(file, "its sizes are wrong")
    return values


def _is_text(value) -> bool:
    return isinstance(value, str) and value.isprintable()


def _check_members(group: h5py.Group, names: Sequence[str]):
    """Make sure that a group has members of the names, no others, and that none of them is elsewhere."""
    if not isinstance(group, h5py.Group) or len(group) != len(names):
        raise _damaged(group, f"{group.name} must hold {', '.join(names)} and nothing else")
    for name in names:
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            what = f"{name} is a link to elsewhere" if link else f"{name} is missing"
            raise _damaged(group, f"in {group.name} {what}")


def _check_array(array: h5py.Dataset, shape: tuple[int, ...], dtype: np.dtype) -> int:
    """Make sure that an array is as we write it and has all its chunks; gives how many bytes they take."""
    if not isinstance(array, h5py.Dataset) or array.is_virtual or array.external:
        raise _damaged(array, f"{array.name} isn't an array in this file")
    if (array.shape, array.dtype, array.maxshape) != (shape, dtype, shape):
        raise _damaged(array, f"{array.name} must be {shape} {dtype}, and is {array.shape} {shown(str(array.dtype))}")
    plan, chunks = array.id.get_create_plist(), chunk_shape(shape, dtype)
    if array.chunks != chunks or [plan.get_filter(n)[0] for n in range(plan.get_nfilters())] != FILTERS:
        raise _damaged(array, f"{array.name} isn't stored in chunks of {chunks}, with gzip and checksums")
    raw = int(np.prod(chunks)) * dtype.itemsize
    most = raw + raw // 100 + 100  # a chunk that can't be made smaller has only some bytes more
    if array.id.get_num_chunks() != -(-shape[0] // chunks[0]):
        raise _damaged(array, f"{array.name} doesn't have all its chunks")
    sizes = []

    def look(chunk) -> bool | None:  # goes on until something is returned
        sizes.append(chunk.size)
        return None if chunk.filter_mask == 0 and 0 < chunk.size <= most else True

    if array.id.chunk_iter(look):
        raise _damaged(array, f"{array.name} has a chunk of a wrong size or without a checksum")
    return sum(sizes)


def check_made_with(file: h5py.File, attributes: dict):
    """Make sure that a file holds what its place in the cache promises.

    Raises:
        Unusable: It was made with other options, or before the puzzle changed.
    """
    for name, value in {"source": None, **attributes}.items():
        found, wanted = np.asarray(file.attrs.get(name)).tolist(), np.asarray(value).tolist()
        if found != wanted:
            raise Unusable(file.filename, f"was made with {name}={shown(found)}, not {shown(wanted)}")


# ---- what is in the arrays


def check_values(file: h5py.File):
    """Make sure that every transition leads from a frame that is there by an action that there is.

    Reads the arrays of actions and frames, a hundredth or less of what training reads.

    Raises:
        Unusable: One doesn't.
    """
    own = "source" not in file.attrs
    key = DatasetKey(**{name: file.attrs[name] for name in DatasetKey.__dataclass_fields__})
    for split in SPLITS:
        actions, frames = file[split]["actions"], file[split]["frames"]
        length, last = key.sizes[split][1] if own else 0, -1
        portions = range(0, len(actions), ROWS)
        for first in tqdm(portions, "checking", unit="part", leave=False, disable=len(portions) < 5):
            found = frames[first : first + ROWS].astype(np.int64)
            numbers = np.arange(first, first + len(found))
            # From one transition to the next it is one frame, or two where an episode has ended.
            steps = np.diff(found, prepend=last)
            right = (found == numbers + numbers // length) if own else (steps >= 1) & (steps <= 2)
            last = int(found[-1])
            if not right.all() or (first == 0 and found[0] != 0):
                raise _damaged(file, f"/{split}/frames are wrong")
            if actions[first : first + ROWS].max() >= len(file.attrs["action_names"]):
                raise _damaged(file, f"/{split}/actions are wrong")
        if last != len(file[split]["images"]) - 2:
            raise _damaged(file, f"/{split}/frames are wrong")


def check_digest(file: h5py.File):
    """Read a whole file and compare what is in it with its digest.

    Raises:
        Unusable: It holds something else.
    """
    check_values(file)
    arrays = [file[split][name] for split in SPLITS for name in array_names(file[split])]
    with tqdm(total=sum(array.nbytes for array in arrays), desc="verifying", unit="B", unit_scale=True) as progress:
        digest = hashlib.sha256("".join(_digest_of(array, progress) for array in arrays).encode()).hexdigest()
    if digest != file.attrs["content_digest"]:
        raise _damaged(file, "its arrays aren't those of its digest")


def _digest_of(array: h5py.Dataset, progress: tqdm) -> str:
    """Give the digest of an array as the writer made it: of name, shape, type and the chunks' hashes."""
    digest = hashlib.sha256(f"{array.name} {array.shape} {array.dtype}".encode())
    for first in range(0, len(array), array.chunks[0]):
        rows = array[first : first + array.chunks[0]]
        digest.update(hashlib.sha256(rows).digest())
        progress.update(rows.nbytes)
    return digest.hexdigest()
