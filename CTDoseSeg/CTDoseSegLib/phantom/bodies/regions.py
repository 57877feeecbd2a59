"""The parts of a body that a scan covers, and the grid that holds them."""

from __future__ import annotations

import numpy as np

from .frame import SOLE, VERTEX, Frame

# Low and high end, mm, in levels of the reference adult.
REGIONS = {
    "trunk": (-410.0, 256.0),
    "chest": (-72.0, 256.0),
    "abdomen": (-260.0, 36.0),
    "abdomen_pelvis": (-415.0, 36.0),
    "pelvis": (-430.0, -205.0),
    "head": (280.0, VERTEX + 6.0),
    "head_neck": (190.0, VERTEX + 6.0),
    "whole": (SOLE - 6.0, VERTEX + 6.0),
}


def region_mm(frame: Frame, region: str) -> tuple[float, float]:
    """Return the low and the high end of a region in this person, mm along z.

    Parameters
    ----------
    frame
        Of the person.
    region
        One of `REGIONS`.
    """
    low, high = (float(v) for v in frame.z(np.array(REGIONS[region])))
    return low, high
