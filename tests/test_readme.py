"""What the README says of puzzles and pictures is what there is; its tables are tested in test_evidence.py."""

from pathlib import Path

import pytest

from pipeline.puzzles import PUZZLES

README = (Path(__file__).parents[1] / "README.md").read_text()


@pytest.mark.parametrize("name", PUZZLES)
def test_every_puzzle_is_listed_with_its_number_of_states(name):
    count = PUZZLES[name].state_count
    assert f"| `{name}` |" in README and (count is None or f"{count:,}" in README)


def test_every_picture_is_there():
    folder = Path(__file__).parents[1]
    pictures = [line.split("](")[1].rstrip(")") for line in README.splitlines() if line.startswith("![")]
    assert pictures and all((folder / picture).exists() for picture in pictures)
