"""Symmetries of a world of pieces: other names for actions and places under which its tables stay the same.

A problem told in other names has the same plans, told in them, and another view for a heuristic that was learned: where
it errs in one, it needn't in another. They are found in the tables alone.
"""

from collections.abc import Iterator

import numpy as np

from .pieces import PieceWorld

MOST_TRIED = 10_000  # partial renamings that are looked at


class Symmetry:
    """Other names.

    Args:
        world: Whose they are.
        actions: (A,) int, the new name of each action.
        places: (places,) int, the new name of each place.
    """

    def __init__(self, world: PieceWorld, actions: np.ndarray, places: np.ndarray):
        self.world, self.places, self.old_actions = world, places, np.argsort(actions)

    def state(self, state: np.ndarray) -> np.ndarray:
        """Tell a state (P,) in new names."""
        group = self.world.permutation_of(state)
        renamed = np.empty_like(group)
        renamed[self.places] = self.places[group]
        return renamed[self.world.homes].astype(np.uint8)

    def plan(self, plan: list[int]) -> list[int]:
        """Tell a plan in the old names."""
        return self.old_actions[plan].tolist() if plan else []


def symmetries(world: PieceWorld, count: int) -> list[Symmetry]:
    """Find so many symmetries of a world, or fewer; the first changes no name."""
    found: list[Symmetry] = []
    for tried, (names, places) in enumerate(_renamings(world)):
        if places is not None:
            found.append(Symmetry(world, names, places))
        if len(found) == count or tried == MOST_TRIED:
            break
    return found


def _renamings(world: PieceWorld) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Yield all names of actions, with those of places where they go on fitting; without, where only some are named."""
    moved = world.moved.astype(np.int64)
    count = len(moved)
    kinds = np.array([[_kind(one[other]) for other in moved] for one in moved])  # of two in turn
    waiting: list[list[int]] = [[]]
    while waiting:
        names = waiting.pop()
        at = len(names)
        if at == count:
            yield np.array(names), _places(moved, moved[names], world.kinds)
            continue
        yield np.array(names), None
        for name in reversed(range(count)):
            rows, columns = [*names, name], [*range(at), at]
            if name not in names and (kinds[name, rows] == kinds[at, columns]).all():
                waiting.append(rows)


def _kind(permutation: np.ndarray) -> int:
    """Give a number that other names of places don't change: how many stay where they are in one to four rounds."""
    places = np.arange(len(permutation))
    now, kind = places, 0
    for _ in range(4):
        now = permutation[now]
        kind = kind * (len(places) + 1) + int((now == places).sum())
    return kind


def _places(moved: np.ndarray, renamed: np.ndarray, orbits: np.ndarray) -> np.ndarray | None:
    """Give names of places (places,) under which actions (A, places) do what others do; None if there are none."""
    names = np.full(moved.shape[1], -1)
    for orbit in range(orbits.max() + 1):
        first = int(np.argmax(orbits == orbit))
        for name in np.setdiff1d(np.arange(len(names)), names):
            if (trial := _spread(names, first, int(name), moved, renamed)) is not None:
                names = trial
                break
        else:
            return None
    return names


def _spread(names, first: int, name: int, moved: np.ndarray, renamed: np.ndarray) -> np.ndarray | None:
    """Name the places that actions lead to from a first; None where one would get two names, or two the same."""
    names = names.copy()
    names[first], waiting = name, [first]
    while waiting:
        place = waiting.pop()
        after, named = moved[:, place], renamed[:, names[place]]
        for one, new in zip(after[names[after] < 0].tolist(), named[names[after] < 0].tolist()):
            if names[one] < 0:
                names[one] = new
                waiting.append(one)
        if (names[after] != named).any():
            return None
    given = names[names >= 0]
    return names if len(np.unique(given)) == len(given) else None
