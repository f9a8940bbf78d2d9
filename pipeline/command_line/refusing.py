"""Refusing an option in one sentence: what is wrong, what would be right, what was received."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..system.errors import UserError, did_you_mean, quoted, shown
from .fields import kind_of, wanted

if TYPE_CHECKING:
    from .group import Options


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
