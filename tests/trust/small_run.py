"""A small run to kill, interrupt and spoil, in this process."""

import csv

from pipeline.command_line.cli import main
from tools.scratch import weights_digest

SMALL = {
    "dataset": "lightsout_4x4", "world_model": "lightsout", "dataset_size": "3k", "train_epochs": "4",
    "mini_batch_size": "500", "img_size": "8x8", "data_dir": "../data",
}  # fmt: skip
FOLDER = "models/lightsout_4x4-lightsout"
STAGE = (  # for processes of their own
    "train.py --dataset lightsout_4x4 --world_model lightsout --dataset_size 3k --img_size 8 8 --train_epochs 10 "
    "--mini_batch_size 300"
)


def train(**other) -> int:
    """Run the small training, stage 2 alone, with some options other than usual; gives the exit code."""
    words = [f"--{name}={value}" for name, value in (SMALL | other).items()]
    return main(["world_model_train", "train", *words], parts=1)


def history_of(run) -> list[dict]:
    """Read a run's history, without its times."""
    with open(run / "history.csv") as file:
        return [{**row, "seconds": None} for row in csv.DictReader(file)]


def outcome(run) -> tuple:
    """Give what must be equal wherever a run was killed."""
    files = sorted(path.name for path in run.iterdir())
    return files, history_of(run), weights_digest(run / "model.keras"), weights_digest(run / "last.keras")
