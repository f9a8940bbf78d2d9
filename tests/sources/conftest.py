"""Where the tests of sources work."""

from dataclasses import replace
from pathlib import Path

import pytest


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def quickly():
    """Let XLA compile nothing and training draw nothing: both are slow."""
    from pipeline.architectures import lightsout
    from pipeline.training import fit

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit.drawing, "curve", lambda *_: None)
        patch.setattr(lightsout, "ARCHITECTURE", replace(lightsout.ARCHITECTURE, jit=False))
        yield
