"""What a run was made with, as its metrics record it. Loads TensorFlow."""

import platform
import sys

import h5py
import keras
import numpy as np
import tensorflow as tf


def describe_environment(device: str) -> dict[str, str]:
    """Give the versions that a result may depend on, and the device."""
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "h5py": h5py.__version__,
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "tensorflow": tf.__version__,
        "device": device,
        "platform": f"{sys.platform} {platform.machine()}",
    }
