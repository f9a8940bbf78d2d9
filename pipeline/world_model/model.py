"""The discrete world model: encoder, decoder and transition in one Keras model."""

import keras
import numpy as np
from keras import layers, ops

from pipeline.world_model.code import LinearCode
from pipeline.world_model.layers import Binarize
from pipeline.world_model.registry import Architecture
from pipeline.world_model.transition import build_transition

LOSSES = ("reconstruction", "transition")  # each its own metric
ACCURACIES = ("bit_match", "one_step_exact")


@keras.saving.register_keras_serializable("discrete_world_model")
class DiscreteWorldModel(keras.Model):
    """A puzzle's world in bits: what an image means, what an action changes, what a code looks like.

    B bits; images (N, H, W, 3) uint8; codes (N, B) of 0 and 1; actions (N,) int.

    It trains on either of two kinds of batches, dictionaries with

    - `image`, `action`, `next_image`: all three parts are trained, end to end; or
    - `code`, `action`, `next_code`: the transition alone, where encoder and decoder are settled.

    Args:
        encoder: Images to logits (N, B); a bit is 1 where its logit is positive.
        decoder: Codes to images (N, H, W, 3) with pixels in 0…1.
        transition: Codes and actions to the logits (N, B) of the next codes.
        transition_weight: The weight of the transition's loss beside the reconstruction's.
    """

    def __init__(self, encoder, decoder, transition, transition_weight: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.decoder, self.transition = encoder, decoder, transition
        self.transition_weight = transition_weight
        self.binarize = Binarize()
        self.trackers = {name: keras.metrics.Mean(name) for name in LOSSES + ACCURACIES}
        self.built = True

    def call(self, batch, training=False):
        """Give codes, next codes, the predicted logits of these and, from images, the decoded images."""
        if "code" in batch:
            code, next_code, decoded = batch["code"], batch["next_code"], None
        else:
            images = ops.concatenate([batch["image"], batch["next_image"]])
            codes = self.binarize(self.encoder(images, training=training))
            decoded = self.decoder(codes, training=training)
            code, next_code = ops.split(codes, 2)
        predicted = self.transition([ops.cast(code, "float32"), batch["action"]], training=training)
        return {"next_code": ops.cast(next_code, "float32"), "predicted": predicted, "decoded": decoded}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Add up the losses and note each, and how exact the transition is."""
        target = ops.stop_gradient(y_pred["next_code"])
        transition = ops.mean(keras.losses.binary_crossentropy(target, y_pred["predicted"], from_logits=True))
        loss = transition
        if y_pred["decoded"] is not None:
            images = ops.cast(ops.concatenate([x["image"], x["next_image"]]), "float32") / 255.0
            reconstruction = ops.mean(ops.square(y_pred["decoded"] - images))
            loss = reconstruction + self.transition_weight * transition
            self.trackers["reconstruction"].update_state(reconstruction)
        right = ops.equal(y_pred["predicted"] > 0, target > 0.5)
        count = ops.shape(right)[0]
        self.trackers["transition"].update_state(transition, sample_weight=count)
        self.trackers["bit_match"].update_state(ops.mean(ops.cast(right, "float32")), sample_weight=count)
        exact = ops.cast(ops.all(right, axis=-1), "float32")
        self.trackers["one_step_exact"].update_state(exact)
        return loss

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Encode images (N, H, W, 3) uint8 as codes (N, B) uint8."""
        return _bits(self.encoder.predict_on_batch(images))

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Decode codes (N, B) as images (N, H, W, 3) uint8."""
        pixels = self.decoder.predict_on_batch(codes.astype(np.float32))
        return np.clip(np.round(pixels * 255), 0, 255).astype(np.uint8)

    def step(self, codes: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Predict the codes (N, B) uint8 that follow on codes (N, B) by actions (N,)."""
        return _bits(self.transition.predict_on_batch([codes.astype(np.float32), actions.astype(np.int32)]))

    def get_config(self):
        parts = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in PARTS}
        return {**super().get_config(), **parts, "transition_weight": self.transition_weight}

    @classmethod
    def from_config(cls, config):
        parts = {name: keras.saving.deserialize_keras_object(config.pop(name)) for name in PARTS}
        return cls(**parts, **config)


PARTS = ("encoder", "decoder", "transition")


def _bits(logits: np.ndarray) -> np.ndarray:
    return (np.asarray(logits) > 0).astype(np.uint8)


def build_world_model(
    architecture: Architecture, img_size: tuple[int, int], actions: int, code: LinearCode | None
) -> DiscreteWorldModel:
    """Build a world model for images of a size (height, width).

    A code found in the images becomes the start of encoder and decoder; if it is exact they stay as they are and only
    the transition is trained. Without a code all three parts begin at random.
    """
    grid = code.grid if code else (1, 1, architecture.max_bits)
    bits, values = grid[0] * grid[1] * grid[2], img_size[0] * img_size[1] * 3
    encoder = keras.Sequential(
        [
            keras.Input((*img_size, 3), dtype="uint8", name="image"),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(bits, name="logits"),
        ],
        name="encoder",
    )
    decoder = keras.Sequential(
        [
            keras.Input((bits,), name="code"),
            layers.Dense(values, name="pixels"),
            layers.Reshape((*img_size, 3)),
        ],
        name="decoder",
    )
    if code:
        encoder.get_layer("logits").set_weights([code.encoder_kernel, code.encoder_bias])
        decoder.get_layer("pixels").set_weights([code.decoder_kernel, code.decoder_bias])
        encoder.trainable = decoder.trainable = not code.is_exact
    transition = build_transition(architecture, grid, actions)
    return DiscreteWorldModel(encoder, decoder, transition, name="discrete_world_model")
