"""A code that gradient descent learns: what it begins with, how it is kept from collapse, and how it is settled.

The first epochs train all parts from images. What the code gives back of these are pictures with less noise; where they
show tiles or parts, a code of these takes its place, and else it stays as it is, with the decoder that fits it best. From
then on the code is settled, as if it had been found, and what is left of the epochs trains the transition on codes.
"""

import math

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
from ..world_model.learning import logit_map
from ..world_model.model import DiscreteWorldModel, build_world_model
from .image_batches import sample_images

LEARNING_STEPS = 1500  # batches after which a code is settled, or as many as half of the epochs are
SAMPLE, SAMPLE_BYTES = 20_000, 2**25  # images that noise and levels are seen in: at most so many, and of so many bytes
TOLD = 0.999  # of a bit's variance that other bits tell, above which it is of no use
NO_VARIANCE = 1e-4


def learning_epochs(epochs: int, steps: int) -> int:
    """Say how many of a run's epochs, of so many batches, learn the code."""
    return min(epochs // 2, math.ceil(LEARNING_STEPS / steps))


def learning_sample(file: h5py.File, key: int) -> np.ndarray:
    """Give images (n, H, W, 3) from all over the training split."""
    count = rows_within(SAMPLE_BYTES, math.prod(file["train/images"].shape[1:]), SAMPLE)
    return sample_images(file["train"], count, key)


def settled_code(model: DiscreteWorldModel, start: Start, images: np.ndarray) -> LinearCode:
    """Settle the code of a model that has learned: as what the pictures show that it gives back, else as it is."""
    architecture, encoder = load_architecture(model.architecture), logit_map(model.encoder)
    white, pixels = start.white, flat(images)
    points = white.points(pixels)
    kernel, bias = encoder
    bits = (points @ kernel + bias > 0).astype(np.float32)
    decode, shift = ridge(bits, points, 1e-3)
    for shown in (bits @ decode + shift, points):
        code = find_code_behind(white.pixels(shown), images, white, architecture.code or "tiles", architecture.max_bits)
        if code:
            return code
    return as_code(white, encoder, images, f"{bits.shape[1]} bits as they were learned")


def settled_model(model: DiscreteWorldModel, file: h5py.File, options: TrainCommand) -> DiscreteWorldModel:
    """Build the world model on the settled code of one that has learned; the transition goes on if the code does."""
    images = learning_sample(file, options.key)
    architecture = load_architecture(options.world_model)
    code = settled_code(model, begin(images, architecture.max_bits), images)
    settled = build_world_model(architecture, images.shape[1:3], len(file.attrs["action_names"]), code)
    settled.encoder.trainable = settled.decoder.trainable = False
    settled.noise = code.noise
    if code.description.endswith("as they were learned"):
        settled.transition.set_weights(model.transition.get_weights())
    print(
        f"the learned code is settled: {code.description}; pixels at most {code.worst_error} grey levels off"
        + (f" in pictures with noise of σ {code.noise:.1f}" if code.noise else "")
    )
    return settled


class CodeMender(keras.callbacks.Callback):
    """Sets bits anew, at the beginning of an epoch, that are constant or that the other bits tell.

    Each becomes what a pixel shows of that which a linear decoder misses most.
    """

    def __init__(self, start: Start, images: np.ndarray, is_begun):
        super().__init__()
        self.start, self.is_begun = start, is_begun
        self.points = start.white.points(flat(images))

    def on_epoch_begin(self, epoch, logs=None):
        if epoch and not self.is_begun():
            self.mend(self.model)

    def mend(self, model: DiscreteWorldModel) -> int:
        """Set bits anew and fit the decoder to all of them; gives how many were of no use."""
        kernel, bias = logit_map(model.encoder)
        bits = (self.points @ kernel + bias > 0).astype(np.float32)
        idle = idle_bits(bits)
        if not idle.any():
            return 0
        denoised = self.start.white.pixels(self.points)
        chosen, _ = choose(self.start.candidates, denoised, self.points, int(idle.sum()), bits[:, ~idle])
        anew = np.flatnonzero(idle)[: len(chosen)]
        kernel[:, anew], bias[anew] = self.start.candidates[chosen].encoder(self.start.white)
        model.encoder.get_layer("logits").set_weights([kernel, bias])
        bits = (self.points @ kernel + bias > 0).astype(np.float32)
        model.decoder.get_layer("points").set_weights(ridge(bits, self.points, 1e-3))
        tqdm.write(f"{idle.sum()} of {len(idle)} bits told nothing of their own; {len(anew)} were set anew")
        return int(idle.sum())


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
