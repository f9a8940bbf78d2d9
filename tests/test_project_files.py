"""The files about the project agree with the project."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_every_room_is_described_to_who_contributes():
    described = re.findall(r"^\| `(\w+)` \|", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    assert sorted(described) == sorted(path.parent.name for path in (ROOT / "pipeline").glob("*/__init__.py"))


def test_the_hooks_before_a_commit_are_the_checks_of_make():
    (hooks,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    rule = re.search(r"^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [hook["entry"] for hook in hooks["hooks"]] == re.findall(r"@\$\(RUN\) (.*)", rule[1])
    assert hooks["repo"] == "local"


@pytest.mark.parametrize("field", ["version", "license"])
def test_the_citation_is_of_this_project(field):
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())[field] == PROJECT[field]
