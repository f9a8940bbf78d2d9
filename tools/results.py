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


def main():
    """Print the results; fails if there are none."""
    params = yaml.safe_load(Path("params.yaml").read_text())
    options = TrainCommand(**params["dataset"], **params["world_model"], **params["train"])
    run = Run(options.output_dir)
    found = json.loads(run.metrics_file.read_text())
    print(f"{options.dataset}: {percent(found['one_step_exact'])} of {found['transitions']:,} unseen steps exact")
    print("\n".join(f"  {sentence}" for sentence in sentences(found)))
    print(f"pictures: {run.strip} {run.dream} {run.curve}")


if __name__ == "__main__":
    main()
