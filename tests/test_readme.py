"""What the README says of options and world models is what the code says."""

from pathlib import Path

import pytest

from pipeline.architectures import WORLD_MODELS
from pipeline.command_line.fields import markdown_table
from pipeline.command_line.options import TrainCommand
from pipeline.puzzles import PUZZLES

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_the_option_table_is_the_one_the_options_make():
    assert "\n".join(markdown_table(TrainCommand)) in README


@pytest.mark.parametrize("name", WORLD_MODELS)
def test_every_world_model_is_listed_with_its_summary(name):
    assert f"| `{name}` | {WORLD_MODELS[name]} |" in README


@pytest.mark.parametrize("name", PUZZLES)
def test_every_puzzle_is_listed_with_its_number_of_states(name):
    count = PUZZLES[name].state_count
    assert f"| `{name}` |" in README and (count is None or f"{count:,}" in README)


def test_every_picture_is_there():
    folder = Path(__file__).parents[1]
    pictures = [line.split("](")[1].rstrip(")") for line in README.splitlines() if line.startswith("![")]
    assert pictures and all((folder / picture).exists() for picture in pictures)
