"""Environments that others draw, by the code whose rules are shortest, with the table switched off.

    python benchmarks/others.py [FOLDER] [CASE ...]

`LOOKED_AT` were looked at while the search was made. The ids of `FRESH` were written down before their first run.
Each is trained and measured by one command, `--world_model cells`, and measured in full by another, on walks of its
own, for MiniGrid in layouts never seen; the seconds are the first one's. Writes results/others.json.
"""

import contextlib
import io
import json
import os
import shutil
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import evidence
from pipeline.command_line.cli import main as run_command

EIGHT, FULL_VIEW = ["--img_size", "64", "64"], ["--env_options", "highlight=False"]
NOVEL = ["--policy", "novel", "--dataset_size", "8000", "--shuffle_length", "100"]
FROZEN = ["--env_options", "map_name=8x8,is_slippery=false"]
LOOKED_AT = {
    "gym:FrozenLake-v1": [*FROZEN, *EIGHT, *NOVEL],
    "gym:CliffWalking-v1": [*EIGHT, *NOVEL],
    "gym:minigrid:MiniGrid-Empty-8x8-v0": [*FULL_VIEW, *EIGHT, *NOVEL],
    "gym:minigrid:MiniGrid-DoorKey-8x8-v0": [  # in shorter episodes, or by random steps, none comes to the end
        *FULL_VIEW, *EIGHT, "--policy", "novel", "--dataset_size", "20000", "--shuffle_length", "1000",
    ],
    "gym:minigrid:MiniGrid-FourRooms-v0": [
        *FULL_VIEW, "--img_size", "76", "76", "--dataset_size", "30000", "--shuffle_length", "100",
    ],
    "gym:Taxi-v4": [  # of 536 × 456 pixels; many pictures are seen only where an episode begins
        "--img_size", "57", "67", "--policy", "novel", "--dataset_size", "25000", "--shuffle_length", "30",
    ],
}  # fmt: skip
WALK = ["--dataset_size", "20000", "--shuffle_length", "100"]
FRESH = {
    "gym:minigrid:MiniGrid-LavaGapS7-v0": [*FULL_VIEW, "--img_size", "56", "56", *WALK],
    "gym:minigrid:MiniGrid-SimpleCrossingS9N2-v0": [*FULL_VIEW, "--img_size", "72", "72", *WALK],
    "gym:minigrid:MiniGrid-Unlock-v0": [*FULL_VIEW, "--img_size", "48", "88", *WALK],
    "gym:minigrid:BabyAI-GoToRedBallGrey-v0": [*FULL_VIEW, *EIGHT, *WALK],
    "gym:Blackjack-v1": [*EIGHT, "--dataset_size", "8000"],
    "gym:gym_simplegrid:SimpleGrid-8x8-v0": [*EIGHT, *NOVEL],  # of another package: pip install gym-simplegrid
}
CASES = LOOKED_AT | FRESH
FIGURES = ("verdict", "one_step_exact", "one_step_by_pair", "unknown_steps", "true_pictures", "told_apart", "rollout")
SAID = "world model chosen", "board found", "rules found", "error"  # how lines of `train` begin that say what it found
LOSES = "don't come back from their code"  # how one may end


def trained(words: list[str], run: Path) -> dict:
    """Train and measure quickly by one command; gives what came out, and the seconds of the processor's time."""
    shutil.rmtree(run, ignore_errors=True)
    began, said = os.times(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = run_command(["world_model_train", "train", *words, "--output_dir", str(run)])
    seconds = sum(now - then for now, then in zip(os.times()[:4], began))
    found = {
        "found": [line for line in said.getvalue().splitlines() if line.startswith(SAID) or line.endswith(LOSES)],
        "cpu_seconds": seconds,
    }
    if code > 128:  # a signal: what was cut short says nothing
        raise SystemExit(code)
    if code:
        return found | {"exit": code}
    return found | figures(run)


def figures(run: Path) -> dict:
    """Give what was measured last of a run."""
    metrics = json.loads((run / "metrics.json").read_text())
    return {name: metrics.get(name) for name in FIGURES}


def measure(folder: Path, case: str) -> dict:
    """Train a case, measure it in full by another command, and give what came out."""
    run, data = folder / case.replace(":", "-"), ["--data_dir", str(folder / "data")]
    found = trained(["--dataset", case, *CASES[case], "--world_model", "cells", "--train_epochs", "1", *data], run)
    if "exit" in found:
        return found
    run_command(["world_model_train", "evaluate", "--output_dir", str(run), *data])
    return found | figures(run)


def main(folder: str = "models/others", *chosen: str) -> int | None:
    """Measure the chosen cases, all if none is, and record each once it is done."""
    return evidence.record_each("others", CASES, chosen, Path(folder), partial(measure, Path(folder)))


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
