"""The discrete world model: encoder, decoder and transition in one Keras model."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from ..codes.exactness import as_image
from ..codes.learned import Start
from ..codes.linear_code import LinearCode
from ..rules.language import Rules
from ..system.memory import rows_within
from .architecture import Architecture
from .coders import linear_coder
from .layers import Binarize
from .learning import HINGE, PREDICTION, begin_learning, learned_coder, learned_losses, points_of, there_and_back

FORMAT_VERSION = 3  # of what a saved model's description holds; raise it where an older one can't be read
CHECKED_ROWS, CHECKED_BYTES = 1024, 2**22  # images encoded and decoded at a time: they stay in the processor's cache
LOSSES = ("reconstruction", "transition")  # each its own metric
ACCURACIES = ("bit_match", "code_match")  # of predictions, whatever the codes are worth
LEARNED = "learned"  # the losses of a code that gradient descent learns, in place of a published system's


@keras.saving.register_keras_serializable("discrete_world_model")
class DiscreteWorldModel(keras.Model):
    """A puzzle's world in bits: what an image means, what an action changes, what a code looks like.

    B bits; images (N, H, W, 3) uint8; codes (N, B) of 0 and 1; actions (N,) int.

    It trains on one of three kinds of batches, dictionaries with

    - `image`, `action`, `next_image`: all three parts are trained, end to end;
    - `point`, `action`, `next_point`: the same, where the code is learned as `learning` describes, from points (N, K)
      of images, which training doesn't change; or
    - `code`, `action`, `next_code`: the transition alone, where encoder and decoder are settled; the codes with eight
      bits to a byte, (N, ceil(B / 8)) uint8, the first bit the lowest.

    Where several devices share a batch, each sees some of the rows and two numbers beside them, () float32: `counts`, 1
    or 0 where these rows are another device's and only fill in, and `of`, the rows of the whole batch. The losses of
    the parts then add up to that of the whole.

    Args:
        encoder: Images to logits (N, B); a bit is 1 where its logit is positive.
        decoder: Codes to images (N, H, W, 3) with pixels in 0…1.
        transition: Codes and actions to the logits (N, B) of the next codes.
        both_losses: How predicted and encoded next codes are compared when all parts are trained: "cross_entropy" or
            "squared_error", in both directions; or "learned", as `learning` describes.
        share: The share of the transition's loss then; the rest is the reconstruction's.
        pixel_scale: What the reconstruction's squared error is multiplied by.
        architecture: The name of the architecture that it was built by.
        grid: The places of the code: rows, columns and bits per cell; by default (1, 1, B), none.
    """

    def __init__(
        self, encoder, decoder, transition, both_losses="cross_entropy", share=0.5, pixel_scale=1.0, architecture="",
        grid=None, **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.architecture = architecture
        self.grid = tuple(grid or (1, 1, transition.output_shape[-1]))
        self.encoder, self.decoder, self.transition = encoder, decoder, transition
        self.both_losses, self.pixel_scale = both_losses, pixel_scale
        constant = keras.initializers.Constant(share)
        self.share = self.add_weight(shape=(), initializer=constant, trainable=False, name="share")
        self.binarize = Binarize()
        more = ("bits_in_use",) if both_losses == LEARNED else ()
        self.trackers = {name: keras.metrics.Mean(name) for name in LOSSES + ACCURACIES + more}
        self.built = True

    noise = 0.0  # grey levels, of the images that its code was found in; known while it is trained, not saved

    @property
    def rules(self) -> Rules | None:
        """The rules that its transition computes; None where all of it is learned."""
        return (
            self.transition.get_layer("rules").rules if "rules" in {at.name for at in self.transition.layers} else None
        )

    @property
    def cases(self) -> Any:
        """What tells which steps the data decides: the layer of a table, or the rules; None where all is learned."""
        return next((layer for layer in self.transition.layers if hasattr(layer, "known")), self.rules)

    @property
    def rules_are_all(self) -> bool:
        """Whether its transition is rules alone, with no network beside them."""
        rules = self.rules
        return rules is not None and rules.is_complete

    def with_transition(self, transition: keras.Model) -> "DiscreteWorldModel":
        """Give a model of the same encoder and decoder with another transition."""
        return self.with_parts(self.encoder, self.decoder, transition, self.grid)

    def with_parts(self, encoder, decoder, transition, grid=None) -> "DiscreteWorldModel":
        """Give a model of other parts that is trained as this one; its grid is that of its rules unless it is given."""
        losses = {"both_losses": self.both_losses, "pixel_scale": self.pixel_scale, "share": float(self.share)}
        grid = grid or transition.get_layer("rules").rules.grid
        return DiscreteWorldModel(
            encoder, decoder, transition, **losses, architecture=self.architecture, grid=grid, name=self.name
        )

    @property
    def bits(self) -> int:
        """B, the length of a code."""
        return self.transition.output_shape[-1]

    def call(self, batch, training=False):
        """Give the next codes and the logits predicted for them; from images also their own logits and the decoded."""
        if "code" in batch:
            code, next_code = (unpacked(batch[name], self.bits) for name in ("code", "next_code"))
            return {"next_code": next_code, "predicted": self.transition([code, batch["action"]], training=training)}
        if self.both_losses == LEARNED:
            kind = "point" if "point" in batch else "image"
            points = ops.concatenate([batch[kind], batch[f"next_{kind}"]])
            if kind == "image":
                points = points_of(self.encoder, points)
            outputs = there_and_back(self.encoder, self.decoder, points, self.binarize)
            code, next_code = ops.split(outputs["bits"], 2)
            predicted = self.transition([code, batch["action"]], training=training)
            return {**outputs, "next_code": next_code, "predicted": predicted}
        images = ops.concatenate([batch["image"], batch["next_image"]])
        logits = self.encoder(images, training=training)
        codes = self.binarize(logits)
        code, next_code = ops.split(codes, 2)
        return {
            "next_code": next_code,
            "next_logits": ops.split(logits, 2)[1],
            "predicted": self.transition([code, batch["action"]], training=training),
            "decoded": self.decoder(codes, training=training),
        }

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Add up the losses and note each, and how exact the transition is."""
        predicted, target = y_pred["predicted"], ops.stop_gradient(y_pred["next_code"])
        counts = ops.broadcast_to(x.get("counts", 1.0), ops.shape(predicted)[:1])
        rows = ops.sum(counts)
        if "decoded_points" in y_pred:
            transition = _cross_entropy(target, predicted)
            reconstruction, near = learned_losses(y_pred)
            self.trackers["reconstruction"].update_state(reconstruction, sample_weight=rows)
            is_used = ops.any(ops.not_equal(y_pred["bits"], y_pred["bits"][:1]), axis=0)
            self.trackers["bits_in_use"].update_state(ops.mean(ops.cast(is_used, "float32")), sample_weight=rows)
            loss = reconstruction + PREDICTION * transition + HINGE * near
        elif "decoded" in y_pred:
            transition = TRANSITION_LOSSES[self.both_losses](y_pred)
            images = ops.cast(ops.concatenate([x["image"], x["next_image"]]), "float32") / 255.0
            reconstruction = ops.mean(ops.square(y_pred["decoded"] - images))
            self.trackers["reconstruction"].update_state(reconstruction, sample_weight=rows)
            loss = (1 - self.share) * self.pixel_scale * reconstruction + self.share * transition
        else:
            transition = loss = _cross_entropy(target, predicted)
        right = ops.equal(predicted > 0, target > 0.5)
        self.trackers["transition"].update_state(transition, sample_weight=rows)
        self.trackers["bit_match"].update_state(ops.mean(ops.cast(right, "float32")), sample_weight=rows)
        self.trackers["code_match"].update_state(ops.all(right, axis=-1), sample_weight=counts)
        return loss * rows / x["of"] if "of" in x else loss

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Encode images (N, H, W, 3) uint8 as codes (N, B) uint8."""
        return _bits(self.encoder.predict_on_batch(images))

    def there_and_back(self) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """Give a function that encodes images (N, H, W, 3) uint8 and decodes them again, compiled once.

        It gives codes (N, B) uint8, and the largest error of any pixel of each decoded image, (N,) in grey levels.
        """
        both = ThereAndBack(self.encoder, self.decoder)
        both.compile(jit_compile=keras.backend.backend() != "torch")  # XLA: half the time where cells are coded

        def encode_and_compare(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            rows = rows_within(CHECKED_BYTES, int(np.prod(images.shape[1:])), CHECKED_ROWS)
            parts = [images[at : at + rows] for at in range(0, len(images), rows)]
            parts[-1] = np.pad(parts[-1], ((0, rows - len(parts[-1])), (0, 0), (0, 0), (0, 0)))  # one shape for all
            done = zip(*map(both.predict_on_batch, parts))
            codes, errors = (np.concatenate(part)[: len(images)] for part in done)
            return codes, errors

        return encode_and_compare

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Decode codes (N, B) as images (N, H, W, 3) uint8."""
        return as_image(self.pixels(codes))

    def pixels(self, codes: np.ndarray) -> np.ndarray:
        """Decode codes (N, B) as the pixels (N, H, W, 3) float32 that the decoder gives, about 0…1."""
        return np.asarray(self.decoder.predict_on_batch(codes.astype(np.float32)))

    def step(self, codes: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Predict the codes (N, B) uint8 that follow on codes (N, B) by actions (N,)."""
        return _bits(self.transition.predict_on_batch([codes.astype(np.float32), actions.astype(np.int32)]))

    def known(self, codes: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Tell of which codes (N, B) and actions (N,) the data decides all, by a tested rule or a table, (N,) bool.

        `step` gives a code for the others too: there it guesses. Nothing is known where all of it is learned.
        """
        cases = self.cases
        return cases.known(codes, actions) if cases else np.zeros(len(codes), bool)

    def get_config(self):
        parts = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in PARTS}
        losses = {"both_losses": self.both_losses, "pixel_scale": self.pixel_scale}
        origin = {"architecture": self.architecture, "grid": list(self.grid), "format_version": FORMAT_VERSION}
        return {**super().get_config(), **parts, **losses, **origin}

    @classmethod
    def from_config(cls, config):
        version = config.pop("format_version", None)
        if version != FORMAT_VERSION:
            raise ValueError(f"this version reads models of format {FORMAT_VERSION}: train again. Received: {version}")
        parts = {name: keras.saving.deserialize_keras_object(config.pop(name)) for name in PARTS}
        return cls(**parts, **config)


class ThereAndBack(keras.Model):
    """Images to their codes, and the largest error of any pixel that comes back from them: in one pass, which is quick.

    It is made of a world model's own parts and never saved.
    """

    def __init__(self, encoder: keras.Model, decoder: keras.Model):
        super().__init__()
        self.parts = (encoder, decoder)

    def call(self, images):
        encoder, decoder = self.parts
        codes = ops.cast(encoder(images) > 0, "float32")
        pixels = ops.clip(decoder(codes) * 255.0, 0.0, 255.0)
        return ops.cast(codes, "uint8"), ops.max(ops.abs(pixels - ops.cast(images, "float32")), axis=(1, 2, 3))


def unpacked(packed, bits: int):
    """Turn codes (N, ceil(bits / 8)) uint8, the first bit the lowest, into codes (N, bits) float32 of 0 and 1."""
    shifts = ops.arange(8, dtype="int32")
    eights = ops.bitwise_and(ops.right_shift(ops.cast(packed, "int32")[..., None], shifts), 1)
    return ops.cast(ops.reshape(eights, (-1, 8 * packed.shape[-1]))[:, :bits], "float32")


PARTS = ("encoder", "decoder", "transition")


def _cross_entropy(target, logits):
    return ops.mean(keras.losses.binary_crossentropy(target, logits, from_logits=True))


def _cross_entropy_both_ways(outputs):
    """Pull the prediction towards the encoded next code, and the encoding towards the predicted code."""
    encoded, predicted = ops.stop_gradient(outputs["next_code"]), ops.cast(outputs["predicted"] > 0, "float32")
    ahead = _cross_entropy(encoded, outputs["predicted"])
    return 0.5 * ahead + 0.5 * _cross_entropy(predicted, outputs["next_logits"])


def _squared_error_both_ways(outputs):
    encoded, predicted = ops.stop_gradient(outputs["next_code"]), ops.cast(outputs["predicted"] > 0, "float32")
    ahead = ops.mean(ops.square(encoded - ops.sigmoid(outputs["predicted"])))
    return 0.5 * ahead + 0.5 * ops.mean(ops.square(outputs["next_code"] - predicted))


TRANSITION_LOSSES = {"cross_entropy": _cross_entropy_both_ways, "squared_error": _squared_error_both_ways}


def _bits(logits: np.ndarray) -> np.ndarray:
    return (np.asarray(logits) > 0).astype(np.uint8)


def build_world_model(
    architecture: Architecture,
    img_size: tuple[int, int],
    actions: int,
    code: LinearCode | None,
    start: Start | None = None,
) -> DiscreteWorldModel:
    """Build a world model for images of a size (height, width).

    A code found in the images becomes the start of encoder and decoder; if it is exact they stay as they are and only
    the transition is trained. Without a code gradient descent learns one, from a start if there is one.
    """
    grid = code.grid if code else (1, 1, len(start.bits) if start else architecture.max_bits)
    losses: dict[str, Any] = {}
    if architecture.coder:
        encoder, decoder = architecture.coder(img_size, math.prod(grid))
        if code:
            whole = code.of_one_cell()
            encoder.get_layer("logits").set_weights([whole.encoder_kernel, whole.encoder_bias])
            decoder.get_layer("pixels").set_weights([whole.decoder_kernel, whole.decoder_bias.reshape(-1)])
    elif code:
        encoder, decoder = linear_coder(img_size, code.lattice, grid[2])
        encoder.set_weights([code.encoder_kernel, code.encoder_bias])
        decoder.set_weights([code.decoder_kernel, code.decoder_bias])
    else:
        directions = {"directions": start.white.kernel.shape[1]} if start else {}
        encoder, decoder = learned_coder(img_size, grid[2], **directions)
        losses = {"both_losses": LEARNED}
        if start:
            begin_learning(encoder, decoder, start)
    if code:
        encoder.trainable = decoder.trainable = not code.is_exact
    transition = architecture.transition(grid, actions)
    if recipe := architecture.recipe:
        losses = {"both_losses": recipe.both_losses, "pixel_scale": recipe.pixel_scale, "share": recipe.share_at(0)}
    return DiscreteWorldModel(
        encoder, decoder, transition, **losses, architecture=architecture.name, grid=grid, name="discrete_world_model"
    )
