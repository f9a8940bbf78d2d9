"""Loading TensorFlow and Keras: late, said to the person, and without TensorFlow's chatter."""

import atexit
import gc
import os
import warnings
from contextlib import contextmanager

from .cluster import worker_count
from .memory import keep_freed_memory


def load_keras():
    """Import Keras with its backend, which takes some seconds."""
    print("loading Keras and its backend ...", flush=True)
    keep_freed_memory()
    with silenced_libraries():
        import keras

        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            tf.get_logger().setLevel("ERROR")
            for card in tf.config.list_physical_devices("GPU"):
                tf.config.experimental.set_memory_growth(card, True)
            if worker_count() == 1:  # workers must find one another before anything is computed
                tf.zeros(()).numpy()
    warnings.filterwarnings("ignore", "`shuffle=True` was passed", UserWarning)
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)  # else the process' end looks through all of Keras for garbage, for most of a second
    return keras


@contextmanager
def silenced_libraries():
    """Send what compiled libraries write to standard error nowhere while they load; TensorFlow says less after."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is there
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
