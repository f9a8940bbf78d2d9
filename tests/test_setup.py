"""The set-up: what the requirements promise, and tools/setup.sh with stand-ins for Python, pip and nvidia-smi."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REQUIREMENTS = sorted(ROOT.glob("requirements*.txt"))
TOOLS = ("cat", "cksum", "cp", "dirname", "grep", "mkdir", "rm", "sed", "sh", "tr", "uname")

PYTHON = """#!/bin/sh
# Stands for a Python of a version, with or without the modules that make environments, with a pip that fails or not.
case "$*" in
*version_info*) echo "{version}" ;;
*_base_executable*) echo "$0" ;;
"-c import venv, ensurepip") {has_venv} ;;
"-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && echo "{version}" >>made ;;
"-m pip "*) echo "$*" >>installed; {pip_works} ;;
esac
"""
NVIDIA_SMI = """#!/bin/sh
echo "GPU 0: NVIDIA H200 (UUID: GPU-0)"
"""
NO_CARD = """#!/bin/sh
echo "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."
exit 9
"""
OTHER_MACHINE = """#!/bin/sh
[ "$1" = -s ] && echo Darwin || echo arm64
"""
LINUX = """#!/bin/sh
[ "$1" = -s ] && echo Linux || echo x86_64
"""


# ---- the requirements


def lines_of(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line.strip() and line[0] != "#"]


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_every_requirement_is_pinned_and_has_its_reason(path):
    for line in lines_of(path):
        assert re.fullmatch(r"[a-z0-9-]+(\[[a-z-]+\])?==[0-9.]+( ; .*)?  # \w.*", line), line


def test_what_the_requirements_need_is_pinned_and_nothing_is_pinned_twice():
    pinned = lines_of(ROOT / "constraints.txt")
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9a-z.]+", line) for line in pinned)
    names = [line.split("==")[0] for line in pinned]
    direct = {re.match(r"[a-z0-9-]+", line)[0] for path in REQUIREMENTS for line in lines_of(path)}
    assert len(set(names)) == len(names)
    assert not direct & set(names)


@pytest.mark.parametrize("path", [*REQUIREMENTS, ROOT / "constraints.txt"], ids=lambda path: path.name)
def test_no_requirement_names_an_index_or_a_place(path):
    assert not re.search(r"^-|://|--hash|index|@|file:", path.read_text(), re.MULTILINE)


def test_every_build_of_tensorflow_has_the_same_version():
    lines = [line for path in REQUIREMENTS for line in lines_of(path) if line.startswith("tensorflow")]
    assert len(lines) == 4 and len({re.search(r"==([0-9.]+)", line)[1] for line in lines}) == 1


# ---- the script


class Machine:
    """A copy of what the set-up reads, and a PATH with little more than what a test puts there."""

    def __init__(self, root: Path):
        self.root, self.bin = root, root / "bin"
        self.bin.mkdir()
        (root / "tools").mkdir()
        for path in [*REQUIREMENTS, ROOT / "constraints.txt"]:
            shutil.copy(path, root)
        shutil.copy(ROOT / "tools/setup.sh", root / "tools")
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))
        self.has("uname", LINUX)

    def has(self, name: str, text: str):
        (self.bin / name).unlink(missing_ok=True)
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def has_python(self, name="python3", version="3.12", has_venv=True, pip_works=True):
        self.has(
            name,
            PYTHON.format(
                version=version,
                has_venv="exit 0" if has_venv else "exit 1",
                pip_works="exit 0" if pip_works else "exit 1",
            ),
        )

    def setup(self, *words, **env) -> subprocess.CompletedProcess:
        return subprocess.run(
            [str(self.bin / "sh"), "tools/setup.sh", *words], cwd=self.root, env={"PATH": str(self.bin), **env},
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    def told(self, name: str) -> list[str]:
        """What the stand-ins were told: environments `made`, packages `installed`."""
        place = self.root / name
        return place.read_text().splitlines() if place.exists() else []


@pytest.fixture
def machine(tmp_path) -> Machine:
    return Machine(tmp_path)


def refused(done: subprocess.CompletedProcess) -> str:
    """Give the one line with which the set-up refuses."""
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_the_second_time_nothing_is_done_and_nothing_is_said(machine):
    machine.has_python()
    assert machine.setup().returncode == 0
    done = machine.setup()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(machine.told("made")) == len(machine.told("installed")) == 1


def test_the_tests_need_more_and_what_the_pipeline_needs_is_among_it(machine):
    machine.has_python()
    assert machine.setup("dev").returncode == 0
    assert machine.setup().stdout == machine.setup("dev").stdout == ""
    [installed] = machine.told("installed")
    wanted = ("", "-dvc", "-cpu", "-dask", "-gym", "-onnx", "-docs", "-dev")
    assert installed.endswith("".join(f" --requirement requirements{name}.txt" for name in wanted))


def test_a_changed_requirement_is_installed_into_the_environment_that_is_there(machine):
    machine.has_python()
    machine.setup()
    (machine.root / "requirements.txt").write_text("numpy==1.0  # old\n")
    assert machine.setup().returncode == 0
    assert len(machine.told("made")) == 1
    assert len(machine.told("installed")) == 2


def test_a_failed_installation_is_said_and_tried_again(machine):
    machine.has_python(pip_works=False)
    assert "could not be installed" in refused(machine.setup())
    machine.has_python()
    shutil.rmtree(machine.root / ".venv")
    assert machine.setup().returncode == 0


@pytest.mark.parametrize("version", ["2.7", "3.9", "3.10", "3.14"])
def test_a_python_of_another_version_is_refused(machine, version):
    machine.has_python(version=version)
    line = refused(machine.setup())
    assert "3.11, 3.12 or 3.13 is needed" in line
    assert f"Received: python3, which is Python {version}" in line
    assert not (machine.root / ".venv").exists()


def test_no_python_at_all_is_refused(machine):
    assert "no Python that runs" in refused(machine.setup())


def test_another_python_is_found_under_its_own_name(machine):
    machine.has_python(version="3.9")
    machine.has_python("python3.11", version="3.11")
    assert machine.setup().returncode == 0
    assert machine.told("made") == ["3.11"]


def test_a_python_that_is_named_is_taken_or_refused(machine):
    machine.has_python()
    machine.has_python("mine", version="3.13")
    machine.has_python("old", version="3.8")
    assert "Received: old" in refused(machine.setup(PYTHON="old"))
    assert machine.setup(PYTHON="mine").returncode == 0
    assert machine.told("made") == ["3.13"]
    assert machine.setup().stdout == ""


def test_a_python_that_cannot_make_environments_is_refused_with_the_cure(machine):
    machine.has_python(has_venv=False)
    assert "apt-get install python3.12-venv" in refused(machine.setup())


@pytest.mark.parametrize(
    ("smi", "uname", "device", "why"),
    [
        (NVIDIA_SMI, LINUX, "gpu", "nvidia-smi finds GPU 0: NVIDIA H200 "),
        (NO_CARD, LINUX, "cpu", "nvidia-smi finds no NVIDIA GPU"),
        (None, LINUX, "cpu", "nvidia-smi finds no NVIDIA GPU"),
        (NVIDIA_SMI, OTHER_MACHINE, "cpu", "this is Darwin arm64"),
    ],
)
def test_tensorflow_is_chosen_by_the_machine_and_the_reason_is_said(machine, smi, uname, device, why):
    machine.has_python()
    machine.has("uname", uname)
    if smi:
        machine.has("nvidia-smi", smi)
    done = machine.setup()
    assert why in done.stdout
    [installed] = machine.told("installed")
    assert installed.endswith(f"--requirement requirements-{device}.txt")


def test_the_build_of_tensorflow_can_be_chosen_and_changed(machine):
    machine.has_python()
    machine.setup(DEVICE="gpu")
    assert machine.setup(DEVICE="gpu").stdout == machine.setup().stdout == ""
    machine.setup(DEVICE="cpu")
    assert len(machine.told("made")) == 2  # the two builds cannot share an environment
    assert ["gpu" in line for line in machine.told("installed")] == [True, False]
    assert "DEVICE must be cpu or gpu" in refused(machine.setup(DEVICE="tpu"))
