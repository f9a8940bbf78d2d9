"""What a trained world model is worth, on the unseen walk. Reads the file and the model."""

from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np

from pipeline import pictures
from pipeline.dataset import open_dataset
from pipeline.errors import UserError
from pipeline.generation import ensure_dataset
from pipeline.keras_start import load_keras
from pipeline.runs import Run

BATCH = 2000
SHOWN = 6  # transitions in the strip


def evaluate(options) -> None:
    """Measure a run's model on the unseen walk of a dataset: the run's own, or another one asked for."""
    run = Run(options.output_dir)
    if not run.is_finished():
        raise UserError(f"there is no finished run in {run.folder}; `train` with the same options makes it")
    path = ensure_dataset(_with_recorded(options, run.recorded_options()))
    model = load_keras().models.load_model(run.best_model)
    with open_dataset(path) as file:
        metrics = measure(model, file["evaluation"])
        one_step_strip(model, file, run.strip)
    for name, value in metrics.items():
        print(f"  {name:20} {value:.6g}" if isinstance(value, float) else f"  {name:20} {value:,}")
    print(f"pictures: {run.strip}")


def _with_recorded(options, recorded: dict):
    """Give the dataset options: those given now, else those the run recorded."""
    values = {name: value for name, value in recorded.items() if name not in options.model_fields_set}
    values["img_size"] = tuple(values.get("img_size", options.img_size))
    return SimpleNamespace(**{**options.model_dump(), **values})


def measure(model, walk: h5py.Group) -> dict:
    """Measure a world model on a split of a dataset file.

    Returns:
        transitions: How many steps were measured.
        bits: The length of a code.
        one_step_exact: The share of transitions whose predicted next code has no wrong bit.
        bit_match: The share of right bits in the predicted next codes.
        reconstruction_mse: The mean squared error of the decoded images, pixels in 0…1.
        distinct_states, distinct_codes: On the walk's frames. Fewer codes than states would mean that exactness is
            bought by confusing states.
    """
    codes, squared_error = [], 0.0
    images, actions, frames = walk["images"], walk["actions"][:], walk["frames"][:]
    for first in range(0, len(images), BATCH):
        part = images[first : first + BATCH]
        codes.append(model.encode(part))
        decoded = model.decoder.predict_on_batch(codes[-1].astype(np.float32))
        squared_error += float(np.sum((np.asarray(decoded, np.float64) - part / 255.0) ** 2))
    codes = np.concatenate(codes)  # (F, B)
    right = predicted_codes(model, codes[frames], actions) == codes[frames + 1]  # (N, B)
    return {
        "transitions": len(actions),
        "bits": codes.shape[1],
        "one_step_exact": float(right.all(axis=1).mean()),
        "bit_match": float(right.mean()),
        "reconstruction_mse": squared_error / images.size,
        "distinct_states": _distinct(walk["states"][:]),
        "distinct_codes": _distinct(codes),
    }


def predicted_codes(model, codes: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """Predict the codes (N, B) that follow on codes (N, B) by actions (N,), in batches."""
    parts = range(0, len(codes), BATCH)
    return np.concatenate([model.step(codes[i : i + BATCH], actions[i : i + BATCH]) for i in parts])


def _distinct(rows: np.ndarray) -> int:
    return len({row.tobytes() for row in rows})


def one_step_strip(model, file: h5py.File, path: Path):
    """Draw transitions of the unseen walk: state, action, predicted next state, true next state."""
    walk, names = file["evaluation"], file.attrs["action_names"]
    chosen = np.linspace(0, len(walk["actions"]) - 1, SHOWN).astype(int)
    actions, frames = walk["actions"][:][chosen], walk["frames"][:][chosen]
    before = np.stack([walk["images"][frame] for frame in frames.tolist()])
    after = np.stack([walk["images"][frame + 1] for frame in frames.tolist()])
    predicted = model.decode(model.step(model.encode(before), actions))
    pictures.strip(before, [names[action] for action in actions], predicted, after, path)
