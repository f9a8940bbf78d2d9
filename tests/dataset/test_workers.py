"""Any number of workers, threads or those of a Dask cluster, write the same bytes; what can't work is one line."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.command_line.cli import main
from pipeline.generation import stage as generation
from pipeline.system import executors
from pipeline.system.executors import InOrder, ahead

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = ("--dataset=sokoban", "--dataset_size=20_000", "--img_size=20x20", "--start=solved")  # two blocks


@pytest.fixture
def executor():
    with executors.workers() as (executor, _):
        yield executor


@pytest.mark.parametrize("name", ["rubikscube", "sokoban"])
def test_the_number_of_workers_changes_no_byte(name, made, digest, tmp_path, monkeypatch):
    found = set()
    for count in (1, 2, 5):
        monkeypatch.setattr(executors, "cores", lambda count=count: count)
        found.add(digest(made(dataset=name, dataset_size=40_000, data_dir=str(tmp_path / str(count)))))
    assert len(found) == 1


def test_the_length_of_the_tasks_changes_no_byte(made, digest, tmp_path, monkeypatch):
    usual = made(dataset="rubikscube", dataset_size=5000)
    monkeypatch.setattr(generation, "TASK_FRAMES", 200)
    monkeypatch.setattr(generation, "TASKS_EACH", 9)
    assert digest(usual) == digest(made(dataset="rubikscube", dataset_size=5000, data_dir=str(tmp_path / "other")))


def test_a_dask_cluster_of_two_workers_writes_the_same_bytes(made, digest, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # where the workers find the project's code
    with distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster:
        words = ["--data_dir", str(tmp_path / "cluster"), "--scheduler", cluster.scheduler_address]
        assert main(["world_model_train", "generate", *OPTIONS, *words]) == 0
    (path,) = (tmp_path / "cluster").iterdir()
    assert digest(path) == digest(made(dataset="sokoban", dataset_size=20_000))


def test_a_scheduler_that_is_not_there_is_one_line_and_leaves_nothing(tmp_path, monkeypatch, capsys, files):
    pytest.importorskip("distributed")
    monkeypatch.setattr(executors, "WAIT_SECONDS", 0.5)
    words = ["--data_dir", str(tmp_path / "data"), "--scheduler=tcp://127.0.0.1:9"]
    assert main(["world_model_train", "generate", *OPTIONS, *words]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: --scheduler must be a Dask scheduler that answers. Received: tcp://127.0.0.1:9 (")
    assert not files(tmp_path)


def test_without_dask_the_line_says_how_to_install_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "distributed", None)
    words = ["--data_dir", str(tmp_path), "--scheduler=tcp://localhost:8786"]
    assert main(["world_model_train", "generate", *OPTIONS, *words]) == 2
    assert "pip install -r requirements-dask.txt" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["localhost", "localhost:8786", "tcp://localhost", "tcp://:8786"])
def test_what_is_no_address_is_refused(address, capsys):
    assert main(["world_model_train", "generate", *OPTIONS, f"--scheduler={address}"]) == 2
    assert "--scheduler must be an address (for example tcp://host:8786)" in capsys.readouterr().err


def test_generating_without_a_scheduler_imports_no_dask():
    code = "import sys, pipeline.generation.stage; print(any(name in sys.modules for name in ('dask', 'distributed')))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_results_are_taken_in_the_order_of_their_tasks_and_few_wait(executor):
    taken, most = [], 3
    tasks = InOrder(executor, most)
    for number in range(50):
        tasks.submit(taken.append, abs, -number)
        assert len(tasks.waiting) <= most
    tasks.finish()
    assert taken == list(range(50)) == list(ahead(executor, 4, abs, range(0, -50, -1)))
