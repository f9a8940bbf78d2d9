"""`explain`: every figure that is measured is explained, by what measures it."""

import json
from pathlib import Path

import pytest

from pipeline.command_line.cli import main
from pipeline.show.explain import GOOD, metrics

EXPLAIN = ["world_model_train", "explain"]
RECORDED = Path(__file__).parents[1] / "models/experiment/metrics.json"
GROUPS = ("rollout", "identity", "robustness", "code_use")


def names_in(figures: dict) -> set[str]:
    """Give the names of the figures of a run, those of a group with its name."""
    inner = {f"{group}.{name}" for group in GROUPS for name in figures[group]}
    return (figures.keys() - set(GROUPS)) | inner


def test_every_figure_of_a_run_is_explained():
    assert not names_in(json.loads(RECORDED.read_text())) - metrics().keys()


def test_what_only_some_runs_have_is_explained_too():
    assert {
        "exact_where_certain",
        "left_out",
        "rollout.steps_walked",
        "chance.bound",
        "proof.proven",
    } <= metrics().keys()


def test_what_is_good_is_said_of_figures_that_there_are():
    assert GOOD.keys() <= metrics().keys()


@pytest.mark.parametrize("metric", ["identity.two_ways_one_code", "two_ways_one_code"])
def test_a_figure_is_explained_by_its_name_with_or_without_its_group(metric, capsys):
    assert main([*EXPLAIN, metric]) == 0
    said = capsys.readouterr().out
    assert said.startswith("identity.two_ways_one_code\n") and "decode to the true picture" in said
    assert said.splitlines()[-1] == "  good: 1, all of them"


def test_a_group_and_everything_can_be_asked_for(capsys):
    assert main([*EXPLAIN, "code_use"]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line[0] != " "] == [
        "code_use.constant_bits",
        "code_use.entropy",
        "code_use.least_bits",
    ]
    assert main(EXPLAIN) == 0
    said = capsys.readouterr().out
    assert all(f"{name}\n" in said for name in metrics()) and max(map(len, said.splitlines())) <= 100


def test_what_isnt_a_figure_is_refused_in_one_line_with_what_was_probably_meant(capsys):
    assert main([*EXPLAIN, "one_step_exat"]) == 2
    said = capsys.readouterr().err
    assert "did you mean 'one_step_exact'?" in said and "Received: --metric one_step_exat" in said
    assert said.count("\n") == 1
