"""Organs that are one piece, drawn as several.

A small piece far from the rest is something else of about the same HU. What touches the first or
the last slice or the edge of the field of view may hang together beyond it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from .findings import Doubt, Taken
from .sampled import Sampled

ONE_PIECE = (
    *("liver", "spleen", "kidney_left", "kidney_right", "heart", "urinary_bladder", "brain"),
    *("stomach", "lung_left", "lung_right"),
)
# A piece below this part of the largest, so far away, is taken away; a larger one is flagged.
SMALL, FAR_MM = 0.03, 20.0
# Between two filled parts of these the lumen may be too narrow to be drawn.
NARROW = ("stomach",)
# Pieces this near may hang together between the points; less volume is a few voxels.
GAP_MM, LEAST_ML = 10.0, 3.0


def pieces(points: Sampled, organ: str, gone: np.ndarray) -> Iterator[Taken | Doubt]:
    """Yield the pieces of an organ that are not it, and those that may not be.

    Parameters
    ----------
    points
        Label map.
    organ
        One of `ONE_PIECE`.
    gone
        Points of it that were taken away already, boolean [k, j, i].

    Yields
    ------
    Taken or Doubt
    """
    left = points.left_of(organ, gone, 2)
    if left is None:
        return
    window, own = left
    parts, count = ndimage.label(ndimage.binary_dilation(own, np.ones((3, 3, 3))))
    if count < 2:
        return
    parts = np.where(own, parts, 0)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:] * points.point_ml
    largest = int(sizes.argmax()) + 1
    away = ndimage.distance_transform_edt(parts != largest, sampling=points.spacing_mm)
    at_edge = set(np.unique(parts[_edge(points)[window]]).tolist())
    small = np.zeros_like(own)
    for value in range(1, count + 1):
        if value == largest or value in at_edge:
            continue
        apart = float(away[parts == value].min())
        if sizes[value - 1] < SMALL * sizes[largest - 1]:
            if apart > FAR_MM and organ not in NARROW:
                small |= parts == value
        elif apart > GAP_MM and sizes[value - 1] > LEAST_ML and not organ.startswith("lung"):
            yield Doubt(
                organ,
                f"a second piece of {sizes[value - 1]:.0f} ml lies {apart:.0f} mm from the "
                f"largest, of {sizes[largest - 1]:.0f} ml",
                points.on_grid(parts == value, window),
            )
    if small.any():
        yield Taken(
            organ, points.on_grid(small, window), f"it lies more than {FAR_MM:.0f} mm from the rest"
        )


def _edge(points: Sampled) -> np.ndarray:
    edge = np.zeros(points.labels.shape, bool)
    edge[[0, -1]] = True
    edge[:, ~ndimage.binary_erosion(points.seen)] = True
    return edge
