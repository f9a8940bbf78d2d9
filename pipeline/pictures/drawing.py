"""Everything that is drawn: contact sheets, strips of transitions, training curves."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ..system.files import replacing

GAP = 0.12  # between the images of a sheet, of their width


def contact_sheet(images: np.ndarray, columns: int, path: Path, least_pixels: int = 960):
    """Write images (N, H, W, 3) uint8 as one PNG, row by row, enlarged in whole steps to be seen."""
    n, height, width, _ = images.shape
    columns = min(columns, n)
    rows = -(-n // columns)
    scale = max(1, least_pixels // (columns * (width + 1)))
    sheet = np.full((rows, height + 1, columns, width + 1, 3), 255, np.uint8)
    cells = np.arange(n)
    sheet[cells // columns, :height, cells % columns, :width] = images
    sheet = sheet.reshape(rows * (height + 1), columns * (width + 1), 3)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet.repeat(scale, axis=0).repeat(scale, axis=1)).save(path)


def strip(before: np.ndarray, actions: list[str], predicted: np.ndarray, after: np.ndarray, path: Path):
    """Write transitions as rows: state, action, predicted next state, true next state, where they differ.

    Images (N, H, W, 3) uint8.
    """
    plt = pyplot()
    blank = np.full_like(before, 255)
    figure, axis = plt.subplots(figsize=(8, 0.4 + 1.6 * len(before) * before.shape[1] / before.shape[2]))
    columns = (before, blank, predicted, after, _difference(predicted, after))
    places = _sheet(axis, np.stack(columns, axis=1), ("state", "action", "predicted next", "true next", "difference"))
    for row, action in enumerate(actions):
        axis.text(places[0][1], places[1][row], f"{action}  →", ha="center", va="center", fontsize=13)
    save(figure, path)


def dream(
    steps: list[int],
    truth: np.ndarray,
    dreamed: np.ndarray,
    exact: np.ndarray,
    path: Path,
    happened: np.ndarray | None = None,
):
    """Write an open-loop rollout: the true walk, the model's dream and their difference; below, how long it holds.

    Args:
        steps: The K steps that are shown.
        truth, dreamed: (K, H, W, 3) uint8, the true and the dreamed images at these steps.
        exact: (T, E) bool, whether each of E episodes is exact at each of T steps.
        happened: (T, E) bool, where episodes end at different steps.
    """
    plt = pyplot()
    figure, (above, below) = plt.subplots(2, figsize=(max(5.5, 1.7 * len(steps)), 7.5), height_ratios=(3, 1.1))
    images = np.stack([truth, dreamed, _difference(dreamed, truth)])
    _, rows = _sheet(above, images, [f"step {step:,}" for step in steps])
    above.set_yticks(rows, ("true walk", "dream", "difference"), rotation=90, va="center", fontsize=11)
    walking = np.full(len(exact), exact.shape[1]) if happened is None else happened.sum(axis=1)
    below.plot(np.arange(1, len(exact) + 1), exact.sum(axis=1) / walking * 100)
    below.set(xscale="log", xlim=(1, len(exact)), ylim=(-3, 103), xlabel="open-loop steps")
    below.set_ylabel(f"% of {exact.shape[1]} episodes exact")
    below.grid(alpha=0.3)
    save(figure, path)


def _difference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Draw by how much images (N, H, W, 3) uint8 differ, in the colours of a map: (N, H, W, 3) uint8."""
    from matplotlib import colormaps

    levels = np.maximum(one, other) - np.minimum(one, other)
    return colormaps["magma"](levels.max(axis=3), bytes=True)[..., :3]


def _sheet(axis, images: np.ndarray, titles: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Show images (R, C, H, W, 3) uint8 as a sheet in one axis, a title above each column.

    One axis for each image would take most of a second to lay out.

    Returns:
        Where the middle of each column (C,) and of each row (R,) lies.
    """
    rows, columns, height, width, _ = images.shape
    gap = max(1, round(GAP * width))
    sheet = np.full((rows, height + gap, columns, width + gap, 3), 255, np.uint8)
    sheet[:, :height, :, :width] = images.transpose(0, 2, 1, 3, 4)
    sheet = sheet.reshape(rows * (height + gap), columns * (width + gap), 3)
    axis.imshow(sheet[:-gap, :-gap], interpolation="nearest")
    across, down = (np.arange(n) * (size + gap) + size / 2 - 0.5 for n, size in ((columns, width), (rows, height)))
    axis.set_xticks(across, titles, fontsize=11)
    axis.tick_params(length=0, labeltop=True, labelbottom=False)
    axis.set_yticks([])
    axis.spines[:].set_visible(False)
    return across, down


def curve(history: list[dict], path: Path):
    """Write the loss and the share of wrong predictions over the epochs, training and unseen walk."""
    plt = pyplot()
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    epochs = [row["epoch"] for row in history]
    for prefix, label in (("", "training"), ("val_", "unseen walk")):
        left.plot(epochs, [row[prefix + "loss"] for row in history], label=label)
    right.plot(epochs, [1 - row["code_match"] for row in history], label="training: predicted code wrong")
    right.plot(epochs, [1 - row["val_one_step_exact"] for row in history], label="unseen walk: step not exact")
    left.set(title="loss", xlabel="epoch", yscale="log")
    right.set(title="steps that aren't exact", xlabel="epoch", ylim=(0, None))
    right.set_yscale("symlog", linthresh=1e-4)
    for axis in (left, right):
        axis.legend()
        axis.grid(alpha=0.3)
    save(figure, path)


def pyplot():
    """Give the drawing functions of Matplotlib, which opens no window."""
    import matplotlib  # heavy: only when something is drawn with it

    matplotlib.use("agg")
    from matplotlib import pyplot

    return pyplot


def save(figure, path: Path, tight: bool = True):
    """Write a figure and close it; tight: with no more room around the axes than their words need."""
    if tight:
        figure.tight_layout()
    with replacing(path, sync=False) as partial:
        figure.savefig(partial, dpi=110)
    pyplot().close(figure)
