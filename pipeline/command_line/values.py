"""The kinds of values that options take: how each is read, and how it is spoken of."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

LARGEST_SIDE = 1024  # pixels


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
    is_other: Callable[[str], bool] = lambda value: False  # what is right, too, beside the choices


@dataclass(frozen=True, eq=False)
class Remark:
    """What a field says of itself beyond its description."""

    default: str = ""  # what happens when the option isn't given, where that is no plain value
    lines: Callable[[], list[str]] = list  # for the help


def one_of(choices: Collection[str], is_other: Callable[[str], bool] = lambda value: False) -> Kind:
    """Make the kind of value that is one of the names, or something else that is told by its form."""
    return Kind("Choice", "NAME", "", read_text, choices, is_other)


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
METRIC = Kind("Text", "METRIC", "the name of a figure", read_text)
ENV_OPTIONS = Kind("Text", "NAME=VALUE,...", "name=value,name=value", read_text)
FOLDER = Kind("Path", "FOLDER", "the path of a folder, in printable characters", read_text)
FILE = Kind("Path", "FILE", "the path of a file, in printable characters", read_text)
