"""A recording larger than the memory that a process may have: from its file to a measured model.

    python benchmarks/large_recording.py [FOLDER] [GIGABYTES]

Writes a walk of Sokoban's levels as a recording, reads it by `generate` in a process that may have LIMIT of memory of
its own, kills that at random moments, has the same command go on, and compares the bytes; then trains, a process with
LIMIT_TRAINING. Writes results/large_recording.json.
"""

import hashlib
import json
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import evidence
from pipeline.puzzles import PUZZLES

ROOT = Path(__file__).resolve().parents[1]
PUZZLE, SIDE, EPISODE, AT_ONCE = PUZZLES["sokoban"], 32, 100, 200  # pixels; frames in an episode; episodes at once
LIMIT, LIMIT_TRAINING = 2**29, 3 * 2**30  # bytes of memory that a process may have of its own
KILLS = 3


def write_recording(path: Path, gigabytes: float) -> int:
    """Write so many gigabytes of pictures of walks in levels; gives the number of frames."""
    episodes = round(gigabytes * 1e9 / (SIDE * SIDE * 3) / EPISODE / AT_ONCE) * AT_ONCE
    rng, frames = np.random.default_rng(0), episodes * EPISODE
    with h5py.File(path, "w") as file:
        images = file.create_dataset("images", (frames, SIDE, SIDE, 3), "uint8", chunks=(256, SIDE, SIDE, 3))
        file["episode"] = np.repeat(np.arange(episodes), EPISODE)
        actions = rng.integers(0, len(PUZZLE.actions), (episodes, EPISODE), np.uint8)
        file["action"] = actions.ravel()
        for first in range(0, episodes, AT_ONCE):
            states = [PUZZLE.start(rng, AT_ONCE, "anywhere")]
            for step in range(EPISODE - 1):
                states.append(PUZZLE.step(states[-1], actions[first : first + AT_ONCE, step]))
            walked = np.stack(states, axis=1).reshape(AT_ONCE * EPISODE, -1)
            images[first * EPISODE : first * EPISODE + len(walked)] = PUZZLE.render(walked, (SIDE, SIDE))
    return frames


def command(*words: str) -> list[str]:
    """Give the command line of one of our programs."""
    return [sys.executable, str(ROOT / words[0]), *words[1:]]


def run(words: list[str], limit: int, seconds: float | None = None) -> tuple[float, float]:
    """Run a command with so much memory of its own, killed after some seconds; gives its seconds and peak megabytes."""
    limited = lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))  # noqa: E731
    began = time.perf_counter()
    with subprocess.Popen(words, preexec_fn=limited, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return time.perf_counter() - began, 0.0
    assert process.returncode == 0, f"{words} ended with {process.returncode}"
    return time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000


def digest(folder: Path) -> str:
    """Give the SHA-256 of the only dataset in a folder."""
    [path] = folder.glob("*.h5")
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(folder: str = "models/large_recording", gigabytes: str = "2.1") -> None:
    """Measure and record."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    recording = place / "walk.h5"
    frames = write_recording(recording, float(gigabytes))
    generate = command("generate.py", "--dataset", str(recording), "--data_dir")
    seconds, peak = run([*generate, str(place / "unkilled")], LIMIT)
    rng, killed = random.Random(0), []
    for _ in range(KILLS):
        killed.append(round(rng.uniform(0.1, 0.9) * seconds, 1))
        run([*generate, str(place / "killed")], LIMIT, killed[-1])
    run([*generate, str(place / "killed")], LIMIT)
    train = command("main.py", "world_model_train", "train", "--dataset", str(recording), "--world_model", "sokoban")
    train += ["--data_dir", str(place / "unkilled"), "--output_dir", str(place / "run"), "--train_epochs", "2"]
    trained, peak_trained = run([*train, "--retrain"], LIMIT_TRAINING)
    metrics = json.loads((place / "run" / "metrics.json").read_text())
    figures = {
        "frames": frames, "megabytes": round(recording.stat().st_size / 1e6), "limit_megabytes": LIMIT // 10**6,
        "generate_seconds": round(seconds, 1), "peak_megabytes": round(peak), "killed_after_seconds": killed,
        "same_bytes": digest(place / "unkilled") == digest(place / "killed"),
        "limit_training_megabytes": LIMIT_TRAINING // 10**6, "train_seconds": round(trained, 1),
        "peak_training_megabytes": round(peak_trained), "verdict": metrics["verdict"],
        "one_step_exact": metrics["one_step_exact"],
    }  # fmt: skip
    evidence.record("large_recording", {"sokoban": figures})
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main(*sys.argv[1:])
