"""What a run begins with: a code found in the images, a transition's first weights, an optimizer."""

import math
import time

import h5py
import keras
import numpy as np

from ..codes.linear_code import find_code
from ..rules.linear_start import linear_start
from ..system.memory import rows_within
from ..system.streams import stream
from ..world_model.model import DiscreteWorldModel, build_world_model
from ..world_model.registry import WORLD_MODELS, Architecture
from .code_batches import CodeTransitions
from .image_batches import ImageTransitions, sample_images

SAMPLE, SAMPLE_BYTES = 4096, 2**28  # images that the code is found in: at most so many, and of so many bytes
MENDING = 500  # frames at most that are put beside the sample where the code doesn't give them back
TRANSITION_SAMPLE = 100_000  # transitions that the start of a linear transition is computed from
DECAY_STEPS = 3000  # over which the learning rate falls
LOWEST_RATE = 0.01  # of the first, which it then keeps


def new_model(file: h5py.File, architecture: Architecture, options) -> DiscreteWorldModel:
    """Find a code in a sample of the images and build the world model on it."""
    return _model_on(sample_images(file["train"], _sample_size(file), options.key), file, architecture)


def mended_model(file: h5py.File, architecture: Architecture, options, frames: np.ndarray) -> DiscreteWorldModel:
    """Build the world model anew on a code found in the sample and some more frames (M,) int, spread over it."""
    images = sample_images(file["train"], _sample_size(file), options.key)
    more = np.stack([file["train/images"][frame] for frame in frames[:: -(-len(frames) // MENDING)].tolist()])
    return _model_on(stream(options.key, "mending").permutation(np.concatenate([images, more])), file, architecture)


def _sample_size(file: h5py.File) -> int:
    return rows_within(SAMPLE_BYTES, math.prod(file["train/images"].shape[1:]), SAMPLE)


def _model_on(images: np.ndarray, file: h5py.File, architecture: Architecture) -> DiscreteWorldModel:
    started = time.perf_counter()
    learned = architecture.code == "learned"
    code = None if learned else find_code(images, architecture.code, architecture.max_bits)
    seconds = time.perf_counter() - started
    if code is None:
        reason = "as this system does" if learned else "since none was found in the images"
        print(f"learning a code of {architecture.max_bits} bits by gradient descent, {reason}")
    else:
        settled = "encoder and decoder are settled" if code.is_exact else "not exact, so all parts are trained"
        print(
            f"code found in {seconds:.1f} s: {code.description}; {code.distinct_codes:,} codes for "
            f"{code.distinct_images:,} distinct images, pixels at most {code.worst_error} grey levels off: {settled}"
        )
    return build_world_model(architecture, images.shape[1:3], len(file.attrs["action_names"]), code)


def start_transition(model: DiscreteWorldModel, training: CodeTransitions | ImageTransitions):
    """Give a linear transition what a sample of transitions shows, where there are codes to see it."""
    names = [layer.name for layer in model.transition.layers]
    if not isinstance(training, CodeTransitions) or "linear_per_action" not in names:
        return
    layer = model.transition.get_layer("linear_per_action")
    frames = training.frames[:TRANSITION_SAMPLE]
    codes, next_codes = training.codes(frames), training.codes(frames + 1)
    actions = training.actions[:TRANSITION_SAMPLE]
    kernel, bias, copied, fitted = linear_start(codes, next_codes, actions, layer.actions)
    layer.set_weights([kernel, bias])
    print(
        f"transition begins with {copied:.1%} of the next bits as copies of one bit, "
        f"{fitted:.1%} as linear functions of several"
    )


def compile_for_training(model: DiscreteWorldModel, options, steps: int, batches_per_call: int = 1):
    """Give a model its optimizer, whose rate falls over at most so many `steps`, and choose how it is compiled."""
    architecture, schedules = WORLD_MODELS[options.world_model], keras.optimizers.schedules
    rate = options.learning_rate or architecture.learning_rate
    if architecture.recipe:
        schedule = schedules.ExponentialDecay(rate, *architecture.recipe.decay)
    else:
        schedule = schedules.CosineDecay(rate, min(steps, DECAY_STEPS), LOWEST_RATE)
    kinds = {name.lower(): kind for name, kind in vars(keras.optimizers).items()}
    # XLA halves the time of a linear transition's step on the CPU, and lengthens that of a local rule's.
    compiler = True if architecture.transition == "linear" else "auto"
    optimizer = kinds[options.optimizer](learning_rate=schedule)
    model.compile(optimizer=optimizer, steps_per_execution=batches_per_call, jit_compile=compiler)
