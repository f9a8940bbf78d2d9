"""The script that kills real commands at random moments finds no difference."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_three_kills_at_random_moments_change_nothing():
    words = [sys.executable, str(ROOT / "tools/kill.py"), "3", "--seed", "5", "--only", "train"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    *_, together = done.stdout.strip().split("\n")
    assert together.split()[:4] == ["together", "1", "1", "1"] and together.split()[-1] == "0"
