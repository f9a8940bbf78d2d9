"""Every option once: its name, type, default, bounds, choices and help line.

An option is a field of a group; a command is the groups it inherits from. The command line, its help, the
record of a run and the option table of the README are all made from these fields. Making an options object
checks its values, and raises `UserError` with one sentence if one is wrong; `check_places` then looks at the
disk. Neither creates anything.
"""

import os
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from pipeline.errors import UserError, did_you_mean, quoted, shown
from pipeline.puzzles import PUZZLES
from pipeline.world_model.registry import WORLD_MODELS

MOST = 2_000_000_000  # transitions: with two frames for each, a frame's number still fits 32 bits
LARGEST_SIDE = 1024  # pixels
STARTS = ("auto", "solved", "anywhere")
PLACES = ("auto", "memory", "disk")
OPTIMIZERS = (
    "adam", "sgd", "adamw", "nadam", "rmsprop", "adagrad", "adadelta", "adamax", "adafactor", "ftrl", "lion",
    "muon", "lamb", "schedulefreeadamw",
)  # fmt: skip


# ---- how values are read; each takes text or the Python value and raises ValueError for anything else


def read_integer(value: Any) -> int:
    """Read 7, '7' or '1_000'; nothing that only resembles a whole number (True, 7.0, '1e3')."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]+(_[0-9]+)*", value.strip()) and len(value) < 40:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError


def read_count(value: Any) -> int:
    """Read an integer that may end in k for thousands or M for millions."""
    if isinstance(value, str) and (match := re.fullmatch(r"(.*[0-9])([kKM])", value.strip())):
        return read_integer(match[1]) * (1_000_000 if match[2] == "M" else 1_000)
    return read_integer(value)


def read_number(value: Any) -> float:
    """Read 1, 0.001, '.001' or '1e-3'."""
    if isinstance(value, str) and re.fullmatch(r"-?([0-9]+\.?|[0-9]*\.[0-9]+)([eE][-+]?[0-9]+)?", value.strip()):
        return float(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise ValueError


def read_sides(value: Any) -> tuple[int, int]:
    """Read (32, 32), '32 32', '32,32', '(32, 32)', '[32, 32]' or '32x32'."""
    if isinstance(value, str):
        value = re.sub(r"^\((.*)\)$|^\[(.*)\]$", r"\1\2", value.strip())
        value = re.split(r"\s*[,xX]\s*|\s+", value.strip())
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError
    height, width = map(read_integer, value)
    if not (1 <= height <= LARGEST_SIDE and 1 <= width <= LARGEST_SIDE):
        raise ValueError
    return height, width


def read_switch(value: Any) -> bool:
    """Read true or false."""
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    if isinstance(value, bool):
        return value
    raise ValueError


def read_text(value: Any) -> str:
    """Take text as it is: '1e5' stays '1e5'. Empty text and control characters are refused."""
    if isinstance(value, str) and value.strip() and value.isprintable():
        return value
    raise ValueError


def read_address(value: Any) -> str:
    """Take the address of a network place, 'tcp://host:8786'."""
    if isinstance(value, str) and re.fullmatch(r"[a-z]+://[^\s/]+:[0-9]{1,5}", value):
        return value
    raise ValueError


@dataclass(frozen=True, eq=False)
class Kind:
    """A kind of value: how it is read and how it is spoken of. Each field carries one."""

    type_name: str  # in the README's table
    placeholder: str  # in the help, after the option's name
    wanted: str  # ends "--option must be ..."; {bounds} is filled in from the field
    read: Callable[[Any], Any]
    choices: Collection[str] = ()


@dataclass(frozen=True, eq=False)
class Remark:
    """What a field says of itself beyond its description."""

    default: str = ""  # what happens when the option isn't given, where that is no plain value
    lines: Callable[[], list[str]] = list  # for the help


def one_of(choices: Collection[str]) -> Kind:
    """Make the kind of value that is one of the names."""
    return Kind("Choice", "NAME", "", read_text, choices)


COUNT = Kind("Integer", "N", "a whole number {bounds} (for example 2000, 300k, 2M)", read_count)
SEED = Kind("Integer", "N", "a whole number {bounds}", read_integer)
NUMBER = Kind("Number", "X", "a number {bounds} (for example 0.001 or 1e-3)", read_number)
SIDES = Kind(
    "Tuple (int, int)",
    "HEIGHT WIDTH",
    f"two whole numbers from 1 to {LARGEST_SIDE}, height and width (for example 32 32, 32,32 or 32x32)",
    read_sides,
)
SWITCH = Kind("Boolean", "", "true or false, or without a value for true", read_switch)
ADDRESS = Kind("Address", "ADDRESS", "an address (for example tcp://host:8786)", read_address)
FOLDER = Kind("Path", "FOLDER", "the path of a folder, in printable characters", read_text)
FILE = Kind("Path", "FILE", "the path of a file, in printable characters", read_text)


def _smallest_sizes() -> list[str]:
    sizes = (f"{name} {' '.join(map(str, puzzle.smallest_img_size))}" for name, puzzle in PUZZLES.items())
    return [f"Smallest: {', '.join(sizes)}. Largest: {LARGEST_SIDE} {LARGEST_SIDE}."]


def _start_reasons() -> list[str]:
    puzzles: dict[str, list[str]] = {}
    for name, puzzle in PUZZLES.items():
        puzzles.setdefault(f"{puzzle.default_start}, because {puzzle.start_reason}.", []).append(name)
    return ["auto is, for", *(f"- {', '.join(names)}: {reason}" for reason, names in puzzles.items())]


def _architectures() -> list[str]:
    return [f"- {name}: {architecture.summary}" for name, architecture in WORLD_MODELS.items()]


# ---- groups of options


class Options(BaseModel):
    """What all groups and commands share: one way of reading, one way of refusing, no change afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    title: ClassVar[str]  # of a group
    command: ClassVar[str] = ""  # of a command: its word on the command line
    writes: ClassVar[tuple[str, ...]] = ()  # of a command: the options that name a place it writes to
    positional: ClassVar[str] = ""  # of a command: the option that can be given without its name

    @field_validator("*", mode="before")
    @classmethod
    def _read(cls, value: Any, info: ValidationInfo) -> Any:
        kind = kind_of(cls, str(info.field_name))
        value = kind.read(value)
        if kind.choices and value not in kind.choices:
            raise ValueError
        return value

    @model_validator(mode="wrap")
    @classmethod
    def _refuse_in_one_sentence(cls, given: Any, validate: Callable[[Any], Self]) -> Self:
        given = {name: value for name, value in given.items() if value is not None}  # None is "not given"
        try:
            return validate(given)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
        name = str(first["loc"][0])
        raise refusal(cls, name, given.get(name), missing=first["type"] == "missing")


class DatasetOptions(Options):
    """The dataset of state transitions."""

    title: ClassVar[str] = "Dataset Options"

    dataset: Annotated[str, one_of(PUZZLES)] = Field(
        "rubikscube", description="The puzzle whose transitions make the dataset."
    )
    dataset_size: Annotated[int, COUNT] = Field(
        300_000, ge=1, le=MOST, description="How many state transitions to generate."
    )
    dataset_minibatch_size: Annotated[int, COUNT] = Field(
        30_000,
        ge=1,
        le=MOST,
        description="How many to generate at a time; changes memory and speed, never the data.",
    )
    shuffle_length: Annotated[int, COUNT] = Field(
        30, ge=1, le=100_000, description="How many random moves to make, one after another, from each start."
    )
    img_size: Annotated[tuple[int, int], SIDES, Remark(lines=_smallest_sizes)] = Field(
        (32, 32), description="Height and width of the images in pixels."
    )
    key: Annotated[int, SEED] = Field(
        0, ge=0, le=2**63 - 1, description="The random seed; the same options give the same data."
    )
    start: Annotated[str, one_of(STARTS), Remark(lines=_start_reasons)] = Field(
        "auto",
        description="Where the moves start: from the solved state, or from anywhere in the state space.",
    )
    data_dir: Annotated[str, FOLDER] = Field("data", description="The folder of the dataset files.")

    @model_validator(mode="after")
    def _image_shows_the_puzzle(self) -> Self:
        smallest = PUZZLES[self.dataset].smallest_img_size
        if self.img_size[0] < smallest[0] or self.img_size[1] < smallest[1]:
            raise UserError(
                f"--img_size must be at least {smallest[0]} {smallest[1]} to show {self.dataset}. "
                f"Received: --img_size {self.img_size[0]} {self.img_size[1]}"
            )
        return self


class GenerationOptions(Options):
    """Where a dataset is generated; changes no byte of it, so nothing records it."""

    title: ClassVar[str] = "Generation Options"

    scheduler: Annotated[str | None, ADDRESS, Remark(default="this machine's cores")] = Field(
        None, description="The Dask scheduler whose workers generate the dataset; they run in the project's folder."
    )


def _output_dir(given: dict[str, Any]) -> str:
    return f"models/{given.get('dataset', 'rubikscube')}-{given['world_model']}"


class WorldModelOptions(Options):
    """The world model, and where its run is kept."""

    title: ClassVar[str] = "World Model Options"

    world_model: Annotated[str, one_of(WORLD_MODELS), Remark(lines=_architectures)] = Field(
        "rubikscube", description="The architecture of the world model; any of them fits any dataset."
    )
    output_dir: Annotated[str, FOLDER, Remark(default="models/<dataset>-<world_model>")] = Field(
        default_factory=_output_dir,
        description="The folder of the run: the model, its history, metrics and pictures.",
    )


class TrainOptions(Options):
    """The training."""

    title: ClassVar[str] = "Training Options"

    train_epochs: Annotated[int, COUNT] = Field(
        2000, ge=1, le=1_000_000, description="How many times to go through the dataset."
    )
    mini_batch_size: Annotated[int, COUNT] = Field(
        1000, ge=1, le=MOST, description="How many transitions a single training step sees."
    )
    optimizer: Annotated[str, one_of(OPTIMIZERS)] = Field(
        "adam", description="The optimization algorithm, by its Keras name."
    )
    learning_rate: Annotated[float | None, NUMBER, Remark(default="what suits the world model")] = Field(
        None, gt=0, le=100, description="The learning rate of the optimizer."
    )
    stop_when_exact: Annotated[int, COUNT, Remark(default="0, never")] = Field(
        0,
        ge=0,
        le=1_000_000,
        description="Stop once the unseen walk has been exact for this many epochs in a row.",
    )
    dataset_in: Annotated[str, one_of(PLACES)] = Field(
        "auto",
        description="Where training keeps the images it needs: auto is memory where they fit, else disk. "
        "Changes memory and speed, never the result.",
    )
    retrain: Annotated[bool, SWITCH] = Field(
        False, description="Train again from the beginning, although the run is finished."
    )


class EvaluateOptions(Options):
    """How much to measure."""

    title: ClassVar[str] = "Evaluation Options"

    episodes: Annotated[int, COUNT] = Field(
        100, ge=1, le=100_000, description="How many open-loop episodes to roll out from their first image alone."
    )
    steps: Annotated[int, COUNT] = Field(10_000, ge=1, le=1_000_000, description="How many steps each episode has.")
    states: Annotated[int, COUNT] = Field(
        1_000_000, ge=1, le=100_000_000, description="Among how many distinct states to look for shared codes."
    )
    exhaustive: Annotated[bool, SWITCH] = Field(
        False, description="Check every state and every action, for puzzles of at most 10 million states."
    )


class ShowOptions(Options):
    """What to show."""

    title: ClassVar[str] = "Show Options"

    path: Annotated[str, FILE] = Field(description="A dataset's .h5 file, or the folder of a run.")
    picture: Annotated[str | None, FILE, Remark(default="beside the file")] = Field(
        None, description="Where to write the contact sheet of frames, a .png file."
    )
    verify: Annotated[bool, SWITCH] = Field(False, description="Read a whole dataset and compare it with its digest.")


# ---- commands. Of several groups the last one named comes first: Python reads the bases from the right.


class GenerateCommand(GenerationOptions, DatasetOptions):
    """Generate the dataset of a puzzle: random moves, every state drawn as an image, in one HDF5 file."""

    command: ClassVar[str] = "generate"
    writes: ClassVar[tuple[str, ...]] = ("data_dir",)


class TrainCommand(TrainOptions, WorldModelOptions, DatasetOptions):
    """Train a discrete world model on the dataset of a puzzle, which is generated first if it is missing."""

    command: ClassVar[str] = "train"
    writes: ClassVar[tuple[str, ...]] = ("data_dir", "output_dir")

    @model_validator(mode="after")
    def _mini_batch_fits_the_dataset(self) -> Self:
        if self.mini_batch_size > self.dataset_size:
            raise UserError(
                f"--mini_batch_size must be at most --dataset_size, which is {self.dataset_size}. "
                f"Received: {received(self, 'mini_batch_size')}"
            )
        return self


class EvaluateCommand(EvaluateOptions, WorldModelOptions, DatasetOptions):
    """Measure a trained world model; dataset options not given are those the run recorded."""

    command: ClassVar[str] = "evaluate"
    writes: ClassVar[tuple[str, ...]] = ("output_dir",)


class ShowCommand(ShowOptions):
    """Show what a dataset or a run is: its options, shapes, size on disk, digest, and a sheet of frames."""

    command: ClassVar[str] = "show"
    writes: ClassVar[tuple[str, ...]] = ("picture",)
    positional: ClassVar[str] = "path"

    @model_validator(mode="after")
    def _picture_is_png(self) -> Self:
        if self.picture and not self.picture.lower().endswith(".png"):
            raise UserError(f"--picture must end in .png. Received: {received(self, 'picture')}")
        return self


COMMANDS: dict[str, type[Options]] = {
    model.command: model for model in (TrainCommand, GenerateCommand, EvaluateCommand, ShowCommand)
}


# ---- what the fields say


def groups_of(model: type[Options]) -> dict[str, list[str]]:
    """Give the groups of a command in their order: the title, and the names of its options."""
    bases = [base for base in reversed(model.__mro__) if issubclass(base, Options)]
    groups = [base for base in bases if "title" in vars(base)]
    return {group.title: list(group.model_fields) for group in groups}


def kind_of(model: type[Options], name: str) -> Kind:
    """Give the kind of value that an option takes."""
    return next(item for item in model.model_fields[name].metadata if isinstance(item, Kind))


def remark_of(model: type[Options], name: str) -> Remark:
    """Give what an option says of itself beyond its description."""
    return next((item for item in model.model_fields[name].metadata if isinstance(item, Remark)), Remark())


def default_of(model: type[Options], name: str) -> str:
    """Say what holds when an option isn't given."""
    field = model.model_fields[name]
    if field.is_required():
        return "none, it must be given"
    return remark_of(model, name).default or str(field.default).replace("False", "false")


def bounds_of(model: type[Options], name: str) -> str:
    """Say what an option's smallest and largest value are, if it has any."""
    words = {"ge": "from {:_}", "gt": "above {:_}", "le": "up to {:_}"}
    bounds = model.model_fields[name].metadata
    return " ".join(
        text.format(getattr(item, key)) for item in bounds for key, text in words.items() if hasattr(item, key)
    )


def wanted(model: type[Options], name: str) -> str:
    """Say what would be right for an option."""
    if choices := kind_of(model, name).choices:
        return f"one of {', '.join(choices)}"
    return kind_of(model, name).wanted.format(bounds=bounds_of(model, name))


def as_attributes(options: Options, model: type[Options] = DatasetOptions) -> dict[str, Any]:
    """Give the values of one group (or command) of options, in types that JSON has."""
    values = {name: getattr(options, name) for name in model.model_fields}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def markdown_table(model: type[Options]) -> Iterator[str]:
    """Write the options of a command, or of a group, as the lines of a Markdown table."""
    yield "| Option | Type | Default | Choices | Meaning |"
    yield "|---|---|---|---|---|"
    for title, names in groups_of(model).items():
        yield f"| **{title}** | | | | |"
        for name in names:
            kind, meaning = kind_of(model, name), model.model_fields[name].description
            choices = ", ".join(f"`{choice}`" for choice in kind.choices) or bounds_of(model, name)
            yield f"| `--{name}` | {kind.type_name} | `{default_of(model, name)}` | {choices} | {meaning} |"


# ---- refusing


def refusal(model: type[Options], name: str, value: Any, missing: bool = False) -> UserError:
    """Say what is wrong with an option's value, what would be right and what was received."""
    if name not in model.model_fields:
        return unknown_option(model, name, f"--{shown(name)} {shown(value)}")
    if missing:
        return UserError(f"'{model.command}' needs --{name}: {model.model_fields[name].description} Received: nothing")
    given = f"Received: --{name} {shown(value)}"
    if choices := kind_of(model, name).choices:
        meant = did_you_mean(str(value), choices)
        return UserError(f"unknown {name} {quoted(value)}; choose from: {', '.join(choices)}{meant} {given}")
    return UserError(f"--{name} must be {wanted(model, name)}. {given}")


def unknown_option(model: type[Options], name: str, given: str) -> UserError:
    """Say that a command has no such option, and where it is or which one was probably meant."""
    of = f" of '{model.command}'" if model.command else ""
    owners = [f"'{word}'" for word, other in COMMANDS.items() if name in other.model_fields]
    meant = did_you_mean(name, model.model_fields, "--{}")
    if owners:
        meant = f"; it belongs to {' and '.join(owners)}."
    elif meant == ".":
        meant = "; --help lists the options."
    return UserError(f"unknown option --{shown(name)}{of}{meant} Received: {given}")


def received(options: Options, name: str) -> str:
    """Write an option as it was given."""
    default = "" if name in options.model_fields_set else " (the default)"
    return f"--{name} {shown(getattr(options, name))}{default}"


# ---- looking at the disk, without creating anything


def check_places(options: Options) -> None:
    """Refuse places that can't be written to, and places to be read that aren't there."""
    for name in options.writes:
        if (place := getattr(options, name)) and (problem := _why_not_writable(name, Path(place))):
            given = received(options, name)
            raise UserError(f"--{name} must be a place that can be written: {problem}. Received: {given}")
    if isinstance(options, EvaluateCommand) and not os.path.isdir(options.output_dir):
        raise UserError(
            "--output_dir must be the folder of a run, which `train` makes. "
            f"Received: {received(options, 'output_dir')}"
        )
    if isinstance(options, ShowCommand) and not os.path.exists(options.path):
        raise UserError(
            "--path must be a dataset's .h5 file or the folder of a run, and nothing is there. "
            f"Received: {received(options, 'path')}"
        )


def _why_not_writable(name: str, place: Path) -> str:
    """Say what speaks against writing to a place; empty if nothing does."""
    try:
        if max((len(os.fsencode(part)) for part in place.parts), default=0) > 255 or len(str(place)) > 3000:
            return "the name is too long"
        if name == "data_dir" and any(place.glob("*.h5")):  # datasets that are there already are only read
            return ""
        if name != "picture":
            return _why_no_folder(place)
        if not os.path.exists(place):
            return _why_no_folder(place.parent)
        overwritable = place.is_file() and os.access(place, os.W_OK)
        return "" if overwritable else f"{shown(str(place))} can't be overwritten"
    except OSError as error:
        return (error.strerror or str(error)).lower()


def _why_no_folder(place: Path) -> str:
    """Say why no file can be put into a folder, which may not exist yet; empty if one can."""
    while not os.path.lexists(place):
        place = place.parent
    if not place.is_dir():
        return f"{shown(str(place))} is not a folder"
    pseudo = Path(os.path.realpath(place)).parts[1:2] in (("proc",), ("sys",))  # root is told yes there
    if pseudo or not os.access(place, os.W_OK | os.X_OK):
        return f"no permission to write in {shown(str(place if place.name else place.resolve()))}"
    return ""
