"""Drawing by table look-up: every image is put together from pieces of a few pixels, each in all its versions.

A piece shows few parts of the state, so a table of all its versions is small. Drawing a state is then to number the
version of each piece and to copy it from the table; sums are done once, when the table is made.
"""

from dataclasses import dataclass

import numpy as np

PIXELS = 4  # in a piece, one after the other: longer ones copy faster but have far more versions


@dataclass(frozen=True)
class Pieces:
    """The tables of P pieces, which show at most J parts of the state each."""

    parts: np.ndarray  # (J, P) int, which bytes of a state each piece shows
    factors: np.ndarray  # (J, P, 1) uint32, what each of them counts in the number of the version; 0 for no part
    first: np.ndarray  # (P, 1) uint32, where the versions of each piece begin in the table
    table: np.ndarray  # (all versions,) of PIXELS * 3 bytes each
    pixels: int  # in an image

    def draw(self, states: np.ndarray, images: np.ndarray):
        """Draw states (N, S) uint8 into images (N, pixels, 3) uint8, one after the other in memory."""
        by_part = np.ascontiguousarray(states.T)
        version = np.repeat(self.first, len(states), axis=1)  # (P, N)
        for parts, factors in zip(self.parts, self.factors):
            version += by_part.take(parts, axis=0, mode="clip") * factors
        version = version.T.astype(np.intp)
        if self.pixels % PIXELS == 0:
            self.table.take(version, mode="clip", out=images.reshape(len(images), -1).view(self.table.dtype))
        else:  # the last piece stands out
            drawn = self.table.take(version, mode="clip").view(np.uint8)
            images[:] = drawn.reshape(len(images), -1, 3)[:, : self.pixels]


def make_pieces(weights: np.ndarray, ground: np.ndarray, colours: np.ndarray) -> Pieces:
    """Make the tables for images whose pixels are sums of the colours of parts.

    Args:
        weights: (S, pixels), how much each part adds to each pixel, in 256ths, whole numbers.
        ground: (pixels,), what else there is, in 256ths, on every channel.
        colours: (K, 3) uint8, the colour of a part in each of its K kinds.
    """
    pixels, kinds = weights.shape[1], len(colours)
    missing = -pixels % PIXELS
    weights = np.pad(weights, ((0, 0), (0, missing))).reshape(len(weights), -1, PIXELS).astype(np.int32)
    ground = np.pad(ground, (0, missing)).reshape(-1, PIXELS).astype(np.int32)
    shows = weights.any(axis=2)  # (S, P)
    counts = shows.sum(axis=0)
    parts = np.argsort(~shows, axis=0, kind="stable")[: counts.max()]  # (J, P), those that it shows first
    factors = np.where(np.arange(len(parts))[:, None] < counts, kinds ** np.arange(len(parts))[:, None], 0)
    ends = np.cumsum(kinds**counts)
    table = np.empty((ends[-1], PIXELS * 3), np.uint8)
    for count in np.unique(counts):
        of_count = np.flatnonzero(counts == count)
        sums = np.repeat(ground[of_count, None, :, None], 3, axis=3)  # (p, versions, PIXELS, 3)
        for part in reversed(parts[:count, of_count]):
            adds = weights[part, of_count][:, None, :, None] * colours.astype(np.int32)[:, None]  # (p, K, PIXELS, 3)
            sums = (sums[:, :, None] + adds[:, None]).reshape(len(of_count), -1, PIXELS, 3)
        rows = (ends - kinds**counts)[of_count, None] + np.arange(kinds**count)
        table[rows] = (sums >> 8).reshape(*rows.shape, -1)
    first = (ends - kinds**counts)[:, None].astype(np.uint32)
    versions = table.view(f"V{PIXELS * 3}")[:, 0]
    return Pieces(parts, factors[..., None].astype(np.uint32), first, versions, pixels)
