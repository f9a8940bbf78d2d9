"""Everything that is drawn: contact sheets, strips of transitions, training curves."""

from pathlib import Path

import numpy as np
from PIL import Image

from ..system.files import replacing


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
    figure = plt.figure(figsize=(1.7 * len(steps), 7.5))
    grid = figure.add_gridspec(4, len(steps), height_ratios=(1, 1, 1, 1.1))
    error = np.abs(dreamed.astype(int) - truth).max(axis=3)
    for place, step in enumerate(steps):
        for row, image in enumerate((truth, dreamed, error)):
            axis = figure.add_subplot(grid[row, place])
            axis.imshow(image[place], interpolation="nearest", cmap="magma", vmin=0, vmax=255)
            axis.set(xticks=[], yticks=[])
            if row == 0:
                axis.set_title(f"step {step:,}", fontsize=11)
            if place == 0:
                axis.set_ylabel(("true walk", "dream", "difference")[row], fontsize=11)
    below = figure.add_subplot(grid[3, :])
    walking = np.full(len(exact), exact.shape[1]) if happened is None else happened.sum(axis=1)
    below.plot(np.arange(1, len(exact) + 1), exact.sum(axis=1) / walking * 100)
    below.set(xscale="log", xlim=(1, len(exact)), ylim=(-3, 103), xlabel="open-loop steps")
    below.set_ylabel(f"% of {exact.shape[1]} episodes exact")
    below.grid(alpha=0.3)
    save(figure, path)


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
