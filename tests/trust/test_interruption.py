"""Ctrl-C and SIGTERM end a process at once, or after what it is at; a second one always ends it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.system.interruption import Interrupted, asked_to_end, finishing_first, interruptible

ROOT = Path(__file__).parents[2]
SIGNALS = pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])


def send(number):
    os.kill(os.getpid(), number)


@SIGNALS
def test_a_signal_raises_at_once_with_its_exit_code_and_one_line(number, code):
    with pytest.raises(Interrupted) as stop, interruptible():
        send(number)
        pytest.fail("went on")
    assert stop.value.exit_code == code and "\n" not in str(stop.value)


@SIGNALS
def test_work_that_finishes_first_is_asked_and_ends_at_the_latest_with_its_block(number, code):
    done = []
    with pytest.raises(Interrupted) as stop, interruptible(), finishing_first():
        assert asked_to_end() is None
        send(number)
        assert asked_to_end() == number
        done.append(True)
    assert done and stop.value.exit_code == code


def test_a_second_signal_does_not_wait():
    with pytest.raises(Interrupted), interruptible(), finishing_first():
        send(signal.SIGINT)
        send(signal.SIGINT)
        pytest.fail("went on")


def test_the_next_piece_of_work_knows_nothing_of_the_last_signal():
    for _ in range(2):
        with pytest.raises(Interrupted), interruptible(), finishing_first():
            assert asked_to_end() is None
            send(signal.SIGTERM)


@SIGNALS
def test_a_signal_that_comes_while_a_destructor_runs_is_not_lost(number, code, capfd):
    class Slow:
        def __del__(self):
            send(number)
            time.sleep(0.01)

    with pytest.raises(Interrupted) as stop, interruptible():
        Slow()
        time.sleep(5)
        pytest.fail("went on")
    assert stop.value.exit_code == code and capfd.readouterr().err == ""


@SIGNALS
def test_a_signal_that_compiled_code_makes_another_error_of_is_still_that_signal(number, code):
    with pytest.raises(Interrupted) as stop, interruptible():
        try:
            send(number)
        except Interrupted:
            raise AttributeError("as where a look-up fails") from None
    assert stop.value.exit_code == code


def test_an_error_without_a_signal_stays_what_it_is():
    with pytest.raises(Interrupted), interruptible():
        send(signal.SIGINT)
    with pytest.raises(AttributeError), interruptible():
        raise AttributeError


def test_handlers_are_as_before_afterwards_and_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptible():
            send(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize("script", ["main.py", "generate.py", "train.py"])
def test_ctrl_c_while_a_script_still_imports_what_it_needs_shows_no_traceback(script, tmp_path):
    (tmp_path / "fire.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = subprocess.run(
        [sys.executable, "-c", f"import runpy, sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]; "
         f"runpy.run_path({str(ROOT / script)!r}, run_name='__main__')"], capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
