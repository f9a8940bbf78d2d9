"""How the project speaks to the person: one sentence on one line."""

import difflib
import re
from collections.abc import Iterable
from typing import Any

LONGEST = 60  # characters of a received value that a message repeats
NICKNAMES = {"seed": "key", "lr": "learning_rate", "puzzle": "dataset", "force": "retrain"}


class UserError(Exception):
    """Something the person can put right, said in one sentence; the command line ends with exit code 2."""


def shown(value: Any) -> str:
    """Write a received value as a person could type it: quoted where needed, short, without controls."""
    plain = isinstance(value, str) and re.fullmatch(r"[!-&(-\[\]-~]+", value)
    text = value if plain else repr(value)
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST - 20]}...{text[-10:]} ({len(text)} characters)"


def quoted(value: Any) -> str:
    """Write a received value always in quotes, as a word in a sentence."""
    return shown(value) if shown(value)[0] == "'" else f"'{shown(value)}'"


def one_line(text: str) -> str:
    """Make line ends and other control characters visible, so that the text stays one line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def did_you_mean(word: str, known: Iterable[str], form: str = "'{}'") -> str:
    """End a message with the known word that was probably meant, or with a full stop."""
    known = list(known)
    word = word[:100].strip().lower().replace("-", "_")
    parts = {part: name for name in reversed(known) for part in name.split("_")}
    meant = (
        [name for name in known if name == NICKNAMES.get(word)]
        or difflib.get_close_matches(word, known, n=1)
        or [parts[part] for part in difflib.get_close_matches(word, parts, n=1, cutoff=0.8)]
        or [name for name in known if len(word) > 2 and word in name]
    )
    return f"; did you mean {form.format(meant[0])}?" if meant else "."
