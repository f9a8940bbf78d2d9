"""The file describes itself to any program that reads HDF5, and tells nothing of where it was made."""

import getpass
import json
import socket
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline.dataset.chunks import fletcher32
from pipeline.dataset.key import DatasetKey, path_of
from pipeline.dataset.layout import FORMAT_VERSION, checksum_of
from pipeline.puzzles import PUZZLES

PLAIN_READER = """
import json, sys, h5py
with h5py.File(sys.argv[1], "r") as file:
    first = file["train/frames"][0]
    print(json.dumps({
        "arrays": [name for split in file for name in file[split]],
        "action": file.attrs["action_names"][file["train/actions"][0]],
        "changed": bool((file["train/images"][first] != file["train/images"][first + 1]).any()),
        "ours": [name for name in sys.modules if name.startswith("pipeline")],
    }))
"""


@pytest.fixture
def file(made):
    with h5py.File(made(dataset_size=1000, key=5)) as file:
        yield file


def arrays_of(file):
    return {f"{split}/{name}": file[split][name] for split in file for name in file[split]}


def test_the_file_has_the_documented_arrays_and_no_others(file):
    found = {name: (array.shape, array.dtype) for name, array in arrays_of(file).items()}
    assert found == {
        "train/images": ((1034, 4, 4, 3), np.uint8),
        "train/states": ((1034, 16), np.uint8),
        "train/actions": ((1000,), np.uint8),
        "train/frames": ((1000,), np.uint32),
        "validation/images": ((10_100, 4, 4, 3), np.uint8),
        "test/images": ((10_100, 4, 4, 3), np.uint8),
        "validation/states": ((10_100, 16), np.uint8),
        "test/states": ((10_100, 16), np.uint8),
        "validation/actions": ((10_000,), np.uint8),
        "test/actions": ((10_000,), np.uint8),
        "validation/frames": ((10_000,), np.uint32),
        "test/frames": ((10_000,), np.uint32),
    }


def test_the_attributes_hold_every_option_that_shapes_the_content(file):
    found = {name: np.asarray(value).tolist() for name, value in file.attrs.items()}
    assert found.pop("attributes_crc32") == checksum_of(found)
    assert len(found.pop("content_digest")) == 64
    assert found == {
        "dataset": "lightsout_4x4", "dataset_size": 1000, "key": 5, "shuffle_length": 30, "img_size": [4, 4],
        "start": "solved", "start_used": "solved", "format_version": FORMAT_VERSION,
        "action_names": list(PUZZLES["lightsout_4x4"].actions),
    }  # fmt: skip


def test_the_groups_and_arrays_have_no_attributes_but_those_for_viewers(file):
    places = {"train": file["train"], "validation": file["validation"], "test": file["test"], **arrays_of(file)}
    assert {name for name, place in places.items() if len(place.attrs)} == {
        "train/images",
        "validation/images",
        "test/images",
    }


def test_the_start_that_auto_means_is_recorded(made):
    for name, start in (("slidepuzzle_3x3", "anywhere"), ("rubikscube_2x2x2", "solved")):
        with h5py.File(made(dataset=name, start="auto")) as file:
            assert (file.attrs["start"], file.attrs["start_used"]) == ("auto", start)


def test_arrays_are_compressed_with_what_every_h5py_reads_and_checksummed(file):
    for array in arrays_of(file).values():
        assert (array.compression, array.fletcher32, array.shuffle) == ("gzip", True, False)
        assert array.id.get_create_plist().get_nfilters() == 2


def test_our_checksum_is_the_one_that_hdf5_writes():
    rng = np.random.default_rng(0)
    contents = [rng.integers(0, 256, size, np.uint8) for size in (1, 2, 3, 719, 720, 721, 600_001)]
    for content in (*contents, np.zeros(5, np.uint8), np.full(4, 255, np.uint8)):
        with h5py.File("memory", "w", driver="core", backing_store=False) as file:
            array = file.create_dataset("x", data=content, chunks=content.shape, fletcher32=True)
            file.flush()
            assert array.id.read_direct_chunk((0,))[1][-4:] == fletcher32(content.tobytes())


def test_images_are_compressed_in_chunks_of_whole_images(made):
    with h5py.File(made(dataset="rubikscube", dataset_size=1000)) as file:
        images = file["train/images"]
        assert images.chunks[1:] == images.shape[1:]
        assert 2**18 < np.prod(images.chunks) <= 2**19
        assert images.id.get_storage_size() < images.nbytes / 3


def test_viewers_are_told_that_the_images_are_pictures(file):
    for split in ("train", "validation", "test"):
        marks = dict(file[split]["images"].attrs)
        assert marks == {
            "CLASS": b"IMAGE", "IMAGE_VERSION": b"1.2",
            "IMAGE_SUBCLASS": b"IMAGE_TRUECOLOR", "INTERLACE_MODE": b"INTERLACE_PIXEL",
        }  # fmt: skip
        assert all(isinstance(mark, np.bytes_) for mark in marks.values())


def test_no_host_user_or_path_is_in_the_file(made, tmp_path):
    raw = made(dataset="sokoban").read_bytes()
    private = {socket.gethostname(), getpass.getuser(), str(Path.home()), str(Path.cwd()), str(tmp_path), tmp_path.name}
    found = [word for word in private if len(word) > 3 and word.encode() in raw]
    assert not found
    assert b".h5" not in raw and b".partial" not in raw


def test_plain_h5py_reads_the_file_without_our_code(made, tmp_path):
    words = [sys.executable, "-I", "-c", PLAIN_READER, made()]
    told = json.loads(subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True).stdout)
    assert told["arrays"] == ["actions", "frames", "images", "states"] * 3
    assert told["action"].startswith("press") and told["changed"] and not told["ours"]


def test_everything_in_the_key_is_in_the_files_name(options):
    others = {
        "dataset": "slidepuzzle_3x3", "dataset_size": 101, "key": 1, "shuffle_length": 31,
        "img_size": (19, 12), "start": "anywhere",
    }  # fmt: skip
    assert set(others) == {field.name for field in fields(DatasetKey)}
    names = {path_of(options(**{"img_size": (18, 12), name: other})).name for name, other in others.items()}
    assert len(names | {path_of(options(img_size=(18, 12))).name}) == len(others) + 1


def test_what_does_not_change_the_content_is_not_in_the_files_name(options):
    assert path_of(options()).name == path_of(options(dataset_minibatch_size=3)).name
    assert path_of(options()).name == "lightsout_4x4-size100-key0-shuffle30-img4x4-solved.h5"
