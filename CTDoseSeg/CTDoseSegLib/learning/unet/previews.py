"""Pictures of a training: its data before it, its first batch, and what it draws epoch by epoch."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...errors import DependencyError
from ...reporting.figure import new_figure, save
from ...segmentation.unet.images import value_scale
from ...segmentation.unet.spec import UNetSpec
from ..files import write_whole
from .case import Case
from .label_colours import blended, coloured, write_gif

PREVIEW_FILE, EPOCHS_FILE, CHECK_FILE = "first_batch.png", "epochs.gif", "data_check.png"
# Of a picture an epoch, from which the animation is made.
EPOCHS_FOLDER = "epochs"
# Slices of the first batch in the animation over the epochs, and how long each epoch is shown.
SHOWN, FRAME_MS = 4, 250
# Scans that are drawn from the front before a training; of fewer slices nothing is seen from there.
MOST_CHECKED, LEAST_SLICES = 4, 4


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
        grey, mixed = (blended(image, one, spec, (low, high)) for one in (0 * labels, labels))
        aspect = height * image.shape[1] / image.shape[0]
        for axes, picture, title in (
            (row[0], grey, f"scan {case.number}, {words}"),
            (row[1], mixed, "with its labels"),
        ):
            axes.imshow(picture, origin="upper", aspect=aspect)
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
        below.imshow(coloured(np.asarray(drawn), spec))
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
    """Write a picture of an epoch: image, truth and result of a fixed batch, from above.

    It has the palette that it has in the animation. None where Pillow is missing.
    """
    try:
        from PIL import Image, ImageDraw
    except ImportError:
        return None
    channel = inputs.shape[1] - 1 - spec.context
    rows, columns = labels.shape[1:]
    grey = np.clip((inputs[:SHOWN, channel, :rows, :columns] + 1) * 127.5, 0, 255)
    images = np.repeat(grey.astype(np.uint8)[..., None], 3, axis=3)
    lines = (images, coloured(labels[:SHOWN], spec), coloured(predicted[:SHOWN], spec))
    frame = Image.fromarray(np.vstack([np.hstack(list(line)) for line in lines]))
    ImageDraw.Draw(frame).text((4, 2), f"epoch {epoch}", fill=(255, 255, 0))
    stream = io.BytesIO()
    frame.quantize(256).save(stream, "PNG")
    path = folder / EPOCHS_FOLDER / f"epoch_{epoch:04d}.png"
    path.parent.mkdir(exist_ok=True)
    write_whole(path, stream.getvalue())
    return path


def write_epochs(folder: Path, epoch: int) -> Path | None:
    """Write ``epochs.gif`` of the pictures up to an epoch; None where there are none.

    Later ones are of a former run, which was begun anew.
    """
    files = [folder / EPOCHS_FOLDER / f"epoch_{n:04d}.png" for n in range(1, epoch + 1)]
    files = [path for path in files if path.is_file()]
    try:
        from PIL import Image
    except ImportError:
        return None
    frames = []
    for path in files:
        with Image.open(path) as picture:
            frames.append(picture.copy())
    return write_gif(folder / EPOCHS_FILE, frames, FRAME_MS) if frames else None
