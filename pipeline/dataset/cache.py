"""The cache of datasets: what is there is checked before it is used, and what can't be used is set aside, not deleted.

Of several processes that want the same dataset one makes it, and the others wait.
"""

from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

from ..system.errors import UserError
from ..system.locks import locked
from .checks import Unusable, check_made_with, check_values, open_dataset
from .writing import clear_partials


def find_or_make(path: Path, attributes: dict, make: Callable[[], None]):
    """Have a dataset at a path: the one that is there, or a new one.

    Args:
        path: Its place.
        attributes: What a dataset at this place must record.
        make: Writes it.

    Raises:
        UserError: A file that isn't ours is there, or none can be written.
    """
    if _is_usable(path, attributes):
        return _say_used(path)
    waiting = f"another process is making {path}; waiting until it has ended ..."
    with locked(path.with_name(f".{path.name}.lock"), waiting):
        try:
            if _is_there(path, attributes):  # made while this one waited
                return _say_used(path)
        except Unusable as problem:
            if not problem.is_ours:
                raise
            print(f"dataset: {path} {problem.reason}: it is now in {set_aside(path)}, and is made again", flush=True)
        clear_partials(path)
        make()


@contextmanager
def use_dataset(path: Path):
    """Open a dataset that `find_or_make` has found good; if a chunk is damaged all the same, the file is set aside.

    Raises:
        UserError: It is damaged; says which command makes it again.
    """
    try:
        with open_dataset(path) as file:
            yield file
    except Unusable as problem:
        if not problem.is_ours:
            raise
        aside = set_aside(path)
        raise UserError(f"{path} {problem.reason}: it is now in {aside}; the same command makes it again") from None


def check_usable(path: Path, attributes: dict):
    """Make sure that a file is a dataset of this format, whole as far as can be told without reading the images.

    Raises:
        Unusable: It isn't, or was made with other attributes.
    """
    with open_dataset(path) as file:
        check_made_with(file, attributes)
        check_values(file)


def set_aside(path: Path) -> Path:
    """Give a file a new name, which is given back."""
    number = 1
    while (aside := path.with_name(f"{path.stem}.{number}{path.suffix}")).exists():
        number += 1
    try:
        path.rename(aside)
    except OSError as error:
        raise UserError(f"{path} is damaged and can't be moved aside ({error.strerror})") from None
    return aside


def _is_there(path: Path, attributes: dict) -> bool:
    """Tell whether the dataset is there; raises `Unusable` if something else is."""
    if not path.exists():
        return False
    check_usable(path, attributes)
    return True


def _is_usable(path: Path, attributes: dict) -> bool:
    """Tell whether the dataset is there; raises `Unusable` only for what isn't ours."""
    try:
        return _is_there(path, attributes)
    except Unusable as problem:
        if not problem.is_ours:
            raise
        return False


def _say_used(path: Path):
    print(f"dataset: using {path} again, made before with the same options")
