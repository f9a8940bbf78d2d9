"""Files that are there whole or not at all."""

import json
import os
import zipfile
from pathlib import Path
from typing import Any

from .errors import UserError


class replacing:
    """Give a temporary path beside the target, which takes the target's place on the disk if the block ends well.

    Args:
        target: The file to write.
        sync: Whether to wait until it is on the disk (some hundredths of a second), so that a power cut can't harm it.

    Raises:
        UserError: The place can't be written, or is full.
    """

    def __init__(self, target: Path, sync: bool = True):
        self.target, self.sync = target, sync
        self.partial = target.with_name(f".{target.name}.{os.getpid()}.partial{target.suffix}")

    def __enter__(self) -> Path:
        return self.partial

    def __exit__(self, kind, error, trace):
        try:
            if kind is None:
                if self.sync:
                    _sync(self.partial)
                os.replace(self.partial, self.target)
                if self.sync:
                    _sync(self.target.parent)
        except OSError as failure:
            kind, error = OSError, failure
        if kind is not None:
            self.partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise UserError(f"{self.target} can't be written ({error.strerror or error})") from None


def _sync(path: Path):
    """Wait until what was written to a file or a folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def save_model(model: Any, path: Path) -> None:
    """Save a Keras model so that it is there whole or not at all, the same bytes for the same model."""
    with replacing(path) as partial:
        model.save(partial)
        with zipfile.ZipFile(partial) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(partial, "w") as archive:
            for name, content in members.items():
                if name.endswith(".json"):
                    content = json.dumps(_without_chance(json.loads(content), {})).encode()
                archive.writestr(zipfile.ZipInfo(name), content)  # its time is that of 1980-01-01


def _without_chance(content: Any, ids: dict[int, int]) -> Any:
    """Give what Keras writes of a model without the time and the places in memory, by which it numbers objects."""
    if isinstance(content, list):
        return [_without_chance(part, ids) for part in content]
    if not isinstance(content, dict):
        return content
    found = {name: _without_chance(part, ids) for name, part in content.items() if name != "date_saved"}
    if "shared_object_id" in found:
        found["shared_object_id"] = ids.setdefault(found["shared_object_id"], len(ids))
    return found


def write_json(path: Path, content: dict):
    """Write JSON that is there whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n")


def read_json(path: Path) -> dict | None:
    """Read a JSON file of ours; None if there is none or it is damaged."""
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
