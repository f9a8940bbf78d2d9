"""Every option once: its name, type, default, bounds, choices and help line.

An option is a field of a group; a command is the groups it inherits from. The command line, its help, the
record of a run and the option table of the README are all made from these fields. Making an options object
checks its values, and raises `UserError` with one sentence if one is wrong; `places.check_places` then looks at the
disk. Neither creates anything.
"""

from collections import ChainMap
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from ..architectures import WORLD_MODELS
from ..planning.searches import BY_HEURISTIC, SEARCHES
from ..puzzles import PUZZLES
from ..sources.names import is_environment, is_function, is_own_puzzle, is_source, short_name
from ..sources.policies import POLICIES
from ..system.errors import UserError
from .group import Options, received
from .values import (
    ADDRESS,
    COUNT,
    ENV_OPTIONS,
    FILE,
    FOLDER,
    LARGEST_SIDE,
    METRIC,
    NUMBER,
    SEED,
    SIDES,
    SWITCH,
    Remark,
    one_of,
)

MOST = 2_000_000_000  # transitions: with two frames for each, a frame's number still fits 32 bits
AUTO = "auto"
SEARCH_SECONDS = 300.0
CHOSEN = ChainMap({AUTO: "whichever fits what the data shows; training says which, and why"}, WORLD_MODELS)
STARTS = (AUTO, "solved", "anywhere")
PLACES = (AUTO, "memory", "disk")
FORMATS = ("pddl", "onnx")
OPTIMIZERS = (
    "adam", "sgd", "adamw", "nadam", "rmsprop", "adagrad", "adadelta", "adamax", "lion",
    "muon", "lamb", "schedulefreeadamw",
)  # fmt: skip


def _smallest_sizes() -> list[str]:
    sizes = (f"{name} {' '.join(map(str, puzzle.smallest_img_size))}" for name, puzzle in PUZZLES.items())
    return [f"Smallest: {', '.join(sizes)}. Largest: {LARGEST_SIDE} {LARGEST_SIDE}."]


def _start_reasons() -> list[str]:
    puzzles: dict[str, list[str]] = {}
    for name, puzzle in PUZZLES.items():
        puzzles.setdefault(f"{puzzle.default_start}, because {puzzle.start_reason}.", []).append(name)
    return ["auto is, for", *(f"- {', '.join(names)}: {reason}" for reason, names in puzzles.items())]


def _sources() -> list[str]:
    return [
        "Or the path of a recording of your own: an .npz or .h5 file with images, episode and action, or a folder with "
        "a steps.csv.",
        "Or a puzzle of your own: a .py file with actions, start, step and render, or in a package "
        "package.module:object.",
        "Or a Gymnasium environment: gym:ID, or gym:module:ID where a module registers it.",
        "Or a Minari dataset with pictures: minari:ID.",
    ]


def _architectures() -> list[str]:
    return [f"- {name}: {summary}" for name, summary in CHOSEN.items()]


def _searches() -> list[str]:
    return [f"- {name}: {summary}" for name, summary in SEARCHES.items()]


# ---- groups of options


class DatasetOptions(Options):
    """The dataset of state transitions."""

    title: ClassVar[str] = "Dataset Options"

    dataset: Annotated[str, one_of(PUZZLES, is_source), Remark(lines=_sources)] = Field(
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
    env_options: Annotated[str | None, ENV_OPTIONS, Remark(default="none")] = Field(
        None, description="What a Gymnasium environment is made with, for example map_name=8x8,is_slippery=false."
    )
    policy: Annotated[str | None, one_of(POLICIES, is_function), Remark(default="random")] = Field(
        None,
        description="What chooses the actions that training sees: random, novel (goes where something was never "
        "tried), or module:function.",
    )

    @model_validator(mode="after")
    def _image_shows_the_puzzle(self) -> Self:
        if self.env_options is not None and not is_environment(self.dataset):
            raise UserError(f"--env_options is for environments, gym:ID. Received: {received(self, 'env_options')}")
        is_puzzle = self.dataset in PUZZLES or is_own_puzzle(self.dataset)
        if self.policy is not None and not is_puzzle and not is_environment(self.dataset):
            raise UserError(f"--policy is for puzzles and environments. Received: {received(self, 'policy')}")
        if self.dataset not in PUZZLES:
            return self
        check_img_size(self, PUZZLES[self.dataset].smallest_img_size)
        return self


def check_img_size(options: DatasetOptions, smallest: tuple[int, int]) -> None:
    """Refuse pictures in which a puzzle's state can't be seen any more."""
    if options.img_size[0] < smallest[0] or options.img_size[1] < smallest[1]:
        raise UserError(
            f"--img_size must be at least {smallest[0]} {smallest[1]} to show {options.dataset}. "
            f"Received: --img_size {options.img_size[0]} {options.img_size[1]}"
        )


class GenerationOptions(Options):
    """Where a dataset is generated; changes no byte of it, so nothing records it."""

    title: ClassVar[str] = "Generation Options"

    scheduler: Annotated[str | None, ADDRESS, Remark(default="this machine's cores")] = Field(
        None, description="The Dask scheduler whose workers generate the dataset; they need this package too."
    )


def _output_dir(given: dict[str, Any]) -> str:
    dataset = given.get("dataset", "rubikscube")
    return f"models/{dataset if dataset in PUZZLES else short_name(dataset)}-{given['world_model']}"


class WorldModelOptions(Options):
    """The world model, and where its run is kept."""

    title: ClassVar[str] = "World Model Options"

    world_model: Annotated[str, one_of(CHOSEN), Remark(lines=_architectures)] = Field(
        "rubikscube", description="The architecture of the world model; any of them can be trained on any dataset."
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
    search_seconds: Annotated[float, NUMBER] = Field(
        SEARCH_SECONDS,
        gt=0,
        le=100_000,
        description="How long auto and cells look for the board whose rules are shortest, at most; the best that was "
        "found until then is taken.",
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


class ExplainOptions(Options):
    """What to explain."""

    title: ClassVar[str] = "Explain Options"

    metric: Annotated[str | None, METRIC, Remark(default="all of them")] = Field(
        None, description="A figure of metrics.json, or a group of them: one_step_exact, identity, identity.two_ways."
    )


class ExportOptions(Options):
    """What to write for other programs."""

    title: ClassVar[str] = "Export Options"
    states: ClassVar[tuple[str, ...]] = ("random", "solved")  # that start and goal name instead of a picture

    path: Annotated[str, FOLDER] = Field(description="The folder of a finished run.")
    format: Annotated[str, one_of(FORMATS)] = Field(
        "pddl",
        description="What to write in RUN/export: pddl, the planning domain of the run's rules; onnx, encoder, decoder "
        "and transition for any runtime.",
    )
    start: Annotated[str | None, FILE, Remark(default="none, the domain alone")] = Field(
        None,
        description="Where plans begin, for RUN/export/problem.pddl: a picture, .png or .npy, or random or solved, "
        "states of the run's puzzle.",
    )
    goal: Annotated[str | None, FILE, Remark(default="none, the domain alone")] = Field(
        None, description="What plans lead to: a picture, random or solved."
    )
    key: Annotated[int, SEED] = Field(0, ge=0, le=2**63 - 1, description="The random seed of random states and levels.")
    data_dir: Annotated[str, FOLDER] = Field(
        "data", description="The folder of the dataset files, on which onnx is checked where no puzzle draws pictures."
    )


class SolveOptions(Options):
    """What to plan."""

    title: ClassVar[str] = "Solve Options"
    states: ClassVar[tuple[str, ...]] = ("random", "solved")  # that start and goal name instead of a picture

    path: Annotated[str, FOLDER] = Field(description="The folder of a finished run.")
    start: Annotated[str, FILE] = Field(
        "random",
        description="Where the plan begins: a picture, .png or .npy, or random or solved, states of the run's puzzle; "
        "where the data isn't a puzzle's, random is the start of one of its episodes.",
    )
    goal: Annotated[str, FILE] = Field(
        "solved",
        description="What it leads to: a picture, random or solved, or terminal, any best rewarded end of the world.",
    )
    problems: Annotated[str | None, FILE, Remark(default="one problem, from start to goal")] = Field(
        None,
        description="An .npz file of many problems, start and goal, each (N, H, W, 3) uint8; `problems` makes one.",
    )
    free_goal: Annotated[bool, SWITCH] = Field(
        False, description="Leave free where in the goal the thing is that the actions move, as Sokoban's player."
    )
    search: Annotated[str, one_of(SEARCHES), Remark(lines=_searches)] = Field(AUTO, description="How to search.")
    weight: Annotated[float, NUMBER] = Field(
        0.6, ge=0, le=1, description="How much the steps so far count beside those to come, in astar and qstar."
    )
    seconds: Annotated[float, NUMBER] = Field(
        10.0, gt=0, le=100_000, description="How long to search for each problem, at most."
    )
    train_seconds: Annotated[float, NUMBER] = Field(
        240.0,
        gt=0,
        le=100_000,
        description="How long to learn a heuristic, where a search needs one; it is kept in the run's folder for that "
        "goal.",
    )
    width: Annotated[int | None, COUNT, Remark(default="as wide as the time allows; 4096 at a time")] = Field(
        None,
        ge=1,
        le=10_000_000,
        description="How many states a beam keeps in each layer, or astar, qstar and blind look at at a time.",
    )
    scheduler: Annotated[str | None, ADDRESS, Remark(default="this machine's cores")] = Field(
        None, description="The Dask scheduler over whose workers many problems are spread; they need this package too."
    )
    save: Annotated[str | None, FILE, Remark(default="not saved")] = Field(
        None, description="Where to write the plans, a .json file with an entry for each problem."
    )
    picture: Annotated[str | None, FILE, Remark(default="plan.png in the run's folder")] = Field(
        None, description="Where to draw the plan of one problem, a .png file."
    )
    data_dir: Annotated[str, FOLDER] = Field(
        "data", description="The folder of the dataset files, for data that isn't a puzzle's."
    )
    key: Annotated[int, SEED] = Field(0, ge=0, le=2**63 - 1, description="The random seed of random states and levels.")


class ProblemsOptions(Options):
    """Which problems to make."""

    title: ClassVar[str] = "Problem Options"

    path: Annotated[str, FOLDER] = Field(description="The folder of a finished run, for whose puzzle they are.")
    save: Annotated[str, FILE] = Field("problems.npz", description="Where to write them, an .npz file.")
    count: Annotated[int, COUNT] = Field(100, ge=1, le=1_000_000, description="How many to make.")
    length: Annotated[int, COUNT] = Field(
        1000, ge=1, le=100_000, description="How many random moves lie between start and goal."
    )
    goal: Annotated[str, one_of(("solved", "random"))] = Field(
        "solved",
        description="Whether goals are solved or random states. Where moves can't be undone, it is always where the "
        "moves from a random start led.",
    )
    key: Annotated[int, SEED] = Field(
        0, ge=0, le=2**63 - 1, description="The random seed; the same key, the same problems."
    )


# ---- commands. Of several groups the last one named comes first: Python reads the bases from the right.


class TrainCommand(TrainOptions, WorldModelOptions, DatasetOptions):
    """Train a discrete world model on the dataset of a puzzle, which is generated first if it is missing."""

    command: ClassVar[str] = "train"
    writes: ClassVar[tuple[str, ...]] = ("data_dir", "output_dir")

    @model_validator(mode="after")
    def _mini_batch_fits_the_dataset(self) -> Self:
        if self.dataset in PUZZLES and self.mini_batch_size > self.dataset_size:
            raise UserError(
                f"--mini_batch_size must be at most --dataset_size, which is {self.dataset_size}. "
                f"Received: {received(self, 'mini_batch_size')}"
            )
        return self


class GenerateCommand(GenerationOptions, DatasetOptions):
    """Generate the dataset of a puzzle: random moves, every state drawn as an image, in one HDF5 file."""

    command: ClassVar[str] = "generate"
    writes: ClassVar[tuple[str, ...]] = ("data_dir",)


class EvaluateCommand(EvaluateOptions, WorldModelOptions, DatasetOptions):
    """Measure a trained world model; dataset options not given are those the run recorded."""

    command: ClassVar[str] = "evaluate"
    writes: ClassVar[tuple[str, ...]] = ("output_dir",)


class ShowCommand(ShowOptions):
    """Show what a dataset or a run is: a dataset's options, shapes and frames; a run's options, figures and rules."""

    command: ClassVar[str] = "show"
    writes: ClassVar[tuple[str, ...]] = ("picture",)
    positional: ClassVar[str] = "path"

    @model_validator(mode="after")
    def _picture_is_png(self) -> Self:
        if self.picture and not self.picture.lower().endswith(".png"):
            raise UserError(f"--picture must end in .png. Received: {received(self, 'picture')}")
        return self


class ExplainCommand(ExplainOptions):
    """Explain the figures of metrics.json: what each means, and what is good."""

    command: ClassVar[str] = "explain"
    positional: ClassVar[str] = "metric"


class ExportCommand(ExportOptions):
    """Write a run for other programs: its rules as a planning domain, and a problem for planners to solve."""

    command: ClassVar[str] = "export"
    writes: ClassVar[tuple[str, ...]] = ("path",)
    positional: ClassVar[str] = "path"

    @model_validator(mode="after")
    def _start_and_goal_make_a_problem(self) -> Self:
        for one, other in (("start", "goal"), ("goal", "start")):
            if getattr(self, one) and not getattr(self, other):
                raise UserError(f"--{one} needs --{other} too, for a problem has both. Received: {received(self, one)}")
        if self.start and self.start == self.goal:
            raise UserError(f"--goal must be another than --start. Received: {received(self, 'goal')}")
        if self.start and self.format != "pddl":
            raise UserError(f"--start is for --format pddl, a problem's. Received: {received(self, 'format')}")
        return self


class CheckCommand(DatasetOptions):
    """Look at a puzzle, recording or environment: what is right, what is missing, what won't be measured."""

    command: ClassVar[str] = "check"
    positional: ClassVar[str] = "dataset"


class SolveCommand(SolveOptions):
    """Plan in a run's learned world, from a picture to a picture, and replay every plan in the true puzzle."""

    command: ClassVar[str] = "solve"
    writes: ClassVar[tuple[str, ...]] = ("path", "save", "picture")
    positional: ClassVar[str] = "path"

    @model_validator(mode="after")
    def _files_have_their_endings(self) -> Self:
        for name, ending in (("save", ".json"), ("picture", ".png"), ("problems", ".npz")):
            place = getattr(self, name)
            if place and not place.lower().endswith(ending):
                raise UserError(f"--{name} must end in {ending}. Received: {received(self, name)}")
        for name, searches in (("weight", BY_HEURISTIC[1:]), ("train_seconds", (AUTO, *BY_HEURISTIC))):
            if name in self.model_fields_set and self.search not in searches:
                raise UserError(
                    f"--{name} is for --search {', '.join(searches)}. "
                    f"Received: {received(self, name)} with --search {self.search}"
                )
        if self.scheduler and not self.problems:
            raise UserError(f"--scheduler is for many problems, --problems. Received: {received(self, 'scheduler')}")
        if self.goal == "terminal" and (self.search != AUTO or self.free_goal):
            given = "--free_goal" if self.free_goal else f"--search {self.search}"
            raise UserError(f"--goal terminal needs --search {AUTO} and no --free_goal. Received: {given}")
        for name in ("start", "goal", "picture"):
            if self.problems and name in self.model_fields_set:
                raise UserError(
                    f"--{name} is for one problem, and --problems has many. Received: {received(self, name)}"
                )
        return self


class ProblemsCommand(ProblemsOptions):
    """Make a file of problems for `solve`: pictures of starts and goals, random moves apart."""

    command: ClassVar[str] = "problems"
    writes: ClassVar[tuple[str, ...]] = ("save",)
    positional: ClassVar[str] = "path"

    @model_validator(mode="after")
    def _save_is_npz(self) -> Self:
        if not self.save.lower().endswith(".npz"):
            raise UserError(f"--save must end in .npz. Received: {received(self, 'save')}")
        return self


COMMANDS = Options.commands
