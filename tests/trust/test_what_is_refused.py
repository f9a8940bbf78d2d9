"""What a run or an evaluation can't be made of is said in one line, and nothing is lost by it."""

import json
import os
import resource
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest
import tensorflow as tf
from small_run import FOLDER, SMALL, train

from pipeline.command_line.cli import main
from pipeline.evaluation.overlap import measure_overlap, seen_pairs
from pipeline.runs.folder import Run
from pipeline.system import files
from pipeline.training import fit, keeper
from pipeline.training.keeper import RunKeeper

pytestmark = pytest.mark.usefixtures("few_measured")
ROOT = Path(__file__).parents[2]
QUICKLY = {"output_dir": FOLDER, "data_dir": "../data", "episodes": 2, "steps": 20, "states": 200}


def evaluate(**options) -> int:
    words = [f"--{name}={value}" for name, value in (QUICKLY | options).items()]
    return main(["world_model_train", "evaluate", *words])


def begins_to_train(monkeypatch) -> bool:
    """Tell whether the command of the small run gets as far as to train."""
    has_begun = []
    with monkeypatch.context() as patch:
        patch.setattr(fit, "fit", lambda *_: has_begun.append(True))  # None: as a worker that trains along
        assert train() == 0
    return bool(has_begun)


def the_line(capsys) -> str:
    """Give the error, which is the last line and has no traceback above it."""
    said = capsys.readouterr().err
    assert "Traceback" not in said
    line = said.strip().split("\n")[-1].split("\r")[-1]
    assert "error: " in line
    return line


# ---- numbers that go wrong


@pytest.mark.parametrize(
    ("between_states", "after"), [(0, "after epoch 1 and 2 of 6 batches"), (99, "no state was saved")]
)
def test_numbers_that_are_not_finite_stop_the_run_and_another_rate_trains(
    between_states, after, place, monkeypatch, capsys
):
    on_train_batch_end = RunKeeper.on_train_batch_end

    def goes_wrong(keeper, batch, logs=None):
        if keeper.epoch == 1 and batch == 2:
            keeper.model.transition.weights[0].assign(keeper.model.transition.weights[0] * np.nan)
        on_train_batch_end(keeper, batch, logs)

    with monkeypatch.context() as patch:
        patch.setattr(RunKeeper, "on_train_batch_end", goes_wrong)
        patch.setattr(keeper, "SECONDS_BETWEEN_STATES", between_states)
        assert train() == 2
    line = the_line(capsys)
    assert "training went wrong in epoch 2" in line and after in line
    assert "try a smaller --learning_rate, which was" in line
    assert not Run(FOLDER).is_finished()
    assert train(learning_rate="0.001") == 0
    assert Run(FOLDER).is_finished()


# ---- evaluation of what doesn't fit


def test_a_picture_size_that_is_not_the_runs_is_refused_before_anything_is_made(finished, capsys):
    assert evaluate(img_size="40 40") == 2
    assert "--img_size must be 8 8" in the_line(capsys)
    assert not list(Path("../data").glob("*40x40*"))


def test_a_dataset_with_other_actions_is_refused_before_anything_is_made(finished, capsys):
    assert evaluate(dataset="rubikscube") == 2
    assert "--dataset must be lightsout_4x4" in the_line(capsys)
    assert not list(Path("../data").glob("rubikscube*"))


@pytest.mark.parametrize("spoil", ["truncate", "flip", "foreign"])
def test_a_model_that_is_not_the_runs_any_more_is_refused(spoil, finished, capsys):
    model = finished / "model.keras"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes({"truncate": content[:5000], "flip": content, "foreign": b"something else"}[spoil])
    assert evaluate() == 2
    assert "can't be loaded as a world model" in the_line(capsys)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"dataset": "lightsout_4x5"}', '{"dataset": 5, "spam": 1}'])
def test_options_that_are_damaged_are_refused_by_evaluate_and_set_aside_by_train(
    content, finished, monkeypatch, capsys
):
    (finished / "training.json").write_text(f'{{"format_version": 1, "options": {content}}}' if content else "")
    assert evaluate() == 2
    assert "training.json is damaged" in the_line(capsys)
    assert begins_to_train(monkeypatch)
    assert f"is now in {finished}.1" in capsys.readouterr().out


@pytest.mark.parametrize("record", ["options.json", "training.json"])
def test_a_run_of_an_earlier_version_is_refused_by_evaluate_and_set_aside_by_train(
    record, finished, monkeypatch, capsys
):
    (finished / "training.json").unlink()
    (finished / record).write_text('{"dataset": "lightsout_4x4", "format_version": 0}')
    assert evaluate() == 2
    assert "was made by an earlier version of this program; train it again" in the_line(capsys)
    assert begins_to_train(monkeypatch)
    assert f"of an earlier version of this program, is now in {finished}.1" in capsys.readouterr().out


# ---- a full disk


def test_a_disk_that_is_full_is_named_in_one_line_and_the_run_goes_on_when_there_is_room(place, monkeypatch, capsys):
    def is_full(path):
        if path.suffix == ".keras":
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files, "_sync", is_full)
        assert train() == 2
    line = the_line(capsys)
    assert "can't be written" in line and "No space left" in line
    assert not list((place / FOLDER).rglob("*.partial*"))
    assert train() == 0


@contextmanager
def files_of_at_most(size):
    """Let the system refuse to make any file larger than so many bytes, as a quota does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(("what", "size"), [("data", 20_000), (FOLDER, 20_000)], ids=["dataset", "model"])
def test_a_limit_that_files_run_into_is_said_in_one_line_and_leaves_no_half_file(what, size, place, capsys):
    if what != "data":
        assert main(["world_model_train", "generate", *data_options("data")]) == 0
        capsys.readouterr()
    with files_of_at_most(size):
        assert train(data_dir="data") == 2
    line = the_line(capsys)
    assert what in line and "can't be written" in line and "File too large" in line
    assert not list(place.rglob("*.partial*"))
    assert train(data_dir="data") == 0


def data_options(data_dir):
    return [f"--{name}={SMALL[name]}" for name in ("dataset", "dataset_size", "img_size")] + [f"--data_dir={data_dir}"]


# ---- two at once


def test_a_second_process_waits_and_finds_the_finished_run(place, capsys):
    hold = f"from pipeline.runs.folder import Run\nwith Run({FOLDER!r}).locked(): print('held', flush=True); input()"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    other = subprocess.Popen(
        [sys.executable, "-c", hold], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout.readline() == b"held\n"
    words = [f"--{name}={value}" for name, value in SMALL.items()]
    second = subprocess.Popen(
        [sys.executable, "-u", ROOT / "train.py", *words],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert "waiting until it has ended" in second.stdout.readline()
    Run(FOLDER).begin({})
    Run(FOLDER).finish([{"epoch": 1}], {"options": json.loads(recorded())})
    (place / FOLDER / "model.keras").touch()
    other.communicate(b"done\n")
    assert "is finished" in second.communicate()[0] and second.returncode == 0
    assert not list(Path("models").glob(".*"))


def recorded() -> str:
    """Write the options of the small run as a run records them."""
    from pipeline.command_line.options import TrainCommand
    from pipeline.training.stage import recorded

    return json.dumps(recorded(TrainCommand(**SMALL)))


# ---- what is reported


def test_a_run_records_its_environment_and_the_digest_of_its_model(finished):
    record = json.loads((finished / "training.json").read_text())
    assert {"python", "numpy", "h5py", "keras", "backend", "tensorflow", "device"} <= set(record["environment"])
    assert len(record["summary"]["model_digest"]) == 64


def test_states_and_pairs_of_the_walk_that_training_has_seen_are_counted(tmp_path):
    with h5py.File(tmp_path / "few.h5", "w") as file:
        file["train/states"] = [[0, 1], [2, 3], [2, 3], [4, 5]]
        file["test/states"] = [[2, 3], [5, 4], [0, 1], [0, 1], [9, 9]]
        assert measure_overlap(file) == {"walk_states_seen_in_training": 2}
        file["train/frames"], file["train/actions"] = [0, 2], [1, 0]  # from [0, 1] and from [2, 3]
        file["test/frames"], file["test/actions"] = [0, 1, 2, 3], [0, 0, 0, 1]
        assert seen_pairs(file).tolist() == [True, False, False, True]


# ---- too little memory


def little_memory(monkeypatch, count):
    for module in ("pipeline.system.memory", "pipeline.training.fit"):
        monkeypatch.setattr(f"{module}.available_bytes", lambda: count)


def what_fits(line, option):
    return int(line.split(f"--{option} ")[1].split(" ")[0])


@pytest.mark.parametrize(
    ("memory", "option", "what", "others"),
    [
        (100_000, "dataset_size", "the dataset in codes", {"mini_batch_size": "100"}),
        (200_000, "mini_batch_size", "a training step", {}),
    ],
)
def test_a_training_that_does_not_fit_in_memory_is_refused_before_it_starts_with_what_would(
    memory, option, what, others, place, monkeypatch, capsys
):
    assert main(["world_model_train", "generate", *data_options("../data")]) == 0
    little_memory(monkeypatch, memory)
    assert train(**others) == 2
    line = the_line(capsys)
    assert f"{what} needs about" in line and f"Received: --{option} {SMALL[option].replace('k', '000')}" in line
    fits = others | {option: what_fits(line, option)}
    with monkeypatch.context() as patch:  # the dataset itself needs more than codes do
        patch.setattr("pipeline.generation.capacity.Room.check_memory", lambda *_: None)
        assert train(**fits) == 0


def test_images_that_do_not_fit_in_memory_are_refused_if_they_are_wanted_there(place, monkeypatch, capsys):
    assert main(["world_model_train", "generate", *data_options("../data")]) == 0
    little_memory(monkeypatch, 500_000)  # the images are 595,200 bytes
    assert train(world_model="deepcubeai", dataset_in="memory") == 2
    assert "training from images in memory needs" in the_line(capsys)


def test_a_device_without_memory_for_a_step_is_said_in_one_line(place, monkeypatch, capsys):
    def exhausted(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor\nwith shape [9,9]")

    monkeypatch.setattr(RunKeeper, "on_train_batch_end", exhausted)
    assert train() == 2
    assert "no memory left for a training step; try a smaller --mini_batch_size, which was 500" in the_line(capsys)


@pytest.mark.parametrize(("option", "count"), [("steps", 20_000), ("states", 1_000_000)])
def test_an_evaluation_that_does_not_fit_in_memory_is_refused_before_it_starts_with_what_would(
    option, count, finished, monkeypatch, capsys
):
    little_memory(monkeypatch, 100_000)
    assert evaluate(**{option: count}) == 2
    line = the_line(capsys)
    assert "needs about" in line and f"Received: --{option} {count}" in line
    assert evaluate(**{option: what_fits(line, option)}) == 0


def test_memory_that_runs_out_all_the_same_is_said_in_one_line(place, monkeypatch, capsys):
    monkeypatch.setattr(fit, "read_split", lambda *_, **__: np.empty(2**60, np.uint8))
    assert train() == 2
    assert "error: there isn't enough memory: Unable to allocate 1.00 EiB" in the_line(capsys)


def test_pictures_without_room_are_said_in_one_line_and_leave_no_half_file(finished, monkeypatch, capsys):
    def is_full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("matplotlib.figure.Figure.savefig", is_full)
        assert evaluate() == 2
    assert "strip.png can't be written (No space left on device)" in the_line(capsys)
    assert not list(finished.glob("*.png")) and not list(finished.glob(".*"))
