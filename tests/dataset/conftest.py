"""What the tests of the dataset share: real files in a folder of the test's own."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline.command_line.options import GenerateCommand
from pipeline.generation.stage import ensure_dataset
from pipeline.puzzles import PUZZLES


@pytest.fixture
def options(tmp_path) -> Callable[..., GenerateCommand]:
    """Make the options of a dataset, by default of the puzzle whose unseen walk takes the least time, solved."""

    def make(**given) -> GenerateCommand:
        usual = {"dataset": "lightsout_4x4", "dataset_size": 100, "start": "solved", "data_dir": str(tmp_path / "data")}
        given = {**usual, **given}
        return GenerateCommand(**{"img_size": PUZZLES[given["dataset"]].smallest_img_size, **given})

    return make


@pytest.fixture
def made(options) -> Callable[..., Path]:
    """Make a dataset, or find it, and give its path."""
    return lambda **given: ensure_dataset(options(**given))


def read(path: Path, split: str = "train") -> dict[str, np.ndarray]:
    """Give the arrays of a split."""
    with h5py.File(path) as file:
        return {name: array[:] for name, array in file[split].items()}


def hash_of(path: Path) -> str:
    """Give a digest of a file's bytes."""
    return sha256(path.read_bytes()).hexdigest()


def files_in(folder: Path) -> list[str]:
    """List what is anywhere below a folder, hidden or not."""
    return sorted(path.name for path in folder.rglob("*") if not path.is_dir())


@pytest.fixture
def contents():
    """Give the function that reads a split."""
    return read


@pytest.fixture
def digest():
    """Give the function that hashes a file."""
    return hash_of


@pytest.fixture
def files():
    """Give the function that lists the files below a folder."""
    return files_in
