"""The installed package: what a wheel holds, and that its command works from any folder, without the repository."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import pytest

ROOT = Path(__file__).parents[1]
MADE = shutil.ignore_patterns("__pycache__")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """A wheel of a copy of the project, made without the network: TensorFlow needs setuptools, so it is there."""
    project, made = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("wheel")
    for name in ("pipeline", "tests"):
        shutil.copytree(ROOT / name, project / name, ignore=MADE)
    for pattern in ("*.py", "*.txt", "pyproject.toml", "README.md", "LICENSE"):
        for path in ROOT.glob(pattern):
            shutil.copy(path, project)
    words = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", made, project]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True, timeout=60)
    (path,) = made.iterdir()
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A folder with the wheel installed in it, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    words = ["install", "--quiet", "--no-deps", "--no-index", "--target", folder, wheel]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True, timeout=60)
    return folder


@pytest.fixture
def call(installed, tmp_path):
    """Run the installed command in an empty folder."""

    def run(*words) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, installed / "bin/world-model-train", *words], cwd=tmp_path, timeout=60,
            env=os.environ | {"PYTHONPATH": str(installed)}, capture_output=True, text=True,
        )  # fmt: skip

    return run


def test_a_wheel_holds_every_module_under_the_projects_own_name_and_nothing_else(wheel):
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    sources = [path for path in (ROOT / "pipeline").rglob("*") if path.suffix == ".py" or path.name == "py.typed"]
    assert held == {f"discrete_world_model/{path.relative_to(ROOT / 'pipeline')}" for path in sources}
    assert "discrete_world_model/py.typed" in held


def test_a_wheel_needs_exactly_what_the_requirements_files_name(wheel):
    archive = zipfile.ZipFile(wheel)
    (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    lines = archive.read(metadata).decode().splitlines()
    needed = {line.removeprefix("Requires-Dist: ").split(";")[0].strip() for line in lines if "Requires-Dist" in line}
    files = [path for path in ROOT.glob("requirements*.txt") if path.name != "requirements-cpu.txt"]
    named = [line.split(" ")[0] for path in files for line in path.read_text().splitlines() if line[0] != "#"]
    assert needed == set(named)


def test_the_help_shows_the_installed_command(call):
    done = call("train", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\n  world-model-train train [OPTIONS]\n" in done.stdout
    assert "main.py" not in done.stdout
    assert "\n  world-model-train COMMAND [OPTIONS]\n" in call().stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("train --dataset rubiks", "error: unknown dataset 'rubiks'; choose from: "),
        ("trian", "error: unknown command 'trian'; choose from: "),
    ],
)
def test_the_installed_command_refuses_in_the_same_words(call, words, said, tmp_path):
    done = call(*words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(said) and done.stderr.count("\n") == 1
    assert done.stderr.endswith(f"Received: {'trian' if words == 'trian' else '--dataset rubiks'}\n")
    assert not any(tmp_path.iterdir())


def test_the_installed_command_generates_a_dataset_where_it_is_called(call, tmp_path):
    done = call("generate", "--dataset", "lightsout_4x4", "--dataset_size", "100", "--img_size", "16", "16")
    assert done.returncode == 0, done.stderr
    with h5py.File(tmp_path / done.stdout.splitlines()[-1]) as file:
        assert len(file["train/actions"]) == 100


def test_importing_the_package_loads_nothing_heavy(installed):
    code = "import sys, discrete_world_model; print([name for name in ('keras', 'numpy') if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(installed)}, capture_output=True, text=True
    )
    assert done.stdout == "[]\n"
