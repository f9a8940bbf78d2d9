"""What the fields of an options class say of themselves: to the help, to messages, to the README's table."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from .values import Kind, Remark


def groups_of(model: type[BaseModel]) -> dict[str, list[str]]:
    """Give the groups of a command in their order: the title, and the names of its options."""
    groups: list[Any] = [base for base in reversed(model.__mro__) if "title" in vars(base)]
    return {group.title: list(group.model_fields) for group in groups}


def kind_of(model: type[BaseModel], name: str) -> Kind:
    """Give the kind of value that an option takes."""
    return next(item for item in model.model_fields[name].metadata if isinstance(item, Kind))


def remark_of(model: type[BaseModel], name: str) -> Remark:
    """Give what an option says of itself beyond its description."""
    return next((item for item in model.model_fields[name].metadata if isinstance(item, Remark)), Remark())


def default_of(model: type[BaseModel], name: str) -> str:
    """Say what holds when an option isn't given."""
    field = model.model_fields[name]
    if field.is_required():
        return "none, it must be given"
    return remark_of(model, name).default or str(field.default).replace("False", "false")


def bounds_of(model: type[BaseModel], name: str) -> str:
    """Say what an option's smallest and largest value are, if it has any."""
    words = {"ge": "from {:_}", "gt": "above {:_}", "le": "up to {:_}"}
    bounds = model.model_fields[name].metadata
    return " ".join(
        text.format(getattr(item, key)) for item in bounds for key, text in words.items() if hasattr(item, key)
    )


def wanted(model: type[BaseModel], name: str) -> str:
    """Say what would be right for an option."""
    if choices := kind_of(model, name).choices:
        return f"one of {', '.join(choices)}"
    return kind_of(model, name).wanted.format(bounds=bounds_of(model, name))


def as_attributes(options: BaseModel, model: type[BaseModel]) -> dict[str, Any]:
    """Give the values of one group (or command) of options, in types that JSON has."""
    values = {name: getattr(options, name) for name in model.model_fields}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def markdown_table(model: type[BaseModel]) -> Iterator[str]:
    """Write the options of a command, or of a group, as the lines of a Markdown table."""
    yield "| Option | Type | Default | Choices | Meaning |"
    yield "|---|---|---|---|---|"
    for title, names in groups_of(model).items():
        yield f"| **{title}** | | | | |"
        for name in names:
            kind, meaning = kind_of(model, name), model.model_fields[name].description
            choices = ", ".join(f"`{choice}`" for choice in kind.choices) or bounds_of(model, name)
            yield f"| `--{name}` | {kind.type_name} | `{default_of(model, name)}` | {choices} | {meaning} |"
