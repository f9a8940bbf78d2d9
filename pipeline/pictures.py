"""Everything that is drawn: contact sheets, strips of transitions, training curves."""

from pathlib import Path

import numpy as np
from PIL import Image


def contact_sheet(images: np.ndarray, columns: int, path: Path, least_pixels: int = 960):
    """Write images (N, H, W, 3) uint8 as one PNG, row by row, enlarged in whole steps to be seen."""
    n, height, width, _ = images.shape
    rows = -(-n // columns)
    scale = max(1, least_pixels // (columns * (width + 1)))
    sheet = np.full((rows, height + 1, columns, width + 1, 3), 255, np.uint8)
    cells = np.arange(n)
    sheet[cells // columns, :height, cells % columns, :width] = images
    sheet = sheet.reshape(rows * (height + 1), columns * (width + 1), 3)
    Image.fromarray(sheet.repeat(scale, axis=0).repeat(scale, axis=1)).save(path)


def strip(before: np.ndarray, actions: list[str], predicted: np.ndarray, after: np.ndarray, path: Path):
    """Write transitions as rows: state, action, predicted next state, true next state, where they differ.

    Images (N, H, W, 3) uint8.
    """
    plt = _pyplot()
    error = np.abs(predicted.astype(int) - after).max(axis=3)  # (N, H, W)
    figure, axes = plt.subplots(len(before), 5, figsize=(8, 1.5 * len(before)), squeeze=False)
    for row, axis in enumerate(axes):
        axis[1].text(0.5, 0.5, f"{actions[row]}  →", ha="center", va="center", fontsize=13)
        for place, image in ((0, before[row]), (2, predicted[row]), (3, after[row])):
            axis[place].imshow(image, interpolation="nearest")
        axis[4].imshow(error[row], cmap="magma", vmin=0, vmax=255, interpolation="nearest")
        for cell in axis:
            cell.set_axis_off()
    for cell, title in zip(axes[0], ("state", "action", "predicted next", "true next", "difference")):
        cell.set_title(title, fontsize=11)
    _save(figure, path)


def curve(history: list[dict], path: Path):
    """Write the loss and the share of wrong predictions over the epochs, training and unseen walk."""
    plt = _pyplot()
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    epochs = [row["epoch"] for row in history]
    for prefix, label in (("", "training"), ("val_", "unseen walk")):
        left.plot(epochs, [row[prefix + "loss"] for row in history], label=label)
        right.plot(epochs, [1 - row[prefix + "one_step_exact"] for row in history], label=label)
    left.set(title="loss", xlabel="epoch", yscale="log")
    right.set(title="predictions that aren't exact", xlabel="epoch", ylim=(0, None))
    right.set_yscale("symlog", linthresh=1e-4)
    for axis in (left, right):
        axis.legend()
        axis.grid(alpha=0.3)
    _save(figure, path)


def _pyplot():
    import matplotlib  # heavy: only when something is drawn with it

    matplotlib.use("agg")
    from matplotlib import pyplot

    return pyplot


def _save(figure, path: Path):
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    _pyplot().close(figure)
