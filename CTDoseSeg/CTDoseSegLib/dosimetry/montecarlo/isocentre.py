"""Where the axis of rotation passes through the patient."""

from __future__ import annotations

import numpy as np

from ...ct.series import CTSeries
from ...flags import Flag, flag
from .completion import Anatomy

# A field of view as wide as the scanner's own can only be centred on the axis of rotation.
FULL_FIELD_MM = 450.0


def isocentre_of(
    series: CTSeries, body: np.ndarray, anatomy: Anatomy
) -> tuple[tuple[float, float], tuple[Flag, ...]]:
    """Return (x, y) of the axis of rotation, in mm to the left and to posterior.

    As the images state it; else the middle of the images where they are as wide as what a scanner
    can reconstruct; else the centre of the body, on which patients are aligned.

    Parameters
    ----------
    series
        The CT.
    body
        Boolean [k, j, i].
    anatomy
        With the geometry of `body`.
    """
    stated = series.acquisition.isocentre_mm
    if stated is not None:
        return (-stated[0], -stated[1]), ()
    shape = series.hu.shape
    di, dj, _ = series.spacing_mm
    middle = series.affine @ np.array([(n - 1) / 2 for n in shape[::-1]] + [1.0])
    axial = abs(series.affine[2, 2]) >= 0.9 * series.spacing_mm[2]
    if axial and min(shape[2] * di, shape[1] * dj) >= FULL_FIELD_MM:
        place = (-float(middle[0]), -float(middle[1]))
        return place, (flag("isocentre_assumed", "the middle of the images"),)
    share = body.mean(axis=0)
    total = float(share.sum())
    if not total:
        return (-float(middle[0]), -float(middle[1])), (
            flag("isocentre_assumed", "the middle of the images"),
        )
    dx, dy, _ = anatomy.spacing_mm
    x = anatomy.corner_mm[0] + (np.arange(share.shape[1]) + 0.5) * dx
    y = anatomy.corner_mm[1] + (np.arange(share.shape[0]) + 0.5) * dy
    place = (float(share.sum(axis=0) @ x) / total, float(share.sum(axis=1) @ y) / total)
    return place, (flag("isocentre_assumed", "the centre of the body"),)
