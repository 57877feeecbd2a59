"""What makes a network's body doubtful: there are several, or it leaves out what only bodies are.

A network that meets what it was never shown can draw anything. Nothing but a body is solid over
2 cm and as dense as fat: a couch is a shell, cloth and foam are lighter.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ...ct.series import CTSeries
from ...flags import Flag, flag
from ..labelmap import Labelmap
from ..threshold.body import count_bodies
from ..working_grid import Canonical, field_of_view

LEFT_OUT = "tissue_left_out"
DENSE_HU = -200.0
SOLID_MM = 20.0
# Acceptance phantoms and real scans have up to 0.015 %, corrupted ones (a couch in the skin) 1.4 %.
MOST_LEFT_OUT = 0.05
# It is looked at on pixels of about this size.
PIXEL_MM = 4.0


def doubts(series: CTSeries, labels: np.ndarray, outside: set[int]) -> tuple[Flag, ...]:
    """Flag what makes a body that a network drew doubtful.

    Parameters
    ----------
    series
        The CT.
    labels
        uint8 [k, j, i] on the grid of the series.
    outside
        Values that are no part of the body, 0 apart.

    Returns
    -------
    tuple of Flag
    """
    view = Canonical.of(series)
    step = tuple(max(1, round(PIXEL_MM / size)) for size in view.spacing_mm[1:])
    few = (slice(None), *(slice(None, None, n) for n in step))
    drawn = np.flip(labels.transpose(view.permutation), view.reversed_axes)[few]
    body = ~np.isin(drawn, [0, *outside])
    flags: tuple[Flag, ...] = ()
    if (bodies := count_bodies(ndimage.label(body)[0])) > 1:
        flags += (flag("several_bodies", f"{bodies} separate ones"),)
    window = [
        round(SOLID_MM / (n * size)) | 1 for n, size in zip(step, view.spacing_mm[1:], strict=True)
    ]
    dense = (view.hu[few] > DENSE_HU) & field_of_view(view.hu)[few[1:]]
    # What lies at the image's edge is not known to be solid.
    share = ndimage.uniform_filter(dense.astype(np.float32), (1, *window), mode="constant")
    solid = share > 0.999
    left_out = (solid & ~body).sum() / max(1, solid.sum())
    if left_out > MOST_LEFT_OUT:
        flags += (flag(LEFT_OUT, f"{100 * left_out:.0f} % of it"),)
    return flags


def why_not_used(labelmap: Labelmap) -> str:
    """Return why thresholds should draw the body instead; empty where they need not."""
    if LEFT_OUT not in {one.code for one in labelmap.flags}:
        return ""
    return "the UNet left out much that is solid and as dense as tissue"
