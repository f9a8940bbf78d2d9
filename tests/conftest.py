"""What all tests need."""

import gc
import os
import signal

import pytest

# The tests take turns on all cores, each on one: more threads would only wait for each other. Before TensorFlow is
# imported; processes that tests start inherit it.
for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(name, "1")

# A shell that starts the tests in the background has Ctrl-C ignored, by them and by all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def few_measured():
    """Let a measurement take 500 states where it takes 1,000 and more, for tests of what is done with its figures."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("identity.WALKERS", "report.FEWEST_PROBES", "report.MOST_PROBES"):
            patch.setattr(f"pipeline.evaluation.{name}", 500)
        yield


LONG = (  # modules that take longest, which begin first so that no core waits for them at the end
    "test_every_architecture", "test_killed_runs", "test_training", "test_nothing_false_is_exact", "test_dvc",
    "test_devices", "test_what_is_refused", "test_learned", "test_model", "test_datasets", "test_kill_script",
    "test_full_disk_script", "test_a_new_architecture", "test_components", "test_model_file", "test_transitions",
    "test_from_a_recording_to_a_verdict", "test_rules", "test_workers", "test_auto", "test_plans",
)  # fmt: skip


def pytest_collection_modifyitems(items):
    """Let long modules begin first; the order within a module stays."""
    order = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(item.module.__name__.rpartition(".")[2], len(LONG)))


def pytest_collection_finish():
    """Keep what has been imported from the garbage collector: our commands call it, and it would take half a second."""
    gc.collect()
    gc.freeze()
