"""Scratch copies of the repository, and what our commands leave in them."""

import csv
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import yaml

ROOT = Path(__file__).parents[1]
TREE = (
    "pipeline", "main.py", "generate.py", "train.py", "dvc.yaml", "params.yaml", ".dvc/config", ".dvc/.gitignore",
    ".dvcignore", ".gitignore", "data/.gitignore",
)  # fmt: skip
DATA = "--dataset lightsout_4x4 --dataset_size 20k --img_size 8 8"
TRAIN = "main.py world_model_train train"
COMMANDS = {  # each a list of commands, of which the last is what is tried
    "train": [f"{TRAIN} {DATA} --world_model lightsout --train_epochs 20 --mini_batch_size 300"],
    "generate": ["generate.py --dataset rubikscube --dataset_size 60k"],
    "train from images": [
        f"{TRAIN} --dataset slidepuzzle_3x3 --dataset_size 2k --world_model deepcubeai --train_epochs 6 "
        "--mini_batch_size 100"
    ],
    "evaluate": [
        f"{TRAIN} {DATA} --world_model lightsout --train_epochs 1",
        "main.py world_model_train evaluate --output_dir models/lightsout_4x4-lightsout --steps 300 --states 30k",
    ],
    "dvc repro": ["-m dvc repro"],
}
EXPERIMENT = {
    "dataset": {"dataset": "lightsout", "dataset_size": 3000},
    "world_model": {"world_model": "lightsout"},
    "train": {"train_epochs": 20, "mini_batch_size": 100, "stop_when_exact": 0},
    "evaluate": {"episodes": 2, "steps": 10, "states": 100},
}


def copy_tree(folder: Path):
    """Make a scratch repository with a tiny experiment that saves a state as often as it can."""
    copy_files(folder)
    save_states_all_the_time(folder)
    set_params(folder, EXPERIMENT)
    subprocess.run(["git", "init", "-q", "."], cwd=folder, check=True)


def copy_files(folder: Path):
    """Copy what the commands need."""
    for name in TREE:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, place)


def save_states_all_the_time(folder: Path):
    """Change the copied code so that training saves a state as often as it can."""
    keeping = folder / "pipeline/training/keeper.py"
    text, changes = re.subn(r"(?m)^SECONDS_BETWEEN_STATES = \d+", "SECONDS_BETWEEN_STATES = 0.1", keeping.read_text())
    assert changes == 1, "SECONDS_BETWEEN_STATES has moved"
    keeping.write_text(text)


def set_params(folder: Path, changes: dict):
    """Change options in the copied params.yaml, by group, and what stands in no group."""
    params = yaml.safe_load((folder / "params.yaml").read_text())
    for group, values in changes.items():
        params[group] = params[group] | values if isinstance(values, dict) else values
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


def start(folder: Path, command: str) -> subprocess.Popen:
    """Start a command in a process group of its own."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.Popen(
        [sys.executable, *command.split()], cwd=folder, env=environment, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def finish(folder: Path, command: str):
    """Run a command to its end."""
    process = start(folder, command)
    said = process.communicate()[0]
    if process.returncode:
        raise RuntimeError(f"'{command}' failed with exit code {process.returncode}: {said[-500:]}")


def what_is_left(folder: Path) -> dict:
    """Give what must be equal: digests of datasets and models, histories and figures without times, files."""
    found = {
        "files": sorted(str(path.relative_to(folder)) for name in ("data", "models") for path in files(folder / name))
    }
    for path in folder.glob("data/*.h5"):
        found[f"dataset {path.name}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    for path in folder.glob("models/*/*.keras"):
        found[f"weights of {path.name}"] = weights_digest(path)
    for path in folder.glob("models/*/history.csv"):
        with open(path) as file:
            found["history"] = [{**row, "seconds": None} for row in csv.DictReader(file)]
    for path in folder.glob("models/*/metrics.json"):
        found["metrics"] = json.loads(path.read_text())
    return found


def files(folder: Path):
    """Give the files in a folder, less what a killed process may leave and the next clears away."""
    return (path for path in folder.rglob("*") if path.is_file() and ".partial" not in path.name)


def weights_digest(path: Path) -> str:
    """Hash every array in a saved model, the optimizer's too."""
    digest = hashlib.sha256()

    def add(name, part):
        if isinstance(part, h5py.Dataset):
            digest.update(f"{name} {part.shape} {part.dtype}".encode() + part[()].tobytes())

    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as weights:
        weights.visititems(add)
    return digest.hexdigest()


def differences(found: dict, wanted: dict) -> list[str]:
    """Say what differs."""
    return [f"{name} differs" for name in sorted({*found, *wanted}) if found.get(name) != wanted.get(name)]
