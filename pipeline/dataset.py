"""The dataset file: its key and path, its layout, how it is written whole or not at all, how it is opened.

Layout, for each split `train` and `evaluation` (F frames, N transitions, S bytes in a state):

    /<split>/images   (F, H, W, 3) uint8   every frame of every trajectory, in order
    /<split>/states   (F, S) uint8         the puzzle's state that each frame shows
    /<split>/actions  (N,) uint8           the action of each transition
    /<split>/frames   (N,) uint32          transition n leads from frame frames[n] to frame frames[n] + 1

The file's attributes hold every option that shapes the content, the names of the actions and a digest of the arrays.
Nothing else goes in, no time, host or path, so that equal options give equal bytes.
"""

import hashlib
import io
import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

import h5py
import numpy as np

from pipeline.errors import UserError, shown

FORMAT_VERSION = 1
SPLITS = ("train", "evaluation")
ARRAYS = ("images", "states", "actions", "frames")
CHUNK_BYTES = 2**19  # of raw data in a chunk: small against the minibatch, large against the work per chunk


@dataclass(frozen=True)
class DatasetKey:
    """Everything that decides a dataset's content; equal keys give equal bytes."""

    dataset: str
    dataset_size: int
    key: int
    shuffle_length: int
    img_size: tuple[int, int]
    start: str

    @classmethod
    def of(cls, options) -> "DatasetKey":
        """Take the key out of the dataset options."""
        return cls(**{field.name: getattr(options, field.name) for field in fields(cls)})

    @property
    def file_name(self) -> str:
        """The name in the cache; dvc.yaml spells the same pattern."""
        height, width = self.img_size
        return (
            f"{self.dataset}-size{self.dataset_size}-key{self.key}-shuffle{self.shuffle_length}"
            f"-img{height}x{width}-{self.start}.h5"
        )

    def attributes(self) -> dict:
        """What the file records of the key."""
        return {**self.__dict__, "format_version": FORMAT_VERSION}


def path_of(options) -> Path:
    """Give the place in the cache of the dataset that the options ask for."""
    return Path(options.data_dir) / DatasetKey.of(options).file_name


class _Disk(io.FileIO):
    """The file that HDF5 writes to. A failure is kept for later: HDF5 crashes the process that tells it of one."""

    failure: OSError | None = None

    def write(self, data) -> int:
        rest = memoryview(data)
        while len(rest) and not self.failure:
            try:
                rest = rest[super().write(rest) :]
            except OSError as error:
                self.failure = error
        return len(data)

    def truncate(self, size=None) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            self.failure = self.failure or error
            return size

    def check(self):
        if self.failure:
            raise self.failure

    def sync(self):
        self.check()
        os.fsync(self)


class NewFile(h5py.File):
    """A file that is being written."""

    def __init__(self, disk: _Disk):
        self.disk = disk
        super().__init__(disk, "w")

    def check(self):
        """Raise `OSError` if something could not be written."""
        self.disk.check()


@contextmanager
def new_file(path: Path):
    """Open a new HDF5 file that appears at `path` when it is whole, and leaves nothing behind when it fails.

    Raises:
        UserError: The place can't be written, or is full.
    """
    partial = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
        os.close(handle)
        with _Disk(partial, "r+") as disk:
            with NewFile(disk) as file:
                yield file
            disk.sync()
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    except BaseException as error:
        if partial:
            Path(partial).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise UserError(f"{path} can't be written ({_reason(error)})") from None
        raise


class _RowWriter:
    """Fills one HDF5 array row by row, in whole chunks, and hashes what goes in.

    Whole chunks keep the bytes of the file the same however the rows arrive.
    """

    def __init__(self, group: h5py.Group, name: str, shape: tuple[int, ...], dtype):
        row_bytes = int(np.prod(shape[1:])) * np.dtype(dtype).itemsize
        chunk_rows = max(1, min(shape[0], CHUNK_BYTES // row_bytes))
        self.array = group.create_dataset(
            name,
            shape,
            dtype,
            chunks=(chunk_rows, *shape[1:]),
            compression="gzip",
            compression_opts=1,
            fletcher32=True,
        )
        self.chunk_rows, self.written = chunk_rows, 0
        self.waiting = np.empty((0, *shape[1:]), dtype)
        self.hash = hashlib.sha256(f"{self.array.name} {shape} {self.array.dtype}".encode())

    def append(self, rows: np.ndarray):
        rows = np.concatenate([self.waiting, rows.astype(self.waiting.dtype, copy=False)])
        whole = len(rows) - len(rows) % self.chunk_rows
        self._write(rows[:whole])
        self.waiting = rows[whole:].copy()

    def finish(self) -> str:
        self._write(self.waiting)
        if self.written != len(self.array):
            raise AssertionError(f"{self.array.name}: {self.written} rows written, {len(self.array)} promised")
        return self.hash.hexdigest()

    def _write(self, rows: np.ndarray):
        self.hash.update(np.ascontiguousarray(rows))
        self.array[self.written : self.written + len(rows)] = rows
        self.written += len(rows)


class SplitWriter:
    """Writes one split: the moves of some trajectories, then the images of their frames, and so on.

    The images can come in any portions. Moves and images must take turns in the same way whenever the same file is
    made, for HDF5 puts the chunks of its arrays into the file in the order in which they come.
    """

    def __init__(self, file: NewFile, split: str, frames: int, transitions: int, length: int, img_size, state_size):
        group = file.create_group(split)
        self.file, self.length, self.transitions = file, length, 0
        self.rows = {
            "images": _RowWriter(group, "images", (frames, *img_size, 3), np.uint8),
            "states": _RowWriter(group, "states", (frames, state_size), np.uint8),
            "actions": _RowWriter(group, "actions", (transitions,), np.uint8),
            "frames": _RowWriter(group, "frames", (transitions,), np.uint32),
        }
        _mark_as_pictures(group["images"])

    def add_moves(self, states: np.ndarray, actions: np.ndarray):
        """Add the states (f, S) and actions (n,) of trajectories one after the other; numbers the frames."""
        numbers = np.arange(self.transitions, self.transitions + len(actions))
        self.rows["states"].append(states)
        self.rows["actions"].append(actions)
        self.rows["frames"].append(numbers + numbers // self.length)  # a trajectory has one frame more than actions
        self.transitions += len(actions)

    def add_images(self, images: np.ndarray):
        """Add images (f, H, W, 3)."""
        self.rows["images"].append(images)
        self.file.check()

    def finish(self) -> str:
        return "".join(rows.finish() for rows in self.rows.values())


def _mark_as_pictures(images: h5py.Dataset):
    """Set the attributes by which HDF5 viewers show the last three axes as a picture."""
    for name, value in {
        "CLASS": "IMAGE",
        "IMAGE_VERSION": "1.2",
        "IMAGE_SUBCLASS": "IMAGE_TRUECOLOR",
        "INTERLACE_MODE": "INTERLACE_PIXEL",
    }.items():
        images.attrs[name] = np.bytes_(value)


def frame_count(transitions: int, length: int) -> int:
    """Count the frames of trajectories of `length` transitions, the last of them shorter where need be."""
    return transitions + -(-transitions // length)


def content_digest(splits: list[SplitWriter]) -> str:
    """Finish the splits and give one SHA-256 over the names, shapes, types and bytes of all their arrays."""
    return hashlib.sha256("".join(split.finish() for split in splits).encode()).hexdigest()


@contextmanager
def open_dataset(path: Path):
    """Open a dataset file for reading.

    Raises:
        UserError: The file is missing, isn't a whole HDF5 file, isn't one of ours, or turns out damaged while the
            block reads it.
    """
    try:
        file = h5py.File(path, "r")
    except FileNotFoundError:
        raise UserError(f"there is no dataset at {path}; `generate` makes it") from None
    except OSError as error:
        raise _unreadable(path, error) from None
    with file:
        version = file.attrs.get("format_version")
        if version != FORMAT_VERSION:
            raise UserError(f"{path} isn't a dataset of format {FORMAT_VERSION}. Received: format {version}")
        try:
            yield file
        except OSError as error:
            if "read data" not in str(error):  # what HDF5 says where the checksum is wrong
                raise
            raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> UserError:
    return UserError(f"{path} can't be read as a dataset ({_reason(error)}); move it away to have it made again")


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error).split("\n")[0]


def check_made_with(file: h5py.File, attributes: dict):
    """Make sure that a file holds what its place in the cache promises.

    Raises:
        UserError: It was made with other options, or before the puzzle changed.
    """
    for name, value in attributes.items():
        found, wanted = np.asarray(file.attrs.get(name)).tolist(), np.asarray(value).tolist()
        if found != wanted:
            raise UserError(
                f"{file.filename} was made with {name}={shown(found)}, not {shown(wanted)}; "
                "move it away to have it made again"
            )
