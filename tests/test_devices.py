"""Several devices and several worker processes train to what one device trains to."""

import csv
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.command_line.cli import main

ROOT = Path(__file__).resolve().parents[1]
SMALL = (
    "--dataset lightsout_4x4 --world_model lightsout --dataset_size 4001 --img_size 8 8 --train_epochs 2 "
    "--mini_batch_size 400"  # the last batch has a single row, which only one of two devices gets
)
SPLIT_CPU = """
import os
import sys
import tensorflow as tf

cpu, halves = tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, halves)
from pipeline.command_line.cli import main
from pipeline.training.keeper import RunKeeper

on_train_batch_end = RunKeeper.on_train_batch_end


def then_end(keeper, batch, logs=None):
    if keeper._steps_done() + 1 == 15:
        os.kill(os.getpid(), 15)
    on_train_batch_end(keeper, batch, logs)


RunKeeper.on_train_batch_end = then_end
assert main(["world_model_train", "train", *sys.argv[1:]], parts=1) == 143
RunKeeper.on_train_batch_end = on_train_batch_end
sys.exit(main(["world_model_train", "train", *sys.argv[1:]], parts=1))
"""


def start(place: Path, name: str, *program: str, **environment: str) -> subprocess.Popen:
    """Start the small training in a process of its own."""
    return subprocess.Popen(
        [sys.executable, *program, *SMALL.split(), "--output_dir", name], cwd=place, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TQDM_DISABLE": "1", **environment},
    )  # fmt: skip


def said(process: subprocess.Popen) -> str:
    text = process.communicate(timeout=120)[0]
    assert process.returncode == 0, text
    return text


def history(folder: Path) -> list[dict]:
    """Give the history without the times."""
    with open(folder / "history.csv") as file:
        return [
            {name: float(value) for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)
        ]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the dataset and the run of one device, made in this process."""
    place = tmp_path_factory.mktemp("place")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert main(["world_model_train", "train", *SMALL.split(), "--output_dir", "one"], parts=1) == 0
    return place


def assert_same_history(place: Path, name: str):
    ours, wanted = history(place / name), history(place / "one")
    assert len(ours) == len(wanted)
    for row, of_one in zip(ours, wanted):
        assert row == pytest.approx(of_one, rel=1e-3)


def test_two_devices_in_one_process_train_to_the_same_history_as_one_also_where_a_signal_ended_them(place):
    before, _, after = said(start(place, "two", "-u", "-c", SPLIT_CPU)).partition(
        "the last state is kept in two/checkpoint"
    )
    assert "2 devices together" in before
    assert "2 devices together" in after and "going on after epoch 1 and 4 of 11 batches" in after
    assert_same_history(place, "two")


def test_two_workers_train_to_the_same_history_as_one_and_only_the_chief_writes(place):
    cluster = {"worker": [f"localhost:{free_port()}", f"localhost:{free_port()}"]}
    tasks = [{"cluster": cluster, "task": {"type": "worker", "index": index}} for index in (0, 1)]
    workers = [start(place, "workers", str(ROOT / "train.py"), TF_CONFIG=json.dumps(task)) for task in tasks]
    try:
        chief, other = map(said, workers)
    finally:
        for worker in workers:
            worker.kill()
    assert "the chief, which writes the run" in chief and "model: workers/model.keras" in chief
    lines = other.splitlines()  # after these TensorFlow may say that the chief has left already
    assert "this worker has trained along and written nothing; the chief writes the run" in lines
    assert not any(line.startswith("model: ") for line in lines)
    assert_same_history(place, "workers")


def test_a_tf_config_that_cannot_be_understood_is_refused_in_one_line(tmp_path):
    process = start(tmp_path, "run", str(ROOT / "train.py"), TF_CONFIG='{"cluster": 5}')
    text = process.communicate(timeout=60)[0]
    assert process.returncode == 2 and text.count("\n") == 1 and "TF_CONFIG must be like" in text
    assert not list(tmp_path.iterdir())
