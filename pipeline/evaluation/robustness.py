"""How much noise in the images the code withstands."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import h5py
import numpy as np
from tqdm import tqdm

from ..codes.exactness import Frames, exact_steps
from .subject import Subject

NOISE = (4, 8, 16, 32)  # standard deviations, of 255


def measure_robustness(subject: Subject, walk: h5py.Group, judged: Frames, most: int) -> dict:
    """Add noise to every pixel of the unseen walk.

    Args:
        judged: What the frames of the walk are worth without it: only sound ones count.
        most: How many frames, the first of the walk, to add it to.

    Returns:
        noisy_frames: How many frames noise was added to.
        exact_codes, exact_steps: For each noise level the share of images whose code is that of the clean image, and
            of transitions that are predicted exactly from noisy images, compared with the code of a noisy next image.
    """
    sound, frames = judged.is_sound[:most], walk["frames"][:]
    within = frames + 1 < len(sound)
    actions, frames = walk["actions"][:][within], frames[within]
    clean, noisy = _codes_under_noise(subject, walk["images"], len(sound))
    shares: dict[str, Any] = {"noisy_frames": len(sound), "exact_codes": {}, "exact_steps": {}}
    for noise, codes in zip(NOISE, noisy):
        predicted = subject.step(codes[frames], actions)
        shares["exact_codes"][str(noise)] = float(((codes == clean).all(axis=1) & sound).mean())
        exact = exact_steps(predicted, codes[frames + 1], sound[frames], sound[frames + 1])
        shares["exact_steps"][str(noise)] = float(exact.mean())
    return shares


def _codes_under_noise(subject: Subject, images: h5py.Dataset, most: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Give the codes (F, B) of the first images of (N, H, W, 3): clean, and for each level of noise."""
    rngs = [subject.rng(f"noise {noise}") for noise in NOISE]
    clean: list[np.ndarray] = []
    codes: list[list[np.ndarray]] = [[] for _ in NOISE]
    parts = tqdm(subject.parts(images, most), "adding noise", unit="part", leave=False, dynamic_ncols=True)
    with ThreadPoolExecutor(len(NOISE)) as pool:
        for part in parts:
            drawn = pool.map(partial(add_noise, part), NOISE, rngs)
            clean.append(subject.encode(part))
            for found, noisy in zip(codes, drawn):
                found.append(subject.encode(noisy))
    return np.concatenate(clean), [np.concatenate(found) for found in codes]


def add_noise(images: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Add Gaussian noise of a standard deviation to images uint8, rounded and cut off at 0 and 255."""
    noisy = rng.standard_normal(images.shape, np.float32)
    noisy *= np.float32(noise)
    noisy += images
    return np.clip(np.rint(noisy, out=noisy), 0, 255, out=noisy).astype(np.uint8)
