"""Somebody's own puzzle, in a file outside the repository, goes the whole way; an unfit one is refused in one line."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.command_line.cli import main
from pipeline.command_line.options import GenerateCommand
from pipeline.dataset.checks import check_digest, open_dataset
from pipeline.evaluation.exhaustive import prove
from pipeline.evaluation.subject import Subject
from pipeline.generation.stage import ensure_dataset
from pipeline.runs.folder import Run
from pipeline.sources.own_puzzle import find_puzzle
from pipeline.system.errors import UserError

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/your-own-data.md").read_text()
(LIGHTS,) = [block for block in re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL) if "# row.py" in block]
MORE = """
inverse = range(9)
state_count = 512


def all_states():
    return np.arange(512)[:, None] >> np.arange(9) & 1


def read(images):
    return images[:, 0, :: images.shape[2] // 9, 0] > 127
"""
GENERATE = ["world_model_train", "generate", "--dataset_size=1000", "--img_size=3x18"]


def write(path: Path, text: str) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return str(path)


@pytest.mark.usefixtures("few_measured", "quickly")
def test_a_puzzle_in_a_file_is_trained_and_measured_without_read(place, capsys):
    word = write(place / "elsewhere" / "row.py", LIGHTS)
    (command,) = re.findall(r"python main.py (.* row.py (?:.*\\\n)*.*)", DOCUMENT)
    words = [word if part == "row.py" else part for part in command.replace("\\\n", "").split()]
    assert main(words) == 0
    metrics = json.loads(Run("models/row-lightsout").metrics_file.read_text())
    assert metrics["verdict"] == "exact" and metrics["rollout"]["steps_all_exact"] == 300
    assert "true_state" not in metrics and set(metrics["left_out"]) == {"read", "inverse", "all_states"}
    assert "not measured without `read`: true_state, " in capsys.readouterr().out


def test_a_puzzle_with_everything_can_be_proven(place):
    puzzle = find_puzzle(write(place / "row.py", LIGHTS + MORE))
    assert puzzle.lacks == () and puzzle.state_count == 512

    class TrueModel:
        bits = 9
        encode = staticmethod(puzzle.read)
        step = staticmethod(puzzle.step)

        def decode(self, codes):
            return puzzle.render(codes, (3, 18))

    found = prove(Subject(TrueModel(), puzzle, (3, 18), 0))
    assert found["proven"] and found["transitions"] == 512 * 9


def seen_pairs(options: dict) -> set:
    """Give the pairs of state and action that a dataset's training shows."""
    with open_dataset(ensure_dataset(GenerateCommand(**options))) as file:
        states, actions, frames = (file["train"][name][:] for name in ("states", "actions", "frames"))
        return {(state.tobytes(), action) for state, action in zip(states[frames], actions.tolist())}


def test_a_policy_chooses_what_training_sees_and_another_makes_another_dataset(place):
    small = {"dataset": write(place / "row.py", LIGHTS), "dataset_size": 4000, "img_size": (3, 18)}
    at_random, novel = seen_pairs(small), seen_pairs(small | {"policy": "novel"})
    assert len(at_random) < 2900 and len(novel) > 3700  # of 512 x 9
    assert seen_pairs(small) == at_random
    write(place / "mine.py", "def lit(rng, picture):\n    return 8 if picture[0, 0].any() else 0\n")
    for word in (small["dataset"], "lightsout"):
        options = small | {"dataset": word, "policy": "mine:lit", "img_size": (32, 36)}
        assert {action for _, action in seen_pairs(options)} <= {0, 8}
        with open_dataset(ensure_dataset(GenerateCommand(**options))) as file:
            assert len(set(file["test/actions"][:].tolist())) > 8
    write(place / "mine.py", "def lit(rng, picture):\n    return 9\n")
    sys.modules.pop("mine")
    with pytest.raises(UserError, match="must give an action from 0 to 8"):
        ensure_dataset(GenerateCommand(**small, policy="mine:lit"))
    sys.modules.pop("mine")


def test_its_dataset_holds_together_and_is_another_one_when_the_file_has_changed(place, capsys):
    word = write(place / "row.py", LIGHTS)
    path = ensure_dataset(GenerateCommand(dataset=word, dataset_size=1000, img_size=(3, 18)))
    before, puzzle = path.read_bytes(), find_puzzle(word)
    with open_dataset(path) as file:
        check_digest(file)
        states, actions, frames = (file["train"][name][:] for name in ("states", "actions", "frames"))
        assert (puzzle.step(states[frames], actions) == states[frames + 1]).all()
        assert (puzzle.render(states, (3, 18)) == file["train/images"][:]).all()
    path.unlink()
    options = GenerateCommand(dataset=word, dataset_size=1000, img_size=(3, 18), dataset_minibatch_size=10)
    assert ensure_dataset(options).read_bytes() == before
    write(place / "row.py", LIGHTS + "\n# changed\n")
    assert ensure_dataset(options) == path and "was made with source=" in capsys.readouterr().out


def test_a_puzzle_may_be_an_object_in_a_file_or_in_a_package(place, monkeypatch):
    text = (
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom pipeline.puzzles.lightsout import LightsOut\n"
        "puzzle = LightsOut('mine', side=5)\n"
    )
    write(place / "five.py", text)
    monkeypatch.syspath_prepend(place)
    for word in ("five.py", "five:puzzle"):
        puzzle = find_puzzle(word)
        assert len(puzzle.actions) == 25 and puzzle.lacks == ()
        states = puzzle.start(np.random.default_rng(0), 3, "anywhere")
        assert (puzzle.read(puzzle.render(states, (10, 10))) == states).all()
    sys.modules.pop("five", None)


def instead(old: str, new: str) -> str:
    assert old in LIGHTS + MORE
    return (LIGHTS + MORE).replace(old, new)


UNFIT = {
    "no Python": ("actions = (", "SyntaxError"),
    "an error": ("import numpy as np\nnp.nothing", "AttributeError"),
    "no step": (instead("def step", "def stop"), "it must have actions, start, step, render. Received: none of the"),
    "no actions": (instead('[f"press {number}" for number in range(9)]', "[]"), "1 to 256 different names"),
    "too many": (instead("range(9)]", "range(257)]"), "1 to 256 different names"),
    "a wrong start": (instead("(n, 9)", "9"), "start must give (1, S) uint8. Received: (9,)"),
    "states of floats": (instead("rng.integers(0, 2, (n, 9))", "rng.random((n, 9))"), "uint8. Received: (1, 9) f"),
    "large states": (instead("(0, 2, (n, 9))", "(0, 999, (n, 9))"), "start must give numbers from 0 to 255"),
    "a start by chance": (instead("return rng.", "return np.random.default_rng()."), "by `rng` alone"),
    "a step that raises": (instead("return states ^", "return state ^"), "name 'state' is not defined in line 12"),
    "a step by chance": (
        instead("return states ^", "return np.random.default_rng().integers(0, 2, states.shape) ^"), "the same"
    ),
    "a step that changes": (instead("return states ^", "states[:] = 1 - states; return states ^"), "leave the states"),
    "a step of the batch": (instead("return states ^", "return states[:, :1].sum() % 2 ^"), "each state by itself"),
    "no picture": (instead("(len(states), *img_size, 3)", "(len(states), 5, 18, 3)"), "render must"),
    "all alike": (instead("np.array([255, 200, 0])", "np.array([0, 0, 0])"), "pictures that are all alike"),
    "a wrong read": (instead("> 127", "< 127"), "read must give back the states"),
    "a wrong inverse": (instead("inverse = range(9)", "inverse = range(8, -1, -1)"), "inverse must undo each action"),
    "a short inverse": (instead("inverse = range(9)", "inverse = range(8)"), "a number of an action for each action"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNFIT)
def test_an_unfit_puzzle_is_refused_in_one_line_before_anything_is_written(name, place, capsys):
    text, told = UNFIT[name]
    write(place / "row.py", text)
    assert main([*GENERATE, "--dataset=row.py"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: the puzzle row.py can't be ") and said.count("\n") == 1 and told in said, said
    assert {path.name for path in place.iterdir()} <= {"row.py", "__pycache__"}


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("none.py", "there is no puzzle at none.py"),
        ("nowhere.at:all", "ModuleNotFoundError: No module named 'nowhere'"),
        ("json:nothing", "module 'json' has no attribute 'nothing'"),
    ],
)
def test_a_puzzle_that_is_not_there_is_refused(word, told, place):
    with pytest.raises(UserError, match=told):
        find_puzzle(word)


def test_pictures_in_which_it_cannot_be_seen_are_refused(place):
    word = write(place / "row.py", LIGHTS + "\nsmallest_img_size = (1, 9)\n")
    with pytest.raises(UserError, match="--img_size must be at least 1 9 to show "):
        ensure_dataset(GenerateCommand(dataset=word, img_size=(1, 8)))
