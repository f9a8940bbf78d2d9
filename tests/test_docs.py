"""The site of docs/ is made without a warning, with the reference from the docstrings."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tools.check_all import DOCUMENTS, blocks

ROOT = Path(__file__).parents[1]
OUTPUT = ("left:", "rubikscube: ")  # how the blocks begin that show what is printed, and aren't run


def test_the_site_is_made_without_a_warning_and_every_page_is_reached(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)], cwd=ROOT,
        capture_output=True, text=True, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr
    assert "not included in the nav" not in done.stderr
    reference = (tmp_path / "reference/index.html").read_text()
    assert all(
        f'id="pipeline.loaded.WorldModel.{name}"' in reference for name in ("encode", "step", "successors", "solve")
    )


def test_every_block_is_run_or_shows_what_is_printed():
    for document in [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]:
        name = str(document.relative_to(ROOT))
        found = re.findall(r"^```(\w*)\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL)
        others = [text for _, text in found if not text.startswith(OUTPUT)]
        assert len(others) == len(blocks(name)) and (not others or name in DOCUMENTS), name
