"""Say what the experiment of params.yaml came to: the accuracy on the unseen walk, and where the pictures are."""

import json
import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))  # the folder of the pipeline

from pipeline.command_line.options import TrainCommand
from pipeline.runs.folder import Run


def main():
    """Print the results; fails if there are none."""
    params = yaml.safe_load(Path("params.yaml").read_text())
    options = TrainCommand(**params["dataset"], **params["world_model"], **params["train"])
    run = Run(options.output_dir)
    found = json.loads(run.metrics_file.read_text())
    rollout = found["rollout"]
    print(f"{options.dataset}: {found['one_step_exact']:.2%} of {found['transitions']:,} unseen steps exact")
    print(f"  bits right: {found['bit_match']:.4%}, error of the decoded images: {found['reconstruction_mse']:.1e}")
    print(f"  from one image alone: {rollout['steps_all_exact']:,} of {rollout['steps']:,} steps exact in all episodes")
    print(f"pictures: {run.strip} {run.dream} {run.curve}")


if __name__ == "__main__":
    main()
