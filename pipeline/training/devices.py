"""The devices that train together: all that TensorFlow sees here, or the worker processes that TF_CONFIG names.

Several devices share each batch: every one has a copy of the weights and a part of the rows, and what they learn is
added up, so that the steps are those of one device up to rounding. TensorFlow's own strategies do it; which one is
needed follows from what is there.
"""

import tempfile
from functools import cache
from pathlib import Path

import keras
import tensorflow as tf

from ..runs.folder import Run, State
from ..system.cluster import is_chief, worker_count
from ..system.errors import UserError
from ..world_model.loading import load_world_model


@cache
def strategy() -> tf.distribute.Strategy | None:
    """Give what makes several devices train together; None if there is one.

    With workers it waits until all of them are there, and must come before anything else that TensorFlow computes.
    """
    if worker_count() > 1:
        return tf.distribute.MultiWorkerMirroredStrategy()
    devices = _devices()
    return tf.distribute.MirroredStrategy(devices) if len(devices) > 1 else None


def describe_devices() -> str:
    """Name the devices that train, and why it is they."""
    if worker_count() > 1:
        part = "the chief, which writes the run" if is_chief() else "one that trains along"
        count = _together().num_replicas_in_sync
        return f"{count} devices of {worker_count()} workers (TF_CONFIG names them; this is {part})"
    cards, devices = tf.config.list_physical_devices("GPU"), _devices()
    if len(devices) > 1:
        return f"{len(devices)} devices together, {', '.join(devices)} (all that TensorFlow sees)"
    if not cards:
        return "the CPU (TensorFlow sees no GPU)"
    name = tf.config.experimental.get_device_details(cards[0]).get("device_name", "unnamed")
    return f"GPU:0 ({name}; the only one that TensorFlow sees)"


def _devices() -> list[str]:
    """Name the GPUs, or the CPUs where there are none; more than one CPU only where a program has split it."""
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    return [f"{kind}:{number}" for number in range(len(tf.config.list_logical_devices(kind)))]


def _together() -> tf.distribute.Strategy:
    """Give the strategy, where there is one."""
    found = strategy()
    assert found is not None
    return found


def on_all_devices(model: keras.Model) -> keras.Model:
    """Give a compiled model, with its optimizer, a copy of its weights on every device; as it is if there is one.

    Batch normalisation then takes its statistics over the rows of all devices. Neither XLA nor several steps per call
    work across devices.
    """
    if not strategy():
        return model
    with tempfile.TemporaryDirectory() as folder, _together().scope():
        path = Path(folder) / "model.keras"
        model.save(path)
        model = load_world_model(path)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True
    model.jit_compile, model.steps_per_execution = False, 1
    model.distribute_reduction_method = "first"  # of figures while an epoch runs: Keras can't average those of workers
    model._maybe_symbolic_build = lambda **_: None  # it is built; Keras would average a batch, which workers can't
    if worker_count() > 1:
        model.train_step, model.test_step = _giving_rows(model.train_step), _giving_rows(model.test_step)
    return model


def _giving_rows(step):
    """Make a step give its figures as (1,) instead of (): Keras averages what workers give along the first axis."""
    return lambda data: {name: tf.reshape(value, (1,)) for name, value in step(data).items()}


def shared_out(batches: tf.data.Dataset):
    """Give every device its part of the rows of each batch; the batches as they are if there is one device.

    A batch is a dictionary of tensors with the same number of rows, the same batches on all workers. The parts are as
    `DiscreteWorldModel` wants them.
    """
    if not strategy():
        return batches
    count = _together().num_replicas_in_sync

    def parts_here(context):
        each = count // context.num_input_pipelines
        first = each * context.input_pipeline_id
        here = tf.data.Dataset.range(first, first + each, output_type=tf.int32)
        parts = batches.flat_map(lambda batch: here.map(lambda number: _part(batch, number, count)))
        return parts.prefetch(2 * each)

    return _together().distribute_datasets_from_function(parts_here)


def _part(batch: dict, number: tf.Tensor, count: int) -> dict:
    """Give part `number` of `count` nearly equal ones of a batch; a row that doesn't count where there are too few."""
    rows = tf.shape(batch["action"])[0]
    first, last = rows * number // count, rows * (number + 1) // count
    part = {name: values[first : tf.maximum(last, first + 1)] for name, values in batch.items()}
    return part | {"counts": tf.cast(last > first, tf.float32), "of": tf.cast(rows, tf.float32)}


def as_the_chief_has_it(run: Run, state: State | None) -> State | None:
    """Give every worker the state that the chief goes on from.

    Raises:
        UserError: This worker can't read it.
    """
    if worker_count() == 1:
        return state
    step = int(_from_the_chief(state.step if state else 0))
    if not is_chief() and step:
        state = run.last_state()
        if state is None or state.step != step:
            raise UserError(f"--output_dir must be a folder that all workers see. Received: {run.folder}")
    return state


def as_the_chief_found(figures: dict[str, float]) -> dict[str, float]:
    """Give every worker the figures that the chief has found, so that all decide alike."""
    if worker_count() == 1:
        return figures
    return {name: type(value)(_from_the_chief(value)) for name, value in figures.items()}


def _from_the_chief(number: float) -> float:
    """Give the chief's number to every worker."""

    def of_device(context):
        return tf.constant(number if context.replica_id_in_sync_group == 0 else 0, tf.float64)

    values = _together().experimental_distribute_values_from_function(of_device)
    return float(_together().reduce(tf.distribute.ReduceOp.SUM, values, axis=None))
