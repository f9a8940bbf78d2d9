"""The Keras part of stage 2: build or reload the world model, fit it, measure it, draw it."""

import math
import time
from pathlib import Path

import h5py
import keras
import tensorflow as tf
from tqdm import tqdm

from pipeline import pictures
from pipeline.batches import Transitions, read_codes, read_images, sample_images
from pipeline.dataset import open_dataset
from pipeline.evaluation.report import QUICK, draw, measure
from pipeline.evaluation.subject import Subject
from pipeline.puzzles import PUZZLES
from pipeline.runs import Run, State
from pipeline.world_model.code import find_code
from pipeline.world_model.linear_start import linear_start
from pipeline.world_model.model import DiscreteWorldModel, build_world_model
from pipeline.world_model.registry import WORLD_MODELS, Architecture

SAMPLE = 4096  # images that the code is found in
TRANSITION_SAMPLE = 100_000  # transitions that the start of a linear transition is computed from
DECAY_STEPS = 3000  # over which the learning rate falls
LOWEST_RATE = 0.01  # of the first, which it then keeps
SECONDS_BETWEEN_STATES = 20
EVALUATION_BATCH = 2000


def fit_and_measure(options, path: Path, run: Run, state: State | None) -> tuple[list[dict], dict]:
    """Train on the dataset at `path` from the beginning or from a state; gives the history and the metrics."""
    print(f"training on {describe_device()}")
    keras.utils.set_random_seed(options.key % 2**32)
    with open_dataset(path) as file:
        model = _reload(state) if state else _new_model(file, WORLD_MODELS[options.world_model], options)
        training, walk = _read(file["train"], model), _read(file["evaluation"], model, quiet=True)
        _say_what_is_missing(training)
        steps = math.ceil(len(training) / options.mini_batch_size)
        if not state:
            _start_transition(model, training)
            _compile(model, options, steps * options.train_epochs)
        keeper = RunKeeper(run, state, options.train_epochs, steps, options.stop_when_exact)
        model.fit(
            training.shuffled(options.mini_batch_size, options.key % 2**62, keeper.epoch),
            steps_per_epoch=steps, epochs=options.train_epochs, initial_epoch=keeper.epoch,
            validation_data=walk.batches(EVALUATION_BATCH), callbacks=_callbacks(options, steps, keeper), verbose=0,
        )  # fmt: skip
        model.save(run.last_model)
        keeper.best_model().save(run.best_model)
        print("measuring ...", flush=True)
        subject = Subject(keeper.best_model(), PUZZLES[options.dataset], options.img_size, options.key)
        metrics, rollout = measure(subject, file["evaluation"], QUICK)
        metrics |= {"epochs": len(keeper.history), "training_seconds": keeper.history[-1]["seconds"]}
        metrics["dataset_digest"] = file.attrs["content_digest"]
        pictures.curve(keeper.history, run.curve)
        draw(subject, file, rollout, run)
    return keeper.history, metrics


def describe_device() -> str:
    """Name the device that TensorFlow trains on, and why it is that one."""
    cards = tf.config.list_physical_devices("GPU")
    if not cards:
        return "the CPU (TensorFlow sees no GPU)"
    name = tf.config.experimental.get_device_details(cards[0]).get("device_name", "unnamed")
    return f"GPU:0 ({name}; the first of {len(cards)} that TensorFlow sees)"


def _reload(state: State) -> DiscreteWorldModel:
    print(f"going on from epoch {state.epoch}")
    return keras.models.load_model(state.last_model)


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


def _read(split: h5py.Group, model: DiscreteWorldModel, quiet: bool = False) -> Transitions:
    """Read a split as codes where the code is settled, else as images."""
    if model.encoder.trainable_variables or model.decoder.trainable_variables:
        return read_images(split)
    return read_codes(split, model.encode, model.transition.output_shape[-1], quiet)


def _say_what_is_missing(training: Transitions):
    """Warn of bits that the training data never changes: what the data never shows, nothing can learn."""
    if training.kind == "code":
        codes = training.of_frames
        fixed = int((codes.min(axis=0) == codes.max(axis=0)).sum())
        if fixed:
            print(
                f"the training data never changes {fixed} of {codes.shape[1]} bits: states in which they differ are "
                "unknown to the model; --start anywhere or a larger --dataset_size shows more"
            )


def _start_transition(model: DiscreteWorldModel, training: Transitions):
    """Give a linear transition what a sample of transitions shows, where there are codes to see it."""
    names = [layer.name for layer in model.transition.layers]
    if training.kind != "code" or "linear_per_action" not in names:
        return
    layer = model.transition.get_layer("linear_per_action")
    frames = training.frames[:TRANSITION_SAMPLE]
    codes, next_codes = training.of_frames[frames], training.of_frames[frames + 1]
    actions = training.actions[:TRANSITION_SAMPLE]
    kernel, bias, copied, fitted = linear_start(codes, next_codes, actions, layer.actions)
    layer.set_weights([kernel, bias])
    print(
        f"transition begins with {copied:.1%} of the next bits as copies of one bit, "
        f"{fitted:.1%} as linear functions of several"
    )


def _compile(model: DiscreteWorldModel, options, steps: int):
    architecture, schedules = WORLD_MODELS[options.world_model], keras.optimizers.schedules
    rate = options.learning_rate or architecture.learning_rate
    if architecture.recipe:
        schedule = schedules.ExponentialDecay(rate, *architecture.recipe.decay)
    else:
        schedule = schedules.CosineDecay(rate, min(steps, DECAY_STEPS), LOWEST_RATE)
    kinds = {name.lower(): kind for name, kind in vars(keras.optimizers).items()}
    model.compile(optimizer=kinds[options.optimizer](learning_rate=schedule))


def _callbacks(options, steps: int, keeper: "RunKeeper") -> list:
    """Give the keeper and, for a published system, what moves the share of its losses."""
    recipe = WORLD_MODELS[options.world_model].recipe
    if recipe is None:
        return [keeper]

    def set_share(epoch, logs):
        keeper.model.share.assign(recipe.share_at(epoch * steps))

    return [keras.callbacks.LambdaCallback(on_epoch_begin=set_share), keeper]


class RunKeeper(keras.callbacks.Callback):
    """Keeps a run while it trains: the progress bar, the history, the best model, the states to go on from."""

    def __init__(self, run: Run, state: State | None, epochs: int, steps: int, stop_when_exact: int):
        super().__init__()
        self.run, self.steps, self.epochs, self.stop_when_exact = run, steps, epochs, stop_when_exact
        self.history = list(state.history) if state else []
        self.epoch = state.epoch if state else 0
        self.best_epoch = state.best_epoch if state else 0
        self._best = keras.models.load_model(state.best_model) if state else None
        self.before = self.history[-1]["seconds"] if state else 0.0

    def best_model(self) -> DiscreteWorldModel:
        return self._best

    def on_train_begin(self, logs=None):
        self.started = self.saved = self.shown = time.perf_counter()
        if self._best is None:
            self._best = keras.models.clone_model(self.model)
        self.bar = tqdm(
            total=self.epochs * self.steps, initial=self.epoch * self.steps, unit="batch", dynamic_ncols=True
        )

    def on_train_batch_end(self, batch, logs=None):
        self.bar.update(1)
        if time.perf_counter() - self.shown > 0.5:
            self.shown = time.perf_counter()
            self._show(logs)

    def on_epoch_end(self, epoch, logs=None):
        self.epoch = epoch + 1
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        seconds = round(self.before + time.perf_counter() - self.started, 2)
        self.history.append({"epoch": self.epoch, "seconds": seconds, **logs, "learning_rate": rate})
        if _rank(self.history[-1]) >= max(map(_rank, self.history)):
            self.best_epoch = self.epoch
            self._best.set_weights(self.model.get_weights())
        self.run.write_history(self.history)
        self._show(logs)
        if time.perf_counter() - self.saved > SECONDS_BETWEEN_STATES:
            self._save()
        if self._has_been_exact():
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        self.bar.close()

    def _save(self):
        self.run.save_state(self.epoch, self.history, self.best_epoch, self.model, self._best)
        self.saved = time.perf_counter()

    def _has_been_exact(self) -> bool:
        last = self.history[-self.stop_when_exact :]
        return 0 < self.stop_when_exact <= len(last) and all(row["val_one_step_exact"] == 1 for row in last)

    def _show(self, logs):
        shown = {"epoch": f"{min(self.epoch + 1, self.epochs)}/{self.epochs}", "loss": f"{float(logs['loss']):.1e}",
                 "exact": f"{float(logs['one_step_exact']):.2%}"}  # fmt: skip
        if self.history:
            shown["unseen"] = f"{self.history[-1]['val_one_step_exact']:.2%}"
        self.bar.set_postfix(shown, refresh=False)


def _rank(row: dict) -> tuple[float, float]:
    """Order epochs: more exact on the unseen walk, then less loss."""
    return row["val_one_step_exact"], -row["val_loss"]
