"""One process at a time: the others wait and say so, and the dead lock nothing."""

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.dataset.writing import clear_partials
from pipeline.system.locks import locked

ROOT = Path(__file__).parents[2]
HOLD = "with locked(Path('it.lock'), 'waiting'): print('held', flush=True); input()"
COUNT = (
    "for _ in range(50):\n"
    "    with locked(Path('it.lock'), ''): Path('count').write_text(str(int(Path('count').read_text()) + 1))"
)


def start(folder, code) -> subprocess.Popen:
    code = f"from pathlib import Path\nfrom pipeline.system.locks import locked\n{code}"
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_the_second_waits_and_says_so_once_and_then_has_its_turn(tmp_path):
    first = start(tmp_path, HOLD)
    assert first.stdout.readline() == "held\n"
    second = start(tmp_path, HOLD)
    assert second.stdout.readline() == "waiting\n"
    assert second.poll() is None
    first.communicate("go\n")
    assert second.communicate("go\n")[0] == "held\n" and second.returncode == 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_what_a_dead_process_held_is_free(number, tmp_path):
    first = start(tmp_path, HOLD)
    assert first.stdout.readline() == "held\n"
    second = start(tmp_path, HOLD)
    assert second.stdout.readline() == "waiting\n"
    first.send_signal(number)
    first.communicate()
    assert second.communicate("go\n")[0] == "held\n" and second.returncode == 0


def test_eight_processes_that_take_turns_never_meet(tmp_path):
    (tmp_path / "count").write_text("0")
    for process in [start(tmp_path, COUNT) for _ in range(8)]:
        assert process.communicate()[1] == "" and process.returncode == 0
    assert (tmp_path / "count").read_text() == "400"


def test_a_place_without_locks_is_named_and_the_work_done(tmp_path, capsys):
    (tmp_path / "file").touch()
    done = []
    with locked(tmp_path / "file" / "it.lock", "waiting"):
        done.append(True)
    said = capsys.readouterr().out
    assert done and said.count("\n") == 1 and "can't be locked" in said


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK])
def test_a_file_system_without_locks_is_named_and_the_work_done(number, tmp_path, monkeypatch, capsys):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    done = []
    with locked(tmp_path / "it.lock", "waiting"):
        done.append(True)
    said = capsys.readouterr().out
    assert done and said.count("\n") == 1 and f"can't be locked ({os.strerror(number)})" in said


def test_an_error_in_the_block_comes_through_and_frees_the_lock(tmp_path):
    with pytest.raises(OSError, match="mine"), locked(tmp_path / "it.lock", ""):
        raise OSError("mine")
    assert not list(tmp_path.iterdir())


def test_an_interruption_while_waiting_ends_the_waiting(tmp_path):
    first = start(tmp_path, HOLD)
    assert first.stdout.readline() == "held\n"
    second = start(tmp_path, HOLD)
    assert second.stdout.readline() == "waiting\n"
    time.sleep(0.1)
    second.send_signal(signal.SIGINT)
    second.communicate()
    assert second.returncode != 0 and first.poll() is None
    first.communicate("go\n")


def test_a_file_that_another_process_writes_is_spared_and_a_dead_ones_is_cleared(tmp_path):
    write = (
        "from pipeline.dataset.writing import new_file\n"
        "with new_file(Path('it.h5')): print('held', flush=True); input()"
    )
    first = start(tmp_path, write)
    assert first.stdout.readline() == "held\n"
    clear_partials(tmp_path / "it.h5")
    assert len(list(tmp_path.glob("*.partial"))) == 1
    first.kill()
    first.communicate()
    clear_partials(tmp_path / "it.h5")
    assert not list(tmp_path.iterdir())


def test_every_user_who_shares_the_folder_can_lock_the_file(tmp_path):
    with locked(tmp_path / "it.lock", ""):
        assert stat.S_IMODE((tmp_path / "it.lock").stat().st_mode) == 0o666
