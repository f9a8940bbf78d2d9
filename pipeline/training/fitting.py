"""The Keras part of stage 2: build or reload the world model, fit it, measure it, draw it."""

import math
import time
from pathlib import Path

import h5py
import keras

from pipeline import pictures
from pipeline.dataset.cache import use_dataset
from pipeline.evaluation.report import QUICK, draw, measure
from pipeline.evaluation.subject import Subject
from pipeline.interruption import finishing_first
from pipeline.memory import available_bytes
from pipeline.model_file import load_world_model, model_digest
from pipeline.puzzles import PUZZLES
from pipeline.runs import Run, State, save_model
from pipeline.training.code_batches import CodeTransitions
from pipeline.training.devices import as_the_chief_has_it, describe_devices, on_all_devices, shared_out
from pipeline.training.environment import describe_environment
from pipeline.training.image_batches import ImageTransitions, sample_images
from pipeline.training.keeping import RunKeeper, where
from pipeline.worker import is_chief
from pipeline.world_model.code import find_code
from pipeline.world_model.linear_start import linear_start
from pipeline.world_model.model import DiscreteWorldModel, build_world_model
from pipeline.world_model.registry import WORLD_MODELS, Architecture

SAMPLE = 4096  # images that the code is found in
TRANSITION_SAMPLE = 100_000  # transitions that the start of a linear transition is computed from
DECAY_STEPS = 3000  # over which the learning rate falls
LOWEST_RATE = 0.01  # of the first, which it then keeps
EVALUATION_BATCH = 2000
SHARE_OF_MEMORY = 0.5  # of what is free that images may fill
MOST_BATCHES_PER_CALL = 32


def fit_and_measure(options, path: Path, run: Run, state: State | None) -> tuple[list[dict], dict]:
    """Train on the dataset at `path` from the beginning or from a state; gives the history and the metrics."""
    print(f"training on {describe_devices()}")
    state = as_the_chief_has_it(run, state)
    keras.utils.set_random_seed(options.key % 2**32)
    with use_dataset(path) as file:
        last = run.models_of(state)[0] if state else None
        model = load_world_model(last) if last else _new_model(file, WORLD_MODELS[options.world_model], options)
        training, walk = _read(file["train"], model, options.dataset_in), _read(file["evaluation"], model, quiet=True)
        _say_what_is_missing(training)
        steps = math.ceil(len(training) / options.mini_batch_size)
        if not state:
            _start_transition(model, training)
            _compile(model, options, steps * options.train_epochs, _batches_per_call(training, steps))
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
        pictures.curve(keeper.history, run.curve)
        draw(subject, file, rollout, run)
    return keeper.history, metrics


def _fit(model: DiscreteWorldModel, training, walk, options, keeper: RunKeeper):
    """Fit from where the keeper stands to the end; what is left of an epoch under way comes first."""
    with keeper, finishing_first():
        while not keeper.is_done():
            batches = training.shuffled(options.mini_batch_size, options.key, keeper.epoch, keeper.step)
            model.fit(
                shared_out(batches), steps_per_epoch=keeper.steps - keeper.step, initial_epoch=keeper.epoch,
                epochs=keeper.epoch + 1 if keeper.step else options.train_epochs,
                validation_data=shared_out(walk.batches(EVALUATION_BATCH)), callbacks=_callbacks(options, keeper),
                verbose=0,
            )  # fmt: skip


def _new_model(file: h5py.File, architecture: Architecture, options) -> DiscreteWorldModel:
    """Find a code in a sample of the images and build the world model on it."""
    started = time.perf_counter()
    images = sample_images(file["train"], SAMPLE, options.key)
    learned = architecture.code == "learned"
    code = None if learned else find_code(images, architecture.code, architecture.max_bits)
    seconds = time.perf_counter() - started
    if code is None:
        reason = "as this system does" if learned else "since none was found in the images"
        print(f"learning a code of {architecture.max_bits} bits by gradient descent, {reason}")
    else:
        settled = "encoder and decoder are settled" if code.is_exact else "not exact, so all parts are trained"
        print(f"code found in {seconds:.1f} s: {code.description}; {code.distinct_codes:,} codes for "
              f"{code.distinct_images:,} distinct images, error at most {code.worst_error:.0e}: {settled}")  # fmt: skip
    return build_world_model(architecture, images.shape[1:3], len(file.attrs["action_names"]), code)


def _read(split: h5py.Group, model: DiscreteWorldModel, where_to: str = "memory", quiet: bool = False):
    """Read a split as codes where the code is settled, else as images: into memory, or from disk as they are needed."""
    if not (model.encoder.trainable_variables or model.decoder.trainable_variables):
        return CodeTransitions.read(split, model.encode, model.bits, quiet)
    needed, available = split["images"].size, available_bytes()
    if where_to == "auto":
        where_to = "memory" if needed < SHARE_OF_MEMORY * available else "disk"
        does = {"memory": "are read into memory", "disk": "stay on disk and are read as they are needed"}[where_to]
        print(f"{needed / 1e9:,.1f} GB of images {does}: {available / 1e9:,.1f} GB of memory are free")
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


def _start_transition(model: DiscreteWorldModel, training: CodeTransitions | ImageTransitions):
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


def _compile(model: DiscreteWorldModel, options, steps: int, batches_per_call: int = 1):
    architecture, schedules = WORLD_MODELS[options.world_model], keras.optimizers.schedules
    rate = options.learning_rate or architecture.learning_rate
    if architecture.recipe:
        schedule = schedules.ExponentialDecay(rate, *architecture.recipe.decay)
    else:
        schedule = schedules.CosineDecay(rate, min(steps, DECAY_STEPS), LOWEST_RATE)
    kinds = {name.lower(): kind for name, kind in vars(keras.optimizers).items()}
    # XLA halves the time of a linear transition's step on the CPU, and more than doubles that of a convolution's.
    compiler = True if architecture.transition == "linear" else "auto"
    optimizer = kinds[options.optimizer](learning_rate=schedule)
    model.compile(optimizer=optimizer, steps_per_execution=batches_per_call, jit_compile=compiler)


def _callbacks(options, keeper: RunKeeper) -> list:
    """Give the keeper and, for a published system, what moves the share of its losses."""
    recipe = WORLD_MODELS[options.world_model].recipe
    if recipe is None:
        return [keeper]

    def set_share(epoch, logs):
        keeper.model.share.assign(recipe.share_at(epoch * keeper.steps))

    return [keras.callbacks.LambdaCallback(on_epoch_begin=set_share), keeper]
