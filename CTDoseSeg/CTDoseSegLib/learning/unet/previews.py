"""Pictures of a training: its data before it, its first batch, and what it draws epoch by epoch."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...ct.organs import organ
from ...errors import DependencyError
from ...reporting.figure import new_figure, save
from ...segmentation.unet.images import value_scale
from ...segmentation.unet.spec import UNetSpec
from ..files import write_whole
from .case import Case

PREVIEW_FILE, EPOCHS_FILE, CHECK_FILE = "first_batch.png", "epochs.gif", "data_check.png"
# Slices of the first batch in the animation over the epochs, and how long each epoch is shown.
SHOWN, FRAME_MS = 4, 250
# Scans that are drawn from the front before a training; of fewer slices nothing is seen from there.
MOST_CHECKED, LEAST_SLICES = 4, 4
OPACITY = 0.45


def write_check(folder: Path, cases: Sequence[Case], spec: UNetSpec) -> Path | None:
    """Draw the middle of scans from the front, with and without labels, in true proportions.

    Scans of few slices are drawn from above instead. None where matplotlib is missing.
    """
    shown = cases[:MOST_CHECKED]
    heights = [_front(case)[2] for case in shown]
    try:
        figure = new_figure(8, sum(3.4 * h + 0.5 for h in heights) + 0.6)
    except DependencyError:
        return None
    grid = figure.subplots(
        len(shown), 2, squeeze=False, gridspec_kw={"height_ratios": [h + 0.1 for h in heights]}
    )
    for row, case in zip(grid, shown, strict=True):
        image, labels, height, words = _front(case)
        low, high = value_scale(case.volume, spec)[-1]
        grey = np.clip((image.astype(np.float32) - low) / (high - low), 0, 1)[..., None] * 255
        grey = np.repeat(grey, 3, axis=2)
        drawn = (labels > 0)[..., None]
        mixed = np.where(drawn, (1 - OPACITY) * grey + OPACITY * colours(labels, spec), grey)
        aspect = height * image.shape[1] / image.shape[0]
        for axes, picture, title in (
            (row[0], grey, f"{case.name}, {words}"),
            (row[1], mixed, "with its labels"),
        ):
            axes.imshow(picture.astype(np.uint8), origin="upper", aspect=aspect)
            axes.set_title(title, fontsize=9)
            axes.set_axis_off()
    return save(figure, folder / CHECK_FILE)


def _front(case: Case) -> tuple[np.ndarray, np.ndarray, float, str]:
    """Return image and labels of the coronal plane with most labels, height by width, and words."""
    count, rows, columns = case.volume.shape
    k_mm, row_mm, column_mm = case.voxel_mm
    there = (case.labels > 0) & (case.labels < 255)
    if count < LEAST_SLICES:
        k = int(there.sum(axis=(1, 2)).argmax())
        height = rows * row_mm / (columns * column_mm)
        return case.volume[k], case.labels[k], height, f"slice {k} from below"
    row = int(there.sum(axis=(0, 2)).argmax()) if there.any() else rows // 2
    # Head up: the slices are in the order of z.
    up = slice(None, None, -1 if case.z_mm[-1] >= case.z_mm[0] else 1)
    height = count * k_mm / (columns * column_mm)
    return case.volume[up, row], case.labels[up, row], height, "coronal"


def write_preview(
    folder: Path, inputs: np.ndarray, labels: np.ndarray, spec: UNetSpec
) -> Path | None:
    """Draw a batch as the network sees it, [n, channels, j, i], beside its labels [n, j, i]."""
    try:
        figure = new_figure(2.2 * min(len(inputs), 4), 2.2 * 2 * -(-len(inputs) // 4))
    except DependencyError:
        return None
    grid = figure.subplots(2 * -(-len(inputs) // 4), min(len(inputs), 4), squeeze=False)
    # The slice itself in the last window, the middle one of its neighbours.
    channel = inputs.shape[1] - 1 - spec.context
    for n, (image, drawn) in enumerate(zip(inputs, labels, strict=True)):
        above, below = grid[2 * (n // 4)][n % 4], grid[2 * (n // 4) + 1][n % 4]
        above.imshow(image[channel], cmap="gray", vmin=-1, vmax=1)
        below.imshow(colours(np.asarray(drawn), spec))
    for axes in grid.flat:
        axes.set_axis_off()
    return save(figure, folder / PREVIEW_FILE)


def add_frame(
    folder: Path,
    epoch: int,
    inputs: np.ndarray,
    labels: np.ndarray,
    predicted: np.ndarray,
    spec: UNetSpec,
) -> Path | None:
    """Add a frame to ``epochs.gif``: image, truth and result of a fixed batch, from above.

    Frames of `epoch` and later ones, of a run that was ended and goes on, are replaced. None
    where Pillow is missing.
    """
    try:
        from PIL import Image, ImageDraw, ImageSequence
    except ImportError:
        return None
    channel = inputs.shape[1] - 1 - spec.context
    rows, columns = labels.shape[1:]
    grey = np.clip((inputs[:SHOWN, channel, :rows, :columns] + 1) * 127.5, 0, 255)
    images = np.repeat(grey.astype(np.uint8)[..., None], 3, axis=3)
    lines = (images, colours(labels[:SHOWN], spec), colours(predicted[:SHOWN], spec))
    frame = Image.fromarray(np.vstack([np.hstack(list(line)) for line in lines]))
    ImageDraw.Draw(frame).text((4, 2), f"epoch {epoch}", fill=(255, 255, 0))
    path = folder / EPOCHS_FILE
    frames = []
    if epoch > 1 and path.is_file():
        with Image.open(path) as before:
            frames = [f.convert("RGB") for f in ImageSequence.Iterator(before)][: epoch - 1]
    frames.append(frame)
    stream = io.BytesIO()
    frames[0].save(
        stream, "GIF", save_all=True, append_images=frames[1:], duration=FRAME_MS, loop=0
    )
    write_whole(path, stream.getvalue())
    return path


def colours(labels: np.ndarray, spec: UNetSpec) -> np.ndarray:
    """Return labels as a picture, uint8 [j, i, 3]; unknown is pink."""
    table = np.zeros((256, 3), np.uint8)
    for n, name in enumerate(spec.classes, start=1):
        code = organ(name).color
        table[n] = [int(code[i : i + 2], 16) for i in (1, 3, 5)]
    table[255] = (255, 0, 200)
    return table[labels.astype(np.uint8)]
