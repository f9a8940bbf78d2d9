"""What every group of options and every command is: a pydantic model that reads and refuses in one way."""

from collections.abc import Callable
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator, model_validator

from ..system.errors import UserError, did_you_mean, quoted, shown
from .fields import kind_of, wanted


class Options(BaseModel):
    """What all groups and commands share: one way of reading, one way of refusing, no change afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    title: ClassVar[str]  # of a group
    command: ClassVar[str] = ""  # of a command: its word on the command line
    writes: ClassVar[tuple[str, ...]] = ()  # of a command: the options that name a place it writes to
    commands: ClassVar[dict[str, type["Options"]]] = {}  # all of them, by their words
    positional: ClassVar[str] = ""  # of a command: the option that can be given without its name

    @classmethod
    def __pydantic_init_subclass__(cls, **given: Any) -> None:
        if cls.command:
            Options.commands[cls.command] = cls

    @field_validator("*", mode="before")
    @classmethod
    def _read(cls, value: Any, info: ValidationInfo) -> Any:
        kind = kind_of(cls, str(info.field_name))
        value = kind.read(value)
        if kind.choices and value not in kind.choices and not kind.is_other(value):
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


# ---- refusing an option in one sentence: what is wrong, what would be right, what was received


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
    owners = [f"'{word}'" for word, other in model.commands.items() if name in other.model_fields]
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
