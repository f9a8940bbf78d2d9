"""Say what the experiment of params.yaml came to: the verdict, and where the pictures are."""

import json
import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))  # the folder of the pipeline

from pipeline.codes.exactness import percent
from pipeline.command_line.options import TrainCommand
from pipeline.evaluation.verdict import sentences
from pipeline.runs.folder import Run


def experiment(root: Path) -> list[str]:
    """Say in a few lines what the experiment came to; nothing if it wasn't measured by this version."""
    options = options_of(root)
    place = root / Run(options.output_dir).metrics_file
    found = json.loads(place.read_text()) if place.exists() else {}
    if "verdict" not in found:
        return []
    exact = f"{percent(found['one_step_exact'])} of {found['transitions']:,} unseen steps exact"
    return [f"{options.dataset}: {exact}", *(f"  {sentence}" for sentence in sentences(found))]


def options_of(root: Path) -> TrainCommand:
    """Read the options of the experiment."""
    params = yaml.safe_load((root / "params.yaml").read_text())
    return TrainCommand(**params["dataset"], **params["world_model"], **params["train"])


def main() -> int:
    """Print the results; fails if there are none."""
    lines, run = experiment(Path()), Run(options_of(Path()).output_dir)
    print("\n".join(lines) or f"error: {run.metrics_file} holds no figures; dvc repro makes them")
    if lines:
        print(f"pictures: {run.strip} {run.dream} {run.curve}")
    return int(not lines)


if __name__ == "__main__":
    sys.exit(main())
