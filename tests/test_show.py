"""`show` tells what a dataset or a run is, draws the first frames, and needs no TensorFlow for it."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from pipeline.command_line.cli import main
from pipeline.command_line.fields import as_attributes
from pipeline.command_line.options import GenerateCommand, TrainCommand
from pipeline.generation.stage import ensure_dataset
from pipeline.runs.folder import Run
from pipeline.system.files import write_json

ROOT = Path(__file__).resolve().parents[1]
HISTORY = [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}]
METRICS = {"transitions": 10_000, "one_step_exact": 0.98765, "reconstruction_mse": 1.5e-7}


@pytest.fixture
def dataset(tmp_path, capsys):
    """Make a dataset and show it; gives the file and what was printed."""

    def make(**given):
        given = {"dataset": "slidepuzzle_3x3", "dataset_size": 300, "img_size": (18, 13), "key": 4, **given}
        path = ensure_dataset(GenerateCommand(data_dir=str(tmp_path), **given))
        capsys.readouterr()
        return path

    return make


@pytest.fixture
def shown(capsys):
    """Show a path at the command line; gives the printed lines, or the line of the error."""

    def show(*words):
        code = main(["world_model_train", "show", *map(str, words)])
        printed = capsys.readouterr()
        if code == 0:
            assert printed.err == ""
            return printed.out.splitlines()
        assert code == 2 and printed.err.startswith("error: ") and printed.err.count("\n") == 1
        return printed.err.strip()

    return show


def begin_run(folder) -> tuple[Run, dict]:
    """Make the folder of a run that has begun."""
    run, options = Run(folder), as_attributes(TrainCommand(dataset="sokoban", train_epochs=2), TrainCommand)
    run.begin(options)
    return run, options


@pytest.fixture
def run(tmp_path):
    """Make the folder of a finished run."""
    run, options = begin_run(tmp_path / "run")
    run.best_model.write_bytes(b"m" * 12_345)
    run.finish(HISTORY, {"options": options, "summary": {"best_epoch": 2}})
    write_json(run.metrics_file, METRICS)
    return run


def has(lines, *words) -> bool:
    """Tell whether a line consists of the words."""
    return list(words) in [line.split() for line in lines]


def first_frames(path, count):
    with h5py.File(path) as file:
        return file["train/images"][:count]


def check_sheet(picture, images, columns):
    """Find every image in its place of the sheet, pixel for pixel, each enlarged by the same whole number."""
    sheet = np.asarray(Image.open(picture))
    height, width = images.shape[1:3]
    scale = sheet.shape[1] // (columns * (width + 1))
    assert sheet.shape == (-(-len(images) // columns) * (height + 1) * scale, columns * (width + 1) * scale, 3)
    for place, image in enumerate(images):
        top, left = place // columns * (height + 1) * scale, place % columns * (width + 1) * scale
        part = sheet[top : top + height * scale, left : left + width * scale]
        assert np.array_equal(part, np.kron(image, np.ones((scale, scale, 1), np.uint8)))
    return sheet, scale


def test_a_dataset_is_shown_with_every_option_shape_size_and_digest(dataset, shown):
    path = dataset()
    lines = shown(path)
    with h5py.File(path) as file:
        digest, stored = file.attrs["content_digest"], file["test/images"].id.get_storage_size()
    assert lines[0].startswith(f"{path}: ") and lines[0].endswith(f"{path.stat().st_size / 1000:,.1f} kB")
    for name, value in {
        "dataset": "slidepuzzle_3x3", "dataset_size": "300", "key": "4", "shuffle_length": "30", "img_size": "[18, 13]",
        "start": "auto", "start_used": "anywhere", "format_version": "4", "content_digest": digest,
        "actions": "up, down, left, right",
    }.items():  # fmt: skip
        assert has(lines, name, *value.split())
    assert any(
        line.startswith("  /train/images       (310, 18, 13, 3)        uint8       217.6 kB, stored") for line in lines
    )
    assert has(lines, *f"/test/images (10100, 18, 13, 3) uint8 7.1 MB, stored in {stored / 1000:,.1f} kB".split())
    assert any(
        line.startswith("  /train/frames       (300,)                  uint32   1,200 bytes, stored") for line in lines
    )
    for split in ("train", "validation", "test"):
        for name in ("images", "states", "actions", "frames"):
            assert sum(f"/{split}/{name} " in line for line in lines) == 1


def test_many_actions_are_shown_by_the_first_and_their_number(dataset, shown):
    lines = shown(dataset(dataset="lightsout", img_size=(32, 32), dataset_size=5))
    assert any("press 1,1, press 1,2" in line and line.endswith("... (49)") for line in lines)


@pytest.mark.parametrize(("size", "frames", "columns"), [(300, 32, 8), (1, 2, 2), (10, 11, 8), (30, 31, 8)])
def test_the_picture_shows_the_first_frames_pixel_for_pixel(size, frames, columns, dataset, shown):
    path = dataset(dataset="rubikscube_2x2x2", dataset_size=size, img_size=(20, 17))
    assert shown(path)[-1] == f"the first {frames} frames: {path.with_suffix('.png')}"
    sheet, scale = check_sheet(path.with_suffix(".png"), first_frames(path, frames), columns)
    assert scale > 1 and 700 <= sheet.shape[1] <= 1000


def test_images_larger_than_the_sheet_are_shown_as_they_are(dataset, shown):
    path = dataset(dataset="lightsout_4x4", img_size=(40, 250), dataset_size=40)
    shown(path)
    assert check_sheet(path.with_suffix(".png"), first_frames(path, 32), 8)[1] == 1


def test_the_picture_can_be_put_into_a_new_folder(dataset, shown, tmp_path):
    path, picture = dataset(), tmp_path / "new" / "folder" / "frames.PNG"
    assert shown(path, "--picture", picture)[-1].endswith(str(picture))
    check_sheet(picture, first_frames(path, 32), 8)
    assert not path.with_suffix(".png").exists()


def test_a_picture_that_cannot_be_written_is_one_line(dataset, shown, monkeypatch):
    path = dataset()

    def deny(*given, **named):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Image.Image, "save", deny)
    picture = path.with_suffix(".png")
    told = f"error: the frames can't be drawn in {picture} (Permission denied); --picture puts them elsewhere"
    assert shown(path) == told


def test_a_finished_run_is_shown_with_options_figures_and_files(run, shown):
    lines = shown(run.folder)
    assert lines[0] == f"{run.folder}: finished"
    assert has(lines, "dataset", "sokoban") and has(lines, "img_size", "[32,", "32]")
    for name in TrainCommand.model_fields:
        assert any(line.split()[0] == name for line in lines)
    assert has(lines, "one_step_exact", "0.98765") and has(lines, "reconstruction_mse", "1.5e-07")
    assert has(lines, "transitions", "10,000") and has(lines, "best_epoch", "2")
    assert has(lines, f"{run.best_model}:", "12.3", "kB") and any(str(run.history_file) in line for line in lines)


def test_an_unfinished_run_is_shown_with_its_options_and_how_it_goes_on(tmp_path, shown):
    run, _ = begin_run(tmp_path / "run")
    lines = shown(run.folder)
    assert lines[0] == f"{run.folder}: not finished; the same train command goes on"
    assert has(lines, "dataset", "sokoban")


def test_a_picture_of_a_run_is_refused_instead_of_forgotten(run, shown, tmp_path):
    assert "--picture is for datasets" in shown(run.folder, "--picture", tmp_path / "x.png")
    assert not (tmp_path / "x.png").exists()


def test_what_is_neither_a_dataset_nor_a_run_is_refused(shown, tmp_path):
    (tmp_path / "text.h5").write_text("no HDF5")
    (tmp_path / "empty.h5").touch()
    (tmp_path / "picture.png").write_text("x")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["something"] = 1
    for name, told in {
        "text.h5": "can't be read as a dataset", "empty.h5": "can't be read as a dataset",
        "other.h5": "isn't a dataset of format 4", "picture.png": "--path must be a dataset's .h5 file or the folder",
        "": "isn't the folder of a run", "missing.h5": "nothing is there",
    }.items():  # fmt: skip
        assert told in shown(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.h5", "other.h5", "picture.png", "text.h5"]


def test_a_damaged_dataset_is_refused_in_one_line(dataset, shown):
    path = dataset()
    with h5py.File(path) as file:
        place = file["train/images"].id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[place.byte_offset + 100] ^= 1
    path.write_bytes(content)
    assert "can't be read as a dataset" in shown(path)


def test_a_whole_dataset_is_verified_and_one_whose_arrays_were_exchanged_is_not(dataset, shown, capsys):
    path = dataset()
    assert main(["world_model_train", "show", str(path), "--verify"]) == 0
    assert "verified: every array is that of the digest" in capsys.readouterr().out
    with h5py.File(path, "r+") as file:
        file["train/states"][0] += 1  # with a right checksum
    assert main(["world_model_train", "show", str(path), "--verify"]) == 2
    assert "its arrays aren't those of its digest" in capsys.readouterr().err.splitlines()[-1]


def test_showing_takes_less_than_a_second_of_the_processor_and_no_tensorflow(dataset, run):
    for path in (dataset(), run.folder):
        script = (
            "import sys, time; from pipeline.command_line.cli import main; main(sys.argv[1:]);"
            "heavy = {'tensorflow', 'keras', 'matplotlib', 'jax', 'torch'} & set(sys.modules);"
            "print(heavy or 'light', time.process_time())"
        )
        words = [sys.executable, "-c", script, "world_model_train", "show", path]
        surroundings = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(words, env=surroundings, capture_output=True, text=True, check=True)
        told, seconds = done.stdout.split()[-2:]
        assert told == "light" and float(seconds) < 1
