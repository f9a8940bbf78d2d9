"""The figures in the READMEs are those that were measured, and dvc.lock is that of the tree."""

import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import evidence, tables
from benchmarks.exactness import CASES
from tools.scratch import copy_files

ROOT = Path(__file__).parents[1]
FIGURES = {  # of a case of benchmarks/exactness.py, as far as the tables need them
    "seconds": {"generate": 7.2, "train": 235.4, "evaluate": 81.0},
    "epochs": 7,
    "verdict": "nearly",
    "bits": 192,
    "transitions": 10_000,
    "one_step_exact": 0.999_999,
    "one_step_by_change": {"walk": {"steps": 7655, "exact": 7655}, "push": {"steps": 2345, "exact": 2344}},
    "rollout": {
        "episodes": 100,
        "steps": 10_000,
        "steps_all_exact": 1586,
        "episodes_all_exact": 99,
        "first_failure": 1587,
        "true_state_at": {"10000": 0.99},
        "by_change_late": {"walk": {"steps": 400_000, "exact": 400_000}, "push": {"steps": 100_000, "exact": 100_000}},
        "mse_max": 1.3e-3,
    },
    "identity": {"states": 1_000_000, "shared_codes": 2},
    "robustness": {"exact_codes": {"16": 1.0}, "exact_steps": {"8": 1.0, "16": 0.99987}},
}


@pytest.fixture
def results(tmp_path, monkeypatch) -> Path:
    """Give an empty folder in the place of benchmarks/results/."""
    monkeypatch.setattr(evidence, "RESULTS", tmp_path / "results")
    return tmp_path / "results"


# ---- the tables


def test_the_tables_in_the_readmes_are_those_that_the_results_make():
    assert tables.differences() == []


def test_every_table_stands_in_the_readmes_once():
    texts = [(ROOT / document).read_text() for document in tables.DOCUMENTS]
    assert sorted(name for text in texts for name in tables.MARKED.findall(text)) == sorted(tables.TABLES)
    assert sum(text.count("<!-- ") for text in texts) == 2 * len(tables.TABLES)  # none is left open


def test_a_table_that_the_results_do_not_make_is_named(tmp_path, monkeypatch, capsys):
    for document in tables.DOCUMENTS:
        (tmp_path / document).parent.mkdir(exist_ok=True)
        (tmp_path / document).write_text((ROOT / document).read_text())
    readme = tmp_path / "docs/commands.md"
    readme.write_text(readme.read_text().replace("| `--key` | Integer |", "| `--key` | Number |"))
    monkeypatch.setattr(tables, "ROOT", tmp_path)
    monkeypatch.setattr(tables, "TABLES", {name: lambda: "" for name in tables.TABLES} | {
        "options": tables.TABLES["options"], "world-models": tables.TABLES["world-models"]})  # fmt: skip
    assert tables.main("--check") == 1
    said = capsys.readouterr().out.splitlines()
    assert "docs/commands.md: table options isn't what the results make; python benchmarks/tables.py writes it" in said
    assert not any("world-models" in line for line in said)
    assert tables.main() == 0 and tables.main("--check") == 0
    assert "| `--key` | Integer |" in readme.read_text()


def test_figures_come_to_the_rows_that_are_expected(results):
    evidence.record("exactness", {"sokoban": FIGURES})
    assert (
        "| `sokoban` | nearly | 192 | 235 s | 99.99% of 10,000 steps, exact on 2,344 of 2,345 pushes "
        "| 1,586 of 10,000 steps, in 99 of 100 episodes | exact on 100,000 pushes | 2 of 1,000,000 | 100% |"
    ) in tables.outcome()
    assert (
        "| sokoban | nearly | 192 | 235 s | 7 | 99.99% | walk 7,655 of 7,655, push 2,344 of 2,345 | 1,586 of 10,000 "
        "| 99 of 100 | 1587 | walk 400,000 of 400,000, push 100,000 of 100,000 | 99.00% | 2 of 1,000,000 | 1.3e-03 "
        "| 100%, 99.98% |  |"
    ) in tables.exactness()


def test_what_was_not_measured_is_said_not_to_be(results):
    for name, make in tables.TABLES.items():
        if name not in ("demo", "options", "world-models", "metrics"):
            assert tables.MISSING in make(), name
    evidence.record("exactness", {"sokoban": FIGURES})
    assert f"| lightsout | {tables.MISSING} |" in tables.outcome() and "| `sokoban` | nearly |" in tables.outcome()


def test_the_line_below_a_table_says_which_rows_another_commit_or_day_has(results):
    evidence.record("prompt", {name: {"seconds": 0.5} for name in ("help", "show")})
    [line] = tables.prompt().split("\n\n")[1:]
    assert line.startswith(f"Measured at `{evidence.commit()[:7]}`") and "help" not in line
    place = results / "prompt.json"
    content = json.loads(place.read_text())
    content["rows"]["show"] |= {"commit": "0123456789abcdef+changes", "date": "2026-01-02"}
    place.write_text(json.dumps(content))
    [line] = tables.prompt().split("\n\n")[1:]
    assert "`0123456` with changes (show) on 2026-01-02" in line and "(help) on" in line


# ---- the results


def test_a_run_of_some_rows_keeps_the_others_as_they_were_measured(results, monkeypatch):
    rows = {name: {"seconds": 1.0} for name in ("one", "two", "gone")}
    monkeypatch.setattr(evidence, "commit", lambda: "earlier")
    evidence.record("prompt", rows)
    monkeypatch.setattr(evidence, "commit", lambda: "later")
    evidence.record("prompt", {"two": {"seconds": 2.0}}, among=["two", "one", "three"])
    found = evidence.read("prompt")
    assert {name: (row["commit"], row["figures"]["seconds"]) for name, row in found.items()} == {
        "two": ("later", 2.0),
        "one": ("earlier", 1.0),
    }
    assert list(found) == ["two", "one"]


def test_a_row_says_the_machine_and_neither_its_name_nor_a_path(results):
    evidence.record("prompt", {"help": {"seconds": 0.5}})
    machine = evidence.read("prompt")["help"]["machine"]
    assert {"processor", "cores", "memory_gb", "python", "numpy", "h5py", "keras"} <= set(machine)
    written = (results / "prompt.json").read_text()
    assert str(Path.home()) not in written and str(ROOT) not in written
    assert platform.node() not in written


def test_a_commit_whose_code_was_changed_is_marked(tmp_path, monkeypatch):
    monkeypatch.setattr(evidence, "ROOT", tmp_path)
    assert evidence.commit() == "unknown"
    (tmp_path / "pipeline").mkdir()
    code = tmp_path / "pipeline" / "code.py"
    code.write_text("a = 1\n")
    identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    for words in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-q", "-m", "a state"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    clean = evidence.commit()
    assert len(clean) == 40
    (tmp_path / "README.md").write_text("a table\n")
    assert evidence.commit() == clean
    code.write_text("a = 2\n")
    assert evidence.commit() == f"{clean}+changes"


def test_what_is_known_to_fail_is_not_called_exact():
    row = evidence.read("exactness").get("sokoban, too little data")
    if row is None:
        pytest.skip("not measured on this code yet")
    assert row["figures"]["verdict"] != "exact"


def test_the_tables_name_cases_that_there_are():
    assert {*tables.OUTCOMES, *tables.PROVEN} <= set(CASES)


# ---- dvc.lock


def test_the_lock_is_that_of_the_tree(tmp_path):
    copy_files(tmp_path)
    for name in ("dvc.lock", "models/experiment/metrics.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    subprocess.run(["git", "init", "-q", "."], cwd=tmp_path, check=True)
    assert not (found := changes(tmp_path)), f"dvc repro makes dvc.lock anew: {'; '.join(found)}"


def changes(root: Path) -> list[str]:
    """Have DVC say which code, commands and figures in git aren't those of the lock; data and models may be missing."""
    said = subprocess.run(
        [sys.executable, "-m", "dvc", "status", "--json"], cwd=root, check=True, capture_output=True, text=True
    )
    found = []
    for stage, entries in json.loads(said.stdout).items():
        for entry in entries:  # "changed command", or {"changed deps": {"pipeline/puzzles": "modified"}}
            paths = [] if isinstance(entry, str) else [item for kind in entry.values() for item in kind.items()]
            found += [f"{stage}: {entry}"] if isinstance(entry, str) else []
            found += [f"{stage}: {path} {how}" for path, how in paths if how not in ("deleted", "not in cache")]
    return found
