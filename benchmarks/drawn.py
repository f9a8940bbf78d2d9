"""Boards that nobody drew for this program: photographs cut into tiles, handwriting, other cubes, shrunk screenshots.

    python benchmarks/drawn.py [FOLDER] [CASE ...]

Each is drawn here, brought in as a recording of 100,000 transitions and what is held out, and trained by one command,
`--world_model auto`; then dreamed 100 × 1,000 steps, each compared with the code of the true picture. The digits are
scikit-learn's (`pip install scikit-learn`). Writes results/drawn.json.
"""

import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import h5py
import matplotlib.cbook
import numpy as np
from PIL import Image
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import evidence
from benchmarks.others import trained
from pipeline.puzzles import PUZZLES, Puzzle
from pipeline.puzzles.rubikscube import BACKGROUND, COLOURS
from pipeline.puzzles.rubikscube import _visible_stickers as visible_stickers

Draw = Callable[[np.ndarray], np.ndarray]  # states (N, S) to images (N, H, W, 3) uint8
TRANSITIONS, EPISODE = 100_000, 30
DREAMS, DREAMED, COMPARED = 100, 1000, 20  # walks, steps, steps that are drawn at a time
BLANK = 40  # the grey of a cell without a tile
DRAWN = 64  # images drawn at a time, before they are shrunk
SAMPLES = 8  # per pixel and axis
EYE = 6.0  # how far from the cube's middle it is seen, in cubies
LARGE = {"rubikscube": 128, "sokoban": 160, "slidepuzzle": 128, "lightsout": 112}  # pixels, before it is shrunk


@cache
def _photograph() -> Image.Image:
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:  # which matplotlib ships
        return Image.open(file).convert("RGB")


def draw_photograph(side: int, states: np.ndarray) -> np.ndarray:
    """Draw 15-puzzles of a photograph, of which the last tile is missing."""
    photograph = _photograph()
    width = photograph.width
    square = np.asarray(photograph.resize((side, side), Image.Resampling.BOX, (0, 0, width, width)))
    tiles = square.reshape(4, side // 4, 4, side // 4, 3).swapaxes(1, 2).reshape(16, side // 4, side // 4, 3)
    return _board(np.concatenate([np.full_like(tiles[:1], BLANK), tiles[:15]]), states)


def draw_digits(side: int, states: np.ndarray) -> np.ndarray:
    """Draw 15-puzzles of fifteen digits that people have written."""
    from sklearn.datasets import load_digits  # a package that nothing else needs

    written = load_digits().images[10:25]  # (15, 8, 8) of 0…16
    tiles = np.kron(255 - np.rint(written * 255 / 16), np.ones((side // 32, side // 32))).astype(np.uint8)
    tiles = np.concatenate([np.full_like(tiles[:1], BLANK), tiles])
    return _board(np.repeat(tiles[..., None], 3, axis=3), states)


def _board(tiles: np.ndarray, states: np.ndarray) -> np.ndarray:
    shown = tiles[states.reshape(-1, 4, 4)].swapaxes(2, 3)  # (N, 4, h, 4, w, 3)
    return shown.reshape(len(states), 4 * tiles.shape[1], -1, 3)


def draw_cube(side: int, perspective: bool, gap: float, states: np.ndarray) -> np.ndarray:
    """Draw two opposite corners of cubes, in perspective or without, with a gap on each side of a sticker or none."""
    weights, ground = _cube(side, perspective, gap)
    shown = COLOURS[states].astype(np.float32).swapaxes(1, 2) @ weights  # (N, 3, H * W)
    return np.floor(shown.swapaxes(1, 2) + ground[:, None] + 0.5).astype(np.uint8).reshape(len(states), side, side, 3)


@cache
def _cube(side: int, perspective: bool, gap: float) -> tuple[np.ndarray, np.ndarray]:
    """Give how much each sticker adds to each pixel, (54, H * W) float32, and how bright the rest is, (H * W,)."""
    line = (np.arange(side * SAMPLES) + 0.5) / (side * SAMPLES)  # 0…1
    down, across = np.meshgrid(1 - 2 * line, 4 * (line % 0.5) - 1, indexing="ij")
    right, up, ahead = np.array([[1, 0, -1], [-1, 2, -1], [-1, -1, -1]]) / np.sqrt([[2], [6], [3]])
    plane = 2.7 * (across[..., None] * right + down[..., None] * up)  # through the cube's middle
    eye = -EYE * ahead if perspective else plane - EYE * ahead
    rays, shown = plane - eye, np.full(across.shape, -2)  # -2 is the background, -1 what is between stickers
    # U, R and F: the axis that each is across, and where its columns and rows run
    for face, (axis, (columns, x_way), (rows, y_way)) in enumerate(
        [(1, (0, 1), (2, 1)), (0, (2, -1), (1, -1)), (2, (0, 1), (1, -1))]
    ):
        at = eye + ((1.5 - eye[..., axis]) / rays[..., axis])[..., None] * rays
        x, y = x_way * at[..., columns] + 1.5, y_way * at[..., rows] + 1.5
        inside = (x >= 0) & (x < 3) & (y >= 0) & (y < 3)
        between = (np.minimum(x % 1, y % 1) < gap) | (np.maximum(x % 1, y % 1) >= 1 - gap)
        sticker = 9 * face + 3 * np.floor(y).astype(int) + np.floor(x).astype(int)
        shown[inside] = np.where(between, -1, sticker)[inside]
    _, far = visible_stickers(3)
    half = shown[:, side * SAMPLES // 2 :]
    half[half >= 0] = far.ravel()[half[half >= 0]]
    weights, ground = np.zeros((54, side, side), np.float32), np.zeros((side, side), np.float32)
    pixels = np.indices(shown.shape) // SAMPLES
    np.add.at(weights, (np.maximum(shown, 0), *pixels), (shown >= 0) / SAMPLES**2)
    np.add.at(ground, tuple(pixels), BACKGROUND * (shown == -2) / SAMPLES**2)
    return weights.reshape(54, -1), ground.ravel()


def draw_shrunk(name: str, side: int, how: Image.Resampling, states: np.ndarray) -> np.ndarray:
    """Draw one of our puzzles large, and shrink that as a screenshot is shrunk."""
    images = np.empty((len(states), side, side, 3), np.uint8)
    for first in range(0, len(states), DRAWN):
        large = PUZZLES[name].render(states[first : first + DRAWN], (LARGE[name], LARGE[name]))
        for row, image in enumerate(large, first):
            images[row] = np.asarray(Image.fromarray(image).resize((side, side), how))
    return images


CASES: dict[str, tuple[str, Draw]] = {
    "photograph 32": ("slidepuzzle", partial(draw_photograph, 32)),
    "photograph 64": ("slidepuzzle", partial(draw_photograph, 64)),
    "digits 32": ("slidepuzzle", partial(draw_digits, 32)),
    "cube in perspective 64": ("rubikscube", partial(draw_cube, 64, True, 1 / 12)),
    "cube without gaps 32": ("rubikscube", partial(draw_cube, 32, False, 0.0)),
    **{
        f"{name} {side} {how.name.lower()}": (name, partial(draw_shrunk, name, side, how))
        for how in (Image.Resampling.BOX, Image.Resampling.BILINEAR)
        for name in LARGE
        for side in (36, 50)
    },
}


def walk(puzzle: Puzzle, rng: np.random.Generator, walks: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Give states (walks, steps + 1, S) and the actions (walks, steps) taken in them, as walks are tested."""
    states, actions = [puzzle.start(rng, walks, puzzle.default_start)], []
    for _ in range(steps):
        actions.append(puzzle.explore(rng, states[-1]))
        states.append(puzzle.step(states[-1], actions[-1]))
    return np.stack(states, axis=1), np.stack(actions, axis=1)


def write_recording(path: Path, puzzle: Puzzle, draw: Draw, transitions: int) -> None:
    """Write walks of so many transitions, and of what is held out of them."""
    walks = -(-transitions // EPISODE) + 2 * min(transitions // EPISODE // 10 + 1, 10_000 // EPISODE)
    states, actions = walk(puzzle, np.random.default_rng(0), walks, EPISODE)
    every = states.reshape(-1, states.shape[-1])
    shape = draw(every[:1]).shape[1:]
    with h5py.File(path, "w") as file:
        images = file.create_dataset("images", (len(every), *shape), "uint8", chunks=(256, *shape), compression="lzf")
        for first in range(0, len(every), 2560):
            images[first : first + 2560] = draw(every[first : first + 2560])
        file["episode"] = np.repeat(np.arange(walks), EPISODE + 1)
        file["action"] = np.pad(actions, ((0, 0), (0, 1))).ravel()


def dream(run: Path, puzzle: Puzzle, draw: Draw) -> float:
    """Give the share of open-loop steps on which the model's code is that of the true picture."""
    from pipeline.loaded import WorldModel  # brings Keras

    model = WorldModel(run)
    states, actions = walk(puzzle, np.random.default_rng(1), DREAMS, DREAMED)
    codes, right = model.encode(draw(states[:, 0])), 0
    for first in tqdm(range(0, DREAMED, COMPARED), "dreaming", leave=False):
        dreamed = []
        for step in range(first, first + COMPARED):
            codes = model.step(codes, actions[:, step])
            dreamed.append(codes)
        true = draw(states[:, first + 1 : first + COMPARED + 1].swapaxes(0, 1).reshape(-1, states.shape[2]))
        right += (np.concatenate(dreamed) == model.encode(true)).all(axis=1).sum()
    return right / (DREAMS * DREAMED)


def measure(folder: Path, transitions: int, case: str) -> dict:
    """Draw a case, train and dream it; the seconds are the processor's, of all but the drawing."""
    (name, draw), stem = CASES[case], case.replace(" ", "-")
    recording, run = folder / f"{stem}.h5", folder / stem
    write_recording(recording, PUZZLES[name], draw, transitions)
    words = ["--dataset", str(recording), "--dataset_size", str(transitions), "--world_model", "auto"]
    epochs = ["--train_epochs", "20", "--stop_when_exact", "3"]
    found = trained([*words, *epochs, "--data_dir", str(folder / "data")], run) | {"transitions": transitions}
    return found if "exit" in found else found | {"dreamed_exact": dream(run, PUZZLES[name], draw)}


def main(folder: str = "models/drawn", *chosen: str) -> int | None:
    """Measure the chosen cases, all if none is, and record each once it is done."""
    return evidence.record_each("drawn", CASES, chosen, Path(folder), partial(measure, Path(folder), TRANSITIONS))


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
