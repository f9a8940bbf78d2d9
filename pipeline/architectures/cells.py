"""board of the cells whose rules are shortest, whole pixels or not: for pictures others draw"""

import math
import time
from collections.abc import Iterator
from dataclasses import astuple, dataclass, replace
from functools import partial

import h5py
import keras
import numpy as np
from keras import layers, ops
from tqdm import tqdm

from ..codes.cells import FITTED, Cells, Dictionary, fit_cells, touched
from ..codes.combs import PHASE, Comb, Combs
from ..codes.exactness import as_image, pixel_bound, pixel_errors
from ..dataset.reading import read_rows
from ..rules.boards import Seen, find_combs, shortest_rules
from ..rules.covering import Limits
from ..rules.language import LocalRules, Rules
from ..system.errors import UserError
from ..system.hashing import number_rows
from ..world_model.architecture import Architecture, Parts
from ..world_model.transition import begin_alike, local_transition, with_rules

READ_BYTES = 2**25  # of images read at a time
DRAWN = 100  # images that are drawn at a time
SAMPLE = 4000  # distinct transitions that the board is found in
MOST_BITS, MOST_LOOKS = 10_000, 2000  # of a code; what cells show, in all phases


def _first_of_most(scores):
    """Give where the most is first of scores (…, T), as `argmax`, whose way with floats ONNX doesn't have."""
    return ops.argmax(ops.cast(scores >= ops.max(scores, axis=-1, keepdims=True), "int32"), axis=-1)


class _OnBoard(layers.Layer):
    """What is made with a board in images of a size; combs are (origin, size, count) and perhaps blur.

    Args:
        table: (T, L), what each of T looks is in each layer of a cell; None where a look is one thing.
    """

    def __init__(self, img_size, down, across, values: int, table=None, **kwargs):
        super().__init__(**kwargs)
        self.img_size, self.values = tuple(img_size), values
        self.table = np.arange(values)[:, None] if table is None else np.array(table)
        of_layers = self.table[..., None] == np.arange(1, self.table.max() + 1)  # (T, L, C)
        self.symbols = of_layers.reshape(values, -1).astype(np.float32)
        self.has_layers = self.table.shape[1] > 1
        combs = (Comb(float(at), float(size), int(n), *map(float, blur)) for at, size, n, *blur in (down, across))
        self.combs = Combs(*combs)
        self.phases = self.combs.phases.ravel()

    def get_config(self):
        down, across = (list(astuple(comb)) for comb in (self.combs.down, self.combs.across))
        of_board = {"img_size": list(self.img_size), "down": down, "across": across, "values": self.values}
        return {**super().get_config(), **of_board, "table": self.table.tolist() if self.has_layers else None}


@keras.saving.register_keras_serializable("discrete_world_model")
class ReadCells(_OnBoard):
    """Images (N, H, W, 3) to logits (N, B): of each cell the look that is nearest, which is (L, C) bits."""

    def build(self, input_shape):
        shape = (int(self.phases.max()) + 1, self.values, 3 * self.combs.size)
        self.looks = self.add_weight(shape=shape, dtype="uint8", initializer="zeros", trainable=False, name="looks")

    def call(self, images):
        down, across = self.combs.down, self.combs.across
        cells = ops.take(ops.take(images, down.pixels.ravel(), axis=1), across.pixels.ravel(), axis=2)
        cells = ops.reshape(cells, (-1, down.count, down.width, across.count, across.width, 3))
        cells = ops.reshape(ops.transpose(cells, (1, 3, 0, 2, 4, 5)), (len(self.phases), -1, 3 * self.combs.size))
        looks = ops.take(ops.cast(self.looks, "float32"), self.phases, axis=0) / 255.0 - 0.5  # (cells, T, K)
        scores = ops.matmul(ops.cast(cells, "float32") / 255.0 - 0.5, ops.transpose(looks, (0, 2, 1)))
        nearest = _first_of_most(scores - 0.5 * ops.sum(ops.square(looks), axis=2)[:, None])  # (cells, N)
        bits = ops.take(ops.convert_to_tensor(self.symbols * 2.0 - 1.0), ops.transpose(nearest), axis=0)
        return ops.reshape(bits, (-1, len(self.phases) * self.symbols.shape[1]))

    def compute_output_spec(self, images):
        return keras.KerasTensor((images.shape[0], len(self.phases) * self.symbols.shape[1]))


@keras.saving.register_keras_serializable("discrete_world_model")
class DrawCells(_OnBoard):
    """Codes (N, B) to images (N, H, W, 3): sums of what each cell adds to its pixels.

    Of layers that no look shows together, the look is drawn that has most of them.
    """

    def build(self, input_shape):
        self.places, size = touched(self.combs, self.img_size)
        shape = (int(self.phases.max()) + 1, self.values, math.prod(size) * 3)
        self.patches = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="patches")
        self.around = self.add_weight(shape=(*self.img_size, 3), initializer="zeros", trainable=False, name="around")

    def call(self, code):
        bits = ops.reshape(code, (-1, len(self.phases), self.symbols.shape[1]))
        if self.has_layers:
            alike = ops.matmul(bits, self.symbols.T * 2.0) - self.symbols.sum(axis=1)  # most where all bits are
            shown = ops.one_hot(_first_of_most(alike), self.values)  # (N, cells, T)
        else:
            shown = ops.concatenate([1.0 - ops.sum(bits, axis=2, keepdims=True), bits], axis=2)
        drawn = ops.matmul(ops.transpose(shown, (1, 0, 2)), ops.take(self.patches, self.phases, axis=0))
        drawn = ops.reshape(ops.transpose(drawn, (1, 0, 2)), (-1, len(self.phases) * self.patches.shape[2] // 3, 3))
        pixels = ops.reshape(self.around, (1, -1, 3))
        for places in self.places:
            found = ops.take(drawn, np.maximum(places, 0), axis=1)
            pixels = pixels + found * (places >= 0)[None, :, None].astype(np.float32)
        return ops.reshape(pixels, (-1, *self.img_size, 3))

    def compute_output_spec(self, code):
        return keras.KerasTensor((code.shape[0], *self.img_size, 3))


def coder(img_size: tuple[int, int], bits: int) -> tuple[keras.Model, keras.Model]:
    """Build the reading and the drawing of a board of one cell."""
    return _coder(img_size, Combs(*(Comb(0.0, float(size), 1) for size in img_size)), bits + 1)


def _coder(img_size: tuple[int, int], combs: Combs, values: int, table: np.ndarray | None = None):
    down, across = (astuple(comb) for comb in (combs.down, combs.across))
    of_board = img_size, down, across, values, None if table is None else table.tolist()
    image = keras.Input((*img_size, 3), dtype="uint8", name="image")
    encoder = keras.Model(image, ReadCells(*of_board, name="logits")(image), name="encoder")
    code = keras.Input(encoder.output_shape[1:], name="code")
    return encoder, keras.Model(code, DrawCells(*of_board, name="pixels")(code), name="decoder")


@dataclass(frozen=True)
class _Board:
    """A board that was tried.

    Attributes:
        place: Among those that were ranked.
        undrawn: How many pictures it doesn't draw; rules are looked for where it draws all.
        left_over: How many changes its rules leave over.
    """

    place: int
    cells: Cells
    values: np.ndarray  # (D, rows, columns), of each distinct picture
    undrawn: int
    rules: Rules | None = None
    left_over: int = 0

    @property
    def faults(self) -> tuple[int, int]:
        """What decides between boards: the fewer the better."""
        return self.undrawn, self.left_over

    def __str__(self) -> str:
        if self.undrawn:
            return f"don't draw {self.undrawn:,} of the pictures"
        return f"leave {self.left_over:,} changes over"


def find_cells(file: h5py.File, seconds: float) -> tuple[Cells, Rules]:
    """Find the board with the shortest rules in a dataset's training split, what its cells show, and the rules.

    The first that draws what it reads and whose rules explain all is taken, else the one that comes nearest.

    Args:
        seconds: After which the best that was found is taken.

    Raises:
        UserError: There is none.
    """
    ends, split, actions = time.monotonic() + seconds, file["train"], len(file.attrs["action_names"])
    numbers = np.concatenate([number_rows(part) for _, part in _parts(split["images"], "reading")])
    _, first, which = np.unique(numbers, return_index=True, return_inverse=True)
    frames = split["frames"][:].astype(np.int64)
    triples = np.unique(np.stack([which[frames], split["actions"][:], which[frames + 1]], axis=1), axis=0)
    ranked = _ranked(split, first, triples, actions, ends)
    best: _Board | None = None
    tried: dict[int, str] = {}
    refused = UserError("")
    for place, (_, combs) in enumerate(ranked):
        if best and time.monotonic() > ends:
            break
        try:
            cells, values, undrawn = _read(split, combs, first, which)
        except UserError as error:
            refused = error
            continue
        board = _Board(place, cells, values, undrawn)
        if not undrawn:
            cells, rules, left_over = _explained(cells, values, triples, actions, ends)
            board = _Board(place, cells, values, undrawn, rules, left_over)
        tried[place] = f" and {board}"
        best = board if best is None or board.faults < best.faults else best
        if best.faults == (0, 0):
            break
    if best is None:
        raise refused
    cells, found, length = best.cells, best.rules, ranked[best.place][0]
    if found is None:
        cells, found, _ = _explained(cells, best.values, triples, actions, ends)
    layers = "" if cells.table is None else f" in {cells.table.shape[1]} layers"
    others = "".join(
        f"; {combs} take {length:,.0f} or more{tried.get(place, '')}"
        for place, (length, combs) in enumerate(ranked)
        if place != best.place and length < math.inf
    )
    print(
        f"board found: {cells.combs}, which show {cells.looks.shape[1]} things{layers} in {len(cells.looks)} phases "
        f"and take {length:,.0f} bits with their rules, which count tenfold{others}"
    )
    if time.monotonic() > ends:
        print(f"the search for a board ended after {seconds:,.0f} s; --search_seconds gives it longer")
    return cells, found


def _explained(
    cells: Cells, values: np.ndarray, triples: np.ndarray, actions: int, ends: float
) -> tuple[Cells, Rules, int]:
    """Give what cells show with its layers, rules, and how many changes these leave over.

    Args:
        values: (D, rows, columns), the boards of D pictures.
        triples: (N, 3), transitions from picture to picture by an action.
    """
    rules, layers = shortest_rules(values, triples, actions, limits=Limits(ends))
    cells = replace(cells, table=layers.table) if layers else cells
    return cells, rules, rules.left_over if isinstance(rules, LocalRules) else len(triples)


def _ranked(
    split: h5py.Group, first: np.ndarray, triples: np.ndarray, actions: int, ends: float
) -> list[tuple[float, Combs]]:
    """List boards that some transitions (N, 3) suggest, those with the shortest rules first, with their lengths.

    Args:
        first: (D,) int, the first frame with each of D pictures.
    """
    some = triples[np.random.default_rng(0).permutation(len(triples))[:SAMPLE]]
    shown, places = np.unique(some[:, [0, 2]], return_inverse=True)
    before, after = places.reshape(-1, 2).T
    ranked = find_combs(Seen(_images(split, first[shown]), before, some[:, 1], after, actions), ends)
    if not ranked:
        raise UserError("cells need pictures that a board divides. Received: --world_model cells, and pictures without")
    return ranked


def _read(split: h5py.Group, combs: Combs, first: np.ndarray, which: np.ndarray) -> tuple[Cells, np.ndarray, int]:
    """Read all distinct pictures of a split as boards.

    Args:
        first: (D,) int, the first frame with each of D pictures.
        which: (F,) int, which of them each frame shows.

    Returns:
        What cells show and draw; boards (D, rows, columns) of values; how many of the pictures that show something
        for the first time, and of some others, aren't what is drawn of their boards.
    """
    dictionary, boards, kept = Dictionary(combs), np.empty((len(first), *combs.phases.shape), int), []
    is_first = np.zeros(len(which), bool)
    is_first[first] = True
    fitted = np.random.default_rng(0).random(len(which)) < FITTED / len(first)
    for start, part in _parts(split["images"], "reading cells"):
        rows = start + np.flatnonzero(is_first[start : start + len(part)])
        if len(rows):
            boards[which[rows]], is_new = dictionary.read(part[rows - start])
            if sum(map(len, dictionary.looks)) > MOST_LOOKS:
                raise UserError(
                    f"cells are for boards that show at most {MOST_LOOKS:,} things. "
                    f"Received: --world_model cells, and {combs} that show more"
                )
            kept += [(which[row], part[row - start]) for row in rows[is_new | fitted[rows]]]
    values, looks = dictionary.merge(boards)
    bits = looks.shape[1] - 1
    if bits * combs.phases.size > MOST_BITS:
        raise UserError(
            f"cells may take at most {MOST_BITS:,} bits. Received: --world_model cells, and {combs} that show "
            f"{bits + 1:,} things"
        )
    kept_boards, images = values[[row for row, _ in kept]], np.stack([image for _, image in kept])
    cells = fit_cells(combs, images, kept_boards, looks)
    return cells, values, undrawn(cells, images)


def undrawn(cells: Cells, images: np.ndarray) -> int:
    """Count the images (n, H, W, 3) uint8 that aren't what is drawn of what is read in them."""
    (encoder, decoder), count = coder_of(cells), 0
    for first in range(0, len(images), DRAWN):
        part = images[first : first + DRAWN]
        code = ops.cast(encoder(part) > 0, "float32")
        errors = pixel_errors(as_image(ops.convert_to_numpy(decoder(code))), part)
        count += int((errors > pixel_bound()).sum())
    return count


def _parts(images: h5py.Dataset, what: str) -> Iterator[tuple[int, np.ndarray]]:
    rows = images.chunks[0] * max(1, READ_BYTES // (images.chunks[0] * math.prod(images.shape[1:])))
    firsts = tqdm(range(0, len(images), rows), what, unit="part", leave=False, delay=1)
    return ((first, read_rows(images, first, first + rows)) for first in firsts)


def _images(split: h5py.Group, frames: np.ndarray) -> np.ndarray:
    """Read some frames (n,), which are all over a split."""
    found = np.empty((len(frames), *split["images"].shape[1:]), np.uint8)
    for first, part in _parts(split["images"], "reading a sample"):
        here = (frames >= first) & (frames < first + len(part))
        found[here] = part[frames[here] - first]
    return found


def parts_from(found: tuple[Cells, Rules], actions: int) -> Parts:
    """Make encoder, decoder and transition of what was found."""
    cells, rules = found
    print(f"rules found: {rules.summary()}{'' if rules.is_complete else '; a network learns the rest'}")
    return parts_of(cells, rules, actions)


def coder_of(cells: Cells) -> tuple[keras.Model, keras.Model]:
    """Make encoder and decoder of what cells show and draw."""
    encoder, decoder = _coder(cells.around.shape[:2], cells.combs, cells.looks.shape[1], cells.table)
    encoder.get_layer("logits").set_weights([cells.looks])
    decoder.get_layer("pixels").set_weights([cells.patches.reshape(*cells.patches.shape[:2], -1), cells.around])
    return encoder, decoder


def parts_of(cells: Cells, rules: Rules, actions: int) -> Parts:
    """Make encoder, decoder and transition of what cells show and draw, and of rules."""
    (encoder, decoder), (rows, columns) = coder_of(cells), cells.combs.phases.shape
    grid = rows, columns * (1 if cells.table is None else cells.table.shape[1]), cells.bits
    return encoder, decoder, with_rules(transition(grid, actions), rules)


def parts_of_size(model: keras.Model, img_size: tuple[int, int]) -> Parts | None:
    """Make a model's parts again for images of another size, of more or fewer of the same cells.

    There are none where a board has a rim, the size isn't of whole such cells, or each cell has rules of its own.
    """
    reads, old = model.encoder.get_layer("logits"), model.encoder.input_shape[1:3]
    combs = tuple(
        replace(comb, count=round(size / comb.size))
        for comb, size in zip((reads.combs.down, reads.combs.across), img_size)
    )
    is_whole = all(
        comb.origin == 0 and abs(comb.size * comb.count - size) < PHASE and abs(comb.size * was.count - length) < PHASE
        and set(comb.phases) == set(was.phases)
        for comb, was, size, length in zip(combs, (reads.combs.down, reads.combs.across), img_size, old)
    )  # fmt: skip
    if not (is_whole and isinstance(model.rules, LocalRules)):
        return None
    found, (looks, (patches, _)) = Combs(*combs), (reads.get_weights(), model.decoder.get_layer("pixels").get_weights())
    (rows, columns), depth = found.phases.shape, reads.table.shape[1]
    rules = replace(model.rules, grid=(rows, columns * depth, model.rules.grid[2]))
    cells = Cells(
        found, looks[0], patches, np.zeros((*img_size, 3), np.float32), reads.table if reads.has_layers else None
    )
    encoder, decoder, following = parts_of(cells, rules, rules.actions)
    return (encoder, decoder, following) if begin_alike(following, model.transition) else None


transition = partial(local_transition, reach=1, units=32)
ARCHITECTURE = Architecture(
    code=None, max_bits=64, coder=coder, transition=transition, learning_rate=1e-3, finds=find_cells,
    parts_from=parts_from, parts_of_size=parts_of_size,
)  # fmt: skip
