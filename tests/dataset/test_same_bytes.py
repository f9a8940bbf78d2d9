"""The same options give the same bytes, whatever the minibatch, the process and the machine's mood."""

import os
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import h5py
import pytest

ROOT = Path(__file__).resolve().parents[2]

# The content digest of small datasets, the same on every machine and with every version of the packages. Where a
# change of the data is meant, raise FORMAT_VERSION and copy the new values from the failing test's message.
GOLDEN = {
    ("lightsout_4x4", "solved", 0): "157df7217b6064415721d0c9cba140d209fb75f77894ac4472694cc0c4fdebcd",
    ("lightsout_4x4", "solved", 2**63 - 1): "9a450eb2bf81e89cdcecaf32b21d83914a9696031b63afa1ed2ae83313aaf585",
    ("slidepuzzle_3x3", "anywhere", 0): "5de4f04b2d8367e5744333d7e0c421d0044def31844b0cc2200023b84043d8ec",
    ("rubikscube_2x2x2", "solved", 0): "f876e92e0677858ec1e8690cfcfce239182956511ae054c29feb31fc43c7c94c",
    ("sokoban", "anywhere", 0): "481da7076cbde3165bcfc34e1ae8b25948d022b19dffe8cd4d5053d9003b0156",
}


def content_digest(path):
    with h5py.File(path) as file:
        return file.attrs["content_digest"]


@pytest.mark.parametrize(("name", "start", "key"), GOLDEN)
def test_the_content_is_the_same_on_every_machine(name, start, key, made):
    assert content_digest(made(dataset=name, dataset_size=500, start=start, key=key)) == GOLDEN[name, start, key]


def test_the_content_digest_is_the_digest_of_the_arrays_as_they_are_read_back(made):
    path = made(dataset="slidepuzzle_3x3", dataset_size=1000, dataset_minibatch_size=77)
    parts = []
    with h5py.File(path) as file:
        for split in ("train", "validation", "test"):
            for name in ("images", "states", "actions", "frames"):
                array, rows = file[split][name][:], file[split][name].chunks[0]
                chunks = [sha256(array[first : first + rows]).digest() for first in range(0, len(array), rows)]
                head = f"/{split}/{name} {array.shape} {array.dtype}"
                parts.append(sha256(head.encode() + b"".join(chunks)).hexdigest())
        assert file.attrs["content_digest"] == sha256("".join(parts).encode()).hexdigest()


@pytest.mark.parametrize("key", [0, 1, 2**63 - 1])
def test_the_same_options_give_the_same_bytes_again(key, made, digest, tmp_path):
    first, second = (made(key=key, data_dir=str(tmp_path / folder)) for folder in ("first", "second"))
    assert digest(first) == digest(second)


def test_the_time_changes_no_byte(made, digest, tmp_path):
    first = made(data_dir=str(tmp_path / "first"))
    time.sleep(1.1)  # HDF5 counts seconds
    assert digest(first) == digest(made(data_dir=str(tmp_path / "second")))


@pytest.mark.parametrize(
    ("name", "size", "minibatch_sizes"),
    [
        ("lightsout_4x4", 1000, (1, 7, 1000, 10_000_000)),
        ("lightsout_4x4", 40_000, (499, 5000, 30_000)),  # arrays of several chunks
        ("rubikscube", 1000, (333, 30_000)),
        ("sokoban", 3000, (333, 30_000)),
    ],
)
def test_the_minibatch_size_changes_no_byte(name, size, minibatch_sizes, made, digest, tmp_path):
    found = set()
    for at_a_time in minibatch_sizes:
        folder = str(tmp_path / str(at_a_time))
        path = made(dataset=name, dataset_size=size, dataset_minibatch_size=at_a_time, data_dir=folder)
        found.add(digest(path))
    assert len(found) == 1


def test_another_key_gives_other_bytes(made, digest):
    assert len({digest(made(key=key)) for key in (0, 1, 2, 2**32, 2**32 + 1, 2**63 - 1)}) == 6


def test_processes_with_other_hash_seeds_folders_and_time_zones_write_the_same_bytes(made, digest, tmp_path):
    here = made(dataset="sokoban")
    for number in (1, 2):
        folder = tmp_path / f"process {number}"
        folder.mkdir()
        surroundings = {**os.environ, "PYTHONHASHSEED": str(number), "TZ": f"X{number}", "HOME": str(folder)}
        words = [
            sys.executable,
            ROOT / "generate.py",
            "--dataset=sokoban",
            "--dataset_size=100",
            "--img_size=20x20",
            "--start=solved",
        ]
        done = subprocess.run(words, cwd=folder, env=surroundings, capture_output=True, text=True, check=True)
        path = Path(done.stdout.splitlines()[-1])
        assert path == Path("data") / here.name
        assert digest(folder / path) == digest(here)
