"""The pipeline of dvc.yaml and the experiment of params.yaml, run by DVC itself in a repository of its own."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from dvc.exceptions import DvcException
from dvc.repo import Repo

from pipeline.command_line.cli import main
from pipeline.command_line.options import (
    DatasetOptions,
    EvaluateCommand,
    EvaluateOptions,
    GenerateCommand,
    TrainCommand,
    TrainOptions,
    WorldModelOptions,
)
from pipeline.dataset.key import path_of
from pipeline.runs.folder import Run
from pipeline.training.stage import NOT_RECORDED
from tests.sources.small_recordings import recorded, write_npz
from tools.scratch import copy_files, save_states_all_the_time, set_params

ROOT = Path(__file__).parents[1]
GROUPS = {
    "dataset": DatasetOptions,
    "world_model": WorldModelOptions,
    "train": TrainOptions,
    "evaluate": EvaluateOptions,
}
TINY = {
    "dataset": {"dataset": "lightsout_4x4", "dataset_size": 1000, "img_size": [8, 8]},
    "world_model": {"world_model": "lightsout"},
    "train": {"train_epochs": 1, "stop_when_exact": 0},
    "evaluate": {"episodes": 2, "steps": 10, "states": 100},
}


def the_params(root=ROOT) -> dict:
    return yaml.safe_load((root / "params.yaml").read_text())


def options_of(params, command, *groups):
    """Make the options that a stage runs its command with."""
    return command(**{name: value for group in groups for name, value in params[group].items()})


# ---- params.yaml


@pytest.mark.parametrize("group", GROUPS)
def test_the_params_are_the_options_that_decide_a_result_under_their_own_names(group):
    model = GROUPS[group]
    chosen_elsewhere = [name for name, field in model.model_fields.items() if field.default is None]
    assert list(the_params()[group]) == [
        name
        for name in model.model_fields
        if (name not in NOT_RECORDED or name == "output_dir") and name not in chosen_elsewhere
    ]
    assert list(the_params()) == ["source", *GROUPS]


def test_the_params_are_values_as_they_are_not_spellings_of_them():
    params = the_params()
    training = options_of(params, TrainCommand, "dataset", "world_model", "train")
    evaluation = options_of(params, EvaluateCommand, "dataset", "world_model", "evaluate")
    for name, value in {name: value for group in GROUPS for name, value in params[group].items()}.items():
        found = getattr(evaluation if name in params["evaluate"] else training, name)
        assert (list(found) if isinstance(found, tuple) else found) == value, name
        assert isinstance(value, list) or type(found) is type(value), name


# ---- dvc.yaml


OTHER_DATASET = {
    "dataset": "sokoban",
    "dataset_size": 7000,
    "key": 3,
    "shuffle_length": 5,
    "img_size": [48, 64],
    "start": "solved",
}


@pytest.mark.parametrize("given", [{}, OTHER_DATASET], ids=["as it is", "another dataset"])
def test_the_outputs_are_the_files_that_the_pipeline_writes(given):
    params = the_params()
    params["dataset"] |= given
    stages = yaml.safe_load(fill_in((ROOT / "dvc.yaml").read_text(), params))["stages"]
    assert stages["generate"]["outs"] == [str(path_of(options_of(params, GenerateCommand, "dataset")))]

    run = Run(options_of(params, TrainCommand, "dataset", "world_model", "train").output_dir)
    trained = [run.best_model, run.last_model, run.record_file, run.history_file, run.curve]
    assert stages["train"]["outs"] == [str(path) for path in trained]
    assert stages["evaluate"]["outs"] == [str(run.strip), str(run.dream)]
    assert list(stages["evaluate"]["metrics"][0]) == [str(run.metrics_file)]


def fill_in(text: str, params: dict) -> str:
    """Fill in ${a.b} and ${a.b[0]} as DVC does; leave ${a}, which stands for all options of a group."""

    def value(match):
        group, name, index = match.groups()
        found = params[group][name]
        return str(found[int(index)] if index else found)

    return re.sub(r"\$\{(\w+)\.(\w+)(?:\[(\d+)\])?\}", value, text)


def test_every_dependency_is_there():
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    code = [dep for stage in stages.values() for dep in stage["deps"] if "$" not in dep]
    code.append(the_params()["source"])
    assert not [dep for dep in code if not (ROOT / dep).exists()]


# ---- dvc repro, with real DVC in a repository of its own


class Repository:
    """A copy of the tree with a tiny experiment, committed."""

    def __init__(self, root: Path):
        self.root = root
        copy_files(root)
        self.env = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            **{f"GIT_{who}_{what}": "test@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }
        self.set(TINY)
        self.run("git", "init", "-q", ".")
        self.commit()

    def set(self, changes: dict):
        set_params(self.root, changes)

    def run(self, *command) -> str:
        done = subprocess.run(command, cwd=self.root, env=self.env, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self, *command) -> subprocess.Popen:
        return subprocess.Popen(
            command, cwd=self.root, env=self.env, start_new_session=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def dvc(self, *words) -> str:
        return self.run(sys.executable, "-m", "dvc", *words)

    def repro(self, *words) -> dict[str, str]:
        """Run `dvc repro`; gives what became of each stage: run, cached or unchanged."""
        self.said = self.dvc("repro", *words)
        became = {"Running stage '(.*)'": "run", "Stage '(.*)' is cached": "cached", "Stage '(.*)' didn't": "unchanged"}
        return {name: what for text, what in became.items() for name in re.findall(text, self.said)}

    def commit(self):
        self.run("git", "add", "-A")
        self.run("git", "commit", "-q", "-m", "a state")

    def changed_files(self) -> list[str]:
        return [line[3:] for line in self.run("git", "status", "--porcelain", "-uall").splitlines()]

    def metrics(self) -> dict:
        return json.loads((self.root / "models/experiment/metrics.json").read_text())


def test_dvc_does_only_what_has_to_be_done_and_an_experiment_changes_one_parameter(tmp_path):
    here = Repository(tmp_path)
    run = Run(here.root / "models/experiment")
    save_states_all_the_time(here.root)
    here.set({"train": {"train_epochs": 40}})
    here.commit()

    # the data of a training that was killed stays, and the training goes on
    killed = here.start(sys.executable, "-m", "dvc", "repro")
    wait_for(lambda: list(run.checkpoint.glob("state-*.json")), killed)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert here.repro() == {"generate": "unchanged", "train": "run", "evaluate": "run"}
    assert "going on after epoch" in here.said
    assert len(run.history_file.read_text().splitlines()) == 41
    assert here.repro() == {"generate": "unchanged", "train": "unchanged", "evaluate": "unchanged"}
    assert "up to date" in here.dvc("status")
    here.commit()
    committed = here.run("git", "ls-files", "data", "models").split()
    assert committed == ["data/.gitignore", "models/experiment/metrics.json"]
    first = here.metrics()
    [shown] = json.loads(here.dvc("metrics", "show", "--json"))[""]["data"].values()
    assert shown["data"] == without_nulls(first)

    # another training would leave the data as it is
    here.set({"train": {"train_epochs": 1}})
    assert here.repro("--dry") == {"generate": "unchanged", "train": "run", "evaluate": "unchanged"}  # so far
    here.run("git", "checkout", "params.yaml")

    # an experiment changes one parameter, and only what hangs on it is done
    before = (here.root / "params.yaml").read_text()
    here.dvc("exp", "run", "-S", "evaluate.episodes=3")
    assert (here.root / "params.yaml").read_text() == before.replace("episodes: 2", "episodes: 3")
    assert set(here.changed_files()) == {"dvc.lock", "params.yaml", "models/experiment/metrics.json"}
    assert here.metrics()["rollout"]["episodes"] == 3 and here.metrics()["model_digest"] == first["model_digest"]
    assert "one_step_exact" in here.dvc("exp", "show", "--csv")

    # and back, with nothing left but what DVC keeps: nothing is computed again
    here.run("git", "checkout", "params.yaml")
    (here.root / "dvc.lock").unlink()
    for made in (here.root / "data", run.folder):
        shutil.rmtree(made)
    here.run("git", "checkout", "data")
    assert here.repro() == {"generate": "cached", "train": "cached", "evaluate": "cached"}
    assert here.metrics() == first
    assert here.changed_files() == []


def without_nulls(metrics: dict) -> dict:
    """Give what DVC shows of metrics: it leaves out what is null, as the first failure of a rollout that has none."""
    return {
        name: without_nulls(value) if isinstance(value, dict) else value
        for name, value in metrics.items()
        if value not in (None, {})
    }


def wait_for(happened, process: subprocess.Popen, seconds: float = 120):
    """Wait until something has happened while a process runs."""
    end = time.monotonic() + seconds
    while not happened():
        assert process.poll() is None, "the process has ended before"
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.05)


NO_COMMAND = [("key", [1, 2]), ("img_size", []), ("img_size", [32]), ("start", {})]  # DVC can't make one of them
WRONG_COMMAND = [
    ("key", False), ("key", -1), ("dataset", "rubiks"), ("dataset", ""), ("dataset_size", 0.5), ("dataset_size", True),
    ("img_size", [1, 2, 3]), ("start", "a; touch spam"), ("dataset_siez", 5),
]  # fmt: skip
BY_DVC_ITSELF = [NO_COMMAND[1], WRONG_COMMAND[1], WRONG_COMMAND[-2]]  # a process each


def test_a_recording_is_a_dependency_of_its_dataset(tmp_path, monkeypatch):
    here = Repository(tmp_path)
    monkeypatch.chdir(tmp_path)
    recording = write_npz(tmp_path / "strip.npz", recorded())
    here.set({"source": "strip.npz", "dataset": {"dataset": "strip.npz", "dataset_size": 300}})
    assert here.repro("generate") == {"generate": "run"} and list(tmp_path.glob("data/strip.npz-size300-*.h5"))
    with Repo() as repo:
        assert repo.status(targets=["generate"]) == {}
        write_npz(recording, recorded(seed=1))
        assert repo.status(targets=["generate"]) == {"generate": [{"changed deps": {"strip.npz": "modified"}}]}


@pytest.fixture(scope="module")
def to_be_refused(tmp_path_factory):
    return Repository(tmp_path_factory.mktemp("refused"))


@pytest.fixture
def wrong(to_be_refused, request):
    """A repository whose params.yaml has a wrong value."""
    here, (name, value) = to_be_refused, request.param
    before = (here.root / "params.yaml").read_text()
    here.set({"dataset": {name: value}})
    yield here
    (here.root / "params.yaml").write_text(before)


def nothing_is_made(here: Repository) -> bool:
    return not list((here.root / "data").glob("*.h5")) and not (here.root / "spam").exists()


@pytest.mark.parametrize("wrong", BY_DVC_ITSELF, indirect=True)
def test_a_wrong_value_in_params_ends_dvc_repro_before_anything_is_made(wrong):
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "repro", "generate"],
        cwd=wrong.root,
        env=wrong.env,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert "error: " in done.stderr.lower()
    assert nothing_is_made(wrong)


def command_of(here: Repository) -> list[str]:
    """Give the words of the command that DVC makes of dvc.yaml and params.yaml."""
    with Repo(str(here.root)) as repo:
        ((stage, _),) = repo.stage.collect_granular("generate")
    return shlex.split(stage.cmd)


@pytest.mark.parametrize("wrong", WRONG_COMMAND, indirect=True)
def test_the_command_that_dvc_makes_of_a_wrong_value_is_refused_in_one_line(wrong, monkeypatch, capsys):
    monkeypatch.chdir(wrong.root)
    python, script, *words = command_of(wrong)
    assert (python, script) == ("python", "generate.py")
    assert main(words, inside=("world_model_train", "generate")) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1 and "Received: " in said
    assert nothing_is_made(wrong)


@pytest.mark.parametrize("wrong", NO_COMMAND, indirect=True)
def test_dvc_makes_no_command_of_a_value_that_it_cannot_spell(wrong, monkeypatch):
    monkeypatch.chdir(wrong.root)
    with pytest.raises(DvcException, match=r"failed to parse 'stages\.generate"):
        command_of(wrong)
