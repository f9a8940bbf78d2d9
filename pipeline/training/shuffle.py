"""The order in which an epoch sees its transitions: the same whether they come from memory or from disk."""

from collections.abc import Iterator
from dataclasses import dataclass

import h5py
import numpy as np

from ..system.streams import stream

SPAN_CHUNKS = 16  # of the file's images in a span; spans are read whole, so longer ones are read faster
POOL_BYTES = 2**28  # of images that are shuffled together: about eighty batches of 1,000 at 32×32


@dataclass(frozen=True)
class Order:
    """A shuffle that can be read from disk: spans of neighbours in random order, many of them mixed in a pool.

    With one span for all it is a full shuffle. What it gives follows from the seed and the epoch alone.

    Attributes:
        transitions: N, how many there are.
        span: How many neighbouring transitions stay together until they are mixed.
        pool: How many spans are mixed with one another.
    """

    transitions: int
    span: int
    pool: int

    @classmethod
    def full(cls, transitions: int) -> "Order":
        """Mix all transitions with one another."""
        return cls(transitions, transitions, 1)

    @classmethod
    def of_images(cls, images: h5py.Dataset, transitions: int) -> "Order":
        """Mix as many transitions with one another as can be read from images (F, H, W, 3) at a time."""
        span = SPAN_CHUNKS * images.chunks[0]
        return cls(transitions, span, max(1, POOL_BYTES // (span * int(np.prod(images.shape[1:])))))

    def pools(self, seed: int, epoch: int, done: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Give an epoch's pools one by one, without the first `done` transitions.

        Yields:
            The spans (S,) int that are in the pool, and its transitions (n,) int in their order.
        """
        spans = stream(seed, "spans", epoch).permutation(-(-self.transitions // self.span))
        for number, first in enumerate(range(0, len(spans), self.pool)):
            chosen = spans[first : first + self.pool]
            index = np.concatenate([np.arange(*self.bounds(span)) for span in chosen.tolist()])
            stream(seed, "pool", epoch, number).shuffle(index)
            if done < len(index):
                yield chosen, index[done:]
            done = max(0, done - len(index))

    def bounds(self, span: int) -> tuple[int, int]:
        """Give the first transition of a span and the first after it."""
        return span * self.span, min((span + 1) * self.span, self.transitions)
