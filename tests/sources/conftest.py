"""Where the tests of sources work."""

import gc
from pathlib import Path

import pytest


@pytest.fixture(scope="module", autouse=True)
def little_garbage():
    """Keep what other modules' tests have left from the garbage collector, which each of many refusals here calls."""
    gc.collect()
    gc.freeze()


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
