"""From the command line to a job: the only file that knows Fire.

Fire by itself runs a command first and complains about unknown options afterwards, reads `1e5` as a number
and prints errors of many lines. So every option is spelt out as `--name=value` before Fire sees it, and the
functions that Fire calls only bind what they get. The values are checked when Fire has returned, and then the
job runs. Nothing here imports TensorFlow: a job imports its work when it runs.
"""

import gc
import importlib
import io
import os
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, suppress
from dataclasses import dataclass

import fire
from fire.core import FireExit
from fire.decorators import SetParseFn

from ..system.errors import UserError, did_you_mean, one_line, quoted, shown
from ..system.interruption import Interrupted, interruptible
from .fields import bounds_of, default_of, groups_of, kind_of, remark_of, wanted
from .group import unknown_option
from .options import COMMANDS, Options
from .places import check_places
from .values import SIDES, SWITCH

ABOUT = "From the name of a puzzle to a trained discrete world model."
GROUPS = {"world_model_train": "Generate datasets of puzzles, train discrete world models on them, evaluate them."}
WORK = {  # what a command does, one after the other; each is a function that takes the options
    "train": ("..training.stage.train", "..evaluation.stage.measure_trained"),
    "generate": ("..generation.stage.generate",),
    "check": ("..show.check.check",),
    "evaluate": ("..evaluation.stage.evaluate",),
    "show": ("..show.command.show",),
    "explain": ("..show.explain.explain",),
    "export": ("..show.export.export",),
    "solve": ("..solve.command.solve",),
    "problems": ("..solve.problems.problems",),
}
EXAMPLES = {
    "train": "--dataset rubikscube --world_model rubikscube --train_epochs 2000",
    "generate": "--dataset sokoban --dataset_size 300k --img_size 32 32",
    "check": "recordings/walk.npz",
    "evaluate": "--dataset rubikscube --world_model rubikscube",
    "show": "models/rubikscube-rubikscube",
    "explain": "identity.two_ways",
    "export": "models/slidepuzzle-slidepuzzle --start random --goal solved",
    "solve": "models/rubikscube-rubikscube --start random --goal solved --seconds 5",
    "problems": "models/sokoban-sokoban --count 1000 --save pairs.npz",
}
HELP_FLAGS = {"--help", "-h"}
HELP_WIDTH, HELP_COLUMN = 100, 32
NO_READER = 141  # the exit code of what SIGPIPE ends


@dataclass(frozen=True)
class Job:
    """A command and its options, all checked; made after Fire has returned."""

    command: str
    options: Options

    def run(self, parts: int | None = None) -> int:
        """Do the work, or its first parts; gives the exit code."""
        for part in WORK[self.command][:parts]:
            module, _, function = part.rpartition(".")
            if code := getattr(importlib.import_module(module, __package__), function)(self.options):
                return code
        return 0


def main(
    arguments: Sequence[str], program: str = "python main.py", inside: Sequence[str] = (), parts: int | None = None
) -> int:
    """Run a command line.

    Args:
        arguments: The words after the program's name.
        program: What the person typed before them.
        inside: The group, or group and command, that the program stands for.
        parts: How many parts of the command's work to do, if not all: the script of a stage does the stage alone.

    Returns:
        The exit code: 0 done, 2 refused in one line, 130 interrupted by Ctrl-C, 141 before the end nobody read it any
        more, 143 ended by SIGTERM.
    """
    if not sys.stderr.isatty():  # a log: a line of progress now and then is enough
        os.environ.setdefault("TQDM_MININTERVAL", "10")
    code, job = 0, None
    try:
        words, rest = take_words(arguments, inside)
        if len(words) < 2 or HELP_FLAGS & set(rest):
            return _print_help(words, " ".join([program, *words[len(inside) :]]))
        with interruptible():
            job = prepare(words, rest)
            code = job.run(parts)
            _flush()
    except BrokenPipeError:
        _write_nowhere()
        code = NO_READER
    except UserError as error:
        code = _end(2, f"error: {error}")
    except MemoryError as error:  # what could be foreseen has been refused before
        code = _end(2, f"error: there isn't enough memory: {str(error) or 'none is left'}")
    except Interrupted as stop:
        code = _end(stop.exit_code, str(stop))
    except KeyboardInterrupt:
        code = _end(130, "interrupted")
    if job and code:  # an input pipeline that an error has left would wait for ever at the process' end
        gc.collect()
    return code


def _flush() -> None:
    """Write what is still to be written; if nobody reads it any more, as in `show RUN | head`, that is no error."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _write_nowhere()


def _write_nowhere() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _end(code: int, why: str) -> int:
    """Say in the last line why there is no more; gives the exit code."""
    with suppress(OSError):  # the disk may be full
        _flush()
    print(one_line(why), file=sys.stderr)
    return code


# ---- from words to a job


def take_words(arguments: Sequence[str], inside: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    """Take the group and the command off the arguments; fewer where help is asked for before them.

    Those that the program stands for count as taken, and messages don't show them.
    """
    words, rest = list(inside), list(arguments)
    for known in (GROUPS, COMMANDS)[len(inside) :]:
        if not rest or (rest[0].startswith("-") and HELP_FLAGS & set(rest)):
            break
        word = rest[0].replace("-", "_")
        if word not in known:
            raise _unknown_command(words[len(inside) :], rest[0], list(known))
        words.append(word)
        rest.pop(0)
    return words, rest


def _unknown_command(words: list[str], word: str, known: list[str]) -> UserError:
    given = f"Received: {' '.join([*words, shown(word)])}"
    meant = did_you_mean(word, known)
    if known == list(GROUPS) and word in COMMANDS:
        meant = f"; did you mean '{' '.join([*GROUPS, word])}'?"
    if word.startswith("-"):
        return UserError(f"a command must come before the options; choose from: {', '.join(known)}. {given}")
    return UserError(f"unknown command {quoted(word)}; choose from: {', '.join(known)}{meant} {given}")


def prepare(words: Sequence[str], arguments: Sequence[str]) -> Job:
    """Make the job that a command and its arguments ask for, or raise `UserError`. Nothing has begun yet."""
    spelt = spell_out(COMMANDS[words[-1]], arguments)
    try:
        with redirect_stderr(io.StringIO()):
            command, given = fire.Fire(_FIRE_TREE, [*words, *spelt], "main.py", serialize=lambda bound: None)
    except FireExit:
        given = shown(" ".join(arguments))
        raise UserError(f"these arguments can't be understood; --help shows how. Received: {given}") from None
    options = COMMANDS[command](**given)
    check_places(options)
    return Job(command, options)


def _binder(command: str) -> Callable:
    @SetParseFn(str)
    def bind(**given: str) -> tuple[str, dict[str, str]]:
        return command, given

    return bind


_FIRE_TREE = {group: {command: _binder(command) for command in COMMANDS} for group in GROUPS}


# ---- from a person's spelling to `--name=value`


def spell_out(model: type[Options], arguments: Sequence[str]) -> list[str]:
    """Write each option as `--name=value`; refuse what is unknown, incomplete, given twice or left over."""
    given: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        name, value = (_take_option if _is_flag(rest[0]) else _take_word)(model, rest)
        if name in given:
            both = f"--{name} {shown(given[name])} and --{name} {shown(value)}"
            raise UserError(f"--{name} must be given only once. Received: {both}")
        given[name] = value
    return [f"--{name}={value}" for name, value in given.items()]


def _is_flag(argument: str) -> bool:
    return bool(re.match(r"--|-[A-Za-z]|-$", argument))  # -5 is a value


def _take_option(model: type[Options], rest: list[str]) -> tuple[str, str]:
    """Take an option and its value off the front of the arguments."""
    given = " ".join(shown(argument) for argument in rest[:2])
    flag, equals, value = rest.pop(0).partition("=")
    name = flag[2:].replace("-", "_")
    if not re.fullmatch(r"--[A-Za-z][A-Za-z0-9_-]*", flag):
        meant = did_you_mean(flag.strip("-"), model.model_fields, "--{}")
        raise UserError(f"an option is written --name value{meant} Received: {given}")
    if (switch := name.removeprefix("no_")) != name and not equals and _is_switch(model, switch):
        return switch, "false"
    if name not in model.model_fields:
        raise unknown_option(model, name, given)
    kind = kind_of(model, name)
    values = [value] if equals else []
    most = 99 if kind is SIDES else 1  # `--img_size 32 32` has two
    while len(values) < most and rest and not _is_flag(rest[0]):
        values.append(rest.pop(0))
    if not values and kind is SWITCH:
        values = ["true"]
    if not values:
        raise UserError(f"--{name} needs a value: {wanted(model, name)}. Received: {given}")
    return name, " ".join(values)


def _is_switch(model: type[Options], name: str) -> bool:
    return name in model.model_fields and kind_of(model, name) is SWITCH


def _take_word(model: type[Options], rest: list[str]) -> tuple[str, str]:
    """Take a value without a name off the front of the arguments."""
    word = rest.pop(0)
    if model.positional:
        return model.positional, word
    owners = [name for name in model.model_fields if word in kind_of(model, name).choices]
    meant = f"; did you mean --{owners[0]} {word}?" if owners else "."
    raise UserError(f"a value needs its option, as in --name value{meant} Received: {shown(word)} by itself")


# ---- help


def _print_help(words: Sequence[str], call: str) -> int:
    with suppress(BrokenPipeError):
        print("\n".join(help_lines(words, call)))
    _flush()
    return 0


def help_lines(words: Sequence[str], call: str) -> Iterator[str]:
    """Write the help of a command, or of all commands, as lines."""
    if len(words) == 2:
        yield from _command_help(words[1], call)
        return
    yield from (ABOUT, "", "Usage:")
    yield f"  {' '.join([call, *list(GROUPS)[len(words) :]])} COMMAND [OPTIONS]"
    for group, summary in GROUPS.items():
        yield from ("", f"{group}: {summary}")
        for command, model in COMMANDS.items():
            yield from _entry(command, [model.__doc__ or ""])
    yield from ("", "`COMMAND --help` lists the options of a command.")


def _command_help(command: str, call: str) -> Iterator[str]:
    model = COMMANDS[command]
    positional = f" {model.positional.upper()}" if model.positional else ""
    yield model.__doc__ or ""
    yield from ("", "Usage:", f"  {call}{positional} [OPTIONS]")
    yield from ("", "Example:", f"  {call} {EXAMPLES[command]}")
    for title, names in groups_of(model).items():
        yield from ("", f"{title}:")
        for name in names:
            yield from _entry(f"--{name} {kind_of(model, name).placeholder}", _about_option(model, name))
    yield from (
        "",
        "Counts can also be written 300_000, 300k or 2M; in the names of options, - is as good as _;",
        "--no-NAME is --NAME false.",
    )


def _about_option(model: type[Options], name: str) -> list[str]:
    """Write what the help says of an option, in paragraphs."""
    kind, remark = kind_of(model, name), remark_of(model, name)
    paragraphs = [model.model_fields[name].description or ""]
    if kind.choices:
        paragraphs.append(f"Choices: {', '.join(kind.choices)}.")
    bounds = f" ({bounds_of(model, name)})" if bounds_of(model, name) else ""
    return [*paragraphs, f"Default: {default_of(model, name)}{bounds}", *remark.lines()]


def _entry(name: str, paragraphs: list[str]) -> Iterator[str]:
    """Write a name, and beside it the paragraphs that explain it."""
    margin = " " * HELP_COLUMN
    text = [
        line
        for paragraph in paragraphs
        for line in textwrap.wrap(
            paragraph,
            HELP_WIDTH,
            initial_indent=margin,
            subsequent_indent=margin + "  " * paragraph.startswith("- "),
        )
    ]
    yield f"  {name}".ljust(HELP_COLUMN) + text[0].lstrip()
    yield from text[1:]
