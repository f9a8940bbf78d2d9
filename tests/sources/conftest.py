"""Where the tests of sources work."""

from pathlib import Path

import pytest


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def quickly():
    """Let training draw nothing, which is slow."""
    from pipeline.training import fit

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit.drawing, "curve", lambda *_: None)
        yield
