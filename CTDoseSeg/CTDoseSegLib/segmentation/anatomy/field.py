"""Organs that the edge of the field of view cuts: a part of them was never imaged."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from .sampled import Sampled

# Organs of one place; skin, bone and fat reach the edge of any narrow field.
ORGANS = (
    *("liver", "spleen", "stomach", "pancreas", "heart", "kidney_left", "kidney_right"),
    *("lung_left", "lung_right", "brain", "urinary_bladder", "colon", "small_bowel"),
)
# So much of the edge must be organ: fewer points may be its rim.
LEAST_CM2 = 2.0


def cut_by_field(points: Sampled) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the organs at the edge of the field of view, and their points there.

    Parameters
    ----------
    points
        Label map with what the scanner saw.

    Yields
    ------
    tuple of str and numpy.ndarray
        Group of the label map; boolean [k, j, i].
    """
    edge = points.seen & ~ndimage.binary_erosion(points.seen)
    width_cm2 = points.spacing_mm[0] * max(points.spacing_mm[1:]) / 100.0
    j, i = np.nonzero(edge)
    for organ in ORGANS:
        mask = points.mask(organ)
        if mask[:, j, i].sum() * width_cm2 > LEAST_CM2:
            yield organ, mask & edge
