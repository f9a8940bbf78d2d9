"""The script that kills real commands at random moments finds no difference."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("command", ["train", "generate"])
def test_a_kill_at_a_random_moment_changes_nothing(command):
    words = [sys.executable, str(ROOT / "tools/kill.py"), "1", "--seed", "5", "--only", command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    *_, together = done.stdout.strip().split("\n")
    assert sum(map(int, together.split()[1:4])) == 1 and together.split()[-1] == "0"
