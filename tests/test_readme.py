"""What the documents say of puzzles and pictures is what there is; their tables are tested in test_evidence.py."""

import re
from pathlib import Path

import pytest

from pipeline.command_line.cli import main
from pipeline.command_line.options import COMMANDS
from pipeline.puzzles import PUZZLES

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "benchmarks/README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
COMMANDS_TEXT = (ROOT / "docs/commands.md").read_text()


@pytest.mark.parametrize("name", PUZZLES)
def test_every_puzzle_is_listed_with_its_number_of_states(name):
    count = PUZZLES[name].state_count
    assert f"| `{name}` |" in COMMANDS_TEXT and (count is None or f"{count:,}" in COMMANDS_TEXT)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_spoken_of(name):
    assert re.search(rf"`{name}[ `]", "".join(path.read_text() for path in DOCUMENTS))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_and_picture_is_there(path):
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text()) if "://" not in link]
    assert not [link for link in links if not (path.parent / link.partition("#")[0]).exists()]


def command_lines(text: str) -> list[str]:
    """Give the commands in a document's blocks, whole where they go on over a line's end."""
    blocks = re.split(r"^```.*$", text, flags=re.MULTILINE)[1::2]
    return re.findall(r"python main.py (world_model_train .*)", "\n".join(blocks).replace("\\\n", " "))


COMMAND_LINES = sorted({line for path in DOCUMENTS for line in command_lines(path.read_text())})


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_every_command_line_has_options_that_there_are(line, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = main([*line.split(), "--no_such_option", "1"])
    said = capsys.readouterr().err
    assert code == 2 and "no_such_option" in said, said


def test_no_documented_training_goes_through_the_2000_epochs_of_the_default():
    trainings = [line for line in COMMAND_LINES if line.startswith("world_model_train train ")]
    assert trainings and not [line for line in trainings if "--train_epochs" not in line and "…" not in line]
