"""The world model beside the puzzle that it was learned from: what every measurement works on."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..codes.exactness import as_image, pixel_bound, pixel_errors
from ..puzzles import Puzzle
from ..puzzles.walks import walk
from ..system.memory import rows_within
from ..system.streams import stream

Walker = Callable[[int, int], AbstractContextManager[dict]]


class Seen(Puzzle):
    """What stands in a puzzle's place where a world is known by its episodes alone.

    Args:
        walk: Walks new episodes, at most so many and so many steps each, and gives the arrays of a split while a block
            runs; None for a recording.
    """

    inverse, state_count = None, None

    def __init__(self, name: str, actions: tuple[str, ...], state_size: int, walk: Walker | None = None):
        self.name, self.actions, self.state_size, self.walk = name, actions, state_size, walk
        self.lacks = ("states" if walk else "step", "read", "inverse")

    def start(self, rng, n, where):
        raise NotImplementedError

    step = render = read = start  # type: ignore[assignment]


BATCH, BATCH_BYTES = 2000, 2**26  # images or codes at a time: at most so many, and images of so many bytes


class Model(Protocol):
    """What is measured: a `DiscreteWorldModel`, or anything else with its pure functions on NumPy arrays."""

    @property
    def bits(self) -> int: ...

    def encode(self, images: np.ndarray) -> np.ndarray: ...

    def step(self, codes: np.ndarray, actions: np.ndarray) -> np.ndarray: ...

    def decode(self, codes: np.ndarray) -> np.ndarray: ...

    def pixels(self, codes: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True)
class Subject:
    """A world model, its puzzle and the size of its images. Codes are (N, B) uint8, states (N, S) uint8."""

    model: Model
    puzzle: Puzzle
    img_size: tuple[int, int]
    key: int

    def rng(self, purpose: str) -> np.random.Generator:
        """Give a random stream for one purpose; neither generation nor another measurement draws from it."""
        return stream(self.key, "evaluation", purpose)

    def encode(self, images: np.ndarray) -> np.ndarray:
        return np.concatenate([self.model.encode(part) for part in self.parts(images)])

    def encode_states(self, states: np.ndarray) -> np.ndarray:
        """Draw the states and encode the pictures; no more than a batch of pictures is ever held."""
        images = (self.puzzle.render(part, self.img_size) for part in self.parts(states))
        return np.concatenate([self.model.encode(part) for part in images])

    def unknown(self, codes: np.ndarray, actions: np.ndarray) -> int | None:
        """Count the steps from codes (N, B) by actions (N,) that the data doesn't decide; None where all is learned."""
        cases = getattr(self.model, "cases", None)
        return int((~cases.known(codes, actions)).sum()) if cases else None

    def step(self, codes: np.ndarray, actions: np.ndarray) -> np.ndarray:
        pairs = zip(self.parts(codes), self.parts(actions))
        return np.concatenate([self.model.step(*pair) for pair in pairs])

    def read(self, codes: np.ndarray) -> np.ndarray:
        """Decode the codes and read the pictures back to states by the nearest picture, without the model."""
        return np.concatenate([self.puzzle.read(self.model.decode(part)) for part in self.parts(codes)])

    def are_pictured(self, codes: np.ndarray, states: np.ndarray) -> np.ndarray:
        """Tell which codes (N, B) decode to the pictures of states (N, S), every pixel within the bound: (N,) bool."""
        images = (self.puzzle.render(part, self.img_size) for part in self.parts(states))
        errors = [pixel_errors(self.model.decode(code), image) for code, image in zip(self.parts(codes), images)]
        return np.concatenate(errors) <= pixel_bound()

    def compare(self, codes: np.ndarray, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compare decoded pictures with the true ones (N, H, W, 3) uint8.

        Returns:
            The largest error of any pixel of each, (N,) uint8 grey levels, and the mean squared error of each, (N,)
            float64, pixels in 0…1.
        """
        largest, squared = [], []
        for code, image in zip(self.parts(codes), self.parts(images)):
            pixels, true = self.model.pixels(code), image.reshape(len(image), -1)
            largest.append(pixel_errors(as_image(pixels), image))
            off = pixels.reshape(true.shape) - true * np.float32(1 / 255)
            squared.append(np.einsum("np,np->n", off, off, dtype=np.float64) / off.shape[1])
        return np.concatenate(largest), np.concatenate(squared)

    def parts(self, rows, most: int | None = None) -> Iterator[np.ndarray]:
        """Cut images, codes, states or actions, in memory or in a file, into parts that are worked on at a time.

        Args:
            most: How many rows, the first ones, to take; None: all.
        """
        size, end = self.rows_at_a_time, len(rows) if most is None else most
        return (rows[first : min(first + size, end)] for first in range(0, end, size))

    @property
    def is_live(self) -> bool:
        """Tell whether any state of the world can be made; else it is known by its episodes alone."""
        return not isinstance(self.puzzle, Seen)

    @property
    def rows_at_a_time(self) -> int:
        return rows_within(BATCH_BYTES, 3 * self.img_size[0] * self.img_size[1], BATCH)

    def walk(self, rng: np.random.Generator, walks: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Explore from anywhere; gives states (steps + 1, walks, S) and actions (steps, walks) uint8."""
        return walk(self.puzzle, rng, self.puzzle.start(rng, walks, "anywhere"), steps, self.puzzle.explore)
