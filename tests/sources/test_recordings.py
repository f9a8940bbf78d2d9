"""A recording becomes a dataset file: every frame and action of it, whole episodes held out, the same bytes again."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from small_recordings import FORMS, recorded, write_npz

from pipeline.command_line.options import GenerateCommand, TrainCommand
from pipeline.dataset.checks import Unusable, check_digest, open_dataset
from pipeline.generation.stage import ensure_dataset, resolved
from pipeline.system.errors import UserError

ROOT = Path(__file__).parents[2]


def make(word, **given) -> Path:
    return ensure_dataset(resolved(GenerateCommand(dataset=str(word), **given)))


def episodes_of(path: Path) -> dict[str, list[tuple]]:
    """Give the episodes of each split: frames and actions, put together again from the file."""
    found: dict[str, list[tuple]] = {}
    with open_dataset(path) as file:
        for split in file:
            images, actions, frames = (file[split][name][:] for name in ("images", "actions", "frames"))
            cuts = np.flatnonzero(np.diff(frames.astype(int)) > 1) + 1
            found[split] = [
                (images[part[0] : part[-1] + 2].tobytes(), taken.tobytes())
                for part, taken in zip(np.split(frames.astype(int), cuts), np.split(actions, cuts))
            ]
    return found


def originals(arrays: dict) -> list[tuple]:
    """Give the episodes of a recording, in colours and without the last action of each."""
    colours = arrays["images"] if arrays["images"].ndim == 4 else arrays["images"][..., None].repeat(3, axis=3)
    which = [np.flatnonzero(arrays["episode"] == number) for number in dict.fromkeys(arrays["episode"].tolist())]
    return [(colours[of].tobytes(), arrays["action"][of][:-1].astype(np.uint8).tobytes()) for of in which]


@pytest.mark.parametrize("form", FORMS)
def test_every_episode_of_a_recording_is_in_one_split_whole_in_all_its_forms(form, place):
    arrays = recorded()
    FORMS[form](place / form, arrays)
    path = make(form)
    found = episodes_of(path)
    assert sorted(episode for split in found.values() for episode in split) == sorted(originals(arrays))
    assert {split: len(episodes) for split, episodes in found.items()} == {"train": 32, "validation": 4, "test": 4}
    with open_dataset(path) as file:
        check_digest(file)
        assert list(file.attrs["action_names"]) == [str(number) for number in range(16)]
        assert file.attrs["img_size"].tolist() == [8, 8] and str(place) not in str(dict(file.attrs))


def test_episodes_of_any_length_in_grey_with_named_actions_and_more_columns(place):
    rng = np.random.default_rng(0)
    lengths = [1, 9, 2, 30, 1, 17, 5]
    frames = sum(lengths)
    ends = np.cumsum(lengths) - 1
    arrays = {
        "images": rng.integers(0, 255, (frames, 5, 7), np.uint8),
        "episode": np.repeat(["g", "a", "f", "b", "c", "e", "d"], lengths),
        "action": rng.choice(["left", "right"], frames),
        "state": rng.normal(size=(frames, 2)),
        "reward": rng.normal(size=frames),
        "terminated": np.zeros(frames, bool),
    }
    arrays["terminated"][ends[1] - 1] = True
    write_npz(place / "walk.npz", arrays)
    numbered = {**arrays, "action": (arrays["action"] == "right").astype(np.uint8)}
    wanted = [episode for episode in originals(numbered) if episode[1]]  # a single frame leads nowhere
    path = make("walk.npz")
    assert sorted(episode for split in episodes_of(path).values() for episode in split) == sorted(wanted)
    with open_dataset(path) as file:
        assert file.attrs["action_names"].tolist() == ["left", "right"]
        assert sum(file[split]["terminated"][:].sum() for split in file) == 1
        rewards = np.concatenate([file[split]["rewards"][:] for split in file])
        acted = ~np.isin(np.arange(frames), ends)
        assert np.allclose(np.sort(rewards), np.sort(arrays["reward"][acted]))
        states = np.concatenate([file[split]["states"][:] for split in file]).view(np.float64)
        assert set(states[:, 0]) <= set(arrays["state"][:, 0])


def test_the_same_recording_gives_the_same_bytes_and_the_key_chooses_who_is_held_out(place, monkeypatch):
    write_npz(place / "walk.npz", recorded())
    first = make("walk.npz").read_bytes()
    assert make("walk.npz", data_dir="elsewhere", dataset_minibatch_size=7).read_bytes() == first
    assert episodes_of(make("walk.npz", key=1))["test"] != episodes_of(make("walk.npz"))["test"]


def test_a_recording_that_has_changed_is_another_dataset_at_the_same_place(place, capsys):
    write_npz(place / "walk.npz", recorded())
    before = make("walk.npz")
    write_npz(place / "walk.npz", recorded(seed=1))
    assert make("walk.npz") == before and "was made with source=" in capsys.readouterr().out
    assert len(list(place.glob("data/*.h5"))) == 2


def test_size_and_number_of_the_pictures_are_the_recordings_unless_they_are_given(place):
    write_npz(place / "walk.npz", recorded())
    options = resolved(GenerateCommand(dataset="walk.npz"))
    assert (options.dataset_size, options.img_size) == (1000, (8, 8))
    with open_dataset(make("walk.npz", img_size="4x4", dataset_size=110)) as file:
        assert file["train/images"].shape[1:] == (4, 4, 3)
        assert sum(len(file[split]["actions"]) for split in file) == 110
    with open_dataset(make("walk.npz", dataset_size=5000)) as file:  # more than there are: all of them
        assert sum(len(file[split]["actions"]) for split in file) == 1000


def test_pictures_become_smaller_by_area(place):
    arrays = recorded()
    arrays["images"] = np.random.default_rng(0).integers(0, 256, arrays["images"].shape, np.uint8)
    write_npz(place / "walk.npz", arrays)
    with open_dataset(make("walk.npz", img_size="4x2")) as file:
        small = np.concatenate([file[split]["images"][:] for split in file])
    means = arrays["images"].reshape(-1, 4, 2, 2, 4, 3).mean(axis=(2, 4)).sum(axis=(1, 2, 3))
    assert np.abs(np.sort(small.sum(axis=(1, 2, 3))) - np.sort(means)).max() < 13  # each of 24 numbers is rounded


def test_a_file_whose_sizes_were_changed_is_refused(place):
    write_npz(place / "walk.npz", recorded())
    path = make("walk.npz")
    for name, value in (("transitions", [1, 2, 3]), ("extras", "rewards"), ("state_size", 2**40), ("source", 5)):
        changed = place / "changed.h5"
        changed.write_bytes(path.read_bytes())
        with h5py.File(changed, "r+") as file:
            file.attrs[name] = value
        with pytest.raises(Unusable), open_dataset(changed):
            pass


def test_the_run_is_kept_under_the_recordings_name():
    assert TrainCommand(dataset="some/walk.npz", world_model="sokoban").output_dir == "models/walk-sokoban"
    assert TrainCommand(dataset="walk.npz", dataset_size=5, mini_batch_size=1000).mini_batch_size == 1000


@pytest.mark.parametrize("word", ["walk", "rubikscub", "cube2x2"])
def test_a_word_that_names_nothing_is_an_unknown_choice(word, place):
    with pytest.raises(UserError, match=f"unknown dataset '{word}'; choose from: rubikscube, "):
        GenerateCommand(dataset=word)


LIMITED = """
import resource, sys
sys.path.insert(0, {root!r})
from pipeline.command_line.cli import main
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert main(["world_model_train", "generate", "--dataset", "walk.npz"]) == 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_does_not_grow_with_the_recording(place):
    used = []
    for frames in (3000, 12_000):  # 37 and 147 MB
        images = np.zeros((frames, 64, 64, 3), np.uint8)
        images[:, 0] = np.random.default_rng(0).integers(0, 255, (frames, 64, 3))
        arrays = {"images": images, "episode": np.arange(frames) // 100, "action": np.arange(frames) % 3}
        write_npz(place / "walk.npz", arrays)
        done = subprocess.run(
            [sys.executable, "-c", LIMITED.format(root=str(ROOT))], capture_output=True, text=True, check=True
        )
        used.append(int(done.stdout.split()[-1]) / 1000)
    assert used[1] < used[0] + 60, used  # MB; the recording is 110 MB larger
