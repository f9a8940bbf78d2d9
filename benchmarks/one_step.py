"""One autoencoder's training step in several frameworks, each in a process of its own that steps when it is asked to.

3072-1000-400-1000-3072, dense layers, ReLU between them, mean squared error, Adam 1e-3, batches of 1,000, float32; the
same weights and data everywhere. Used by training.py.
"""

import os
import subprocess
import sys
from itertools import pairwise

import numpy as np

SIZES, BATCH, RATE = (3072, 1000, 400, 1000, 3072), 1000, 1e-3
KEPT_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "4294967296",
    "MALLOC_TOP_PAD_": "268435456",
}
FRAMEWORKS = {  # what makes the step, and environment variables
    "Keras": ("keras", {}),
    "Keras with XLA": ("keras_xla", {}),
    "Keras, glibc keeping memory": ("keras", KEPT_MEMORY),
    "Keras with XLA, glibc keeping memory": ("keras_xla", KEPT_MEMORY),
    "PyTorch": ("torch", {}),
    "JAX": ("jax", {}),
}


class Framework:
    """A process that makes one step at a time.

    Args:
        name: One of FRAMEWORKS.
    """

    def __init__(self, name: str):
        kind, settings = FRAMEWORKS[name]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **settings}
        self.process = subprocess.Popen(
            [sys.executable, __file__, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=environment, text=True, bufsize=1,
        )  # fmt: skip

    def starts(self) -> bool:
        """Wait until the process is ready; False if its framework isn't there."""
        return self.process.stdout.readline() == "ready\n"

    def step(self) -> float:
        """Make one step; gives the loss before it."""
        self.process.stdin.write("step\n")
        return float(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def weights_and_data() -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
    """Give kernels (in, out) with biases (out,), and a batch (BATCH, 3072), all float32."""
    rng = np.random.default_rng(0)
    pairs = pairwise(SIZES)
    layers = [(rng.normal(0, (2 / n) ** 0.5, (n, m)).astype(np.float32), np.zeros(m, np.float32)) for n, m in pairs]
    return layers, rng.random((BATCH, SIZES[0]), np.float32)


def keras_step(jit: bool = False):
    """Our way: a compiled Keras model's own step on tf.data."""
    import keras
    import tensorflow as tf

    layers, data = weights_and_data()
    kinds = ["relu"] * (len(layers) - 1) + [None]
    model = keras.Sequential(
        [keras.Input(SIZES[:1])] + [keras.layers.Dense(b.size, k) for (_, b), k in zip(layers, kinds)]
    )
    model.set_weights([value for layer in layers for value in layer])
    model.compile(keras.optimizers.Adam(RATE), "mse", jit_compile=jit)
    model.make_train_function()
    batches = iter(tf.data.Dataset.from_tensors((data, data)).repeat())
    return lambda: float(model.train_function(batches)["loss"])


def torch_step():
    """The plain PyTorch loop."""
    import torch

    layers, data = weights_and_data()
    parts = []
    for kernel, bias in layers:
        linear = torch.nn.Linear(*kernel.shape)
        linear.weight.data, linear.bias.data = torch.tensor(kernel.T.copy()), torch.tensor(bias)
        parts += [linear, torch.nn.ReLU()]
    model, data = torch.nn.Sequential(*parts[:-1]), torch.tensor(data)
    optimizer = torch.optim.Adam(model.parameters(), RATE)

    def step():
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(data), data)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def jax_step():
    """The plain JAX loop, with Adam written out as published."""
    import jax
    import jax.numpy as jnp

    layers, data = weights_and_data()
    data = jnp.asarray(data)
    zeros = jax.tree.map(jnp.zeros_like, layers)

    def loss_of(layers):
        x = data
        for kernel, bias in layers[:-1]:
            x = jax.nn.relu(x @ kernel + bias)
        return jnp.mean((x @ layers[-1][0] + layers[-1][1] - data) ** 2)

    def update(weight, gradient, mean, square, count):
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        rate = RATE * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        return weight - rate * mean / (jnp.sqrt(square) + 1e-7), mean, square

    def one_step(state):
        layers, means, squares, count = state
        loss, gradients = jax.value_and_grad(loss_of)(layers)
        both = jax.tree.map(lambda *values: update(*values, count), layers, gradients, means, squares)
        layers, means, squares = (jax.tree.map(lambda found, i=i: found[i], both, is_leaf=_is_update) for i in range(3))
        return (layers, means, squares, count + 1), loss

    compiled, state = jax.jit(one_step, donate_argnums=0), [(layers, zeros, zeros, jnp.float32(1))]
    state[0] = jax.tree.map(jnp.array, state[0])

    def step():
        state[0], loss = compiled(state[0])
        return float(loss)

    return step


def _is_update(found) -> bool:
    return isinstance(found, tuple) and len(found) == 3


KINDS = {"keras": keras_step, "keras_xla": lambda: keras_step(True), "torch": torch_step, "jax": jax_step}

if __name__ == "__main__":
    make_step = KINDS[sys.argv[1]]()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(make_step(), flush=True)
