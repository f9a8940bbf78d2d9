"""A file that isn't what its name promises, and a place that can't be written, are refused in one sentence."""

import re
import shutil
import tempfile
from pathlib import Path

import h5py
import pytest

from pipeline.command_line.cli import main
from pipeline.dataset.checks import check_digest, open_dataset
from pipeline.dataset.key import path_of
from pipeline.generation.stage import ensure_dataset, generate
from pipeline.puzzles import PUZZLES
from pipeline.puzzles.lightsout import LightsOut
from pipeline.system.errors import UserError

BASE = {"dataset_size": 100, "key": 0, "shuffle_length": 30, "img_size": (18, 12), "start": "solved"}


def refused(call, *given) -> str:
    """Call something that must be refused; gives the one sentence."""
    with pytest.raises(UserError) as refusal:
        call(*given)
    sentence = str(refusal.value)
    assert sentence and "\n" not in sentence
    return sentence


def set_aside_and_made_again(wanted, place, before, digest, capsys) -> str:
    """Make sure that what is at a place is kept under a new name and replaced; gives the line that says so."""
    capsys.readouterr()
    assert ensure_dataset(wanted) == place
    assert digest(place.with_name(f"{place.stem}.1.h5")) == before != digest(place)
    with open_dataset(place) as file:
        check_digest(file)
    return capsys.readouterr().out.splitlines()[0]


def read_all(path):
    with open_dataset(path) as file:
        for split in ("train", "validation", "test"):
            for name in file[split]:
                file[split][name][:]


@pytest.mark.parametrize(
    ("name", "other", "told"),
    [
        ("dataset", "slidepuzzle_3x3", "dataset=lightsout_4x4, not slidepuzzle_3x3"),
        ("dataset_size", 101, "dataset_size=100, not 101"),
        ("key", 1, "key=0, not 1"),
        ("shuffle_length", 31, "shuffle_length=30, not 31"),
        ("img_size", (12, 18), "img_size=[18, 12], not [12, 18]"),
        ("start", "anywhere", "start=solved, not anywhere"),
    ],
)
def test_a_file_made_with_other_options_is_set_aside_and_another_made(name, other, told, made, options, digest, capsys):
    path = made(**BASE)
    wanted = options(**{**BASE, name: other})
    before, place = digest(path), path.rename(path_of(wanted))
    said = set_aside_and_made_again(wanted, place, before, digest, capsys)
    assert said.startswith(f"dataset: {place} was made with {told}: it is now in ")


@pytest.mark.parametrize(
    ("what", "other", "told"),
    [
        ("default_start", "solved", "start_used=anywhere, not solved"),
        ("actions", ("u", "d", "l", "r"), "action_names=['up', 'down', 'left', 'right'], not ['u', 'd', 'l', 'r']"),
    ],
)
def test_a_file_made_before_the_puzzle_changed_is_not_used(
    what, other, told, made, options, monkeypatch, capsys, digest
):
    wanted = {"dataset": "slidepuzzle_3x3", "start": "auto"}
    path = made(**wanted)
    monkeypatch.setattr(PUZZLES["slidepuzzle_3x3"], what, other)
    said = set_aside_and_made_again(options(**wanted), path, digest(path), digest, capsys)
    assert f"was made with {told}: " in said


def with_version(path, version):
    """Change the format's number in a file, or remove it."""
    with h5py.File(path, "r+") as file:
        del file.attrs["format_version"]
        if version is not None:
            file.attrs["format_version"] = version


def test_a_file_of_a_newer_format_or_of_none_is_refused_and_kept(made, options, digest):
    path = made()
    for version, told in ((5, "format 5"), ("4", "format 4"), (-1, "format -1"), (None, "format None")):
        with_version(path, version)
        before = digest(path)
        said = refused(ensure_dataset, options())
        assert said == f"{path} isn't a dataset of format 4. Received: {told}; move it away"
        assert digest(path) == before


@pytest.mark.parametrize("version", [0, 3])
def test_a_file_of_an_older_format_is_set_aside_and_made_again(version, made, options, digest, capsys):
    path = made()
    with_version(path, version)
    said = set_aside_and_made_again(options(), path, digest(path), digest, capsys)
    assert f"is a dataset of format {version}, which is older than 4: it is now in " in said


def test_a_file_that_lost_an_option_is_set_aside_and_made_again(made, options, digest, capsys):
    path = made()
    with h5py.File(path, "r+") as file:
        del file.attrs["key"]
    assert "its attributes have changed" in set_aside_and_made_again(options(), path, digest(path), digest, capsys)


@pytest.mark.parametrize("kept", [0, 5, 100, 3000, -5000, -1])
def test_a_truncated_file_is_set_aside_and_made_again(kept, made, options, digest, capsys):
    path = made()
    path.write_bytes(path.read_bytes()[:kept])
    said = set_aside_and_made_again(options(), path, digest(path), digest, capsys)
    assert re.fullmatch("dataset: .* can't be read as a dataset [(].*[)]: it is now in .*, and is made again", said)


@pytest.mark.parametrize("content", [b"x", b"no dataset at all\n" * 100])
def test_a_text_file_is_refused_and_kept(content, options):
    place = path_of(options())
    place.parent.mkdir()
    place.write_bytes(content)
    assert "can't be read as a dataset" in refused(ensure_dataset, options())
    assert place.read_bytes() == content


def test_a_folder_in_the_files_place_is_refused(options):
    path_of(options()).mkdir(parents=True)
    assert "can't be read as a dataset (Is a directory)" in refused(ensure_dataset, options())


def test_a_missing_file_is_refused_with_what_makes_it(tmp_path):
    assert refused(read_all, tmp_path / "none.h5").endswith("`generate` makes it")


def test_one_changed_byte_in_an_array_is_noticed_when_it_is_read(made):
    path = made(dataset="sokoban")
    read_all(path)
    with h5py.File(path) as file:
        places = [file[split][name].id.get_chunk_info(0) for split in file for name in ("images", "actions", "frames")]
    whole = path.read_bytes()
    for place in places:
        damaged = bytearray(whole)
        damaged[place.byte_offset + place.size // 2] ^= 0x10
        path.write_bytes(damaged)
        assert "can't be read as a dataset" in refused(read_all, path)


def test_errors_of_others_inside_the_block_stay_what_they_are(made):
    with pytest.raises(FileNotFoundError), open_dataset(made()):
        Path("/no/such/file").read_bytes()


def test_a_data_folder_below_a_file_is_refused_in_one_sentence(options, tmp_path):
    (tmp_path / "file").write_text("in the way")
    wanted = options(data_dir=str(tmp_path / "file" / "data"))
    assert refused(generate, wanted) == f"{path_of(wanted)} can't be written (Not a directory)"


def test_a_folder_without_permission_is_refused_in_one_sentence(options, monkeypatch, files, tmp_path):
    def deny(*given, **named):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "mkstemp", deny)
    assert refused(generate, options()) == f"{path_of(options())} can't be written (Permission denied)"
    assert not files(tmp_path)


def test_the_command_line_ends_with_one_line_where_a_folder_of_datasets_cannot_be_written(
    made, monkeypatch, capsys, files, tmp_path
):
    path = made()

    def deny(*given, **named):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "mkstemp", deny)
    words = ["--dataset=lightsout_4x4", "--img_size=4x4", "--start=solved", f"--data_dir={path.parent}"]
    assert main(["world_model_train", "generate", *words, "--dataset_size=100"]) == 0  # it is there already
    capsys.readouterr()
    assert main(["world_model_train", "generate", *words, "--dataset_size=99"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"error: {path.with_name(path.name.replace('size100', 'size99'))} can't be written (Permission denied)"
    ]
    assert files(tmp_path) == [path.name]


def test_a_copy_under_the_same_name_elsewhere_is_used(made, options, tmp_path):
    path = made()
    (tmp_path / "other").mkdir()
    shutil.copy(path, tmp_path / "other")
    assert ensure_dataset(options(data_dir=str(tmp_path / "other"))).exists()


def test_a_puzzle_with_more_actions_than_a_byte_can_number_is_refused_before_anything_is_written(
    options, contents, tmp_path, monkeypatch
):
    monkeypatch.setitem(PUZZLES, "lightsout_4x4", LightsOut("lightsout_4x4", side=17))
    told = refused(ensure_dataset, options())
    assert told == "lightsout_4x4 must have at most 256 actions. Received: 289"
    assert not any(tmp_path.iterdir())
    monkeypatch.setitem(PUZZLES, "lightsout_4x4", LightsOut("lightsout_4x4", side=16))
    actions = contents(ensure_dataset(options(dataset_size=3000)))["actions"]
    assert actions.max() == 255
