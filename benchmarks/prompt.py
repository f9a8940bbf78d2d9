"""How long a person waits at the prompt: help, refusals and `show`, beside starting Python and loading what they need.

    python benchmarks/prompt.py [FOLDER]

Medians of whole processes, all commands by turns. Prints a table and writes results/prompt.json; what the commands make
lies in the folder (models/benchmark_prompt).
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import evidence, tables

ROOT = Path(__file__).resolve().parents[1]
COMMAND, RUNS = "main.py world_model_train", 15
COMMANDS = {
    "Python alone": "-c pass",
    "Python with Fire, NumPy and pydantic": "-c import\tfire,numpy,pydantic",
    "Python with these, h5py and psutil": "-c import\tfire,numpy,pydantic,h5py,psutil",
    "help": f"{COMMAND} train --help",
    "a wrong value": f"{COMMAND} train --dataset rubiks",
    "show a dataset": f"{COMMAND} show DATASET",
    "generate 1,000 transitions": "generate.py --dataset lightsout_4x4 --dataset_size 1k --data_dir NEW",
}


def seconds(words: list[str]) -> float:
    """Run a program; gives its seconds."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True)
    return time.perf_counter() - began


def main(folder: str = "models/benchmark_prompt"):
    """Run every command and print the table."""
    place = Path(folder).resolve()
    make = "generate.py --dataset lightsout_4x4 --dataset_size 1k --data_dir"
    subprocess.run([sys.executable, *make.split(), str(place / "data")], cwd=ROOT, check=True, capture_output=True)
    [dataset] = (place / "data").glob("*.h5")
    times = {name: [] for name in COMMANDS}
    for run in range(RUNS + 1):  # the first one loads the files
        for name, command in COMMANDS.items():
            known = {"DATASET": str(dataset), "NEW": str(place / f"new-{os.getpid()}-{run}")}
            words = [known.get(word, word.replace("\t", " ")) for word in command.split(" ")]
            took = seconds(words)
            times[name] += [took] * (run > 0)
    evidence.record("prompt", {name: {"seconds": statistics.median(values)} for name, values in times.items()})
    print(tables.prompt())


if __name__ == "__main__":
    main(*sys.argv[1:])
