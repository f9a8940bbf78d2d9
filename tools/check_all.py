"""What the tests have no time for: every block of the documents, an agent in a dream, other backends.

    python tools/check_all.py                     all of it
    python tools/check_all.py docs/index.md jax   the blocks of this document; this backend

In a fresh clone of the last commit, in a folder that is thrown away. Commands run as they stand in the documents. Their
Python runs in .venv-torch, where Keras' backend is PyTorch, Stable-Baselines3 is there and TensorFlow isn't. Then every
run that the documents made is loaded under JAX, in .venv-jax, and under PyTorch, and must give the same as under
TensorFlow. Both environments are made when they are missing: gigabytes to download.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ("README.md", "docs/index.md", "docs/your-own-data.md", "docs/using-a-model.md", "docs/commands.md",
             "docs/datasets.md")  # fmt: skip
BACKENDS = {"jax": ("jax==0.10.2",), "torch": ("torch", "stable-baselines3")}
ELSEWHERE = re.compile(r"^make (check|test|setup)\b.*$", re.MULTILINE)  # what .ci/run runs
USE = """
import sys
from pathlib import Path
import keras
import numpy as np
from pipeline import load
from pipeline.puzzles import PUZZLES

for place in sorted(Path("models").glob("*/training.json")):
    model = load(place.parent)
    rng, file = np.random.default_rng(0), Path(f"{place.parent.name}.npz")
    if keras.backend.backend() == "tensorflow":
        puzzle, codes = PUZZLES.get(model.dataset), rng.integers(0, 2, (64, model.bits))
        seen = puzzle.render(puzzle.start(rng, 64, "anywhere"), model.img_size) if puzzle else model.decode(codes)
        codes = model.encode(seen)
    else:
        assert "tensorflow" not in sys.modules
        codes = np.load(file)["codes"]
    actions = np.random.default_rng(1).integers(0, len(model.actions), 64)
    images = model.decode(codes)
    encode, decode, step = model.functions()
    found = {
        "codes": model.encode(images), "images": images, "step": model.step(codes, actions),
        "network": model.model.step(codes, actions), "known": model.known(codes, actions),
        "successors": model.successors(codes), "rollout": model.rollout(codes, [actions] * 5),
        "pure": keras.ops.convert_to_numpy(step(encode(images), actions)),
    }
    plan = model.solve(codes[0], model.rollout(codes[0], actions[:3])[-1], seconds=5, train_seconds=5)
    assert np.array_equal(model.rollout(codes[0], plan.actions)[-1], model.rollout(codes[0], actions[:3])[-1])
    if keras.backend.backend() == "tensorflow":
        np.savez(file, **found)
    with np.load(file) as expected:
        wrong = [name for name, array in found.items() if not np.array_equal(array, expected[name])]
    print(f"{keras.backend.backend()}: {model} {'differs in ' + ', '.join(wrong) if wrong else 'gives the same'}")
    assert not wrong
"""


def blocks(document: str) -> list[tuple[str, str]]:
    """Give the blocks of a document that can be run, each with its language: "python" or "" for commands."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", (ROOT / document).read_text(), re.MULTILINE | re.DOTALL)
    runs = re.compile(r"^(\. \.venv|make|python|dvc) ?", re.MULTILINE)
    return [(kind, ELSEWHERE.sub("", text)) for kind, text in found if kind == "python" or runs.match(text)]


def environment(backend: str) -> Path:
    """Give the Python of an environment with a backend and without TensorFlow, made now if it isn't there."""
    python = ROOT / f".venv-{backend}" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", python.parents[1]], check=True)
        files = [word for name in ("requirements", "requirements-gym") for word in ("-r", str(ROOT / f"{name}.txt"))]
        words = ["-m", "pip", "install", "--quiet", "-c", str(ROOT / "constraints.txt"), *files, *BACKENDS[backend]]
        subprocess.run([python, *words], check=True)
    return python


def run(words: list, folder: Path, **more: str):
    """Run a command in a folder; its output is shown."""
    path = f"{ROOT / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    subprocess.run(words, cwd=folder, check=True, env=kept | {"PATH": path, "PYTHONPATH": str(folder)} | more)


def run_blocks(document: str, folder: Path):
    """Run the blocks of a document one after the other; a Python block after those before it."""
    before = ""
    for kind, text in blocks(document):
        print(f"\n==== {document}\n{text}", flush=True)
        if file := re.match(r"# (\w+\.py)\n", text):
            (folder / file[1]).write_text(text)
        elif kind == "python":
            run([environment("torch"), "-c", before + text], folder, KERAS_BACKEND="torch")
            before += text + "\n"
        else:
            run(["bash", "-euc", text], folder)


def main(*chosen: str) -> int:
    """Run the chosen documents and backends, all if none is."""
    unknown = set(chosen) - {*DOCUMENTS, *BACKENDS}
    if unknown:
        print(f"error: choose from {', '.join((*DOCUMENTS, *BACKENDS))}. Received: {', '.join(sorted(unknown))}")
        return 2
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), folder], check=True)
        (folder / ".venv").symlink_to(ROOT / ".venv")
        for document in DOCUMENTS:
            if not chosen or document in chosen:
                run_blocks(document, folder)
        if chosen and not set(chosen) & set(DOCUMENTS):  # the runs to load, which a document's first block makes
            run(["bash", "-euc", blocks("docs/using-a-model.md")[0][1]], folder)
        backends = [name for name in BACKENDS if not chosen or name in chosen]
        if backends:
            run([sys.executable, "-c", USE], folder)
        for name in backends:
            run([environment(name), "-c", USE], folder, KERAS_BACKEND=name)
    print("all of it ran")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
