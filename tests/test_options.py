"""What an options object promises: documented defaults, strict values, one sentence for each mistake."""

import inspect
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.command_line.fields import as_attributes, default_of, groups_of, markdown_table
from pipeline.command_line.options import (
    COMMANDS,
    MOST,
    OPTIMIZERS,
    DatasetOptions,
    EvaluateCommand,
    GenerateCommand,
    ShowCommand,
    TrainCommand,
    TrainOptions,
    WorldModelOptions,
)
from pipeline.command_line.places import check_places
from pipeline.command_line.values import LARGEST_SIDE
from pipeline.puzzles import PUZZLES
from pipeline.system.errors import UserError, did_you_mean, one_line, shown

DOCUMENTED_DEFAULTS = {
    "dataset": "rubikscube",
    "dataset_size": 300000,
    "dataset_minibatch_size": 30000,
    "shuffle_length": 30,
    "img_size": (32, 32),
    "key": 0,
    "world_model": "rubikscube",
    "train_epochs": 2000,
    "mini_batch_size": 1000,
    "optimizer": "adam",
}
COUNTS = ["dataset_size", "dataset_minibatch_size", "shuffle_length", "train_epochs", "mini_batch_size"]
EVERY_OPTION = [(model, name) for model in COMMANDS.values() for name in model.model_fields]


def refused(model, /, **values) -> str:
    """Give the one sentence with which the values are refused."""
    with pytest.raises(UserError) as error:
        model(**values)
    sentence = str(error.value)
    assert "\n" not in sentence
    assert "Received: " in sentence
    return sentence


# ---- defaults


def test_the_defaults_are_the_documented_ones():
    options = TrainCommand()
    assert {name: getattr(options, name) for name in DOCUMENTED_DEFAULTS} == DOCUMENTED_DEFAULTS


def test_the_options_beyond_the_documented_ones_have_defaults_too():
    options = TrainCommand()
    beyond = {name: getattr(options, name) for name in TrainCommand.model_fields if name not in DOCUMENTED_DEFAULTS}
    assert beyond == {
        "start": "auto",
        "data_dir": "data",
        "env_options": None,
        "policy": None,
        "output_dir": "models/rubikscube-rubikscube",
        "learning_rate": None,
        "stop_when_exact": 0,
        "search_seconds": 300.0,
        "dataset_in": "auto",
        "retrain": False,
    }


def test_the_run_is_kept_under_the_names_of_dataset_and_world_model():
    options = TrainCommand(dataset="sokoban", world_model="sokoban_optimized")
    assert options.output_dir == "models/sokoban-sokoban_optimized"
    assert EvaluateCommand(dataset="lightsout", world_model="lightsout").output_dir == "models/lightsout-lightsout"


def test_the_options_that_were_given_are_known():
    options = EvaluateCommand(dataset="sokoban", key=None)
    assert options.model_fields_set == {"dataset"}


def test_none_means_not_given():
    assert TrainCommand(**dict.fromkeys(TrainCommand.model_fields)) == TrainCommand()


def test_the_groups_come_in_the_documented_order():
    titles = ["Dataset Options", "World Model Options", "Training Options"]
    assert list(groups_of(TrainCommand)) == titles
    assert list(groups_of(EvaluateCommand)) == [*titles[:2], "Evaluation Options"]
    assert list(groups_of(GenerateCommand)) == [*titles[:1], "Generation Options"]
    assert [name for names in groups_of(TrainCommand).values() for name in names] == list(TrainCommand.model_fields)


def test_the_optimizers_are_those_of_keras_that_begin_where_weights_do_and_know_embeddings():
    keras = pytest.importorskip("keras")
    base = keras.optimizers.Optimizer
    wrappers = (base, keras.optimizers.LossScaleOptimizer, keras.optimizers.MultiOptimizer)
    classes = inspect.getmembers(keras.optimizers, lambda o: inspect.isclass(o) and issubclass(o, base))
    unfit = (keras.optimizers.Ftrl, keras.optimizers.Adafactor)
    assert set(OPTIMIZERS) == {name.lower() for name, optimizer in classes if optimizer not in (*wrappers, *unfit)}
    assert len(set(OPTIMIZERS)) == len(OPTIMIZERS)


# ---- values


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize(
    ("spelling", "value"),
    [
        ("2000", 2000),
        ("2_000", 2000),
        ("2k", 2000),
        ("2K", 2000),
        (" 2000 ", 2000),
        (2000, 2000),
        ("002000", 2000),
    ],
)
def test_a_count_has_many_spellings(name, spelling, value):
    assert getattr(TrainCommand(**{name: spelling}), name) == value


def test_millions_have_an_m():
    assert DatasetOptions(dataset_size="2M").dataset_size == 2_000_000
    assert DatasetOptions(dataset_size="300k").dataset_size == 300_000


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize(
    "value",
    ["abc", "", " ", "0", 0, "-5", -5, "1e3", "10.0", 3.0, "3.5", "true", True, "None", "1,000", "1__0", "_1",
     "1_", "0x10", "k", "2kk", "2m", "2G", "1.5k", "+5", "5 5", "inf", "nan", "9" * 30, "9" * 5000, MOST + 1,
     "\u0663", [5], {}],
    ids=shown,
)  # fmt: skip
def test_what_is_not_a_count_is_refused(name, value):
    sentence = refused(TrainCommand, **{name: value})
    assert sentence.startswith(f"--{name} must be a whole number from 1 up to ")
    assert len(sentence) < 250


def test_the_message_names_what_is_wrong_what_would_be_right_and_what_was_received():
    assert refused(TrainOptions, train_epochs="abc") == (
        "--train_epochs must be a whole number from 1 up to 1_000_000 (for example 2000, 300k, 2M). "
        "Received: --train_epochs abc"
    )
    assert "Received: --dataset_size 9000000k" in refused(TrainCommand, dataset_size="9000000k")


@given(st.integers(1, MOST))
def test_every_count_in_bounds_is_itself(number):
    assert DatasetOptions(dataset_size=str(number)).dataset_size == number
    assert DatasetOptions(dataset_size=f"{number:_}").dataset_size == number


@pytest.mark.parametrize(
    ("spelling", "value"), [("0", 0), ("7", 7), (2**63 - 1, 2**63 - 1), (str(2**63 - 1), 2**63 - 1)]
)
def test_a_key_is_any_seed_from_zero_on(spelling, value):
    assert DatasetOptions(key=spelling).key == value


@pytest.mark.parametrize("value", ["-1", -1, 2**63, str(2**63), "1k", "1.0", True, "seed"])
def test_what_is_not_a_key_is_refused(value):
    assert refused(DatasetOptions, key=value).startswith("--key must be a whole number from 0 up to ")


@pytest.mark.parametrize(
    "spelling",
    ["32 48", "32,48", "32, 48", "(32, 48)", "[32, 48]", "(32,48)", "32x48", "32X48", "32 x 48", " 32 48 ",
     (32, 48), [32, 48]],
    ids=shown,
)  # fmt: skip
def test_an_image_size_has_many_spellings(spelling):
    assert DatasetOptions(img_size=spelling).img_size == (32, 48)


@pytest.mark.parametrize(
    "value",
    ["32", "32 32 32", "32,,32", "a b", "", "x", ",", "()", "(32, 32", "32, 32]", "((32, 32))", "32*32",
     "32.0 32.0", "32k 32", "-32 -32", "0 0", f"{LARGEST_SIDE + 1} 32", "9" * 5000, 32, (32,), (32, 32, 32),
     (32.0, 32.0), (True, True), {}],
    ids=shown,
)  # fmt: skip
def test_what_is_not_an_image_size_is_refused(value):
    assert refused(DatasetOptions, img_size=value).startswith("--img_size must be two whole numbers from 1 to 1024")


@pytest.mark.parametrize("name", list(PUZZLES))
def test_an_image_too_small_to_show_the_puzzle_is_refused_and_the_smallest_is_named(name):
    height, width = PUZZLES[name].smallest_img_size
    DatasetOptions(dataset=name, img_size=(height, width))
    for size in ((height - 1, width), (height, width - 1)):
        assert f"at least {height} {width} to show {name}" in refused(DatasetOptions, dataset=name, img_size=size)


@pytest.mark.parametrize("name", list(PUZZLES))
def test_the_default_image_size_shows_every_puzzle(name):
    DatasetOptions(dataset=name)


@pytest.mark.parametrize(
    ("spelling", "value"), [("0.001", 0.001), ("1e-3", 0.001), (".5", 0.5), ("1", 1.0), (1, 1.0), (0.1, 0.1)]
)
def test_a_learning_rate_is_a_number_above_zero(spelling, value):
    assert TrainOptions(learning_rate=spelling).learning_rate == value


@pytest.mark.parametrize(
    "value",
    [
        "0",
        0,
        "-1",
        "nan",
        float("nan"),
        "inf",
        float("inf"),
        "1e999",
        "1e-999",
        "1_0",
        "x",
        "",
        True,
        "0.1.2",
    ],
)
def test_what_is_not_a_learning_rate_is_refused(value):
    assert refused(TrainOptions, learning_rate=value).startswith("--learning_rate must be a number above 0")


@pytest.mark.parametrize(("spelling", "value"), [("true", True), ("False", False), (True, True), (False, False)])
def test_a_switch_is_true_or_false(spelling, value):
    assert TrainOptions(retrain=spelling).retrain is value


@pytest.mark.parametrize("value", ["yes", "1", 1, 0, "", "maybe"])
def test_what_is_not_a_switch_is_refused(value):
    assert refused(TrainOptions, retrain=value).startswith("--retrain must be true or false")


@pytest.mark.parametrize("name", ["dataset", "world_model", "optimizer", "start"])
@pytest.mark.parametrize("value", ["nonsense", "", "1", 1, True, "a\nb", "a\0b", "x" * 9999, ["adam"]], ids=shown)
def test_an_unknown_choice_is_refused_and_all_choices_are_listed(name, value):
    sentence = refused(TrainCommand, **{name: value})
    assert sentence.startswith(f"unknown {name} ")
    assert default_of(TrainCommand, name) in sentence
    assert len(sentence) < 500


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        ("dataset", "rubiks", "rubikscube"),
        ("dataset", "Sokoban", "sokoban"),
        ("dataset", "lights-out", "lightsout"),
        ("dataset", "slide", "slidepuzzle"),
        ("world_model", "sokoban_optimised", "sokoban_optimized"),
        ("optimizer", "Adam", "adam"),
        ("optimizer", "adammw", "adamw"),
        ("start", "solve", "solved"),
    ],
)
def test_the_nearest_choice_is_suggested(name, written, meant):
    assert f"did you mean '{meant}'?" in refused(TrainCommand, **{name: written})


def test_paths_are_text_literally():
    for text in ("1e5", "007", "None", "true", "[1, 2]", "a b", "modèle"):
        assert TrainCommand(output_dir=text).output_dir == text


@pytest.mark.parametrize("name", ["output_dir", "data_dir"])
@pytest.mark.parametrize("value", ["", " ", "a\0b", "a\nb", "\x1b[31m", "\udcff", 5, True], ids=shown)
def test_empty_and_unprintable_paths_are_refused(name, value):
    assert refused(TrainCommand, **{name: value}).startswith(f"--{name} must be the path of a folder")


def test_a_mini_batch_larger_than_the_dataset_is_refused():
    TrainCommand(dataset_size=500, mini_batch_size=500)
    sentence = "--mini_batch_size must be at most --dataset_size, which is 500. Received: --mini_batch_size"
    assert refused(TrainCommand, dataset_size=500, mini_batch_size=501) == f"{sentence} 501"
    assert refused(TrainCommand, dataset_size=500) == f"{sentence} 1000 (the default)"


def test_a_generation_batch_larger_than_the_dataset_is_fine():
    assert GenerateCommand(dataset_size=5).dataset_minibatch_size == 30000


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("epocs", "train_epochs"),
        ("epochs", "train_epochs"),
        ("batch_size", "mini_batch_size"),
        ("seed", "key"),
        ("lr", "learning_rate"),
        ("model", "world_model"),
        ("image_size", "img_size"),
        ("dataset_sise", "dataset_size"),
    ],
)
def test_an_unknown_option_is_refused_and_the_nearest_is_suggested(written, meant):
    sentence = refused(TrainCommand, **{written: 1})
    assert sentence.startswith(f"unknown option --{written} of 'train'; did you mean --{meant}?")


def test_an_option_of_another_command_is_refused_with_that_command():
    assert "it belongs to 'train'" in refused(GenerateCommand, train_epochs=5)


def test_options_never_change():
    with pytest.raises(Exception, match="frozen"):
        TrainCommand().key = 1


# ---- places


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty current folder that must stay as it is."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused_place(options) -> str:
    with pytest.raises(UserError) as error:
        check_places(options)
    return str(error.value)


def test_checking_places_creates_nothing(here):
    check_places(TrainCommand(output_dir="a/b/c", data_dir="d/e"))
    check_places(GenerateCommand(data_dir=str(here / "x" / "y")))
    assert not any(here.iterdir())


def test_a_file_where_a_folder_should_be_is_refused(here):
    (here / "file").touch()
    for place in ("file", "file/below", "file/far/below"):
        assert "file is not a folder. Received: --data_dir file" in refused_place(GenerateCommand(data_dir=place))
        assert "file is not a folder. Received: --output_dir file" in refused_place(TrainCommand(output_dir=place))


def test_a_broken_link_is_refused(here):
    (here / "link").symlink_to("nowhere")
    (here / "circle").symlink_to("circle")
    for place in ("link", "circle", "circle/below"):
        assert "is not a folder" in refused_place(GenerateCommand(data_dir=place))


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="this system has no /proc")
def test_a_place_that_holds_no_files_is_refused_even_to_root():
    assert "no permission to write in /proc" in refused_place(GenerateCommand(data_dir="/proc/data"))


def test_a_folder_without_permission_is_refused(here, monkeypatch):
    (here / "locked").mkdir()
    monkeypatch.setattr(os, "access", lambda place, mode: "locked" not in str(place))
    assert "no permission to write in locked" in refused_place(GenerateCommand(data_dir="locked/data"))
    assert "no permission to write in locked" in refused_place(TrainCommand(output_dir="locked"))


def test_datasets_in_a_folder_without_permission_can_still_be_used(here, monkeypatch):
    (here / "data").mkdir()
    (here / "data" / "some.h5").touch()
    monkeypatch.setattr(os, "access", lambda place, mode: not str(place).endswith("data"))
    check_places(TrainCommand())


def test_a_name_too_long_for_any_disk_is_refused(here):
    assert "the name is too long" in refused_place(GenerateCommand(data_dir="x" * 256))
    assert "the name is too long" in refused_place(GenerateCommand(data_dir="x/" * 2000))


def test_evaluation_wants_a_run_that_is_there(here):
    assert "the folder of a run" in refused_place(EvaluateCommand())
    (here / "models" / "rubikscube-rubikscube").mkdir(parents=True)
    check_places(EvaluateCommand())


def test_show_wants_something_that_is_there_and_a_png(here):
    assert "nothing is there" in refused_place(ShowCommand(path="data.h5"))
    (here / "data.h5").touch()
    (here / "folder.png").mkdir()
    check_places(ShowCommand(path="data.h5"))
    check_places(ShowCommand(path="data.h5", picture="new/sheet.png"))
    assert "data.h5 is not a folder" in refused_place(ShowCommand(path="data.h5", picture="data.h5/x.png"))
    assert "can't be overwritten" in refused_place(ShowCommand(path="data.h5", picture="folder.png"))
    assert refused(ShowCommand, path="data.h5", picture="x.jpg").startswith("--picture must end in .png")
    assert refused(ShowCommand).startswith("'show' needs --path: A dataset's .h5 file, or the folder of a run.")


# ---- what others make of the options


@pytest.mark.parametrize("model", [DatasetOptions, WorldModelOptions, TrainOptions, TrainCommand])
def test_attributes_survive_json_and_give_the_same_options_back(model):
    options = TrainCommand(img_size="24 32", key=5, learning_rate="1e-3", retrain=True)
    attributes = json.loads(json.dumps(as_attributes(options, model)))
    assert set(attributes) == set(model.model_fields)
    again = model(**attributes)
    assert all(getattr(again, name) == getattr(options, name) for name in attributes)


@pytest.mark.parametrize("model", COMMANDS.values())
def test_the_markdown_table_has_a_row_of_five_cells_for_each_option(model):
    rows = list(markdown_table(model))
    assert all(row.replace("\\|", "").count("|") == 6 for row in rows)
    for name in model.model_fields:
        assert sum(row.startswith(f"| `--{name}` |") for row in rows) == 1


@pytest.mark.parametrize(("model", "name"), EVERY_OPTION)
def test_every_option_says_what_it_is(model, name):
    assert model.model_fields[name].description.endswith(".")
    assert default_of(model, name)


@given(st.text() | st.binary() | st.integers() | st.lists(st.text()))
def test_a_received_value_is_always_short_and_on_one_line(value):
    assert len(shown(value)) < 100
    assert len(shown(value).splitlines()) == 1
    assert shown(value).isprintable()


@given(st.text())
def test_any_text_becomes_one_line(text):
    assert len(one_line(text).splitlines()) <= 1


@given(st.text())
def test_suggesting_never_fails(word):
    assert did_you_mean(word, OPTIMIZERS)[-1] in ".?"
