"""A heuristic: a network that tells for each action how far the goal will be, learned on walks away from it."""

import math
import time

import keras
import numpy as np
from keras import layers, ops
from tqdm import tqdm

from ..system.interruption import asked_to_end
from .task import Task

WIDE, UNITS, BLOCKS = 1024, 512, 1
BATCH = 2048
ROWS = 512  # that a batch for use is a multiple of: JAX compiles for each number of rows, for a second
SKIPPED = 8  # rows of a batch by one of which means and deviations are taken
LAST_MEANS = 8  # batches, of which the means and deviations are taken in the end
BACK_FIRST = 0.4  # of the loss
RATE, LEAST_RATE = 1e-3, 1e-6
SHAPE = f"{WIDE} {UNITS} {BLOCKS} normalized"  # of the network, and of what is kept of it
UNKNOWN = -1.0  # the label of an action that a walk says nothing about


class Walks(keras.utils.PyDataset):
    """Batches of walks: states (N, S) uint8; of each action (N, A, 2) how far the goal is by it, and if it leads back.

    A walk tells it of two actions: of the one by which it goes on, and of the one that undoes the last.
    """

    def __init__(self, task: Task, batches: int, epoch: int = 0):
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=8)
        self.task, self.batches, self.epoch = task, batches, epoch
        self.walks = max(1, BATCH // (task.steps + 1))

    def __len__(self):
        return self.batches

    def __getitem__(self, index):
        task, steps = self.task, self.task.steps
        states, actions = task.walk(np.random.default_rng([self.epoch, index]), self.walks, steps, task.inverse)
        labels = np.zeros((steps + 1, self.walks, task.actions, 2), np.float32)
        labels[..., 0] = UNKNOWN
        rows = np.arange(self.walks)
        for step in range(steps):
            back = task.inverse[actions[step]]
            labels[step, rows, actions[step], 0] = step + 1
            labels[step + 1, rows[back >= 0], back[back >= 0]] = step, 1
        return states.reshape(-1, states.shape[-1]), labels.reshape(-1, task.actions, 2)

    def on_epoch_end(self):
        self.epoch += 1


def loss_for(task: Task):
    """Give the loss: how far off the distances are that a walk tells, and how unlikely it is to go back first."""

    def loss(labels, predicted):
        distance, is_back = labels[..., 0], labels[..., 1]
        known = ops.cast(distance >= 0, "float32")
        off = ops.sum(known * ops.square(predicted - distance), axis=-1) / task.steps
        return off - BACK_FIRST * ops.sum(is_back * ops.log_softmax(-predicted), axis=-1)

    return loss


def build(task: Task, is_trained: bool = True) -> keras.Model:
    """Build the network: states (N, S) uint8 to distances (N, A) float32.

    Args:
        is_trained: With layers that normalize what they give, which `for_use` makes plain ones.
    """

    def dense(name: str, units: int, x):
        return Normalized(units, name=name)(x) if is_trained else layers.Dense(units, "relu", name=name)(x)

    state = keras.Input(task.lowest.shape, dtype="uint8", name="state")
    x = dense("wide", WIDE, Shown(task.lowest.tolist(), task.values)(state))
    x = dense("first", UNITS, x)
    for number in range(BLOCKS):
        x = layers.Add()([x, dense(f"block_{number}", UNITS, x)])
    bias = keras.initializers.Constant(task.steps / 2)
    return keras.Model(state, layers.Dense(task.actions, dtype="float32", bias_initializer=bias, name="distances")(x))


class Normalized(layers.Layer):
    """A dense layer with batch normalization and ReLU; what is normalized are its weights.

    Means and deviations are of some rows only: normalizing all rows itself takes as long as all else in training.
    """

    def __init__(self, units: int, name: str):
        super().__init__(name=name)
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight((shape[-1], self.units), "glorot_uniform", name="kernel")
        self.gamma = self.add_weight((self.units,), "ones", name="gamma")
        self.beta = self.add_weight((self.units,), "zeros", name="beta")

    def call(self, rows):
        kernel, bias = self.plain(rows[::SKIPPED])
        return ops.relu(ops.matmul(rows, kernel) + bias)

    def plain(self, rows):
        """Give the kernel and bias of a plain layer that normalizes rows (N, n) as they are."""
        mean, variance = ops.moments(ops.cast(ops.matmul(rows, self.kernel), "float32"), axes=0)
        scale = ops.cast(self.gamma, "float32") * ops.rsqrt(variance + 1e-3)
        bias = ops.cast(self.beta, "float32") - mean * scale
        return self.kernel * ops.cast(scale, self.kernel.dtype), ops.cast(bias, self.compute_dtype)

    def compute_output_shape(self, shape):
        return *shape[:-1], self.units


def for_use(network: keras.Model, task: Task) -> keras.Model:
    """Build the network that gives the same without normalization, by the means of many walks."""
    plain = build(task, is_trained=False)
    walks = Walks(task, LAST_MEANS)
    states = np.concatenate([walks[batch][0] for batch in range(LAST_MEANS)])
    for layer in plain.layers:
        if not isinstance(layer, layers.Dense):
            continue
        trained = network.get_layer(layer.name)
        if isinstance(trained, Normalized):
            before = keras.Model(plain.input, layer.input)
            layer.set_weights([ops.convert_to_numpy(part) for part in trained.plain(before(states))])
        else:
            layer.set_weights(trained.get_weights())
    plain.compile()
    return plain


class Distances:
    """The network for use: states (N, S) uint8 to distances (N, A) float32. It can be sent to another process."""

    def __init__(self, network: keras.Model, task: Task):
        self.network, self.task = network, task

    def __call__(self, states: np.ndarray) -> np.ndarray:
        count = len(states)
        rows = np.zeros((-(-count // ROWS) * ROWS, *states.shape[1:]), states.dtype)
        rows[:count] = states
        return np.asarray(self.network.predict_on_batch(rows))[:count]

    def __reduce__(self):
        policy = self.network.get_layer("wide").dtype_policy.name
        return _rebuilt, (self.task, policy, self.network.get_weights())


def _rebuilt(task: Task, policy: str, weights: list[np.ndarray]) -> Distances:
    before = keras.mixed_precision.dtype_policy()
    try:
        keras.mixed_precision.set_dtype_policy(policy)
        network = build(task, is_trained=False)
    finally:
        keras.mixed_precision.set_dtype_policy(before)
    network.set_weights(weights)
    network.compile()
    return Distances(network, task)


class Shown(layers.Layer):
    """Numbers (N, S) as one of so many each, side by side."""

    def __init__(self, lowest: list[int], values: int):
        super().__init__()
        self.lowest, self.values = lowest, values

    def call(self, numbers):
        numbers = ops.cast(numbers, "int32") - ops.convert_to_tensor(self.lowest, dtype="int32")
        shown = ops.one_hot(numbers, self.values, dtype=self.compute_dtype)
        return ops.reshape(shown, (-1, len(self.lowest) * self.values))

    def compute_output_spec(self, numbers):
        return keras.KerasTensor((numbers.shape[0], len(self.lowest) * self.values), dtype=self.compute_dtype)


class Clock(keras.callbacks.Callback):
    """Lowers the learning rate to nothing over the seconds there are, ends training then, and shows how far it is."""

    def __init__(self, seconds: float, spent: float = 0.0):
        super().__init__()
        self.seconds, self.begun = seconds, time.monotonic() - spent
        self.bar = tqdm(total=round(seconds), initial=round(spent), desc="learning", unit="s", dynamic_ncols=True)

    @property
    def spent(self) -> float:
        return time.monotonic() - self.begun

    def on_train_batch_begin(self, batch, logs=None):
        share = min(1.0, self.spent / self.seconds)
        self.model.optimizer.learning_rate = RATE * (0.5 + 0.5 * math.cos(math.pi * share)) + LEAST_RATE

    def on_train_batch_end(self, batch, logs=None):
        self.bar.set_postfix_str(f"loss={logs['loss']:.4f}", refresh=False)
        self.bar.update(min(round(self.spent), self.bar.total) - self.bar.n)
        if self.spent > self.seconds or asked_to_end():
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        self.bar.close()
