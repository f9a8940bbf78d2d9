"""A code that gradient descent learns: what it begins with, how it is kept from collapse, and how it is settled.

The first epochs train all parts from images. What the code gives back of these are pictures with less noise; where they
show tiles or parts, a code of these takes its place, and else it stays as it is, with the decoder that fits best. From
then on the code is settled, as if it had been found, and what is left of the epochs trains the transition on codes.
"""

import math
from collections.abc import Callable

import h5py
import keras
import numpy as np
from tqdm import tqdm

from ..architectures import load_architecture
from ..codes.learned import Start, as_code, begin, choose
from ..codes.linear import flat, ridge
from ..codes.linear_code import LinearCode
from ..codes.noise import find_code_behind
from ..command_line.options import TrainCommand
from ..system.memory import rows_within
from ..world_model.learning import logit_map, set_logit_map
from ..world_model.loading import check_loadable
from ..world_model.model import DiscreteWorldModel, build_world_model
from .image_batches import sample_images

LEARNING_STEPS = 1500  # batches after which a code is settled, or as many as half of the epochs are
SAMPLE, SAMPLE_BYTES = 20_000, 2**25  # images that noise and levels are seen in: at most so many, and of so many bytes
TOLD = 0.999  # of a bit's variance that other bits tell, above which it is of no use
NO_VARIANCE = 1e-4

_begun: dict[tuple, tuple[np.ndarray, Start]] = {}  # the last start: a run needs it several times


def learning_steps(epochs: int, steps: int) -> int:
    """Say how many of a run's batches learn the code: whole epochs of so many batches, or half of the only one."""
    return steps // 2 if epochs == 1 else steps * min(epochs // 2, math.ceil(LEARNING_STEPS / steps))


def learning_sample(file: h5py.File, key: int) -> np.ndarray:
    """Give images (n, H, W, 3) from all over the training split."""
    count = rows_within(SAMPLE_BYTES, math.prod(file["train/images"].shape[1:]), SAMPLE)
    return sample_images(file["train"], count, key)


def learned_model(file: h5py.File, options: TrainCommand) -> DiscreteWorldModel:
    """Build a world model whose code gradient descent is to learn, from bits that single pixels show."""
    architecture = load_architecture(options.world_model)
    images, start = _begin(file, options)
    why = "no exact one was found in the images" if architecture.code else "as this world model does"
    print(
        f"learning a code of {len(start.bits)} bits by gradient descent, {why}; they begin as what single pixels show"
    )
    model = build_world_model(architecture, images.shape[1:3], len(file.attrs["action_names"]), None, start)
    check_loadable(model)
    return model


def settled_model(model: DiscreteWorldModel, file: h5py.File, options: TrainCommand) -> DiscreteWorldModel:
    """Build the world model on the settled code of one that has learned."""
    architecture = load_architecture(options.world_model)
    images, start = _begin(file, options)
    code = settled_code(logit_map(model.encoder), start, images, architecture.code or "tiles", architecture.max_bits)
    settled = build_world_model(architecture, images.shape[1:3], len(file.attrs["action_names"]), code)
    settled.encoder.trainable = settled.decoder.trainable = False
    settled.noise = code.noise
    print(
        f"the learned code is settled: {code.description}; pixels at most {code.worst_error} grey levels off"
        + (f" in pictures with noise of σ {code.noise:.1f}" if code.noise else "")
    )
    check_loadable(settled)
    return settled


def settled_code(
    encoder: tuple[np.ndarray, np.ndarray], start: Start, images: np.ndarray, kind: str, max_bits: int
) -> LinearCode:
    """Settle a code that was learned: as one of a kind in the pictures that it gives back, else as it is.

    Where it began with bits that tell more of pictures held out, it is settled with these.

    Args:
        encoder: The map from points to logits: kernel (K, B) and bias (B,).
    """
    white, points = start.white, start.white.points(flat(images))
    shown, missed = _given_back(points, encoder)
    began, missed_then = _given_back(points, start.encoder)
    how = "were learned"
    if missed_then < missed:
        encoder, shown, how = start.encoder, began, "began: descent made them no better"
    for each in (shown, points):
        if code := find_code_behind(white.pixels(each), images, white, kind, max_bits):
            return code
    return as_code(white, encoder, images, f"{len(encoder[1])} bits as they {how}")


class CodeMender(keras.callbacks.Callback):
    """Sets bits anew, at the beginning of an epoch, that are constant or that the other bits tell.

    Each becomes what a pixel shows of that which a linear decoder misses most.

    Args:
        is_under_way: Tells whether the epoch had begun before: then it has been done.
    """

    def __init__(self, file: h5py.File, options: TrainCommand, is_under_way: Callable[[], bool]):
        super().__init__()
        images, self.start = _begin(file, options)
        self.points, self.is_under_way = self.start.white.points(flat(images)), is_under_way

    def on_epoch_begin(self, epoch, logs=None):
        if epoch and not self.is_under_way():
            idle, anew = mend(self.model, self.start, self.points)
            if idle:
                tqdm.write(f"{idle} bits told nothing of their own; {anew} were set anew")


def mend(model: DiscreteWorldModel, start: Start, points: np.ndarray) -> tuple[int, int]:
    """Set bits anew that tell nothing of images, given as points (N, K), and fit the decoder to all bits.

    Returns:
        How many told nothing, and how many of them were set anew.
    """
    kernel, bias = logit_map(model.encoder)
    bits = _bits(points, (kernel, bias))
    idle = idle_bits(bits)
    if not idle.any():
        return 0, 0
    denoised = start.white.pixels(points)
    chosen, _ = choose(start.candidates, denoised, points, int(idle.sum()), bits[:, ~idle])
    anew = np.flatnonzero(idle)[: len(chosen)]
    kernel[:, anew], bias[anew] = start.candidates[chosen].encoder(start.white)
    set_logit_map(model.encoder, (kernel, bias))
    model.decoder.get_layer("points").set_weights(ridge(_bits(points, (kernel, bias)), points, 1e-3))
    return int(idle.sum()), len(anew)


def idle_bits(bits: np.ndarray) -> np.ndarray:
    """Tell which bits (N, B) are constant, or nearly linear functions of the bits before them, (B,) bool."""
    centred = bits - bits.mean(axis=0)
    covariance = (centred.T @ centred).astype(np.float64) / len(bits)
    variance = np.diag(covariance).copy()
    left, rows = variance.copy(), np.zeros((0, len(variance)))
    idle = np.zeros(len(variance), bool)
    for bit in range(len(variance)):
        idle[bit] = left[bit] <= max(NO_VARIANCE, (1 - TOLD) * variance[bit])
        if not idle[bit]:
            row = (covariance[bit] - rows[:, bit] @ rows) / np.sqrt(left[bit])
            rows, left = np.vstack([rows, row]), left - row**2
    return idle


def _bits(points: np.ndarray, encoder: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Give the bits (N, B) float32 of points (N, K)."""
    return (points @ encoder[0] + encoder[1] > 0).astype(np.float32)


def _given_back(points: np.ndarray, encoder: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, float]:
    """Give the points (N, K) that a linear decoder makes of bits, and the square of what it misses of some held out."""
    bits, quarter = _bits(points, encoder), len(points) // 4
    kernel, bias = ridge(bits[quarter:], points[quarter:], 1e-3)
    shown = bits @ kernel + bias
    return shown, float(np.mean((shown[:quarter] - points[:quarter]) ** 2))


def _begin(file: h5py.File, options: TrainCommand) -> tuple[np.ndarray, Start]:
    """Give images of a dataset and what learning a code of them begins with."""
    most = load_architecture(options.world_model).max_bits
    key = (file.attrs["content_digest"], options.key, most)
    if key not in _begun:
        images = learning_sample(file, options.key)
        _begun.clear()
        _begun[key] = images, begin(images, most)
    return _begun[key]
