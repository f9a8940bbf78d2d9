"""What a run begins with: a code found in the images, a transition's first weights, an optimizer."""

import math
import time
from typing import Any

import h5py
import keras
import numpy as np

from ..architectures import load_architecture
from ..codes.linear_code import LinearCode, find_code
from ..codes.noise import find_code_in_noise
from ..command_line.options import TrainCommand
from ..rules.find import find_rules
from ..system.memory import rows_within
from ..system.streams import stream
from ..world_model.architecture import Architecture
from ..world_model.learning import LEARNING_RATE, is_learned
from ..world_model.loading import check_loadable
from ..world_model.model import DiscreteWorldModel, build_world_model
from ..world_model.transition import with_rules
from .code_batches import CodeTransitions
from .code_learning import learned_model, learning_sample
from .image_batches import sample_images

SAMPLE, SAMPLE_BYTES = 4096, 2**28  # images that the code is found in: at most so many, and of so many bytes
MENDING = 500  # frames at most that are put beside the sample where the code doesn't give them back
TRANSITION_SAMPLE = 100_000  # transitions that a transition's start is computed from
DECAY_STEPS = 3000  # over which the learning rate falls
LOWEST_RATE = 0.01  # of the first, which it then keeps
WORTH_COMPILING = 500  # batches below which XLA takes longer to compile a step than it saves
OF_ADAM = {"sgd": 300.0, "adagrad": 100.0, "adadelta": 1000.0}  # times Adam's rate that suit, tried in steps of 3


def new_model(file: h5py.File, options: TrainCommand, found: Any = None) -> DiscreteWorldModel:
    """Build the world model on what was found, by default a code that is found in a sample of the images.

    Args:
        found: A code, or what the architecture finds itself in a whole file; None where nothing was looked for yet.

    Raises:
        UserError: What is saved of such a model couldn't be loaded again; better said now than when it is trained.
    """
    architecture = load_architecture(options.world_model)
    if architecture.finds and architecture.parts_from:
        found = found or architecture.finds(file, options.search_seconds)
        parts = architecture.parts_from(found, len(file.attrs["action_names"]))
        model = DiscreteWorldModel(*parts, architecture=architecture.name, name="discrete_world_model")
        model.grid = getattr(model.rules, "grid", model.grid)
        check_loadable(model)
        return model
    if found:
        return _model_of(found, file, options)
    return _model_on(sample_images(file["train"], sample_size(file), options.key), file, options)


def mended_model(file: h5py.File, options: TrainCommand, frames: np.ndarray) -> DiscreteWorldModel:
    """Build the world model anew on a code found in the sample and some more frames (M,) int, spread over it."""
    images = sample_images(file["train"], sample_size(file), options.key)
    more = np.stack([file["train/images"][frame] for frame in frames[:: -(-len(frames) // MENDING)].tolist()])
    return _model_on(stream(options.key, "mending").permutation(np.concatenate([images, more])), file, options)


def sample_size(file: h5py.File) -> int:
    """Say how many images a code is found in."""
    return rows_within(SAMPLE_BYTES, math.prod(file["train/images"].shape[1:]), SAMPLE)


def _model_on(images: np.ndarray, file: h5py.File, options: TrainCommand) -> DiscreteWorldModel:
    architecture = load_architecture(options.world_model)
    started = time.perf_counter()
    code = _exact_code(images, file, options, architecture.code) if architecture.code else None
    seconds = time.perf_counter() - started
    if code is None and not architecture.recipe:
        return learned_model(file, options)
    if code is None:
        print(f"learning a code of {architecture.max_bits} bits by gradient descent, as this system does")
    return _model_of(code, file, options, f" in {seconds:.1f} s")


def _model_of(code: LinearCode | None, file: h5py.File, options: TrainCommand, took: str = "") -> DiscreteWorldModel:
    if code:
        shown = f"images with noise of σ {code.noise:.1f}" if code.noise else "distinct images"
        print(
            f"code found{took}: {code.description}; {code.distinct_codes:,} codes for "
            f"{code.distinct_images:,} {shown}, pixels at most {code.worst_error} grey levels off: "
            "encoder and decoder are settled"
        )
    architecture, img_size = load_architecture(options.world_model), file["train/images"].shape[1:3]
    model = build_world_model(architecture, img_size, len(file.attrs["action_names"]), code)
    model.noise = code.noise if code else 0.0
    check_loadable(model)
    return model


def _exact_code(images: np.ndarray, file: h5py.File, options: TrainCommand, kind: str) -> LinearCode | None:
    """Find an exact code in images (N, H, W, 3), or behind the noise of a larger sample; None if there is none."""
    max_bits = load_architecture(options.world_model).max_bits
    code = find_code(images, kind, max_bits)
    if code and code.is_exact:
        return code
    return find_code_in_noise(learning_sample(file, options.key), kind, max_bits)


def with_found_rules(
    model: DiscreteWorldModel, training: CodeTransitions, architecture: Architecture, actions: int
) -> DiscreteWorldModel:
    """Begin the transition with the rules that the transitions follow.

    What rules leave over a network learns, which begins with what a sample shows if the architecture can use it.
    """
    started = time.perf_counter()
    rules = find_rules(training, model.grid, actions)
    seconds = time.perf_counter() - started
    network, start = model.transition, architecture.start
    print(
        f"rules found in {seconds:.1f} s: {rules.summary()}{'' if rules.is_complete else '; a network learns the rest'}"
    )
    if start and not rules.is_complete:
        codes, sample, next_codes = training.part(np.arange(min(TRANSITION_SAMPLE, len(training))))
        print(start(network, rules, codes, next_codes, sample) or "the network begins as it was built")
    model = model.with_transition(with_rules(network, rules))
    check_loadable(model)
    return model


def compile_for_training(
    model: DiscreteWorldModel, options: TrainCommand, steps: int, batches_per_call: int = 1
) -> None:
    """Give a model its optimizer, whose rate falls over at most so many `steps`, and choose how it is compiled."""
    architecture, schedules = load_architecture(options.world_model), keras.optimizers.schedules
    suits = LEARNING_RATE if is_learned(model.encoder) else architecture.learning_rate
    rate = options.learning_rate or suits * OF_ADAM.get(options.optimizer, 1.0)
    if architecture.recipe:
        schedule = schedules.ExponentialDecay(rate, *architecture.recipe.decay)
    else:
        schedule = schedules.CosineDecay(rate, min(steps, DECAY_STEPS), LOWEST_RATE)
    kinds = {name.lower(): kind for name, kind in vars(keras.optimizers).items()}
    optimizer = kinds[options.optimizer](learning_rate=schedule)
    gains = model.rules_are_all or architecture.jit is True or is_learned(model.encoder)
    jit = steps >= WORTH_COMPILING if gains else architecture.jit
    model.compile(optimizer=optimizer, steps_per_execution=batches_per_call, jit_compile=jit)
    # Within the first step schedulefreeadamw would forget where weights begin.
    optimizer.build(model.trainable_variables)
