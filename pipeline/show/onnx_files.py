"""A run's encoder, decoder and transition as ONNX files for any runtime, each compared with the model, bit for bit."""

import json
import logging
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from tqdm import tqdm

from ..command_line.options import ExportCommand
from ..dataset.cache import use_dataset
from ..evaluation.verdict import sentences
from ..generation.stage import ensure_dataset
from ..loaded import WorldModel
from ..puzzles import PUZZLES
from ..system.errors import UserError, shown
from ..system.files import replacing

OPSET = 18
IMAGES, ROWS = 10_000, 1000  # on which the files are compared with the model, and how many at a time


def write_onnx(options: ExportCommand, model: WorldModel) -> None:
    """Write RUN/export/encoder.onnx, decoder.onnx, transition.onnx and a model card.

    Thresholds are inside: `images (N, H, W, 3) uint8` to `code (N, B) uint8` of 0 and 1; `code` to `images`; `code` and
    `action (N,) int64` to `next_code`.

    Raises:
        UserError: A library isn't there, Keras' backend isn't TensorFlow, or a file would give other bits.
    """
    tf2onnx, onnx, runtime = _libraries()
    if keras.backend.backend() != "tensorflow":
        raise UserError(f"--format onnx needs KERAS_BACKEND=tensorflow. Received: {keras.backend.backend()}")
    parts, facts = _parts(model), _facts(model)
    images, codes, actions = _examples(options, model)
    examples = {
        "encoder": ({"images": images}, codes),
        "decoder": ({"code": codes}, model.decode(codes)),
        "transition": ({"code": codes, "action": actions}, model.step(codes, actions)),
    }
    folder = model.folder / "export"
    folder.mkdir(exist_ok=True)
    for name, (function, signature) in parts.items():
        try:
            written, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=OPSET)
            onnx.helper.set_model_props(written, facts)
            content, (given, expected) = written.SerializeToString(), examples[name]
            session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
        except Exception as error:  # whatever these libraries raise
            raise UserError(f"the {name} is made of what ONNX doesn't have ({shown(str(error))})") from None
        for first in tqdm(range(0, len(expected), ROWS), f"checking {name}", leave=False, dynamic_ncols=True):
            part = slice(first, first + ROWS)
            (found,) = session.run(None, {word: array[part] for word, array in given.items()})
            if not np.array_equal(found, expected[part]):
                raise UserError(
                    f"{name}.onnx would give other bits than the model, for a network gives sums so near a threshold "
                    "that another runtime rounds it to the other side; nothing more is written"
                )
        path = folder / f"{name}.onnx"
        with replacing(path, sync=False) as partial:
            partial.write_bytes(content)
        print(f"{path}: {len(content):,} bytes, equal to the model on {len(expected):,} examples")
    card = folder / "README.md"
    with replacing(card, sync=False) as partial:
        partial.write_text(_card(model, facts))
    print(f"model card: {card}")


def _libraries() -> tuple[Any, Any, Any]:
    """Import what writes and runs ONNX."""
    try:
        import onnx
        import onnxruntime
        import tf2onnx
    except ImportError as error:
        raise UserError(
            f"--format onnx needs the packages tf2onnx, onnx and onnxruntime (pip install -r requirements-onnx.txt); "
            f"{error.name} isn't there. Received: --format onnx"
        ) from None
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    return tf2onnx, onnx, onnxruntime


def _parts(model: WorldModel) -> dict[str, tuple[Callable, list]]:
    """Give what is written: functions of TensorFlow with the shapes and types that they take."""
    import tensorflow as tf

    encode, decode, step = model.functions()
    images = tf.TensorSpec((None, *model.img_size, 3), tf.uint8, "images")
    code, action = tf.TensorSpec((None, model.bits), tf.uint8, "code"), tf.TensorSpec((None,), tf.int64, "action")

    def encoder(images):
        return {"code": encode(images)}

    def decoder(code):
        return {"images": decode(code)}

    def transition(code, action):
        return {"next_code": step(code, action)}

    signatures = {encoder: [images], decoder: [code], transition: [code, action]}
    return {
        function.__name__: (tf.function(function, input_signature=signature), signature)
        for function, signature in signatures.items()
    }


def _examples(options: ExportCommand, model: WorldModel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give images (N, H, W, 3) that the run's world shows, their codes (N, B), and actions (N,) int64."""
    rng = np.random.default_rng(options.key)
    if puzzle := PUZZLES.get(model.dataset):
        images = puzzle.render(puzzle.start(rng, IMAGES, "anywhere"), model.img_size)
    else:
        with use_dataset(ensure_dataset(model.options.model_copy(update={"data_dir": options.data_dir}))) as file:
            images = file["train/images"][:IMAGES]
    return images, model.encode(images), rng.integers(0, len(model.actions), len(images))


def _facts(model: WorldModel) -> dict[str, str]:
    """Give what each file says of itself."""
    metrics = model.metrics or {}
    return {
        "dataset": model.dataset,
        "actions": json.dumps(model.actions),
        "verdict": str(metrics.get("verdict", "not measured")),
        "dataset_digest": str(model.summary.get("dataset_digest")),
        "model_digest": str(model.summary.get("model_digest")),
    }


def _card(model: WorldModel, facts: dict[str, str]) -> str:
    """Write what the model is, of what data, how exact, and how it is used."""
    height, width = model.img_size
    worth = "\n".join(f"- {line}" for line in sentences(model.metrics)) if model.metrics else "- not measured"
    options = "\n".join(f"- `--{name} {value}`" for name, value in model.recorded.items() if value is not None)
    return f"""# A discrete world model of {model.dataset}

Pictures of {height} × {width} pixels are codes of {model.bits} bits; {len(model.actions)} actions lead from code to
code.

| File | Takes | Gives |
|---|---|---|
| `encoder.onnx` | `images` (N, {height}, {width}, 3) uint8 | `code` (N, {model.bits}) uint8 of 0 and 1 |
| `decoder.onnx` | `code` | `images` |
| `transition.onnx` | `code`, `action` (N,) int64 | `next_code` |

```python
import onnxruntime

encoder, transition = (onnxruntime.InferenceSession(f"{{name}}.onnx") for name in ("encoder", "transition"))
(code,) = encoder.run(None, {{"images": images}})
(next_code,) = transition.run(None, {{"code": code, "action": actions}})
```

Actions, from 0: {", ".join(f"`{name}`" for name in model.actions)}.

## How exact it is

{worth}

## What it was learned from

{options}

SHA-256 of the data: `{facts["dataset_digest"]}`; of the model: `{facts["model_digest"]}`.

## Licence

The program that made it has the MIT licence, which claims nothing of what it makes; the pictures are whose they were.
"""
