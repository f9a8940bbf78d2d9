"""From the word after `--dataset` to the source that it names."""

from functools import lru_cache
from pathlib import Path

from .minari_dataset import PREFIX, open_minari
from .recording import Recording
from .recording_files import open_recording, signature


def open_source(word: str) -> Recording:
    """Look at the source that a word names; again only if it has changed.

    Raises:
        UserError: There is none, or it can't be used; says why.
    """
    return _opened(word, signature(Path(word)) if Path(word).exists() else ())


@lru_cache(maxsize=2)
def _opened(word: str, state: tuple) -> Recording:
    return open_minari(word) if word.startswith(PREFIX) else open_recording(word)
