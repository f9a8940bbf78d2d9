"""How exact the world models are, and how long they take from a dataset file to that: every claim of the README.

    python benchmarks/exactness.py                       all cases, some 45 minutes on two cores
    python benchmarks/exactness.py rubikscube lightsout  these cases
    python benchmarks/exactness.py list                  what cases there are

Each case generates its dataset, trains as a whole process by the documented command, and is then measured in full by
`evaluate`. Prints a table, and keeps it with all metrics in models/exactness/.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "models" / "exactness"
STOP = "--train_epochs 20 --stop_when_exact 5"
SIZED = "--dataset rubikscube --world_model rubikscube --dataset_size 100000"
CASES = {  # name: what train and evaluate get, what evaluate alone gets
    "rubikscube": ("--dataset rubikscube --world_model rubikscube", ""),
    "rubikscube, key 1": ("--dataset rubikscube --world_model rubikscube --key 1", ""),
    "rubikscube, key 2": ("--dataset rubikscube --world_model rubikscube --key 2", ""),
    "rubikscube_optimized": ("--dataset rubikscube --world_model rubikscube_optimized", ""),
    "lightsout": ("--dataset lightsout --world_model lightsout", ""),
    "slidepuzzle": ("--dataset slidepuzzle --world_model slidepuzzle", ""),
    "sokoban": ("--dataset sokoban --world_model sokoban", ""),
    "sokoban_optimized": ("--dataset sokoban --world_model sokoban_optimized", ""),
    "24x24": (f"{SIZED} --img_size 24 24", "--states 200000"),
    "32x64": (f"{SIZED} --img_size 32 64", "--states 200000"),
    "48x40": (f"{SIZED} --img_size 48 40", "--states 200000"),
    "64x64": (f"{SIZED} --img_size 64 64", "--states 200000"),
    "lightsout_4x4": ("--dataset lightsout_4x4 --world_model lightsout", "--exhaustive"),
    "slidepuzzle_3x3": ("--dataset slidepuzzle_3x3 --world_model slidepuzzle", "--exhaustive"),
    "rubikscube_2x2x2": ("--dataset rubikscube_2x2x2 --world_model rubikscube", "--exhaustive"),
}
DATASET_OPTIONS = ("--dataset", "--dataset_size", "--key", "--img_size")


def run(program: str, *words: str) -> float:
    """Run one of our programs; gives its seconds."""
    began = time.perf_counter()
    subprocess.run([sys.executable, str(ROOT / program), *words], check=True, cwd=FOLDER)
    return time.perf_counter() - began


def of_dataset(words: list[str]) -> list[str]:
    """Keep the options that make the dataset."""
    kept, keeps = [], False
    for word in words:
        keeps = word in DATASET_OPTIONS if word.startswith("--") else keeps
        kept += [word] * keeps
    return kept


def measure(case: str) -> dict:
    """Generate, train and evaluate one case; gives the metrics and the seconds of each."""
    words, measured = (part.split() for part in CASES[case])
    place = ["--output_dir", f"runs/{case.replace(', ', '-').replace(' ', '')}"]
    generated = run("generate.py", *of_dataset(words))
    trained = run("train.py", *words, *place, *STOP.split(), "--retrain")
    evaluated = run("main.py", "world_model_train", "evaluate", *words, *place, *measured)
    metrics = json.loads((FOLDER / place[1] / "metrics.json").read_text())
    return {"seconds": {"generate": generated, "train": trained, "evaluate": evaluated}, **metrics}


def table(found: dict[str, dict]) -> str:
    """Write the figures as a Markdown table."""
    lines = [
        "| Case | Bits | `train`, from the file on disk | Epochs | One step exact | Open loop, steps exact in all "
        "episodes | True states at their end | Shared codes | Worst error of a dream | Exact steps under σ 8, 16 "
        "| Proof |"
    ]
    lines.append("|---" * (lines[0].count("|") - 1) + "|")
    for case, row in found.items():
        rollout, identity, noise = row["rollout"], row["identity"], row["robustness"]["exact_steps"]
        proof = row.get("proof")
        said = "" if proof is None else (
            f"{proof['wrong_transitions']} wrong of {proof['transitions']:,}, {proof['shared_codes']} shared codes"
        )  # fmt: skip
        lines.append(
            f"| {case} | {row['bits']} | {row['seconds']['train']:.0f} s | {row['epochs']} "
            f"| {row['one_step_exact']:.2%} | {rollout['steps_all_exact']:,} of {rollout['steps']:,} "
            f"| {rollout['true_state_at'][str(rollout['steps'])]:.2%} "
            f"| {identity['shared_codes']:,} of {identity['states']:,} | {rollout['mse_max']:.1e} "
            f"| {noise['8']:.2%}, {noise['16']:.2%} | {said} |"
        )
    return "\n".join(lines)


def main(*chosen: str):
    """Measure the chosen cases, all if none is, and print the table."""
    unknown = [case for case in chosen if case not in CASES]
    if unknown:
        print(f"cases: {', '.join(CASES)}" + ("" if unknown == ["list"] else f". Received: {unknown[0]}"))
        return 0 if unknown == ["list"] else 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    found = {}
    for case in chosen or CASES:
        found[case] = measure(case)
        (FOLDER / "exactness.json").write_text(json.dumps(found, indent=2) + "\n")
        (FOLDER / "exactness.md").write_text(table(found) + "\n")
    print(table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
