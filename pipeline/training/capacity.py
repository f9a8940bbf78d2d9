"""Whether a training fits in memory: found out before it starts."""

from contextlib import contextmanager

import h5py
import keras
import numpy as np
import tensorflow as tf

from ..system.errors import UserError
from ..system.memory import check_memory
from ..world_model.model import DiscreteWorldModel

COPIES = 2  # of what is kept of the frames that there are once TensorFlow has it, as measured
TRANSITION_BYTES = 44  # of the action, the frame and the place in the order of a transition, likewise
STEP_SHARE = 1.5  # of what the layers give that a step holds at a time: 0.85 to 1.15 were measured, lights out 1.75


def check_rows(split: h5py.Group, size: int, what: str):
    """Make sure that what is kept of a split's images fits, `size` bytes of each: in `what` the dataset then is.

    Raises:
        UserError: They don't; says how many transitions would.
    """
    frames, transitions = len(split["images"]), len(split["actions"])
    each = COPIES * size * frames / transitions + TRANSITION_BYTES

    def cure(free):
        return f"--dataset_size {int(free / each)} would fit"

    check_memory(f"the dataset in {what}", each * transitions, cure, f"--dataset_size {transitions}")


def check_images(needed: int):
    """Make sure that images of so many bytes fit.

    Raises:
        UserError: They don't.
    """
    check_memory(
        "training from images in memory",
        needed,
        lambda _: "--dataset_in disk reads them as they are needed",
        "--dataset_in memory",
    )


def check_step(model: DiscreteWorldModel, rows: int, of: str):
    """Make sure that a training step of so many transitions fits in main memory; a GPU's is TensorFlow's to watch.

    Args:
        of: What a batch has of its frames: "image", "point" or "code".

    Raises:
        UserError: It doesn't; says how many would.
    """
    if tf.config.list_physical_devices("GPU"):
        return
    numbers = _numbers(model.transition)
    if of == "image":
        numbers += 2 * (_numbers(model.encoder) + _numbers(model.decoder))
    if of == "point":
        numbers += 2 * (model.bits + model.decoder.get_layer("points").units)
    each = STEP_SHARE * np.dtype(np.float32).itemsize * numbers

    def cure(free):
        return f"--mini_batch_size {max(1, int(free / each))} would fit"

    check_memory("a training step", each * rows, cure, f"--mini_batch_size {rows}")


@contextmanager
def saying_when_a_step_is_too_large(rows: int):
    """Say in one sentence that a device had no memory left for a training step of so many transitions."""
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise UserError(
            f"the device has no memory left for a training step; try a smaller --mini_batch_size, which was {rows}"
        ) from error


def _numbers(part: keras.Model) -> int:
    """Count the numbers that a part's layers make of one row."""
    outputs = [tensor for layer in part.layers for tensor in keras.tree.flatten(layer.output)]
    inner = sum(getattr(layer, "inner_numbers", 0) for layer in part.layers)
    return inner + sum(int(np.prod(tensor.shape[1:])) for tensor in outputs)
