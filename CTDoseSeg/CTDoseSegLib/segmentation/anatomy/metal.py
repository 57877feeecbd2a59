"""Metal in the body, whose streaks change what is beside it."""

from __future__ import annotations

import numpy as np

from .sampled import Sampled

# Cortex has up to 2000 HU and enamel little more, in less volume than this.
METAL_HU, LEAST_ML = 2500.0, 1.0


def metal(points: Sampled) -> np.ndarray | None:
    """Return the points of the body that are metal, [k, j, i]; None where there are hardly any."""
    found = points.body & (points.raw_hu > METAL_HU)
    return found if found.sum() * points.point_ml > LEAST_ML else None
