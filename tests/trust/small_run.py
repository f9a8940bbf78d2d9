"""A small run to kill, interrupt and spoil, in this process."""

import csv
import hashlib
import io
import zipfile

import h5py

from pipeline.cli import main

SMALL = {
    "dataset": "lightsout_4x4", "world_model": "lightsout", "dataset_size": "3k", "train_epochs": "4",
    "mini_batch_size": "500", "data_dir": "../data",
}  # fmt: skip
FOLDER = "models/lightsout_4x4-lightsout"


def train(**other) -> int:
    """Run the small training with some options other than usual; gives the exit code."""
    words = [f"--{name}={value}" for name, value in (SMALL | other).items()]
    return main(["world_model_train", "train", *words])


def history_of(run) -> list[dict]:
    """Read a run's history, without its times."""
    with open(run / "history.csv") as file:
        return [{**row, "seconds": None} for row in csv.DictReader(file)]


def weights_of(path) -> str:
    """Hash every array in a saved model, the optimizer's too."""
    digest = hashlib.sha256()

    def add(name, part):
        if isinstance(part, h5py.Dataset):
            digest.update(f"{name} {part.shape} {part.dtype}".encode() + part[()].tobytes())

    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as weights:
        weights.visititems(add)
    return digest.hexdigest()


def outcome(run) -> tuple:
    """Give what must be equal wherever a run was killed."""
    files = sorted(path.name for path in run.iterdir())
    return files, history_of(run), weights_of(run / "model.keras"), weights_of(run / "last.keras")
