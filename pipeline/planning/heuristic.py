"""A heuristic: a network that tells for each action how far the goal will be, learned on walks away from it."""

import math
import time
from functools import cached_property

import keras
import numpy as np
from keras import layers, ops
from tqdm import tqdm

from .breadth import Deadline, Layers
from .worlds import World

BALL = 1_000_000  # states around the goal whose distances are known exactly
WIDE, UNITS, BLOCKS = 1024, 512, 1
BATCH = 4096
BACK_FIRST = 0.4  # of the loss
RATE, LEAST_RATE = 1e-3, 1e-6
SHAPE = f"{WIDE} {UNITS} {BLOCKS}"  # of the network, and of what is kept of it
SLACK = 1.05  # walks are so much longer than the ball's growth needs to fill the whole space
MOST_STEPS, FORGOTTEN = 1000, 0.05
UNKNOWN = -1.0  # the label of an action that a walk says nothing about


class Task:
    """A world and one goal in it.

    Args:
        world: Whose actions can be undone.
        goal: (S,) uint8.
    """

    def __init__(self, world: World, goal: np.ndarray):
        self.world, self.goal = world, goal
        self.actions = world.actions

    @cached_property
    def ball(self) -> Layers:
        """All states within some steps of the goal."""
        ball, deadline = Layers(self.world.parents, self.goal[None]), Deadline(600, len(self.goal))
        grown = 1.0
        while len(ball) + len(ball.last) * grown < BALL:
            before = len(ball.last)
            if not len(ball.grow(deadline)):
                break
            grown = len(ball.last) / before
        return ball

    @cached_property
    def inverse(self) -> np.ndarray:
        """(A,) int, the action that undoes each; -1 where none always does."""
        states, _ = self.walk(np.random.default_rng(0), 64, 8, np.full(self.actions, -1))
        one = self.world.children(states.reshape(-1, states.shape[-1]))
        two = self.world.children(one.states)
        inverse = np.full(self.actions, -1)
        returned = (two.states == states.reshape(-1, states.shape[-1])[one.rows[two.rows]]).all(axis=1)
        first = one.actions[two.rows]
        for action in range(self.actions):
            count = (one.actions == action).sum()
            for other in range(self.actions):
                if count and (returned & (first == action) & (two.actions == other)).sum() == count:
                    inverse[action] = other
        return inverse

    def walk(self, rng, walks: int, steps: int, inverse: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Walk from the goal without turning back; gives states (steps + 1, walks, S) and actions (steps, walks)."""
        states = np.empty((steps + 1, walks, len(self.goal)), np.uint8)
        actions = np.empty((steps, walks), np.int64)
        states[0], last, rows = self.goal, np.full(walks, -1), np.arange(walks)
        for step in range(steps):
            moves = self.world.children(states[step])
            chance = np.zeros((walks, self.actions), np.float32)
            chance[moves.rows, moves.actions] = rng.random(len(moves.rows), np.float32) + 1
            turned = inverse[last]
            back = (last >= 0) & (turned >= 0)
            chance[rows[back], turned[back]] /= 4  # below all others, and above what does nothing
            where = np.zeros((walks, self.actions), np.int64)
            where[moves.rows, moves.actions] = np.arange(len(moves.rows))
            last = actions[step] = chance.argmax(axis=1)
            states[step + 1] = moves.states[where[rows, last]]
        return states, actions

    @cached_property
    def far(self) -> np.ndarray:
        """States (T, N, S) of long walks."""
        return self.walk(np.random.default_rng(1), 500, MOST_STEPS, self.inverse)[0]

    @cached_property
    def lowest(self) -> np.ndarray:
        """The smallest number of each part of a state, (S,) uint8."""
        return self.far.min(axis=(0, 1))

    @property
    def values(self) -> int:
        """How many numbers a part has, at most."""
        return int((self.far.max(axis=(0, 1)) - self.lowest).max()) + 1

    @cached_property
    def steps(self) -> int:
        """How long walks are: as the ball's growth fills the space, and until nothing reminds of the goal."""
        growth = max(1.5, len(self.ball.last) / max(1, self.ball.starts[-1] - self.ball.starts[-2]))
        enough = math.ceil(SLACK * math.log(self.world.most_states(self.goal)) / math.log(growth))
        states = self.far
        reminds = (states == self.goal).mean(axis=(1, 2))
        rest = reminds[MOST_STEPS // 2 :].mean()
        forgotten = int(np.argmax(reminds - rest < FORGOTTEN * (1 - rest)))
        return max(enough, forgotten)


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
        is_trained: With batch normalization, which `for_use` takes out afterwards.
    """

    def dense(name: str, units: int, x):
        x = layers.Dense(units, use_bias=not is_trained, name=name)(x)
        return layers.ReLU()(layers.BatchNormalization(name=f"{name}_norm")(x) if is_trained else x)

    state = keras.Input(task.lowest.shape, dtype="uint8", name="state")
    x = dense("wide", WIDE, Shown(task.lowest.tolist(), task.values)(state))
    x = dense("first", UNITS, x)
    for number in range(BLOCKS):
        x = layers.Add()([x, dense(f"block_{number}", UNITS, x)])
    bias = keras.initializers.Constant(task.steps / 2)
    return keras.Model(state, layers.Dense(task.actions, dtype="float32", bias_initializer=bias, name="distances")(x))


def for_use(network: keras.Model, task: Task) -> keras.Model:
    """Build the network that gives the same without batch normalization, by the means that it ended with."""
    plain = build(task, is_trained=False)
    for layer in plain.layers:
        if not isinstance(layer, layers.Dense):
            continue
        trained = network.get_layer(layer.name)
        if layer.name == "distances":
            layer.set_weights(trained.get_weights())
            continue
        norm = network.get_layer(f"{layer.name}_norm")
        gamma, beta, mean, variance = norm.get_weights()
        scale = gamma / np.sqrt(variance + norm.epsilon)
        layer.set_weights([trained.get_weights()[0] * scale, beta - mean * scale])
    plain.compile(jit_compile=False)
    return plain


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
        if self.spent > self.seconds:
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        self.bar.close()
