"""90 % intervals of the size of the body and of SSDE."""

from __future__ import annotations

import math

import numpy as np

from ..ct.scanner_profile import Scanner
from ..ct.series import CTSeries
from .ctdi_per_mas import K90
from .ctdivol import scan_mean_component
from .size import SizeProfile
from .ssde import TABLES, SSDEProfile
from .truncation import error_range

# AAPM Report 204: SSDE agrees with the dose to the patient within 20 %. The report names no level
# of confidence; to read it as a 90 % interval is this project's judgement.
SSDE_LIMIT = 0.20
# Standard deviation of a slice's diameter by body mask and HU calibration, common to all slices,
# this project's judgement.
WED_SD = 0.01
# Of ln(CTDI per mAs) by a scanner profile, as organ doses have it.
PROFILE_SD = 0.10


def ssde_interval_mGy(
    mean_mGy: float, ctdivol_log_sd: float = 0.0, cut_log: tuple[float, float] = (0.0, 0.0)
) -> tuple[float, float] | None:
    """Return the ends of the 90 % interval of the scan's SSDE; None where it is not known.

    Parameters
    ----------
    mean_mGy
        Mean over the slices.
    ctdivol_log_sd
        As `ctdivol_log_sd` returns it; in quadrature with the 20 % of the report.
    cut_log
        As `ssde_cut_log` returns it; in quadrature too.

    Examples
    --------
    >>> [round(end, 2) for end in ssde_interval_mGy(10.0)]
    [8.0, 12.0]
    """
    if not math.isfinite(mean_mGy):
        return None
    down, up = (
        math.hypot(math.log1p(sign * SSDE_LIMIT), K90 * ctdivol_log_sd, cut)
        for sign, cut in zip((-1, 1), cut_log, strict=True)
    )
    return mean_mGy * math.exp(-down), mean_mGy * math.exp(up)


def ssde_cut_log(size: SizeProfile, ssde: SSDEProfile) -> tuple[float, float]:
    """Return how far ln(mean SSDE) reaches down and up because the field of view cuts the body.

    SSDE is made from the diameter as measured, which is too small in a slice that is cut: SSDE is
    then too large. The true diameter lies within `truncation.error_range` of the corrected one, or
    of the measured one where no correction is valid; SSDE falls with it as its factor does, slice
    by slice, to the same side in all. (0, 0) where nothing is cut.
    """
    known = np.isfinite(ssde.ssde_mGy)
    if not known.any():
        return 0.0, 0.0
    wed, corrected = size.wed_mm[known], size.wed_corrected_mm[known]
    best = np.where(np.isfinite(corrected), corrected, wed)
    _, per_cm = TABLES[ssde.table]
    mean = float(ssde.ssde_mGy[known].mean())
    # A diameter that is 20 % too small is 25 % away from the true one.
    low, high = (
        float((ssde.ssde_mGy[known] * np.exp(-per_cm * (best / (1 + error) - wed) / 10.0)).mean())
        for error in error_range(size.truncated_fraction[known], size.asymmetry[known])
    )
    return max(math.log(mean / low), 0.0), max(math.log(high / mean), 0.0)


def ctdivol_log_sd(series: CTSeries, ssde: SSDEProfile, scanner: Scanner) -> float:
    """Return the standard deviation of ln(CTDIvol) that SSDE takes over from it.

    That of a CTDIvol made from effective mAs, or of one value of a scan of which the images may be
    a part; 0 for a CTDIvol that the images state.
    """
    if any(entry.code == "ssde_by_mas" for entry in ssde.flags):
        return scanner.nctdiw_log_sd or PROFILE_SD
    return scan_mean_component(series)


def wed_interval_mm(size: SizeProfile) -> tuple[float, float] | None:
    """Return the ends of the 90 % interval of the scan's mean diameter; None without a body.

    The interval is around the mean of the diameters as corrected, where they can be. A body that
    the field of view cuts widens it to the side to which `truncation.error_range` says that the
    diameter is off, in quadrature, the same for all slices that are cut as far.
    """
    known = np.isfinite(size.wed_mm)
    if not known.any():
        return None
    corrected = np.isfinite(size.wed_corrected_mm)
    mean = float(np.where(corrected, size.wed_corrected_mm, size.wed_mm)[known].mean())
    errors = error_range(size.truncated_fraction[known], size.asymmetry[known])
    too_small, too_large = -float(errors[0].mean()), max(float(errors[1].mean()), 0.0)
    # A diameter that is 20 % too small is 25 % away from the true one.
    below = math.hypot(K90 * WED_SD, too_large / (1 + too_large))
    above = math.hypot(K90 * WED_SD, too_small / (1 - too_small))
    return mean * (1 - below), mean * (1 + above)
