"""How exact the world models are, and how long they take from a dataset file to that: every claim of the README.

    python benchmarks/exactness.py                       all cases
    python benchmarks/exactness.py rubikscube lightsout  these cases; the figures of the others stay
    python benchmarks/exactness.py list                  what cases there are

Each case generates its dataset, trains as a whole process by the documented command, which ends with a quick measure,
and is then measured in full by `evaluate`. Prints a table and writes results/exactness.json; the runs are in
models/exactness/.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import evidence, tables

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "models" / "exactness"
STOP = "--train_epochs 20 --stop_when_exact 5"
CUBE = "--dataset rubikscube --world_model rubikscube"
SIZED = f"{CUBE} --dataset_size 100000 --img_size"
FEW = "--dataset_size 300 --mini_batch_size 100 --img_size 41 37 --shuffle_length 25 --key 77"
CASES = {  # name: what train gets, what evaluate gets
    "rubikscube": (f"{CUBE} {STOP}", ""),
    "rubikscube, key 1": (f"{CUBE} --key 1 {STOP}", ""),
    "rubikscube, key 2": (f"{CUBE} --key 2 {STOP}", ""),
    "rubikscube_optimized": (f"--dataset rubikscube --world_model rubikscube_optimized {STOP}", ""),
    "lightsout": (f"--dataset lightsout --world_model lightsout {STOP}", ""),
    "slidepuzzle": (f"--dataset slidepuzzle --world_model slidepuzzle {STOP}", ""),
    "sokoban": (f"--dataset sokoban --world_model sokoban {STOP}", ""),
    "sokoban_optimized": (f"--dataset sokoban --world_model sokoban_optimized {STOP}", ""),
    "sokoban, too little data": (
        f"--dataset sokoban --world_model sokoban {FEW} --train_epochs 5",
        "",
    ),  # known not to be exact, and has to show it
    "24x24": (f"{SIZED} 24 24 {STOP}", "--states 200000"),
    "32x64": (f"{SIZED} 32 64 {STOP}", "--states 200000"),
    "48x40": (f"{SIZED} 48 40 {STOP}", "--states 200000"),
    "64x64": (f"{SIZED} 64 64 {STOP}", "--states 200000"),
    "lightsout_4x4": (f"--dataset lightsout_4x4 --world_model lightsout {STOP}", "--exhaustive"),
    "slidepuzzle_3x3": (f"--dataset slidepuzzle_3x3 --world_model slidepuzzle {STOP}", "--exhaustive"),
    "rubikscube_2x2x2": (f"{CUBE.replace('rubikscube ', 'rubikscube_2x2x2 ', 1)} {STOP}", "--exhaustive"),
}
DATASET_OPTIONS = ("--dataset", "--dataset_size", "--key", "--img_size", "--shuffle_length")


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
    """Generate, train and evaluate one case; gives the metrics, the epochs, and the seconds of each part."""
    words, measured = (part.split() for part in CASES[case])
    place = ["--output_dir", f"runs/{case.replace(', ', '-').replace(' ', '_')}"]
    generated = run("generate.py", *of_dataset(words))
    trained = run("main.py", "world_model_train", "train", *words, *place, "--retrain")
    evaluated = run("main.py", "world_model_train", "evaluate", *place, *measured)
    folder = FOLDER / place[1]
    record, metrics = (json.loads((folder / name).read_text()) for name in ("training.json", "metrics.json"))
    seconds = {"generate": round(generated, 1), "train": round(trained, 1), "evaluate": round(evaluated, 1)}
    return {"seconds": seconds, "epochs": record["summary"]["epochs"], **metrics}


def main(*chosen: str) -> int:
    """Measure the chosen cases, all if none is, and print the table."""
    code = evidence.record_each("exactness", CASES, chosen, FOLDER, measure)
    if code is not None:
        return code
    print(tables.exactness())
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
