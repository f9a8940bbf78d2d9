"""The script that lets the disk get full finds nothing wrong."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOUNTS = ["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]


@pytest.mark.skipif(
    not shutil.which("unshare") or subprocess.run(MOUNTS, capture_output=True).returncode != 0,
    reason="this system allows no mounts in a namespace of one's own",
)
def test_a_disk_that_gets_full_while_a_run_is_trained_is_said_in_one_line_and_harms_nothing():
    words = [sys.executable, str(ROOT / "tools/full_disk.py"), "1", "--only", "train", "--seed", "3"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert done.stdout.strip().endswith("0 wrong")
