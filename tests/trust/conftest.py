"""The places of the small runs."""

import pytest
from small_run import FOLDER

from pipeline.training import fit


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """The folder that holds the datasets of all small runs."""
    return tmp_path_factory.mktemp("trust")


@pytest.fixture
def place(shared, monkeypatch, request):
    """An empty folder beside the datasets, where nothing is drawn: it is slow."""
    monkeypatch.setattr(fit.drawing, "curve", lambda *_: None)
    monkeypatch.setattr(fit, "MOST_BATCHES_PER_CALL", 1)
    folder = shared / request.node.name[:100].replace("/", "-")
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def finished(place):
    """The folder of a small run that has been made."""
    from small_run import train

    assert train() == 0
    return place / FOLDER
