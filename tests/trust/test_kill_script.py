"""The script that kills real commands at random moments finds no difference."""

from pathlib import Path

import pytest
from small_run import STAGE

SMALL = {
    "train": [STAGE],
    "generate": ["generate.py --dataset rubikscube --dataset_size 10k --dataset_minibatch_size 2k"],
}
TOOLS = Path(__file__).parents[2] / "tools"


@pytest.mark.parametrize("command", [pytest.param("train", marks=pytest.mark.long), "generate"])
def test_a_kill_at_a_random_moment_changes_nothing(command, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(TOOLS))
    import kill

    monkeypatch.setattr(kill, "COMMANDS", SMALL)
    code = kill.main(1, seed=5, only=command)
    said = capsys.readouterr().out
    assert code == 0, said
    *_, together = said.strip().split("\n")
    assert sum(map(int, together.split()[1:4])) == 1 and together.split()[-1] == "0"
