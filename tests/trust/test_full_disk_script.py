"""The script that lets the disk get full finds nothing wrong."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_run import STAGE

TOOLS = Path(__file__).parents[2] / "tools"
NAMESPACE = ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--mount"]
SCRIPT = f"""
import sys
import full_disk

full_disk.COMMANDS["train"] = [{STAGE!r}]
sys.exit(full_disk.main(1, seed=9, only="train"))
"""


@pytest.mark.long
@pytest.mark.skipif(
    not shutil.which("unshare")
    or subprocess.run([*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True).returncode != 0,
    reason="this system allows no mounts in a namespace of one's own",
)
def test_a_disk_that_gets_full_while_a_run_is_trained_is_said_in_one_line_and_harms_nothing():
    done = subprocess.run(
        [*NAMESPACE, sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=300,
        env=os.environ | {"PYTHONPATH": str(TOOLS), "FULL_DISK_NAMESPACE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert "too small          said no room" in done.stdout and done.stdout.strip().endswith("0 wrong")
