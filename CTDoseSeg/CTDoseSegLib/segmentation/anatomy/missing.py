"""Lung and bone that are in the images and were not drawn, which their density shows.

Nothing but lung is as light as lung on both sides of a slice, and little but bone is as dense as
its cortex. Thresholds that hold for adults leave out the dense lungs of a newborn, and bones that
are as dense inside as at their surface.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .findings import Doubt
from .sampled import Sampled

# As light as lung, but neither gas nor the blurred edge of it; thicker than twice this.
LIGHT_HU, THICK_MM = (-900.0, -300.0), 4.0
# On each side of the middle, in parts of the body's section; over this length in all.
SIDE, LENGTH_MM = 0.04, 20.0
# What holds air besides.
_AIRY = (
    *("lung", "trachea", "lung_trachea_bronchia", "stomach", "colon", "small_bowel", "bowel"),
    *("esophagus", "duodenum"),
)
# As dense as cortex. Blood may be in the arterial phase: then bone is half of it or more.
CORTEX_HU, LEAST_DRAWN, LEAST_ML = 350.0, 0.25, 5.0
_DENSE = ("bone", "teeth")


def lung_left_out(points: Sampled) -> Doubt | None:
    """Return the points that must be lung and are not drawn as it; None where there are few."""
    light = points.body & (points.hu > LIGHT_HU[0]) & (points.hu < LIGHT_HU[1])
    light &= ~points.mask(*_AIRY)
    if not light.any():
        return None
    light = points.opened(light, THICK_MM)
    area = np.maximum(1, points.body.sum(axis=(1, 2)))
    left = np.arange(light.shape[2]) > points.middle[:, None]  # [k, i]
    sides = [(light & side[:, None]).sum(axis=(1, 2)) / area for side in (left, ~left)]
    here = np.minimum(*sides) > SIDE
    if here.sum() * points.spacing_mm[0] < LENGTH_MM:
        return None
    found = light & here[:, None, None]
    volume_ml = found.sum() * points.point_ml
    return Doubt("lung", f"{volume_ml:.0f} ml as light as lung on both sides are none", found)


def bone_left_out(points: Sampled) -> Doubt | None:
    """Return the points as dense as cortex that are not drawn as bone; None unless most are not."""
    dense = points.body & (points.hu > CORTEX_HU)
    beside = dense & ~ndimage.binary_dilation(points.mask(*_DENSE), np.ones((1, 3, 3)))
    volume_ml = beside.sum() * points.point_ml
    if volume_ml < LEAST_ML or beside.sum() < (1 - LEAST_DRAWN) * dense.sum():
        return None
    return Doubt("bone", f"{volume_ml:.0f} ml as dense as bone are none", beside)
