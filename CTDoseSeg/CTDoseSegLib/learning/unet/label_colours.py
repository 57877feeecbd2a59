"""Labels in colour: each class has one colour in every picture, curve and animation."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...ct.organs import organ
from ...segmentation.unet.spec import UNetSpec
from ..files import write_whole
from .metrics import UNKNOWN

if TYPE_CHECKING:
    from PIL.Image import Image

OPACITY = 0.45
UNKNOWN_COLOUR = (255, 0, 200)  # pink


def coloured(labels: np.ndarray, spec: UNetSpec) -> np.ndarray:
    """Return labels as a picture, uint8 [j, i, 3]; nothing is black, unknown is pink."""
    table = np.zeros((256, 3), np.uint8)
    for n, name in enumerate(spec.classes, start=1):
        table[n] = tuple(bytes.fromhex(organ(name).color[1:]))
    table[UNKNOWN] = UNKNOWN_COLOUR
    return table[labels.astype(np.uint8)]


def blended(
    values: np.ndarray, labels: np.ndarray, spec: UNetSpec, window: tuple[float, float]
) -> np.ndarray:
    """Return an image with its labels in colour over it.

    Parameters
    ----------
    values
        HU, or the values of an MR, [j, i].
    labels
        [j, i]: classes from 1 on, 0 none, 255 unknown.
    spec
        Of the network.
    window
        The values of black and of white.

    Returns
    -------
    numpy.ndarray
        uint8 [j, i, 3].
    """
    low, high = window
    grey = np.clip((values.astype(np.float32) - low) / (high - low), 0, 1)[..., None] * 255.0
    mixed = (1 - OPACITY) * grey + OPACITY * coloured(labels, spec).astype(np.float32)
    return np.where((labels > 0)[..., None], mixed, grey).astype(np.uint8)


def write_gif(path: Path, frames: Sequence[Image], frame_ms: int) -> Path:
    """Write an endless animation; frames that have a palette keep it."""
    stream = io.BytesIO()
    frames[0].save(
        stream, "GIF", save_all=True, append_images=frames[1:], duration=frame_ms, loop=0
    )
    write_whole(path, stream.getvalue())
    return path
