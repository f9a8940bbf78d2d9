"""What a person does with a recording: make it as the documents say, train on it, measure it, measure another one."""

import json
import re
import runpy
from pathlib import Path

import numpy as np
import pytest
from small_recordings import recorded, write_folder, write_npz

from pipeline.command_line.cli import main
from pipeline.command_line.options import TrainCommand
from pipeline.generation.stage import resolved
from pipeline.runs.folder import Run
from pipeline.training.stage import recorded as recorded_options

pytestmark = pytest.mark.usefixtures("few_measured", "quickly")
ROOT = Path(__file__).parents[2]
LINES = (ROOT / "docs/your-own-data.md").read_text()
TRAIN = ["world_model_train", "train", "--world_model=lightsout", "--stop_when_exact=2"]


@pytest.fixture
def trained(place) -> Run:
    """A run on a recording of lights out."""
    write_npz(place / "walk.npz", recorded())
    assert main([*TRAIN, "--dataset=walk.npz", "--train_epochs=30"]) == 0
    return Run("models/walk-lightsout")


def test_the_documented_lines_make_a_recording_that_is_modelled_exactly(place, capsys):
    blocks = re.findall(r"```python\n(.*?)```", LINES, re.DOTALL)
    (block,) = [block for block in blocks if "light.npz" in block]
    (place / "lines.py").write_text(block)
    runpy.run_path("lines.py")
    (command,) = re.findall(r"python main.py (.* --dataset light.npz (?:.*\\\n)*.*)", LINES)
    assert main(command.replace("\\\n", "").split()) == 0
    said = capsys.readouterr().out
    assert "exact: all 120 unseen steps" in said and "all 120 open-loop steps of 6 episodes, and 8 states" in said
    assert "not measured without `read`: true_state, " in said
    assert main(["world_model_train", "show", "models/light-lightsout"]) == 0
    assert re.search(r"^left:", said := capsys.readouterr().out, re.MULTILINE) and "action 0" not in said
    assert main(["world_model_train", "export", "models/light-lightsout"]) == 0
    assert "(:action right" in Path("models/light-lightsout/export/domain.pddl").read_text()


def test_a_run_is_measured_on_its_recording_and_on_another_and_says_what_it_leaves_out(trained, place, capsys):
    metrics = json.loads(trained.metrics_file.read_text())
    assert metrics["verdict"] == "exact" and metrics["rollout"]["steps_walked"] == 100
    assert "true_state" not in metrics and "two_ways" not in metrics["identity"]
    assert set(metrics["left_out"]) == {"step", "read", "inverse"}
    capsys.readouterr()
    assert main([*TRAIN, "--dataset=walk.npz", "--train_epochs=30"]) == 0
    assert "is finished; --retrain trains it again" in capsys.readouterr().out
    assert main(["world_model_train", "evaluate", f"--output_dir={trained.folder}"]) == 0
    assert json.loads(trained.metrics_file.read_text()) == metrics
    write_folder(place / "other", recorded(seed=1, episodes=5))
    (place / "walk.npz").unlink()
    assert main(["world_model_train", "evaluate", f"--output_dir={trained.folder}", "--dataset=other"]) == 0
    (found,) = trained.folder.glob("metrics-other-*.json")
    assert json.loads(found.read_text())["verdict"] == "exact"
    assert json.loads(trained.metrics_file.read_text()) == metrics
    write_npz(place / "fewer.npz", recorded() | {"action": np.zeros(1040, int)})
    capsys.readouterr()
    assert main(["world_model_train", "evaluate", f"--output_dir={trained.folder}", "--dataset=fewer.npz"]) == 2
    assert "--dataset must be walk.npz, which this run was trained on, or have the same actions" in (
        capsys.readouterr().err
    )
    assert main(["world_model_train", "evaluate", f"--output_dir={trained.folder}"]) == 2
    assert "there is no recording at walk.npz" in capsys.readouterr().err


def test_a_run_on_a_recording_that_has_changed_is_another_run(place):
    write_npz(place / "walk.npz", recorded())
    options = resolved(TrainCommand(dataset="walk.npz"))
    before = recorded_options(options)
    write_npz(place / "walk.npz", recorded(seed=1))
    after = recorded_options(options)
    assert [name for name in before if before[name] != after[name]] == ["source"]
