"""How fast datasets are generated, beside limits that the same run measures.

    python benchmarks/generation.py          10,000 and 300,000 transitions
    python benchmarks/generation.py 10M      and ten million of the cube: 5 GB of disk

Prints tables and writes results/generation.json. Every figure is a median. The datasets are written to a folder of the
moment in data/.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the plain product on one core

import h5py
import numpy as np
from tqdm import tqdm

from benchmarks import evidence, tables
from pipeline.command_line.options import GenerateCommand
from pipeline.command_line.values import read_count
from pipeline.dataset.chunks import pack
from pipeline.dataset.key import DatasetKey
from pipeline.dataset.layout import frame_count
from pipeline.dataset.writing import SplitWriter, new_file
from pipeline.generation.stage import draw_and_pack, trajectory_block
from pipeline.puzzles import PUZZLES
from pipeline.puzzles.pieces import PIXELS
from pipeline.system.executors import InOrder, workers

ROOT = Path(__file__).resolve().parents[1]
NAMES, IMG = ("rubikscube", "sokoban", "slidepuzzle", "lightsout"), (32, 32)
SIZE, LARGE = 300_000, 10_000_000  # what is generated of each, and what only the call of the second line generates
CHUNK = 2**19 // (3 * IMG[0] * IMG[1])  # images in a chunk of the file
RUNS = 5
# A process of its own: its cores, the time of writing one dataset without the imports, its peak memory.
CHILD = """
import json, os, resource, sys, time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
cores, name, size, place = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
mine = sorted(os.sched_getaffinity(0))
os.sched_setaffinity(0, mine[:cores] if cores > 0 else mine[-1:])  # -1 for the last core alone
from pipeline.generation.stage import ensure_dataset
from pipeline.command_line.options import GenerateCommand
options = GenerateCommand(dataset=name, dataset_size=size, data_dir=place)
with open(os.devnull, "w") as quiet, redirect_stdout(quiet), redirect_stderr(quiet):
    began = time.perf_counter()
    path = ensure_dataset(options)
    seconds = time.perf_counter() - began
print(json.dumps({"seconds": seconds, "megabytes": path.stat().st_size / 1e6,
                  "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3}))
path.unlink()
"""


def generate(name: str, size: int, cores: int, place: str) -> dict:
    """Generate a dataset in a process of its own; gives seconds, the file's megabytes and the peak memory in MB."""
    return _result(_start(name, size, cores, place))


def generate_two_at_once(name: str, size: int, place: str) -> dict:
    """Generate two datasets in two processes, each on a core of its own; gives the middle of the figures of each."""
    folders = [tempfile.mkdtemp(dir=place) for _ in range(2)]
    started = [_start(name, size, cores, folder) for cores, folder in zip((1, -1), folders)]
    return middle([_result(process) for process in started])


def _start(name: str, size: int, cores: int, place: str) -> subprocess.Popen:
    words = [sys.executable, "-c", CHILD, str(cores), name, str(size), place]
    return subprocess.Popen(words, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True)


def _result(process: subprocess.Popen) -> dict:
    return json.loads(process.communicate()[0])


def middle(runs: list[dict]) -> dict:
    """Give the median of each figure."""
    return {name: median(run[name] for run in runs) for name in runs[0]}


def seconds(*calls, runs: int = 41) -> list[float]:
    """Time some calls by turns; gives the median of each."""
    times = [[] for _ in calls]
    for _ in range(runs):
        for call, found in zip(calls, times):
            began = time.perf_counter()
            call()
            found.append(time.perf_counter() - began)
    return [median(found) for found in times]


def rendering(name: str, states: np.ndarray) -> dict:
    """Time `render`, and what can't be spared: the bare look-up of as many ready-numbered pieces, and a copy.

    The pieces are those that the puzzle is drawn from: a few pixels of the cube, a strip of cells of a board. Both
    put the bytes of the images into new memory, as `render` does.
    """
    puzzle, part = PUZZLES[name], states[:CHUNK]
    images = puzzle.render(part, IMG)
    row = {"rubikscube": 3 * PIXELS, "sokoban": 48, "slidepuzzle": 48, "lightsout": 96}[name]  # bytes in a piece
    pieces = images.nbytes // row
    versions = 20_000 if name == "rubikscube" else 1000
    table = np.zeros(versions, f"V{row}")
    numbers = np.random.default_rng(0).integers(0, versions, pieces)
    drawn, looked_up, copied = seconds(
        lambda: puzzle.render(part, IMG), lambda: table.take(numbers, mode="clip"), lambda: images.copy()
    )
    found = {"render µs": drawn, "look-up µs": looked_up, "copy µs": copied}
    if name == "rubikscube":  # what drawing by linear algebra would take at the least
        colours = np.random.default_rng(0).random((3 * CHUNK, puzzle.state_size), np.float32)
        weights = np.ones((puzzle.state_size, IMG[0] * IMG[1]), np.float32)
        found["product µs"] = seconds(lambda: colours @ weights)[0]
    found = {what: each / CHUNK * 1e6 for what, each in found.items()}
    return {**found, "times look-up": drawn / looked_up, "times copy": drawn / copied}


def writing(name: str, states: np.ndarray, place: Path) -> dict:
    """Time the writing of packed images into a file of ours and, the limit, straight into a plain HDF5 file."""
    chunks = draw_and_pack(name, IMG, states[: len(states) // CHUNK * CHUNK], CHUNK) * 8
    frames = len(chunks) * CHUNK

    def ours():
        with new_file(place / "ours.h5") as file, workers() as (executor, _):
            writer = SplitWriter(file, "train", frames - 1, frames - 1, IMG, 1)
            writer.begin(InOrder(executor, 1), pack, 1)
            writer.rows["images"]._write(chunks)

    def limit():
        with open(place / "limit.h5", "w") as disk:
            with h5py.File(place / "limit.h5", "w") as file:
                array = file.create_dataset(
                    "x", (frames, *IMG, 3), np.uint8, chunks=(CHUNK, *IMG, 3), compression="gzip", fletcher32=True
                )
                for number, (packed, _) in enumerate(chunks):
                    array.id.write_direct_chunk((number * CHUNK, 0, 0, 0), packed)
            os.fsync(disk)

    ours_took, limit_took = seconds(ours, limit, runs=9)
    size = sum(len(packed) for packed, _ in chunks) / 1e6
    return {"our MB/s": size / ours_took, "limit MB/s": size / limit_took, "times limit": ours_took / limit_took}


def packing(states: np.ndarray, name: str) -> dict:
    """Time compression with both checksums."""
    images = PUZZLES[name].render(states[:CHUNK], IMG)
    (took,) = seconds(partial(pack, images, CHUNK), runs=15)
    return {"pack µs": took / CHUNK * 1e6, "raw MB/s": images.nbytes / took / 1e6,
            "times smaller": images.nbytes / len(pack(images, CHUNK)[0][0])}  # fmt: skip


def main():
    """Measure everything and print the tables."""
    sizes = [10_000, SIZE, *map(read_count, sys.argv[1:])]
    data = ROOT / "data"
    data.mkdir(exist_ok=True)
    rows: dict[str, dict] = {name: {} for name in NAMES}
    with tempfile.TemporaryDirectory(dir=data) as folder:
        for name in tqdm(NAMES, unit="puzzle"):
            ways = {"one": [], "two": [], "apart": []}
            for _ in range(RUNS):
                ways["one"].append(generate(name, SIZE, 1, folder))
                ways["two"].append(generate(name, SIZE, 2, folder))
                ways["apart"].append(generate_two_at_once(name, SIZE, folder))
            one, two, apart = (middle(runs) for runs in ways.values())
            rows[name]["rate"] = {
                "transitions/s, one core": SIZE / one["seconds"], "two cores": SIZE / two["seconds"],
                "ratio": one["seconds"] / two["seconds"], "two processes": 2 * one["seconds"] / apart["seconds"],
                "file MB": two["megabytes"],
            }  # fmt: skip
            puzzle = PUZZLES[name]
            states, _ = trajectory_block(name, 0, "train", puzzle.default_start, SIZE, 30, 0)
            rows[name] |= {"render": rendering(name, states), "pack": packing(states, name)}
            rows[name]["write"] = writing(name, states, Path(folder))
        for size in tqdm(sizes, unit="size"):
            found = middle([generate(NAMES[0], size, 2, folder) for _ in range(RUNS if size <= SIZE else 1)])
            splits = DatasetKey.of(GenerateCommand(dataset=NAMES[0], dataset_size=size)).sizes.values()
            rows[f"{size:,}"] = {
                "size": {
                    "µs per transition": found["seconds"] / size * 1e6,
                    "µs per frame, unseen walks included": found["seconds"]
                    / sum(frame_count(*split) for split in splits)
                    * 1e6,
                    "peak MB": found["peak"],
                }
            }
    evidence.record("generation", rows, among=[*NAMES, *(f"{size:,}" for size in sorted({*sizes, LARGE}))])
    print("\n\n".join(tables.generation(part) for part in tables.PARTS_OF_GENERATION))


if __name__ == "__main__":
    main()
