"""Pictures of what a network drew: PNG of the labels, JPG of each slice, an animation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import DependencyError
from ...segmentation.unet.spec import UNetSpec
from ...tasks.progress import Progress
from .label_colours import blended, write_gif

if TYPE_CHECKING:
    from PIL.Image import Image

    from ...reading.images import ImageStack

# Of a CT: soft tissue, with lung still brighter than air.
CT_WINDOW_HU = (-400.0, 400.0)
MOST_FRAMES, FRAME_MS, FRAME_PX = 120, 120, 320


def write_predicted(
    folder: Path,
    name: str,
    stack: ImageStack,
    labels: np.ndarray,
    spec: UNetSpec,
    progress: Progress,
) -> None:
    """Write ``NAME_slice_K_labels.png`` and ``NAME_slice_K.jpg`` of each slice, and ``NAME.gif``.

    The PNG has a pixel for each of the image, with the label as its value. JPG and GIF are drawn
    with square pixels, rows as they are stored.

    Parameters
    ----------
    folder
        Existing folder.
    name
        Beginning of the names.
    stack
        The images.
    labels
        uint8 [k, j, i].
    spec
        Of the network.
    progress
        May cancel.

    Raises
    ------
    DependencyError
        If Pillow is missing.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise DependencyError(
            "Pictures of the labels need the package Pillow; install it with: pip install pillow"
        ) from error
    window = _window(stack)
    frames: list[Image.Image] = []
    every = max(1, -(-len(labels) // MOST_FRAMES))
    for k, drawn in enumerate(labels):
        progress.check_cancelled()
        place = f"{name}_slice_{k:04d}"
        Image.fromarray(drawn).save(folder / f"{place}_labels.png")
        picture = _square(blended(stack.series.hu[k], drawn, spec, window), stack)
        picture.save(folder / f"{place}.jpg", quality=92)
        if k % every == 0:
            frames.append(_frame(picture, f"slice {k}"))
    write_gif(folder / f"{name}.gif", frames, FRAME_MS)


def _window(stack: ImageStack) -> tuple[float, float]:
    """Return black and white: a CT's window, or the range of an MR."""
    if stack.modality == "CT":
        return CT_WINDOW_HU
    low, high = np.percentile(stack.series.hu, (1, 99.5))
    return float(low), float(max(high, low + 1e-6))


def _square(pixels: np.ndarray, stack: ImageStack) -> Image:
    """Return a picture with square pixels."""
    from PIL import Image

    picture = Image.fromarray(pixels)
    along_row, along_column = stack.series.spacing_mm[:2]
    rows, columns = pixels.shape[:2]
    if abs(along_row / along_column - 1) > 0.01:
        wide = along_row > along_column
        size = (
            round(columns * along_row / along_column) if wide else columns,
            rows if wide else round(rows * along_column / along_row),
        )
        picture = picture.resize(size)
    return picture


def _frame(picture: Image, words: str) -> Image:
    """Return a frame of the animation with the slice's index on it."""
    from PIL import ImageDraw

    factor = FRAME_PX / max(picture.size)
    frame = picture.resize((round(picture.width * factor), round(picture.height * factor)))
    ImageDraw.Draw(frame).text((4, 2), words, fill=(255, 255, 0))
    return frame
