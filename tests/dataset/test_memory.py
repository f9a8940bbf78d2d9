"""Memory follows the minibatch and the size of an image, not the size of the dataset."""

import tracemalloc

import pytest

from pipeline.dataset import key as dataset


@pytest.fixture
def peak(made):
    """Make a dataset; gives the most bytes that were in use meanwhile."""

    def measure(**given):
        tracemalloc.start()
        try:
            made(**given).unlink()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    measure(dataset_size=1)  # what is kept once for all
    return measure


def test_a_larger_dataset_takes_no_more_memory(peak):
    small, large = (
        peak(dataset="lightsout", dataset_size=size, img_size=(16, 16), dataset_minibatch_size=500)
        for size in (40_000, 120_000)
    )
    # What waits to be written varies with how the threads take turns; the images of the large one are 92 MB.
    assert large < small + 2**22 and large < 2**23


def test_a_larger_minibatch_takes_no_more_memory_than_a_few_tasks(peak):
    small, large = (
        peak(dataset="rubikscube", dataset_size=20_000, img_size=(32, 32), dataset_minibatch_size=size)
        for size in (100, 1_000_000)
    )
    assert large < small + 2**23  # the images are 63 MB


def test_large_images_are_drawn_a_few_at_a_time_whatever_the_minibatch(peak, monkeypatch):
    monkeypatch.setattr(dataset, "WALKS", 1)
    monkeypatch.setattr(dataset, "WALK_LENGTH", 10)
    most = peak(dataset_size=200, img_size=(512, 512))  # 168 MB of images
    assert most < 2**25
