"""The files that recordings come in: `.npz`, `.h5`, and a folder of pictures with a `steps.csv`.

Each is looked at before it is read: how large its arrays are, whether they are in the file, whether they are numbers.
Images are read some at a time, so a recording may be larger than memory.
"""

import csv
import hashlib
import os
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
from numpy.lib import format as npy
from PIL import Image

from ..system.errors import UserError, shown
from ..system.hashing import file_digest
from ..system.memory import check_memory
from .recording import NEEDED, OPTIONAL, Frames, Recording

SUFFIXES = (".npz", ".h5", ".hdf5")
STEPS = "steps.csv"
IMAGE_FORMATS = ("PNG", "BMP", "GIF", "JPEG", "PPM", "WEBP")
MOST_CHUNK_BYTES = 2**28  # of an HDF5 array, which are read at a time
# What the libraries raise for files that are not as they should be.
DAMAGED = (
    OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, OverflowError, EOFError, SyntaxError,
    NotImplementedError, zipfile.BadZipFile, Image.DecompressionBombError,
)  # fmt: skip


def open_recording(word: str) -> Recording:
    """Look at the recording at a path.

    Raises:
        UserError: There is none, or it can't be used; says why.
    """
    path = Path(word)
    if not path.exists():
        raise UserError(f"there is no recording at {shown(word)}. Received: --dataset {shown(word)}")
    readers: dict[str, Callable[[Path], Recording]] = dict(zip(SUFFIXES, (_open_npz, _open_hdf5, _open_hdf5)))
    reader = _open_folder if path.is_dir() else readers.get(path.suffix.lower())
    if reader is None or not (path.is_dir() or path.is_file()):
        wanted = f"one of {', '.join(SUFFIXES)} or a folder with a {STEPS}"
        raise UserError(f"a recording must be {wanted}. Received: --dataset {shown(word)}")
    with _refusing(path):
        return reader(path)


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Turn whatever a damaged file makes the libraries raise into one sentence."""
    try:
        yield
    except UserError:
        raise
    except DAMAGED as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        reason = shown(reason.strip("'\"").split("\n")[0] or type(error).__name__)
        raise UserError(f"the recording {shown(str(path))} can't be read: {reason}") from None


def _wrong(path: Path, wanted: str, received: str) -> UserError:
    return UserError(f"the recording {shown(str(path))} can't be used: {wanted}. Received: {received}")


def _check_names(path: Path, found: list[str]):
    if missing := [name for name in NEEDED if name not in found]:
        names = ", ".join(found[:8]) + (", ..." if len(found) > 8 else "")
        raise _wrong(path, f"it must have {', '.join(NEEDED)}, and lacks {', '.join(missing)}", names or "nothing")


def _check_images(path: Path, dtype: np.dtype):
    if dtype != np.uint8:
        raise _wrong(path, "images must be grey levels 0 to 255 of type uint8", f"type {dtype}")


def _check_column(path: Path, name: str, dtype: np.dtype, count: int):
    """Make sure that a column can be read without running anything, and fits in memory."""
    if dtype.kind not in "biufSU":
        raise _wrong(path, f"{name} must be numbers or names, nothing pickled", f"type {dtype}")
    check_memory(f"{name} of the recording", count * dtype.itemsize, lambda _: "fewer frames would", str(path))


# ---- .npz


class _NpzFrames(Frames):
    """The images in an `.npz`, unpacked as they are read."""

    def __init__(self, path: Path, shape: tuple[int, ...]):
        self.path, self.shape = path, shape

    def portions(self, rows):
        size = int(np.prod(self.shape[1:]))
        with _refusing(self.path), zipfile.ZipFile(self.path) as archive, archive.open("images.npy") as file:
            _read_header(file)
            for first in range(0, self.shape[0], rows):
                count = min(rows, self.shape[0] - first)
                content = file.read(count * size)
                if len(content) < count * size:
                    raise ValueError("it ends before its last frame")
                yield np.frombuffer(content, np.uint8).reshape(count, *self.shape[1:])
            file.read(1)  # compares the checksum


def _open_npz(path: Path) -> Recording:
    columns = {}
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: info for info in archive.infolist()}
        if len(members) != len(archive.infolist()):
            raise _wrong(path, "each array must be there once", "one that is there twice")
        names = [name.removesuffix(".npy") for name in members if name.endswith(".npy")]
        _check_names(path, names)
        for name in (*NEEDED, *OPTIONAL):
            if name not in names:
                continue
            member = members[f"{name}.npy"]
            with archive.open(member) as file:
                shape, fortran, dtype = _read_header(file)
                if dtype.hasobject:
                    raise _wrong(path, f"{name} must be numbers or names, nothing pickled", "Python objects")
                count = int(np.prod(shape, dtype=object))
                if count * dtype.itemsize != member.file_size - file.tell():
                    raise _wrong(path, f"{name} must be as large as it says", f"shape {shape} in other bytes")
                if name == "images":
                    _check_images(path, dtype)
                    if fortran:
                        raise _wrong(path, "images must be in C order, frame by frame", "Fortran order")
                    frames = _NpzFrames(path, shape)
                    continue
                _check_column(path, name, dtype, count)
            with archive.open(member) as file:
                columns[name] = npy.read_array(file, allow_pickle=False)
    return Recording(str(path), file_digest(path), frames, columns).beside(names)


def _read_header(file) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Read what a `.npy` says of itself, up to where its numbers begin: its shape, Fortran order, type."""
    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"an array of .npy format {version}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of headers that Python 2 wrote
        return (npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0)(file)


# ---- .h5


class _Hdf5Frames(Frames):
    """The images in an HDF5 file."""

    def __init__(self, path: Path, shape: tuple[int, ...]):
        self.path, self.shape = path, shape

    def portions(self, rows):
        with _refusing(self.path), h5py.File(self.path, "r") as file:
            for first in range(0, self.shape[0], rows):
                yield file["images"][first : first + rows]


def _open_hdf5(path: Path) -> Recording:
    columns = {}
    with h5py.File(path, "r") as file:
        names = list(file)
        if {"train", "validation", "test"} <= set(names):
            raise _wrong(path, "this is a dataset that `train` has made, not a recording", str(path))
        _check_names(path, names)
        for name in (*NEEDED, *OPTIONAL):
            if name not in names:
                continue
            if not isinstance(file.get(name, getlink=True), h5py.HardLink):
                raise _wrong(path, f"{name} must be in this file", "a link to elsewhere")
            array = file[name]
            _check_array(path, name, array)
            if name == "images":
                _check_images(path, array.dtype)
                frames = _Hdf5Frames(path, array.shape)
                continue
            if array.shape[0] != frames.shape[0]:
                wanted = f"{name} must have a row for each of the {frames.shape[0]:,} frames"
                raise _wrong(path, wanted, f"{array.shape[0]:,} rows")
            texts = h5py.check_string_dtype(array.dtype)
            if texts is None:
                _check_column(path, name, array.dtype, array.size)
                columns[name] = array[()]
            else:
                columns[name] = np.array(array.asstr()[()], dtype="U")
    return Recording(str(path), file_digest(path), frames, columns).beside(names)


def _check_array(path: Path, name: str, array):
    """Make sure that an array is one, lies in the file and can be read in portions that fit in memory."""
    if not isinstance(array, h5py.Dataset) or array.shape is None or not array.shape:
        raise _wrong(path, f"{name} must be an array", "something else")
    if array.is_virtual or array.external:
        raise _wrong(path, f"{name} must be in this file", "an array that is elsewhere")
    if array.chunks is None:
        if array.id.get_storage_size() < array.nbytes:
            raise _wrong(path, f"{name} must be as large as it says", f"shape {array.shape} in fewer bytes")
        return
    most = max(int(np.prod(array.chunks)) * array.dtype.itemsize, 1)
    if most > MOST_CHUNK_BYTES:
        raise _wrong(path, f"{name} must be in chunks of at most {MOST_CHUNK_BYTES:,} bytes", f"{most:,} bytes")
    plan = array.id.get_create_plist()
    filters = [plan.get_filter(number) for number in range(plan.get_nfilters())]
    if unknown := [kind for kind, *_ in filters if not h5py.h5z.filter_avail(kind)]:
        raise _wrong(path, f"{name} must be packed as every h5py can read it, with gzip or lzf", f"filter {unknown[0]}")
    wanted = int(np.prod([-(-side // chunk) for side, chunk in zip(array.shape, array.chunks)], dtype=object))
    if array.id.get_num_chunks() != wanted:
        raise _wrong(path, f"{name} must be as large as it says", f"shape {array.shape} without some of its chunks")


# ---- a folder


class _FolderFrames(Frames):
    """The pictures that the rows of a `steps.csv` name."""

    def __init__(self, folder: Path, files: list[str], shape: tuple[int, ...]):
        self.folder, self.files, self.shape = folder, files, shape

    def portions(self, rows):
        with _refusing(self.folder):
            for first in range(0, len(self.files), rows):
                yield np.stack([_read_picture(self.folder, name) for name in self.files[first : first + rows]])


def _read_picture(folder: Path, name: str) -> np.ndarray:
    """Read a picture (H, W, 3) uint8."""
    with _picture(folder, name) as image:
        return np.asarray(image.convert("RGB"))


@contextmanager
def _picture(folder: Path, name: str) -> Iterator[Image.Image]:
    """Open a picture that lies in a folder, and not elsewhere."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise _wrong(folder, "pictures must lie in the folder", shown(name))
    if not path.is_file():
        raise _wrong(folder, f"a picture that {STEPS} names must be there", shown(name))
    try:
        with Image.open(path, formats=IMAGE_FORMATS) as image:
            yield image
    except DAMAGED as error:
        if isinstance(error, Image.DecompressionBombError):
            raise _wrong(folder, "a picture must be at most 1024x1024", shown(name)) from None
        raise _wrong(folder, f"pictures must be {', '.join(IMAGE_FORMATS)} that can be read", shown(name)) from None


def _open_folder(folder: Path) -> Recording:
    if not (folder / STEPS).is_file():
        raise _wrong(folder, f"a folder must hold a {STEPS} with columns file, episode, action", "none")
    with open(folder / STEPS, newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, skipinitialspace=True)
        _check_names(folder, ["images" if name == "file" else name for name in reader.fieldnames or []])
        rows = list(reader)
    if not rows:
        raise _wrong(folder, f"{STEPS} must have a row for each frame", "none")
    if any(None in row or None in row.values() for row in rows):
        raise _wrong(folder, f"every row of {STEPS} must have a value in every column", "another number of values")
    files = [row["file"] for row in rows]
    names = [name for name in ("episode", "action", *OPTIONAL) if name in rows[0]]
    columns = {name: _numbers_or_names([row[name] for row in rows], name) for name in names}
    digest, first = hashlib.sha256((folder / STEPS).read_bytes()), None
    for name in files:
        with _picture(folder, name) as picture:  # looks at its head alone
            width, height = picture.size
        first = first or (height, width)
        if (height, width) != first:
            wanted = f"all pictures must be {first[0]}x{first[1]}, like the first"
            raise _wrong(folder, wanted, f"{shown(name)}, {height}x{width}")
        digest.update(hashlib.sha256((folder / name).read_bytes()).digest())
    frames = _FolderFrames(folder, files, (len(files), *(first or (0, 0)), 3))
    return Recording(str(folder), digest.hexdigest(), frames, columns).beside(
        name for name in rows[0] if name != "file"
    )


def _numbers_or_names(values: list[str], name: str) -> np.ndarray:
    """Read a column: whole numbers, else numbers, else names. What is empty is no number, as in an ignored action."""
    values = [value.strip() for value in values]
    if name == "terminated":
        values = [{"true": "1", "false": "0", "": "0"}.get(value.lower(), value) for value in values]
    for kind in (np.int64, np.float64):
        try:
            return np.array([value or "nan" for value in values]).astype(kind)
        except (ValueError, OverflowError):
            continue
    return np.array(values, "U")


def signature(path: Path) -> tuple:
    """Give what changes when a file, or a file in a folder, does."""
    paths = sorted(path.iterdir()) if path.is_dir() else [path]
    return tuple((str(each), (found := os.stat(each)).st_size, found.st_mtime_ns) for each in paths)
