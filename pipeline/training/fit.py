"""The Keras part of stage 2: begin or go on, fit, measure, draw."""

import math
from pathlib import Path

import h5py
import keras

from ..dataset.cache import use_dataset
from ..evaluation.report import QUICK, draw, measure
from ..evaluation.subject import Subject
from ..pictures import drawing
from ..puzzles import PUZZLES
from ..runs.files import save_model
from ..runs.folder import Run, State
from ..system.cluster import is_chief
from ..system.interruption import finishing_first
from ..system.memory import available_bytes, rows_within, said_size
from ..world_model.loading import load_world_model, model_digest
from ..world_model.model import DiscreteWorldModel
from ..world_model.registry import WORLD_MODELS
from .capacity import check_codes, check_images, check_step, saying_when_a_step_is_too_large
from .code_batches import CodeTransitions
from .devices import as_the_chief_has_it, describe_devices, on_all_devices, shared_out
from .environment import describe_environment
from .image_batches import ImageTransitions
from .keeper import RunKeeper, where
from .start import compile_for_training, new_model, start_transition

EVALUATION_BATCH, EVALUATION_BYTES = 2000, 2**26  # transitions at a time: at most so many, and of so many bytes
SHARE_OF_MEMORY = 0.5  # of what is free that images may fill
MOST_BATCHES_PER_CALL = 32


def fit_and_measure(options, path: Path, run: Run, state: State | None) -> tuple[list[dict], dict]:
    """Train on the dataset at `path` from the beginning or from a state; gives the history and the metrics."""
    print(f"training on {describe_devices()}")
    state = as_the_chief_has_it(run, state)
    keras.utils.set_random_seed(options.key % 2**32)
    with use_dataset(path) as file:
        last = run.models_of(state)[0] if state else None
        model = load_world_model(last) if last else new_model(file, WORLD_MODELS[options.world_model], options)
        training, walk = (
            read_split(file["train"], model, options.dataset_in),
            read_split(file["evaluation"], model, is_walk=True),
        )
        _say_what_is_missing(training)
        steps = math.ceil(len(training) / options.mini_batch_size)
        if not state:
            start_transition(model, training)
            compile_for_training(model, options, steps * options.train_epochs, _batches_per_call(training, steps))
        check_step(model, min(options.mini_batch_size, len(training)), isinstance(training, ImageTransitions))
        model = on_all_devices(model)
        keeper = RunKeeper(run, state, options.train_epochs, steps, options.stop_when_exact)
        if state:
            print(f"going on {where(state.step, steps)}")
        _fit(model, training, walk, options, keeper)
        if not is_chief():
            return None
        save_model(model, run.last_model)
        save_model(keeper.best_model(), run.best_model)
        print("measuring ...", flush=True)
        subject = Subject(keeper.best_model(), PUZZLES[options.dataset], options.img_size, options.key)
        metrics, rollout = measure(subject, file, QUICK)
        metrics |= {"epochs": len(keeper.history), "training_seconds": keeper.history[-1]["seconds"]}
        metrics["dataset_digest"] = file.attrs["content_digest"]
        metrics["model_digest"] = model_digest(keeper.best_model())
        metrics["environment"] = describe_environment(describe_devices())
        drawing.curve(keeper.history, run.curve)
        draw(subject, file, rollout, run)
    return keeper.history, metrics


def _fit(model: DiscreteWorldModel, training, walk, options, keeper: RunKeeper):
    """Fit from where the keeper stands to the end; what is left of an epoch under way comes first."""
    rows = rows_within(EVALUATION_BYTES, 2 * 3 * math.prod(options.img_size), EVALUATION_BATCH)
    with saying_when_a_step_is_too_large(options.mini_batch_size), keeper, finishing_first():
        while not keeper.is_done():
            batches = training.shuffled(options.mini_batch_size, options.key, keeper.epoch, keeper.step)
            model.fit(
                shared_out(batches), steps_per_epoch=keeper.steps - keeper.step, initial_epoch=keeper.epoch,
                epochs=keeper.epoch + 1 if keeper.step else options.train_epochs,
                validation_data=shared_out(walk.batches(rows)), callbacks=_callbacks(options, keeper),
                verbose=0,
            )  # fmt: skip


def read_split(split: h5py.Group, model: DiscreteWorldModel, where_to: str = "memory", is_walk: bool = False):
    """Read a split as codes where the code is settled, else as images: into memory, or from disk as they are needed."""
    if not (model.encoder.trainable_variables or model.decoder.trainable_variables):
        if not is_walk:  # which is always small
            check_codes(split, model.bits)
        return CodeTransitions.read(split, model.encode, model.bits, quiet=is_walk)
    needed, available = split["images"].size, available_bytes()
    if where_to == "auto":
        where_to = "memory" if needed < SHARE_OF_MEMORY * available else "disk"
        does = {"memory": "are read into memory", "disk": "stay on disk and are read as they are needed"}[where_to]
        print(f"{said_size(needed)} of images {does}: {said_size(available)} of memory are free")
    elif where_to == "memory":
        check_images(needed)
    return ImageTransitions(split, in_memory=where_to == "memory")


def _batches_per_call(training: CodeTransitions | ImageTransitions, steps: int) -> int:
    """Choose how many small batches TensorFlow gets at a time; every epoch must end with a call."""
    most = MOST_BATCHES_PER_CALL if isinstance(training, CodeTransitions) else 1
    return max(number for number in range(1, most + 1) if steps % number == 0)


def _say_what_is_missing(training: CodeTransitions | ImageTransitions):
    """Warn of bits that the training data never changes: what the data never shows, nothing can learn."""
    if isinstance(training, CodeTransitions) and (fixed := training.unchanging_bits()):
        print(
            f"the training data never changes {fixed} of {training.bits} bits: states in which they differ are "
            "unknown to the model; --start anywhere or a larger --dataset_size shows more"
        )


def _callbacks(options, keeper: RunKeeper) -> list:
    """Give the keeper and, for a published system, what moves the share of its losses."""
    recipe = WORLD_MODELS[options.world_model].recipe
    if recipe is None:
        return [keeper]

    def set_share(epoch, logs):
        keeper.model.share.assign(recipe.share_at(epoch * keeper.steps))

    return [keras.callbacks.LambdaCallback(on_epoch_begin=set_share), keeper]
