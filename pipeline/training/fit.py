"""The Keras part of stage 2: begin or go on, fit over all transitions, keep the best epoch."""

import math
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from ..architectures import load_architecture
from ..codes.exactness import pixel_bound
from ..command_line.options import AUTO, TrainCommand
from ..dataset.cache import use_dataset
from ..dataset.reading import seen_outcomes
from ..pictures import drawing
from ..rules.language import LocalRules
from ..rules.outcomes import Outcomes, find_outcomes
from ..runs.folder import Run, State
from ..system.cluster import is_chief
from ..system.files import save_model
from ..system.interruption import finishing_first
from ..system.memory import available_bytes, rows_within, said_size
from ..world_model.learning import is_learned, whitened
from ..world_model.loading import load_world_model, model_digest
from ..world_model.model import DiscreteWorldModel
from .capacity import check_images, check_rows, check_step, saying_when_a_step_is_too_large
from .choice import Choice, choose_world_model
from .code_batches import CodeTransitions
from .code_learning import CodeMender, learned_model, learning_steps, settled_model
from .devices import as_the_chief_has_it, describe_devices, on_all_devices, shared_out
from .environment import describe_environment
from .image_batches import ImageTransitions
from .keeper import RunKeeper, where
from .point_batches import POINT, PointTransitions
from .start import compile_for_training, mended_model, new_model, with_found_rules
from .validation import Validation

VALIDATION_BATCH, VALIDATION_BYTES = 2000, 2**26  # transitions at a time: at most so many, and of so many bytes
SHARE_OF_MEMORY = 0.5  # of what is free that images may fill
MOST_BATCHES_PER_CALL = 32
FAR_OFF_BY_CHANCE = 1e-4  # of noisy frames
OUTCOME_TRANSITIONS = 500_000  # at most, that rewards and ends are found in
MENDINGS = 2  # attempts to find a code for frames that the sample didn't show

Transitions = CodeTransitions | PointTransitions | ImageTransitions


def fit(options: TrainCommand, path: Path, run: Run, state: State | None) -> tuple[list[dict], dict[str, Any]] | None:
    """Train on the dataset at `path` from the beginning or from a state.

    Returns:
        The history, a row of figures per epoch, and the record of the run; None for a worker that only trains along.
    """
    print(f"training on {describe_devices()}")
    state = as_the_chief_has_it(run, state)
    keras.utils.set_random_seed(options.key % 2**32)
    with use_dataset(path) as file:
        options, choice = _resolved(options, file)
        model, training = _model_and_transitions(options, file, run, state, choice.found if choice else None)
        epochs, steps = options.train_epochs, math.ceil(len(training) / options.mini_batch_size)
        is_new = state is None
        if is_learned(model.encoder):
            if learning := learning_steps(epochs, steps):
                model, keeper = _phase(model, training, file, options, run, state, learning, is_new)
                state = keeper.state_without_a_best()
            model = settled_model(model, file, options)
            training, is_new = read_split(file["train"], model, options.dataset_in), True
        model, keeper = _phase(model, training, file, options, run, state, epochs * steps, is_new)
        if not is_chief():
            return None
        save_model(model, run.last_model)
        save_model(keeper.best_model(), run.best_model)
        drawing.curve(keeper.history, run.curve)
        outcomes = _outcomes(training, file, keeper.best_model())
        summary = {
            "epochs": len(keeper.history),
            "best_epoch": keeper.best_epoch,
            "stopped": keeper.why_stopped(),
            "seconds": keeper.seconds(),
            "dataset_digest": file.attrs["content_digest"],
            "model_digest": model_digest(keeper.best_model()),
            **({"world_model": choice.name, "chosen_for": choice.why} if choice else {}),
        }
    found = {"outcomes": outcomes.to_config()} if outcomes else {}
    return keeper.history, {"summary": summary, "environment": describe_environment(describe_devices()), **found}


def _outcomes(training: Transitions, file: h5py.File, model: DiscreteWorldModel) -> Outcomes | None:
    """Find what tells rewards and ends, where the data has them; says so."""
    if (seen := seen_outcomes(file["train"])) is None:
        return None
    settled = training if isinstance(training, CodeTransitions) else CodeTransitions.read(file["train"], model)
    some = np.arange(0, len(settled), max(1, len(settled) // OUTCOME_TRANSITIONS))
    rewards, ends = (values[some] for values in seen)
    layers = model.rules.depth if isinstance(model.rules, LocalRules) else 1
    found = find_outcomes(*settled.part(some), rewards, ends, model.grid, layers)
    print("rewards take too many values to be told by rules" if found is None else found.summary())
    return found


def _resolved(options: TrainCommand, file: h5py.File) -> tuple[TrainCommand, Choice | None]:
    """Choose the world model where the data is to say which; gives the options with it, and what was chosen."""
    if options.world_model != AUTO:
        return options, None
    choice = choose_world_model(file, options)
    print(f"world model chosen: {choice.name} ({choice.why})")
    return options.model_copy(update={"world_model": choice.name}), choice


def _phase(
    model: DiscreteWorldModel,
    training: Transitions,
    file: h5py.File,
    options: TrainCommand,
    run: Run,
    state: State | None,
    last: int,
    is_new: bool,
) -> tuple[DiscreteWorldModel, RunKeeper]:
    """Fit a model until so many batches of the run are done: all of them, or at first those that learn a code.

    Args:
        is_new: Whether the model is to be compiled, and begins with rules if it trains on codes.
    """
    walk = read_split(file["validation"], model, quiet=True)
    steps = math.ceil(len(training) / options.mini_batch_size)
    learns = is_learned(model.encoder)
    if is_new:
        architecture = load_architecture(options.world_model)
        if not architecture.finds and isinstance(training, CodeTransitions):
            model = with_found_rules(model, training, architecture, len(file.attrs["action_names"]))
            _say_what_is_missing(model, training)
        done = state.step % steps if state else 0
        compile_for_training(model, options, last, _batches_per_call(training, math.gcd(steps, done, last)))
    check_step(model, min(options.mini_batch_size, len(training)), training.name)
    apart = keras.models.clone_model(model)
    model = on_all_devices(model)
    validation = Validation(file["validation"], walk if isinstance(walk, CodeTransitions) else None)
    keeper = RunKeeper(run, state, last, steps, 0 if learns else options.stop_when_exact, validation, apart)
    if state and not is_new:
        print(f"going on {where(state.step, steps)}")
    _fit(model, training, walk, options, keeper, [CodeMender(file, options, lambda: keeper.step > 0)] if learns else [])
    return model, keeper


def _model_and_transitions(
    options: TrainCommand, file: h5py.File, run: Run, state: State | None, found: Any
) -> tuple[DiscreteWorldModel, Transitions]:
    """Load the model of a state or build a new one, on what was found if there is, and read what it is trained on.

    A code that is settled has been found in a sample: it is checked on every frame while these are encoded. Frames that
    it doesn't give back are put beside the sample and the code is found anew; if that doesn't mend it, it is trained.
    What is made of all frames at once stays as it is.
    """
    if state:
        model = load_world_model(run.models_of(state)[0])
        return model, read_split(file["train"], model, options.dataset_in)
    model = new_model(file, options, found)
    training = read_split(file["train"], model, options.dataset_in)
    if load_architecture(options.world_model).finds:
        if len(misread := _misread(training, model)):
            print(f"{len(misread):,} of {len(file['train/images']):,} frames don't come back from their code")
        return model, training
    for _ in range(MENDINGS):
        misread, frames = _misread(training, model), len(file["train/images"])
        if not len(misread):
            break
        print(
            f"{len(misread):,} of {frames:,} frames, the first {misread[0]:,}, don't come back from their code "
            f"within {pixel_bound(model.noise):.0f} grey levels: the sample didn't show what they show; finding a code "
            "with them"
        )
        model = mended_model(file, options, misread)
        training = read_split(file["train"], model, options.dataset_in)
    if len(misread := _misread(training, model)):
        print(f"{len(misread):,} frames still don't come back")
        model = learned_model(file, options)
        training = read_split(file["train"], model, options.dataset_in)
    return model, training


def _misread(training: Transitions, model: DiscreteWorldModel) -> np.ndarray:
    """Give the frames (M,) that don't come back from their codes; none if few noisy ones are far off by chance."""
    if not isinstance(training, CodeTransitions):
        return np.zeros(0, int)
    by_chance = FAR_OFF_BY_CHANCE * len(training.rows) if model.noise else 0
    misread = training.misread(pixel_bound(model.noise))
    return misread if len(misread) > by_chance else misread[:0]


def _fit(
    model: DiscreteWorldModel, training: Transitions, walk: Transitions, options: TrainCommand, keeper: RunKeeper,
    more: list[keras.callbacks.Callback],
) -> None:  # fmt: skip
    """Fit from where the keeper stands to the end; what is left of an epoch under way comes first."""
    rows = rows_within(VALIDATION_BYTES, 2 * 3 * math.prod(options.img_size), VALIDATION_BATCH)
    with saying_when_a_step_is_too_large(options.mini_batch_size), keeper, finishing_first():
        while not keeper.is_done():
            batches = training.shuffled(options.mini_batch_size, options.key, keeper.epoch, keeper.step)
            whole = keeper.last // keeper.steps  # epochs
            steps, epochs = keeper.steps - keeper.step, keeper.epoch + 1 if keeper.step else whole
            if keeper.epoch == whole:  # a part of the next one
                steps, epochs = keeper.last - keeper.epoch * keeper.steps - keeper.step, whole + 1
            model.fit(
                shared_out(batches), steps_per_epoch=steps, initial_epoch=keeper.epoch, epochs=epochs,
                validation_data=shared_out(walk.batches(rows)), callbacks=[*more, *_callbacks(options, keeper)],
                verbose=0,
            )  # fmt: skip


def read_split(
    split: h5py.Group, model: DiscreteWorldModel, where_to: str = "memory", quiet: bool = False
) -> Transitions:
    """Read a split as codes where the code is settled, as points where descent is to learn one, else as images.

    Images are read into memory, or from disk as they are needed.

    Args:
        quiet: For a split that is always small: into memory, without a word.
    """
    if not (model.encoder.trainable_variables or model.decoder.trainable_variables):
        if not quiet:
            check_rows(split, -(-model.bits // 8), "codes")
        return CodeTransitions.read(split, model, quiet)
    if is_learned(model.encoder):
        if not quiet:
            check_rows(split, POINT.itemsize * whitened(model.encoder).output_shape[-1], "points")
        return PointTransitions.read(split, model, quiet)
    needed, available = split["images"].size, available_bytes()
    if where_to == "auto":
        where_to = "memory" if needed < SHARE_OF_MEMORY * available else "disk"
        does = {"memory": "are read into memory", "disk": "stay on disk and are read as they are needed"}[where_to]
        print(f"{said_size(needed)} of images {does}: {said_size(available)} of memory are free")
    elif where_to == "memory":
        check_images(needed)
    return ImageTransitions(split, in_memory=where_to == "memory")


def _batches_per_call(training: Transitions, steps: int) -> int:
    """Choose how many small batches TensorFlow gets at a time; all `steps` must end with a call."""
    most = 1 if isinstance(training, ImageTransitions) else MOST_BATCHES_PER_CALL
    return max(number for number in range(1, most + 1) if steps % number == 0)


def _say_what_is_missing(model: DiscreteWorldModel, training: CodeTransitions) -> None:
    """Warn of bits that the training data never changes, unless rules that hold for all cells alike know of them."""
    are_local = isinstance(model.rules, LocalRules) and model.rules_are_all
    if not are_local and (fixed := training.unchanging_bits()):
        print(
            f"the training data never changes {fixed} of {training.bits} bits: states in which they differ are "
            "unknown to the model; --start anywhere or a larger --dataset_size shows more"
        )


def _callbacks(options: TrainCommand, keeper: RunKeeper) -> list[keras.callbacks.Callback]:
    """Give the keeper and, for a published system, what moves the share of its losses."""
    recipe = load_architecture(options.world_model).recipe
    if recipe is None:
        return [keeper]

    def set_share(epoch, logs):
        keeper.model.share.assign(recipe.share_at(epoch * keeper.steps))

    return [keras.callbacks.LambdaCallback(on_epoch_begin=set_share), keeper]
