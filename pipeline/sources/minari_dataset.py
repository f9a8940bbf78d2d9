"""A Minari dataset whose observations are pictures: its episodes are a recording."""

import hashlib
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..system.errors import UserError, shown
from ..system.program import INSTALLED
from .recording import Frames, Recording

PREFIX = "minari:"


def open_minari(word: str) -> Recording:
    """Look at a dataset that Minari has on this machine.

    Raises:
        UserError: There is none, or it can't be used; says why.
    """
    try:
        minari = importlib.import_module("minari")
    except ImportError:
        hint = "pip install 'discrete-world-model[gym]'" if INSTALLED else "pip install -r requirements-gym.txt"
        raise UserError(f"it needs the package minari ({hint}). Received: --dataset {shown(word)}") from None
    name = word.removeprefix(PREFIX)
    try:
        dataset = minari.load_dataset(name)
        return _recording(word, dataset)
    except UserError:
        raise
    except Exception as error:  # whatever Minari raises
        text = " ".join(str(error).split())[:200]
        raise UserError(
            f"the Minari dataset {shown(name)} can't be used: {type(error).__name__}: {text}; "
            f"`minari list local` names those that are there. Received: --dataset {shown(word)}"
        ) from None


def _recording(word: str, dataset: Any) -> Recording:
    key, shape = _picture_in(word, dataset.observation_space)
    columns: dict[str, list[np.ndarray]] = {"episode": [], "action": [], "reward": [], "terminated": []}
    for number, episode in enumerate(dataset.iterate_episodes()):
        actions = np.asarray(episode.actions)
        if actions.ndim != 1 or actions.dtype.kind not in "iu":
            received = f"{shown(str(dataset.action_space))}"
            raise UserError(
                f"the recording {shown(word)} can't be used: its actions must be discrete. Received: {received}"
            )
        columns["episode"].append(np.full(len(actions) + 1, number))
        for name, values in (
            ("action", actions),
            ("reward", episode.rewards),
            ("terminated", np.asarray(episode.terminations).astype(np.uint8)),
        ):
            columns[name].append(np.append(values, np.zeros(1, np.asarray(values).dtype)))
    found = {name: np.concatenate(parts) if parts else np.empty(0, int) for name, parts in columns.items()}
    frames = _EpisodeFrames(dataset, key, (len(found["action"]), *shape))
    return Recording(word, _digest_of(dataset), frames, found)


class _EpisodeFrames(Frames):
    """The pictures among the observations, an episode at a time."""

    def __init__(self, dataset: Any, key: str | None, shape: tuple[int, ...]):
        self.dataset, self.key, self.shape = dataset, key, shape

    def portions(self, rows: int) -> Iterator[np.ndarray]:
        waiting = np.empty((0, *self.shape[1:]), np.uint8)
        for episode in self.dataset.iterate_episodes():
            seen = episode.observations if self.key is None else episode.observations[self.key]
            waiting = np.concatenate([waiting, seen])
            while len(waiting) >= rows:
                yield waiting[:rows]
                waiting = waiting[rows:]
        if len(waiting):
            yield waiting


def _picture_in(word: str, space: Any) -> tuple[str | None, tuple[int, ...]]:
    """Find the one part of the observations that is a picture; gives its key, if there are several, and its shape."""
    parts = dict(space.spaces) if hasattr(space, "spaces") and isinstance(space.spaces, dict) else {None: space}
    pictures = {
        key: part.shape
        for key, part in parts.items()
        if getattr(part, "dtype", None) == np.uint8 and len(part.shape or ()) in (2, 3)
    }
    if len(pictures) != 1:
        wanted = "one part of its observations must be pictures (H, W, 3) uint8"
        raise UserError(f"the recording {shown(word)} can't be used: {wanted}. Received: {shown(str(space))}")
    return next(iter(pictures.items()))


def _digest_of(dataset: Any) -> str:
    """Give one SHA-256 over the dataset's files."""
    folder, digest = Path(dataset.storage.data_path), hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with open(path, "rb") as file:
            digest.update(f"{path.relative_to(folder)}".encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
