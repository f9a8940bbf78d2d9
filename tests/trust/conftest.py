"""The places of the small runs."""

import shutil

import pytest
from small_run import FOLDER, train

from pipeline.dataset import key
from pipeline.training import fit


@pytest.fixture(scope="module", autouse=True)
def short_walks():
    """Let datasets that are made in this process have unseen walks of 400 transitions instead of 10,000."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key, "WALKS", 20)
        patch.setattr(key, "WALK_LENGTH", 20)
        yield


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """The folder that holds the datasets of all small runs."""
    return tmp_path_factory.mktemp("trust")


@pytest.fixture
def place(shared, monkeypatch, request):
    """An empty folder beside the datasets, where nothing is drawn, which is slow."""
    monkeypatch.setattr(fit.drawing, "curve", lambda *_: None)
    monkeypatch.setattr(fit, "MOST_BATCHES_PER_CALL", 1)
    folder = shared / request.node.name[:100].replace("/", "-")
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def finished(place, shared):
    """The folder of a small run that has been made: once for all tests, each of which gets a copy."""
    made = shared / "made"
    if not (made / "training.json").exists():
        assert train(output_dir=str(made)) == 0
    shutil.copytree(made, place / FOLDER)
    return place / FOLDER
