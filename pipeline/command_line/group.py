"""What every group of options and every command is: a pydantic model that reads and refuses in one way."""

from collections.abc import Callable
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator, model_validator

from .fields import kind_of
from .refusing import refusal


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
