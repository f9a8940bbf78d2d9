"""Batches: every transition once an epoch, in the same random order from memory and from disk."""

import h5py
import numpy as np
import pytest
from scipy import stats

from pipeline.codes.exactness import pixel_errors
from pipeline.command_line.options import GenerateCommand
from pipeline.dataset.checks import open_dataset
from pipeline.generation.stage import ensure_dataset
from pipeline.puzzles import PUZZLES
from pipeline.training import image_batches, shuffle
from pipeline.training.code_batches import CodeTransitions
from pipeline.training.image_batches import ImageTransitions, sample_images
from pipeline.training.shuffle import Order

LENGTH = 10  # transitions in a trajectory


def numbered_frames(count: int):
    """Number the frames of `count` transitions; gives actions, frames and how many frames there are."""
    numbers = np.arange(count)
    return (numbers % 7).astype(np.uint8), (numbers + numbers // LENGTH).astype(np.uint32), count + -(-count // LENGTH)


def numbered_codes(count: int) -> CodeTransitions:
    """Codes of 20 bits that spell the numbers of their frames."""
    actions, frames, total = numbered_frames(count)
    bits = np.arange(total)[:, None] >> np.arange(20) & 1
    return CodeTransitions(np.packbits(bits, axis=1, bitorder="little"), actions, frames, 20, np.empty(0, int))


@pytest.fixture
def numbered_images(tmp_path):
    """Give a function that makes a file whose images' pixels spell the numbers of their frames."""

    def make(count: int, chunk: int = 16) -> h5py.Group:
        actions, frames, total = numbered_frames(count)
        numbers = np.arange(total)
        pixels = np.stack([numbers % 256, numbers // 256 % 256, numbers // 65536], axis=1)
        group = h5py.File(tmp_path / f"{count}-{chunk}.h5", "w").create_group("train")
        images = np.broadcast_to(pixels[:, None, None], (total, 2, 2, 3)).astype(np.uint8)
        group.create_dataset("images", data=images, chunks=(chunk, 2, 2, 3), compression="gzip", fletcher32=True)
        group["actions"], group["frames"] = actions, frames
        return group

    return make


def frames_of(batch, name) -> np.ndarray:
    """Read the numbers of the frames that a batch shows: codes ("code", "next_code") or images."""
    rows = batch[name].numpy()
    if "code" in name:
        return np.unpackbits(rows, axis=1, count=20, bitorder="little") @ (1 << np.arange(20))
    return rows[:, 0, 0].astype(int) @ [1, 256, 65536]


def see(transitions, kind: str, batches: int, **given):
    """Give the frames of some batches, after checking each transition's action and next frame."""
    seen = list(transitions.shuffled(100, seed=5, **given).take(batches))
    for batch in seen:
        frame = frames_of(batch, kind)
        np.testing.assert_array_equal(frames_of(batch, f"next_{kind}"), frame + 1)
        np.testing.assert_array_equal(batch["action"].numpy(), (frame - frame // (LENGTH + 1)) % 7)
    return [frames_of(batch, kind).tolist() for batch in seen]


@pytest.fixture(params=["codes", "images in memory", "images on disk"])
def shuffles(request, numbered_images, monkeypatch):
    """Give a function from a number of transitions to something that shuffles them, and what it calls its frames."""
    monkeypatch.setattr(shuffle, "POOL_BYTES", 2000)  # several pools, though the files are small

    def make(count):
        if request.param == "codes":
            return numbered_codes(count), "code"
        return ImageTransitions(numbered_images(count), request.param == "images in memory"), "image"

    return make


def test_an_epoch_has_every_transition_once_with_its_own_action_and_next_frame(shuffles):
    transitions, kind = shuffles(1003)
    epoch = see(transitions, kind, 11)
    assert [len(batch) for batch in epoch] == [100] * 10 + [3]
    np.testing.assert_array_equal(np.sort(np.concatenate(epoch)), transitions.frames)


def test_every_epoch_has_an_order_of_its_own_that_does_not_depend_on_where_the_run_began(shuffles):
    transitions, kind = shuffles(530)
    through = see(transitions, kind, 18)
    for epoch in range(3):
        for batch in (0, 1, 5):
            assert (
                see(transitions, kind, 6 - batch, epoch=epoch, batch=batch) == through[6 * epoch + batch :][: 6 - batch]
            )
    assert through[:6] != through[6:12] != through[12:]
    assert see(transitions, kind, 7, batch=5)[1:] == through[6:12]  # the epoch after a part of one is whole


def test_no_tuner_sleeps_behind_a_pipeline_which_closing_it_would_wait_for(shuffles):
    transitions, _ = shuffles(300)
    for pipeline in (transitions.shuffled(100, seed=5), transitions.batches(100)):
        assert pipeline.options().autotune.enabled is False


def test_the_order_is_that_of_the_seed(shuffles):
    transitions, kind = shuffles(530)
    (one,), (other,) = (transitions.shuffled(100, seed=seed).take(1) for seed in (5, 6))
    assert frames_of(one, kind).tolist() != frames_of(other, kind).tolist()


@pytest.mark.parametrize("shuffles", ["codes", "images in memory"], indirect=True)  # where unseen walks always are
def test_walks_are_given_in_order(shuffles):
    transitions, kind = shuffles(230)
    seen = [frames_of(batch, kind) for batch in transitions.batches(100)]
    assert [len(batch) for batch in seen] == [100, 100, 30]
    np.testing.assert_array_equal(np.concatenate(seen), transitions.frames)


@pytest.mark.parametrize("pool_bytes", [1, 3000, 10**6])
@pytest.mark.parametrize("chunk", [3, 16])
def test_disk_gives_the_batches_that_memory_gives(numbered_images, monkeypatch, pool_bytes, chunk):
    monkeypatch.setattr(shuffle, "POOL_BYTES", pool_bytes)
    split = numbered_images(457, chunk)
    memory, disk = (see(ImageTransitions(split, place), "image", 12) for place in (True, False))
    assert memory == disk


def test_from_disk_memory_holds_no_more_than_the_pools_in_use(numbered_images, monkeypatch):
    monkeypatch.setattr(shuffle, "POOL_BYTES", 12 * 16 * 16 * 3)  # three spans
    held = []
    monkeypatch.setattr(image_batches, "Pool", lambda images, *rest: held.append(len(images)) or Pool(images, *rest))
    see(ImageTransitions(numbered_images(3000), in_memory=False), "image", 30)
    assert len(held) > 4 and max(held) < 1.25 * 768


Pool = image_batches.Pool


# ---- how well an epoch is mixed: as well as by a full shuffle, where trajectories have nothing to do with one another

MIXED = Order(transitions=200_000, span=2720, pool=32)  # as for images of 32×32: pools of 87,000


def trajectories_in_batches(index: np.ndarray) -> np.ndarray:
    """Count the distinct trajectories in each batch of 1,000."""
    batches = np.sort(index[: len(index) // 1000 * 1000].reshape(-1, 1000) // 30, axis=1)
    return 1 + (np.diff(batches, axis=1) != 0).sum(axis=1)


def epoch_of(order: Order, epoch: int = 0) -> np.ndarray:
    return np.concatenate([index for _, index in order.pools(0, epoch)])


def test_a_pool_knows_no_places_in_the_batch():
    spans, index = next(MIXED.pools(0, 0))
    assert len(spans) == 32 and len(index) > 80_000
    assert abs(stats.spearmanr(np.arange(len(index)), index).statistic) < 0.02
    neighbours = np.abs(np.diff(index)) < 30
    assert neighbours.mean() < 60 / len(index) * 3  # transitions of one trajectory seldom follow on one another


def test_batches_have_nearly_as_many_trajectories_as_by_a_full_shuffle():
    mixed, full = (trajectories_in_batches(epoch_of(order)).mean() for order in (MIXED, Order.full(200_000)))
    assert mixed > 0.8 * full


def test_transitions_that_met_in_a_pool_meet_others_in_the_next_epoch():
    first, second = (set(next(MIXED.pools(0, epoch))[0].tolist()) for epoch in (0, 1))
    expected = 32 * 32 / (200_000 / 2720)
    assert abs(len(first & second) - expected) < 7


# ---- codes and samples


def test_codes_come_back_from_their_bytes():
    transitions = numbered_codes(300)
    codes = transitions.codes(np.array([0, 5, 299]))
    np.testing.assert_array_equal(codes @ (1 << np.arange(20)), [0, 5, 299])
    assert transitions.unchanging_bits() == 20 - 9  # 330 frames are numbered with nine bits


@pytest.fixture(scope="module")
def lights(tmp_path_factory):
    path = ensure_dataset(
        GenerateCommand(dataset="lightsout_4x4", dataset_size=4000, data_dir=str(tmp_path_factory.mktemp("data")))
    )
    with open_dataset(path) as file:
        yield file["train"]


class Lights:
    """Stands for a world model of 4×4 lights: a bit for each light, but one of them always comes back off."""

    bits, noise = 16, 0.0

    def __init__(self, forgotten: int | None = None):
        self.forgotten = forgotten

    def encode(self, images):
        return (images[:, 4::8, 4::8, 0] > 100).reshape(len(images), -1).astype(np.uint8)

    def there_and_back(self):
        def encode(images):
            codes = self.encode(images)
            seen = codes.copy()
            if self.forgotten is not None:
                seen[:, self.forgotten] = 0
            return codes, pixel_errors(PUZZLES["lightsout_4x4"].render(seen, (32, 32)), images)

        return encode


def test_codes_are_read_in_parts_as_if_in_one(lights, monkeypatch):
    monkeypatch.setattr("pipeline.training.in_memory.READ_BYTES", 1)
    codes = CodeTransitions.read(lights, Lights())
    np.testing.assert_array_equal(codes.codes(np.arange(len(lights["images"]))), Lights().encode(lights["images"][:]))
    assert len(codes.misread(0)) == 0


def test_every_frame_that_does_not_come_back_from_its_code_is_found(lights):
    codes = CodeTransitions.read(lights, Lights(forgotten=5))
    np.testing.assert_array_equal(codes.misread(0), np.flatnonzero(lights["states"][:, 5]))


def test_the_sample_of_images_comes_from_all_over_the_file(lights):
    sample = sample_images(lights, 500, seed=0)
    assert sample.shape == (500, 32, 32, 3)
    np.testing.assert_array_equal(sample, sample_images(lights, 500, seed=0))
    assert len(sample_images(lights, 10**6, seed=0)) == len(lights["images"])
