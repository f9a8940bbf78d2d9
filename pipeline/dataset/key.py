"""What decides a dataset's content, and where its file lies."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..command_line.options import DatasetOptions
from ..puzzles import PUZZLES
from ..sources.names import place_of, short_name
from .layout import FORMAT_VERSION

WALKS, WALK_LENGTH = 100, 100  # of validation and test each: 10,000 transitions that training never gets


@dataclass(frozen=True)
class DatasetKey:
    """Everything that decides a dataset's content; equal keys give equal bytes."""

    dataset: str
    dataset_size: int
    key: int
    shuffle_length: int
    img_size: tuple[int, int]
    start: str

    @classmethod
    def of(cls, options: DatasetOptions) -> "DatasetKey":
        """Take the key out of the dataset options."""
        return cls(**{field.name: getattr(options, field.name) for field in fields(cls)})

    @property
    def file_name(self) -> str:
        """The name in the cache; dvc.yaml spells the same pattern."""
        height, width = self.img_size
        return (
            f"{self.dataset}-size{self.dataset_size}-key{self.key}-shuffle{self.shuffle_length}"
            f"-img{height}x{width}-{self.start}.h5"
        )

    @property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """For each split its transitions and the length of its trajectories."""
        return {
            "train": (self.dataset_size, self.shuffle_length),
            "validation": (WALKS * WALK_LENGTH, WALK_LENGTH),
            "test": (WALKS * WALK_LENGTH, WALK_LENGTH),
        }

    def attributes(self) -> dict:
        """What the file records of the key."""
        return {**self.__dict__, "format_version": FORMAT_VERSION}


@dataclass(frozen=True)
class SourceKey(DatasetKey):
    """Everything that decides the content of a dataset of somebody's own source, whose name alone says nothing.

    Attributes:
        source: A SHA-256 over what the source is.
    """

    source: str

    @classmethod
    def of_source(cls, options: DatasetOptions, digest: str, **fixed: Any) -> "SourceKey":
        """Take the key out of the dataset options; what this kind of source doesn't depend on is `fixed`."""
        known = {field.name: getattr(options, field.name) for field in fields(DatasetKey)}
        return cls(**{**known, "dataset": short_name(options.dataset), **fixed}, source=digest)


def path_of(options: DatasetOptions) -> Path:
    """Give the place in the cache of the dataset that the options ask for; a source's begins with its own path."""
    key = DatasetKey.of(options)
    name = key.file_name
    if key.dataset not in PUZZLES:
        name = place_of(key.dataset) + name.removeprefix(key.dataset)  # dvc.yaml's pattern, too
    return Path(options.data_dir) / name
