"""A recording that can't be used is refused in one line, with exit code 2, in no time and with nothing written."""

import pickle
import time
import zipfile

import h5py
import numpy as np
import pytest
from PIL import Image
from small_recordings import recorded, write_folder, write_hdf5, write_npz

from pipeline.command_line.cli import main


def changed(**values) -> dict:
    """Give the arrays of a recording, some of them others; None takes one away."""
    arrays = recorded() | values
    return {name: value for name, value in arrays.items() if value is not None}


FRAMES = len(recorded()["images"])
ARRAYS = {  # of an .npz: what is wrong with it, and what is said
    "no images": (changed(images=None), "lacks images"),
    "no actions": (changed(action=None), "lacks action"),
    "no episodes": (changed(episode=None), "lacks episode"),
    "fewer actions": (changed(action=np.zeros(FRAMES - 1, int)), "action must have a row for each of the 1,040 frames"),
    "more episodes": (changed(episode=np.arange(FRAMES + 1)), "episode must have a row for each"),
    "fewer states": (changed(state=np.zeros((9, 2))), "state must have a row for each"),
    "images of floats": (changed(images=recorded()["images"] / 255), "images must be grey levels 0 to 255 of type"),
    "four colours": (changed(images=np.zeros((FRAMES, 8, 8, 4), np.uint8)), r"images must be (F, H, W) or"),
    "flat images": (changed(images=np.zeros((FRAMES, 64), np.uint8)), r"images must be (F, H, W) or"),
    "huge images": (changed(images=np.zeros((FRAMES, 1025, 1), np.uint8)), "sides of 1 to 1024 pixels"),
    "Fortran order": (changed(images=np.asfortranarray(recorded()["images"])), "in C order"),
    "no frames": ({"images": np.zeros((0, 8, 8), np.uint8), "episode": [], "action": []}, "0 frames"),
    "continuous actions": (changed(action=np.linspace(0, 1, FRAMES)), "actions must be discrete"),
    "actions of two numbers": (changed(action=np.zeros((FRAMES, 2), int)), "one value for each frame"),
    "actions that are NaN": (changed(action=np.full(FRAMES, np.nan)), "NaN"),
    "actions below zero": (changed(action=np.full(FRAMES, -1)), "numbers from 0 to 255, or names. Received: -1"),
    "too many actions": (changed(action=np.arange(FRAMES)), "numbers from 0 to 255, or names. Received: "),
    "an action without a name": (changed(action=np.where(np.arange(FRAMES) % 2, "", "a")), "Received: ''"),
    "a long name": (changed(action=np.full(FRAMES, "a" * 101)), "of 1 to 100 letters"),
    "episodes of floats": (changed(episode=np.zeros(FRAMES)), "episode must be whole numbers or names"),
    "one episode": (changed(episode=np.zeros(FRAMES, int)), "at least 3 episodes"),
    "two episodes": (changed(episode=np.arange(FRAMES) // 600), "at least 3 episodes"),
    "episodes in pieces": (changed(episode=np.arange(FRAMES) % 4), "must follow one another. Received: 1,040 pieces"),
    "single frames": (changed(episode=np.arange(FRAMES)), "at least 3 episodes of two frames or more"),
    "frames all alike": (changed(images=np.full((FRAMES, 8, 8), 7, np.uint8)), "1,040 frames that are all alike"),
    "states that are NaN": (changed(state=np.full((FRAMES, 2), np.nan)), "state must be finite"),
    "rewards that are NaN": (changed(reward=np.full(FRAMES, np.nan)), "reward must be finite"),
    "ends in the middle": (changed(terminated=np.ones(FRAMES, bool)), "only for the last action of an episode"),
    "ends by numbers": (changed(terminated=np.full(FRAMES, 2)), "terminated must be true or false"),
    "pickled images": (changed(images=np.array([None] * FRAMES)), "nothing pickled"),
    "pickled actions": (changed(action=np.array([{}] * FRAMES)), "nothing pickled"),
}


def refusal(word, capsys, *options) -> str:
    """Generate from a source that must be refused; gives the one line."""
    started = time.perf_counter()
    assert main(["world_model_train", "generate", f"--dataset={word}", *options]) == 2
    assert time.perf_counter() - started < 5
    *before, said = capsys.readouterr().err.strip().splitlines()
    assert said.startswith("error: ") and "Traceback" not in "".join(before)
    return said


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_are_no_recording_are_refused(name, place, capsys):
    arrays, told = ARRAYS[name]
    write_npz(place / "walk.npz", arrays)
    assert told in refusal("walk.npz", capsys)
    assert [path.name for path in place.iterdir()] == ["walk.npz"], "something was written"


def test_a_training_that_is_refused_leaves_nothing_either(place, capsys):
    write_npz(place / "walk.npz", ARRAYS["frames all alike"][0])
    assert main(["world_model_train", "train", "--dataset=walk.npz", "--output_dir=models/deep/run"]) == 2
    assert "all alike" in capsys.readouterr().err
    assert [path.name for path in place.iterdir()] == ["walk.npz"], "something was written"


class Harm:
    """What a pickle can do."""

    def __reduce__(self):
        return open, ("harm", "w")


def spoilt_file(place, name):
    content = write_npz(place / "whole.npz", recorded()).read_bytes()
    (place / "whole.npz").unlink()
    contents = {
        "cut": content[: len(content) // 2],
        "flipped": content[:2000] + bytes([content[2000] ^ 255]) + content[2001:],
        "pickle": pickle.dumps(Harm()),
        "text": b"no recording",
        "empty": b"",
    }
    (place / "walk.npz").write_bytes(contents[name])


@pytest.mark.parametrize("name", ["cut", "flipped", "pickle", "text", "empty"])
def test_a_file_that_is_no_archive_any_more_is_refused_and_never_unpickled(name, place, capsys):
    spoilt_file(place, name)
    assert "can't be read" in refusal("walk.npz", capsys)
    assert not (place / "harm").exists() and not list(place.glob("data/*"))


def test_an_archive_that_claims_more_than_it_holds_is_refused(place, capsys):
    arrays = recorded()
    arrays["images"] = arrays["images"][:1]
    write_npz(place / "small.npz", arrays)
    with zipfile.ZipFile(place / "small.npz") as small, zipfile.ZipFile(place / "walk.npz", "w") as claims:
        for name in small.namelist():
            claims.writestr(name, small.read(name).replace(b"(1, 8", b"(9, 8"))
    assert "images must be as large as it says" in refusal("walk.npz", capsys)


def linked(file):
    del file["action"]
    file["action"] = h5py.ExternalLink("other.h5", "action")


def softly_linked(file):
    file["actions"] = file["action"]
    del file["action"]
    file["action"] = h5py.SoftLink("/actions")


def elsewhere(file):
    del file["action"]
    file.create_dataset("action", (FRAMES,), "u1", external=[("other.bin", 0, FRAMES)])


def virtual(file):
    del file["action"]
    layout = h5py.VirtualLayout((FRAMES,), "u1")
    layout[:] = h5py.VirtualSource("other.h5", "action", (FRAMES,))
    file.create_virtual_dataset("action", layout)


def claiming(file):
    del file["images"]
    file.create_dataset("images", (10**9, 64, 64, 3), "u1", chunks=(100, 64, 64, 3))


def hollow(file):
    del file["images"]
    file.create_dataset("images", (10**6, 64, 64, 3), "u1")


def in_one_chunk(file):
    del file["images"]
    file.create_dataset("images", (10**6, 64, 64, 3), "u1", chunks=(10**5, 64, 64, 3))


def grouped(file):
    del file["images"]
    file.create_group("images")


def scalar(file):
    del file["images"]
    file["images"] = 5


def ours(file):
    for split in ("train", "validation", "test"):
        file.create_group(split)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (linked, "a link to elsewhere"), (softly_linked, "a link to elsewhere"), (elsewhere, "that is elsewhere"),
        (virtual, "that is elsewhere"), (claiming, "as large as it says"), (hollow, "as large as it says"),
        (in_one_chunk, "in chunks of at most"), (grouped, "images must be an array"), (scalar, "must be an array"),
        (ours, "a dataset that `train` has made"),
    ],
)  # fmt: skip
def test_a_strangers_hdf5_file_is_trusted_in_nothing(change, told, place, capsys):
    with h5py.File(write_hdf5(place / "walk.h5", recorded()), "r+") as file:
        change(file)
    assert told in refusal("walk.h5", capsys)
    assert [path.name for path in place.iterdir()] == ["walk.h5"]


def without_table(folder):
    (folder / "steps.csv").unlink()


def with_lines(change):
    def spoil(folder):
        lines = (folder / "steps.csv").read_text().splitlines()
        change(lines)
        (folder / "steps.csv").write_text("\n".join(lines))

    return spoil


def of_another_size(folder):
    Image.new("RGB", (9, 8)).save(folder / "00500.png")


def not_a_picture(folder):
    (folder / "00000.png").write_bytes(b"no picture")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (without_table, "a folder must hold a steps.csv"),
        (with_lines(lambda lines: lines.__setitem__(0, "file,episode,move")), "lacks action"),
        (with_lines(lambda lines: lines.__setitem__(9, "none.png,0,1")), "must be there. Received: none.png"),
        (with_lines(lambda lines: lines.__setitem__(1, "../x.png,0,1")), "must lie in the folder. Received: ../x.png"),
        (with_lines(lambda lines: lines.__setitem__(9, "00008.png,0")), "a value in every column"),
        (with_lines(lambda lines: lines.__setitem__(9, "00008.png,0,")), "NaN"),
        (with_lines(lambda lines: lines.__delitem__(slice(1, None))), "a row for each frame"),
        (of_another_size, "all pictures must be 8x8, like the first. Received: 00500.png, 8x9"),
        (not_a_picture, "that can be read. Received: 00000.png"),
    ],
)
def test_a_folder_that_is_no_recording_is_refused(spoil, told, place, capsys):
    spoil(write_folder(place / "walk", recorded()))
    assert told in refusal("walk", capsys)
    assert not list(place.glob("data/*"))


@pytest.mark.parametrize(
    ("word", "told"),
    [("none.npz", "there is no recording at none.npz"), ("walk.mp4", "a recording must be one of .npz, .h5")],
)
def test_a_path_that_leads_to_no_recording_is_refused(word, told, place, capsys):
    (place / "walk.mp4").write_bytes(b"a film")
    assert told in refusal(word, capsys)


def test_too_small_a_part_of_a_recording_and_a_cluster_are_refused(place, capsys):
    write_npz(place / "walk.npz", recorded())
    assert "--dataset_size must take in at least 3 of" in refusal("walk.npz", capsys, "--dataset_size=40")
    assert "--scheduler is for the puzzles" in refusal("walk.npz", capsys, "--scheduler=tcp://localhost:1")
