"""Recordings that tests make, in the forms that there are."""

import csv
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from pipeline.puzzles import PUZZLES
from pipeline.puzzles.walks import walk

EPISODES, STEPS = 40, 25


def recorded(seed=0, episodes=EPISODES, steps=STEPS) -> dict[str, np.ndarray]:
    """Walk lights out 4×4, whose pictures show everything; gives the arrays of a recording."""
    puzzle, rng = PUZZLES["lightsout_4x4"], np.random.default_rng(seed)
    states, actions = walk(puzzle, rng, puzzle.start(rng, episodes, "anywhere"), steps, puzzle.random_actions)
    states = states.swapaxes(0, 1).reshape(-1, 16)
    actions = np.pad(actions.T, ((0, 0), (0, 1)))  # an episode's last action is none
    actions[0, :16] = range(16)  # each is seen
    images = puzzle.render(states, (8, 8))
    frames = {"images": images, "episode": np.repeat(np.arange(episodes), steps + 1), "action": actions.reshape(-1)}
    first = slice(0, steps + 1)
    for t in range(steps):  # the first episode's actions were changed
        states[t + 1] = puzzle.step(states[t : t + 1], actions[0, t : t + 1])[0]
    images[first] = puzzle.render(states[first], (8, 8))
    return frames


def write_npz(path: Path, arrays: dict) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def write_hdf5(path: Path, arrays: dict) -> Path:
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file.create_dataset(name, data=values, chunks=True, compression="gzip")
    return path


def write_folder(path: Path, arrays: dict) -> Path:
    path.mkdir()
    names = [name for name in arrays if name != "images"]
    with open(path / "steps.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", *names])
        for number, image in enumerate(arrays["images"]):
            Image.fromarray(image).save(path / f"{number:05}.png")
            writer.writerow([f"{number:05}.png", *(arrays[name][number] for name in names)])
    return path


FORMS = {"walk.npz": write_npz, "walk.h5": write_hdf5, "walk": write_folder}
