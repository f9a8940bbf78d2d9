"""What is in the cache of datasets is checked before it is used, made by one process at a time, and never half."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from small_run import train

from pipeline.command_line.cli import main
from pipeline.command_line.options import GenerateCommand
from pipeline.dataset import key
from pipeline.dataset.cache import check_usable
from pipeline.dataset.checks import Unusable, open_dataset
from pipeline.dataset.key import DatasetKey
from pipeline.generation import capacity
from pipeline.generation.stage import attributes_of, ensure_dataset
from pipeline.system.errors import UserError

ROOT = Path(__file__).parents[2]
FILE = "lightsout_4x4-size3000-key0-shuffle30-img32x32-auto.h5"
FUZZED = int(os.environ.get("FUZZED_DATASETS", "25"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Options and path of a small dataset."""
    options = GenerateCommand(
        dataset="lightsout_4x4", dataset_size=200, img_size=(4, 4), data_dir=str(tmp_path_factory.mktemp("whole"))
    )
    return options, ensure_dataset(options)


def test_thirty_damages_at_random_are_found_or_harmless():
    words = [sys.executable, str(ROOT / "tools/damage.py"), "30", "--seed", "3"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "found" in done.stdout and "MISSED" not in done.stdout, done.stdout + done.stderr


def test_a_chunk_that_is_damaged_when_training_reads_it_is_set_aside_and_made_again(place, capsys, tmp_path):
    data, options = tmp_path / "data", {"train_epochs": "1", "img_size": "32x32"}
    assert train(data_dir=str(data), **options) == 0
    path = data / FILE
    right = path.read_bytes()
    with h5py.File(path) as file:
        chunk = file["train/images"].id.get_chunk_info(1)
    damaged = bytearray(right)
    damaged[chunk.byte_offset + 9] ^= 4
    path.write_bytes(damaged)
    capsys.readouterr()
    assert train(data_dir=str(data), output_dir="again", **options) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert f"it is now in {path.with_suffix('.1.h5')}; the same command makes it again" in said
    assert path.with_suffix(".1.h5").read_bytes() == damaged and not path.exists()
    assert train(data_dir=str(data), output_dir="again", **options) == 0
    assert path.read_bytes() == right


def test_a_chunk_that_is_damaged_when_training_streams_it_ends_the_run_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(key, "WALKS", 100)  # as the process has it
    monkeypatch.setattr(key, "WALK_LENGTH", 100)
    made = ensure_dataset(GenerateCommand(dataset="lightsout_4x4", dataset_size=10_000, data_dir=str(tmp_path)))
    with h5py.File(made) as file:
        images = file["train/images"]
        order = np.random.default_rng(0).permutation(images.id.get_num_chunks())  # a code is sought in the first ones
        chunk = images.id.get_chunk_info(int(order[-1]))
    damaged = bytearray(made.read_bytes())
    damaged[chunk.byte_offset + chunk.size // 2] ^= 4
    made.write_bytes(damaged)
    words = "--dataset lightsout_4x4 --dataset_size 10k --world_model deepcubeai --train_epochs 1 --dataset_in disk"
    done = subprocess.run(
        [sys.executable, ROOT / "train.py", *words.split(), "--data_dir", tmp_path, "--output_dir", tmp_path / "run"],
        capture_output=True, text=True, timeout=120,
        env={name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"},  # set by Keras
    )  # fmt: skip
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert f"it is now in {made.with_suffix('.1.h5')}" in done.stderr.splitlines()[-1]


def test_of_eight_that_want_the_same_dataset_one_makes_it_and_the_others_wait(tmp_path):
    words = ["world_model_train", "generate", "--dataset=rubikscube", "--dataset_size=20k", f"--data_dir={tmp_path}"]
    processes = [
        subprocess.Popen([sys.executable, str(ROOT / "main.py"), *words], stdout=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    said = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 8
    assert sum("transitions of rubikscube" in text for text in said) == 1
    assert sum("again, made before with the same options" in text for text in said) == 7
    assert len(list(tmp_path.iterdir())) == 1


def test_what_does_not_fit_on_the_disk_is_refused_before_it_is_begun_with_what_would_fit(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(capacity.shutil, "disk_usage", lambda place: usage._replace(free=10_000_000))
    wanted = {"dataset": "lightsout_4x4", "data_dir": str(tmp_path)}
    with pytest.raises(UserError, match=r"needs about .* MB on the disk, and 9.9 MB are free in .*") as refusal:
        ensure_dataset(GenerateCommand(dataset_size=1_000_000, **wanted))
    fits = int(str(refusal.value).split("--dataset_size ")[1].split(" ")[0])
    path = ensure_dataset(GenerateCommand(dataset_size=fits, **wanted))
    assert 7_000_000 < path.stat().st_size < 10_000_000 and list(tmp_path.iterdir()) == [path]


def test_what_does_not_fit_in_memory_is_refused_with_the_minibatch_that_would(tmp_path, monkeypatch):
    for module in ("pipeline.system.memory", "pipeline.generation.capacity"):
        monkeypatch.setattr(f"{module}.available_bytes", lambda: 17_200_000)
    wanted = {"dataset_size": 30_000, "img_size": (64, 64), "data_dir": str(tmp_path)}
    monkeypatch.setattr("pipeline.system.executors.cores", lambda: 2)
    with pytest.raises(UserError, match=r"--dataset_minibatch_size [0-9]+ would fit"):
        ensure_dataset(GenerateCommand(**wanted))
    assert not list(tmp_path.glob("*"))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root mounts")
def test_a_disk_that_fills_up_meanwhile_is_one_line_and_nothing_is_left(tmp_path, monkeypatch, capfd):
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        monkeypatch.setattr(capacity.Room, "check_disk", lambda *_: None)  # as if others had filled it since
        words = ["--dataset=rubikscube", "--dataset_size=20k", f"--data_dir={place}"]
        assert main(["world_model_train", "generate", *words]) == 2
        assert "can't be written (No space left on device)" in capfd.readouterr().err.splitlines()[-1]
        assert not list(place.iterdir())
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        assert main(["world_model_train", "generate", *words]) == 2
        assert "no permission to write in" in capfd.readouterr().err.splitlines()[-1]
        assert not list(place.iterdir())
    finally:
        subprocess.run(["umount", place], check=True)


# ---- files made to do harm


def _replace_member(make: Callable) -> Callable:
    def change(file, name):
        del file[name]
        make(file, name)

    return change


def _virtual(file, name):
    layout = h5py.VirtualLayout((200,), "u1")
    layout[:] = h5py.VirtualSource("other.h5", "x", (200,))
    file.create_virtual_dataset(name, layout)


HARM = {
    "missing": _replace_member(lambda file, name: None),
    "soft": _replace_member(lambda file, name: file.__setitem__(name, h5py.SoftLink("/test/actions"))),
    "external": _replace_member(lambda file, name: file.__setitem__(name, h5py.ExternalLink("/etc/passwd", "/x"))),
    "virtual": _replace_member(_virtual),
    "outside": _replace_member(
        lambda file, name: file.create_dataset(name, (200,), "u1", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])
    ),
    "huge": _replace_member(
        lambda file, name: file.create_dataset(name, (2**50,), "u1", chunks=(2**19,), compression="gzip")
    ),
    "text": _replace_member(lambda file, name: file.create_dataset(name, (200,), h5py.string_dtype())),
    "float": _replace_member(lambda file, name: file.create_dataset(name, data=np.zeros(200))),
    "group": _replace_member(lambda file, name: file.create_group(name)),
    "extra": lambda file, name: file.create_dataset(f"{name}2", data=[1]),
    "unchecked": _replace_member(lambda file, name: file.create_dataset(name, data=np.zeros(200, "u1"), chunks=(200,))),
}


@pytest.mark.parametrize("kind", HARM)
@pytest.mark.parametrize("name", ["train/actions", "test/images", "train"])
def test_links_to_elsewhere_lies_and_what_is_missing_are_refused_unread(kind, name, whole, tmp_path, capsys):
    options, path = whole
    changed = shutil.copy(path, tmp_path / "changed.h5")
    with h5py.File(changed, "r+") as file:
        HARM[kind](file, name)
    with pytest.raises(Unusable):
        check_usable(changed, attributes_of(DatasetKey.of(options)))
    assert main(["world_model_train", "show", str(changed)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


VALUES = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.text(max_size=30).filter(lambda text: "\0" not in text), st.floats(),
    st.booleans(), st.lists(st.integers(-5, 2**40), max_size=400), st.binary(max_size=20).map(np.void),
)  # fmt: skip
CHANGES = st.one_of(
    st.tuples(st.just("bytes"), st.lists(st.tuples(st.floats(0, 0.999999), st.binary(min_size=1)), min_size=1)),
    st.tuples(st.just("cut"), st.floats(0, 0.999999)),
    st.tuples(st.just("attribute"), st.sampled_from(["format_version", "key", "img_size", "dataset"]), VALUES),
    st.tuples(st.just("member"), st.sampled_from(sorted(HARM)), st.sampled_from(["train/actions", "validation"])),
)


@settings(max_examples=FUZZED, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(change=CHANGES)
def test_files_changed_at_random_are_refused_in_one_line_or_hold_what_they_did(whole, tmp_path, change):
    options, path = whole
    changed, right = tmp_path / "changed.h5", path.read_bytes()
    content = bytearray(right)
    if change[0] == "bytes":
        for where, new in change[1]:
            first = int(where * len(content))
            content[first : first + len(new)] = new
    elif change[0] == "cut":
        content = content[: int(change[1] * len(content))]
    changed.write_bytes(content)
    if change[0] == "attribute":
        with h5py.File(changed, "r+") as file:
            try:
                file.attrs[change[1]] = change[2]
            except (TypeError, ValueError, OSError):
                reject()  # HDF5 can't hold such a value
    if change[0] == "member":
        with h5py.File(changed, "r+") as file:
            HARM[change[1]](file, change[2])
    try:
        check_usable(changed, attributes_of(DatasetKey.of(options)))
        with open_dataset(changed) as found, open_dataset(path) as wanted:
            for split in wanted:
                for name in wanted[split]:
                    assert np.array_equal(found[split][name][:], wanted[split][name][:])
    except UserError as refusal:
        assert str(refusal)
    assert main(["world_model_train", "show", str(changed), "--picture", str(tmp_path / "x.png")]) in (0, 2)
