"""90 % intervals of the size of the body and of SSDE."""

from __future__ import annotations

import math

import numpy as np

from .size import SizeProfile

# AAPM Report 204: SSDE agrees with the dose to the patient within 20 %, read as a 90 % interval.
SSDE_LIMIT = 0.20
# Standard deviations of a slice's diameter, common to all slices, this project's judgement: body
# mask and HU calibration; what the field of view cuts off and is estimated; what is not estimated.
WED_SD = 0.01
CORRECTED_SD, UNCORRECTED_SD = 0.03, 0.10
_K90 = 1.645


def ssde_interval_mGy(mean_mGy: float) -> tuple[float, float] | None:
    """Return the ends of the 90 % interval of the scan's SSDE; None where it is not known.

    Examples
    --------
    >>> ssde_interval_mGy(10.0)
    (8.0, 12.0)
    """
    if not math.isfinite(mean_mGy):
        return None
    return mean_mGy * (1 - SSDE_LIMIT), mean_mGy * (1 + SSDE_LIMIT)


def wed_interval_mm(size: SizeProfile) -> tuple[float, float] | None:
    """Return the ends of the 90 % interval of the scan's mean diameter; None without a body.

    The interval is around the mean of the diameters as corrected, where they can be.
    """
    known = np.isfinite(size.wed_mm)
    if not known.any():
        return None
    corrected = np.isfinite(size.wed_corrected_mm)
    mean = float(np.where(corrected, size.wed_corrected_mm, size.wed_mm)[known].mean())
    cut = np.where(corrected, CORRECTED_SD, UNCORRECTED_SD) * (size.truncated_fraction > 0)
    half = _K90 * math.hypot(WED_SD, float(cut[known].mean()))
    return mean * (1 - half), mean * (1 + half)
