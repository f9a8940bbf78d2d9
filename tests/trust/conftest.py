"""The places of the small runs."""

import pytest
from small_run import FOLDER

from pipeline.training import fit

FIGURES = {"one_step_exact": 1.0, "bit_match": 1.0, "reconstruction_mse": 0.0, "transitions": 10_000}


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """The folder that holds the datasets of all small runs."""
    return tmp_path_factory.mktemp("trust")


@pytest.fixture
def place(shared, monkeypatch, request):
    """An empty folder beside the datasets, where training ends without measurements and pictures: they are slow."""
    monkeypatch.setattr(fit, "measure", lambda *_: (dict(FIGURES), None))
    monkeypatch.setattr(fit, "draw", lambda *_: None)
    monkeypatch.setattr(fit.pictures, "curve", lambda *_: None)
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
