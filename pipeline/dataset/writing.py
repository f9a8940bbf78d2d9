"""Writing a dataset file: whole or not at all.

The newer of HDF5's two formats (1.10) is used, since it has a checksum on everything that describes the arrays; texts
among the attributes have none, so there is a checksum of all attributes too. `layout.py` says what goes in, `checks.py`
reads what this file writes.
"""

import glob
import hashlib
import io
import os
import tempfile
from collections.abc import Callable, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path

import h5py
import numpy as np
from h5py import h5f, h5fd, h5g, h5p

from ..system.errors import UserError
from ..system.executors import InOrder
from ..system.locks import lock_open_file
from .chunks import pack
from .layout import SplitSize, chunk_shape, frame_count

INDEX_BYTES = 2**17  # of HDF5's index of chunks, kept in memory at a time; else memory would grow with the file


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
        access, creation = h5p.create(h5p.FILE_ACCESS), h5p.create(h5p.FILE_CREATE)
        access.set_libver_bounds(h5f.LIBVER_V110, h5f.LIBVER_V110)
        access.set_fileobj_driver(h5fd.fileobj_driver, disk)
        creation.set_obj_track_times(False)
        super().__init__(h5f.create(repr(disk).encode(), h5f.ACC_TRUNC, fapl=access, fcpl=creation))
        cache = self.id.get_mdc_config()
        cache.set_initial_size = True
        cache.initial_size = cache.min_size = cache.max_size = INDEX_BYTES
        self.id.set_mdc_config(cache)

    def check(self):
        """Raise `OSError` if something could not be written."""
        self.disk.check()

    def new_group(self, name: str) -> h5py.Group:
        """Make a group that doesn't record the time."""
        creation = h5p.create(h5p.GROUP_CREATE)
        creation.set_obj_track_times(False)
        return h5py.Group(h5g.create(self.id, name.encode(), gcpl=creation))


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
        with _Disk(handle, "r+") as disk:
            _lock_if_possible(disk)  # tells `clear_partials` that somebody is at work on it
            with NewFile(disk) as file:
                yield file
            disk.sync()
            _lock_if_possible(disk, shared=True)  # as readers do
            os.chmod(partial, 0o644)
            os.replace(partial, path)
    except BaseException as error:
        if partial:
            Path(partial).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise UserError(f"{path} can't be written ({os.strerror(error.errno) if error.errno else error})") from None
        raise


def clear_partials(path: Path):
    """Remove what dead processes left of writing the file at a path."""
    for partial in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        with suppress(OSError), open(partial, "r+b") as file:  # network file systems lock only what is open to write
            lock_open_file(file)
            partial.unlink()


def _lock_if_possible(file, shared: bool = False):
    with suppress(OSError):  # some network file systems have no locks
        lock_open_file(file, shared)


class _RowWriter:
    """Fills one HDF5 array row by row, in whole chunks that tasks pack, and hashes what goes in.

    Whole chunks keep the bytes of the file the same however the rows arrive and whoever packs them.
    """

    def __init__(self, array: h5py.Dataset, tasks: InOrder, check: Callable, packer: Callable, rows_at_a_time: int):
        self.array, self.tasks, self.check, self.packer = array, tasks, check, packer
        self.chunk_rows = array.chunks[0]
        self.at_a_time = max(1, rows_at_a_time // self.chunk_rows) * self.chunk_rows
        self.waiting: np.ndarray | None = None
        self.written = 0
        self.hash = hashlib.sha256(f"{array.name} {array.shape} {array.dtype}".encode())

    def append(self, rows: np.ndarray):
        """Add rows, or what the packer makes them from."""
        rows = rows if self.waiting is None else np.concatenate([self.waiting, rows])
        whole = len(rows) - len(rows) % self.chunk_rows
        for first in range(0, whole, self.at_a_time):
            self._pack(rows[first : min(first + self.at_a_time, whole)])
        self.waiting = rows[whole:].copy()

    def finish(self):
        """Have what is left packed, as the last chunk."""
        if len(self.waiting):
            self._pack(self.waiting)

    def digest(self) -> str:
        """Give the SHA-256 over name, shape, type and the chunks' hashes, once all are written."""
        if self.written != -(-len(self.array) // self.chunk_rows):
            raise AssertionError(f"{self.array.name}: {self.written} chunks written for {len(self.array)} rows")
        return self.hash.hexdigest()

    def _pack(self, rows: np.ndarray):
        self.tasks.submit(self._write, self.packer, rows, self.chunk_rows)

    def _write(self, chunks: list[tuple[bytes, bytes]]):
        array, within = self.array.id, (0,) * (self.array.ndim - 1)
        for number, (packed, _) in enumerate(chunks, self.written):
            array.write_direct_chunk((number * self.chunk_rows, *within), packed)
        self.check()
        self.hash.update(b"".join(hashed for _, hashed in chunks))
        self.written += len(chunks)


class SplitWriter:
    """Writes one split, some trajectories at a time.

    Trajectories must be added in the same portions whenever the same file is made, for HDF5 puts the chunks of its
    arrays into the file in the order in which they come. The images may be drawn in any portions.
    """

    def __init__(self, file: NewFile, split: str, transitions: int, length: int, img_size, state_size: int):
        self.length, self.transitions, self.check = length, 0, file.check
        frames, group = frame_count(transitions, length), file.new_group(split)
        self.arrays = {
            "images": _new_array(group, "images", (frames, *img_size, 3), np.uint8),
            "states": _new_array(group, "states", (frames, state_size), np.uint8),
            "actions": _new_array(group, "actions", (transitions,), np.uint8),
            "frames": _new_array(group, "frames", (transitions,), np.uint32),
        }
        _mark_as_pictures(self.arrays["images"])

    def begin(self, tasks: InOrder, draw_and_pack: Callable, frames_at_a_time: int):
        """Say how it is written; `draw_and_pack(states, chunk_rows)` is the task that makes chunks of images."""
        packers = {"images": (draw_and_pack, frames_at_a_time)}
        self.rows = {
            name: _RowWriter(array, tasks, self.check, *packers.get(name, (pack, 1)))
            for name, array in self.arrays.items()
        }

    def add(self, states: np.ndarray, actions: np.ndarray):
        """Add the states (f, S) and actions (n,) of trajectories one after the other; numbers the frames."""
        numbers = np.arange(self.transitions, self.transitions + len(actions))
        self.rows["states"].append(states)
        self.rows["actions"].append(actions)
        # A trajectory has one frame more than actions.
        self.rows["frames"].append((numbers + numbers // self.length).astype(np.uint32))
        self.rows["images"].append(states)
        self.transitions += len(actions)

    def finish(self):
        """Have the last chunks packed."""
        for rows in self.rows.values():
            rows.finish()

    def digest(self) -> str:
        """Give the digests of all arrays, once all is written."""
        return "".join(rows.digest() for rows in self.rows.values())


class EpisodeWriter:
    """Writes one split of somebody's own source, portion by portion, in the same portions whenever it is made."""

    def __init__(self, file: NewFile, split: str, size: SplitSize, tasks: InOrder):
        group = file.new_group(split)
        arrays = {name: _new_array(group, name, *form) for name, form in size.arrays().items()}
        _mark_as_pictures(arrays["images"])
        self.rows = {name: _RowWriter(array, tasks, file.check, pack, 1) for name, array in arrays.items()}

    def add(self, rows: dict[str, np.ndarray]):
        """Add some rows to each array."""
        for name, part in rows.items():
            self.rows[name].append(part)

    def finish(self):
        """Have the last chunks packed."""
        for rows in self.rows.values():
            rows.finish()

    def digest(self) -> str:
        """Give the digests of all arrays, once all is written."""
        return "".join(rows.digest() for rows in self.rows.values())


def _new_array(group: h5py.Group, name: str, shape: tuple[int, ...], dtype) -> h5py.Dataset:
    return group.create_dataset(
        name,
        shape,
        dtype,
        chunks=chunk_shape(shape, dtype),
        compression="gzip",
        compression_opts=1,  # means nothing to a reader
        fletcher32=True,
    )


def _mark_as_pictures(images: h5py.Dataset):
    """Set the attributes by which HDF5 viewers show the last three axes as a picture."""
    for name, value in {
        "CLASS": "IMAGE",
        "IMAGE_VERSION": "1.2",
        "IMAGE_SUBCLASS": "IMAGE_TRUECOLOR",
        "INTERLACE_MODE": "INTERLACE_PIXEL",
    }.items():
        images.attrs[name] = np.bytes_(value)


def content_digest(splits: Iterable[SplitWriter | EpisodeWriter]) -> str:
    """Give one SHA-256 over the names, shapes, types and bytes of all arrays, as they are in their chunks."""
    return hashlib.sha256("".join(split.digest() for split in splits).encode()).hexdigest()
