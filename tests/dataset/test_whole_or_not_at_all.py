"""A dataset file is there whole or not at all, whatever happens while it is written."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.command_line.cli import main
from pipeline.dataset import writing as dataset
from pipeline.dataset.key import DatasetKey, path_of
from pipeline.generation.stage import ensure_dataset, write_dataset
from pipeline.puzzles import PUZZLES
from pipeline.system.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
PUZZLE = PUZZLES["lightsout_4x4"]

DIES = """
import os, signal, sys
from pipeline.command_line.cli import main
from pipeline.puzzles import PUZZLES
puzzle, calls = PUZZLES["lightsout_4x4"], []
draw = puzzle.render
def render(*given):
    calls.append(given)
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return draw(*given)
puzzle.render = render
main(sys.argv[1:])
"""
DISK_FILLS = """
import resource, sys
from pipeline.command_line.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
sys.exit(main(sys.argv[2:]))
"""


def in_a_process(script, *words):
    """Run a script with the project's code; gives what came of it."""
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-c", script, *words], env=surroundings, capture_output=True, text=True)


def generate_words(folder, **given):
    given = {"dataset": "lightsout_4x4", "dataset_size": 1000, "img_size": "4x4", "data_dir": folder, **given}
    return ["world_model_train", "generate", *(f"--{name}={value}" for name, value in given.items())]


@pytest.mark.parametrize("event", [RuntimeError, KeyboardInterrupt, MemoryError, SystemExit, UserError])
def test_whatever_stops_the_writing_leaves_no_file_behind(event, options, files, monkeypatch, tmp_path):
    calls, draw = [], PUZZLE.render

    def render(*given):
        calls.append(given)
        assert {name[-8:] for name in files(tmp_path)} == {".partial", ".h5.lock"}  # it is written elsewhere
        if len(calls) == 3:
            raise event("stop")
        return draw(*given)

    wanted = options(dataset_minibatch_size=1, img_size=(16, 16))
    monkeypatch.setattr(PUZZLE, "render", render)
    with pytest.raises(event, match="stop"):
        ensure_dataset(wanted)
    assert len(calls) == 3 and not files(tmp_path)


def test_a_file_made_after_a_failure_is_as_good_as_any(options, made, digest, monkeypatch, tmp_path):
    whole = made(data_dir=str(tmp_path / "other"))
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(PUZZLE, "render", lambda *given: 1 / 0)
        made()
    assert digest(made()) == digest(whole)


def test_a_failure_leaves_a_file_that_was_there_as_it_was(options, made, digest, files, monkeypatch, tmp_path):
    path = made()
    before = digest(path)
    monkeypatch.setattr(PUZZLE, "render", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_dataset(path, DatasetKey.of(options()), 1000)
    assert digest(path) == before and files(tmp_path) == [path.name]


def test_a_killed_process_leaves_nothing_under_the_files_name(options, made, digest, files, tmp_path):
    folder = str(tmp_path / "data")
    died = in_a_process(DIES, *generate_words(folder, dataset_minibatch_size=1, img_size="16x16", start="solved"))
    assert died.returncode == -signal.SIGKILL
    path = path_of(options(dataset_size=1000, img_size=(16, 16)))
    assert not path.exists() and all(name.endswith((".partial", ".lock")) for name in files(tmp_path))
    again = made(dataset_size=1000, img_size=(16, 16))
    assert digest(again) == digest(made(dataset_size=1000, img_size=(16, 16), data_dir=str(tmp_path / "other")))
    assert files(tmp_path / "data") == [again.name]  # what the dead process left is cleared away


@pytest.mark.parametrize("room", [100, 20_000, 50_000])  # bytes
def test_a_full_disk_is_one_line_and_leaves_nothing(room, files, tmp_path):
    full = in_a_process(DISK_FILLS, str(room), *generate_words(tmp_path / "data"))
    assert full.returncode == 2, full.stderr
    assert full.stderr.splitlines()[-1].startswith("error: ") and "can't be written (" in full.stderr
    assert "Traceback" not in full.stderr and not files(tmp_path)


def test_nothing_more_is_drawn_for_a_disk_that_is_full(options, files, monkeypatch, tmp_path):
    calls, draw = [], PUZZLE.render
    monkeypatch.setattr(PUZZLE, "render", lambda *given: calls.append(given) or draw(*given))
    monkeypatch.setattr(dataset._Disk, "failure", OSError(errno.ENOSPC, "full"))
    with pytest.raises(UserError, match="No space left on device"):
        ensure_dataset(options(dataset_minibatch_size=10))
    assert len(calls) <= 1 and not files(tmp_path)


def test_two_that_write_the_same_file_at_once_both_succeed(options, digest, files, monkeypatch, tmp_path, made):
    calls, draw = [], PUZZLE.render

    def render(*given):
        calls.append(given)
        if len(calls) == 2:
            write_dataset(path_of(wanted), DatasetKey.of(wanted), 1000)  # another one begins and ends meanwhile
        return draw(*given)

    monkeypatch.setattr(PUZZLE, "render", render)
    wanted = options(dataset_minibatch_size=1)
    path = ensure_dataset(wanted)
    monkeypatch.undo()
    assert len(calls) >= 2 and files(tmp_path) == [path.name]
    assert digest(path) == digest(made(data_dir=str(tmp_path / "other")))


def test_the_file_can_be_read_by_others_too(made):
    assert made().stat().st_mode & 0o777 == 0o644


def test_an_interrupt_at_the_command_line_leaves_nothing(files, monkeypatch, capsys, tmp_path):
    def interrupt(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(PUZZLE, "render", interrupt)
    assert main(generate_words(tmp_path / "data")) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "interrupted" and not files(tmp_path)
