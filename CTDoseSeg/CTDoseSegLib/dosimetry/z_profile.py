"""The z-profile method: dose in the middle of a body by CTDIvol along it and the body's size.

Li, Yang and Liu (2021, PMID 34049058) evaluate the dose of a fetus by a dose profile along z, from
CTDIvol, scan range, tube current and the mother's water-equivalent diameter at the fetus; they
report 5.9 +- 3.8 % to Monte Carlo. Only the abstract could be read. The formula here is this
project's own form of it:

D(z) = A x integral of CTDIvol(z') k(z' - z) dz'

A is the dose per CTDIvol (32 cm) of a long scan, mean over the middle half of the diameter of a
long cylinder of water with the diameter WED, and k how that dose is spread along z: a share of 6 mm
(the beam itself) and the rest (scatter) of 39 to 60 mm, two-sided exponentials. Both were simulated
with the beam `generic body` (`Testing/Tables/make_water_profiles.py`) and fitted; no organ of any
body is in them, and no other bowtie filter.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

# Of the cylinders that were simulated; sizes and voltages beyond them are taken as the nearest.
DIAMETERS_MM = (200.0, 250.0, 300.0, 350.0, 400.0)
VOLTAGES_KV = (80.0, 100.0, 120.0, 140.0)
# By voltage, then by diameter.
DOSE_PER_CTDIVOL = (
    (2.102, 1.524, 1.085, 0.769, 0.545),
    (2.211, 1.676, 1.240, 0.911, 0.666),
    (2.266, 1.762, 1.336, 1.002, 0.748),
    (2.290, 1.816, 1.401, 1.068, 0.810),
)
SCATTER_MM = (
    (39.4, 43.5, 46.9, 49.5, 51.4),
    (42.4, 46.7, 50.3, 52.9, 55.2),
    (43.8, 48.0, 51.9, 54.9, 57.9),
    (45.1, 49.5, 53.1, 56.5, 59.7),
)
# By diameter alone: the voltage changes it by less than 0.02.
BEAM_SHARE = (0.278, 0.217, 0.175, 0.143, 0.119)
BEAM_MM = 6.0


def z_profile_mGy(
    places_mm: np.ndarray,
    wed_mm: float,
    z_mm: np.ndarray,
    ctdivol_mGy: np.ndarray,
    range_mm: tuple[float, float],
    voltage_kV: float = 120.0,
) -> np.ndarray:
    """Return the dose in the middle of the body at places along it, [n].

    Parameters
    ----------
    places_mm
        RAS superior coordinates, also beyond the images, [n].
    wed_mm
        Water-equivalent diameter there.
    z_mm, ctdivol_mGy
        Of the slices, for the 32 cm phantom, [k].
    range_mm
        Irradiated range; the CTDIvol of the end slices goes on to its ends.
    voltage_kV
        Of the tube.

    Examples
    --------
    The middle of a long scan, its end, and 150 mm beyond it:

    >>> import numpy as np
    >>> z = np.arange(0.0, 601.0, 5.0)
    >>> places = np.array([300.0, 600.0, 750.0])
    >>> dose = z_profile_mGy(places, 300.0, z, np.full(121, 10.0), (0.0, 600.0))
    >>> [f"{one:.2f} mGy" for one in dose]
    ['13.33 mGy', '6.68 mGy', '0.31 mGy']
    """
    share = float(np.interp(wed_mm, DIAMETERS_MM, BEAM_SHARE))
    scatter = _at(SCATTER_MM, wed_mm, voltage_kV)
    # Between two diameters the dose falls exponentially.
    amplitude = float(np.exp(_at(np.log(DOSE_PER_CTDIVOL), wed_mm, voltage_kV)))
    kernel = ((share, BEAM_MM), (1.0 - share, scatter))
    return amplitude * _convolve_at(places_mm, z_mm, ctdivol_mGy, kernel, range_mm)


def _at(table: ArrayLike, wed_mm: float, voltage_kV: float) -> float:
    """Return a value between those of a table by voltage and diameter."""
    by_voltage = [np.interp(wed_mm, DIAMETERS_MM, row) for row in np.asarray(table)]
    return float(np.interp(voltage_kV, VOLTAGES_KV, by_voltage))


def _convolve_at(
    places_mm: np.ndarray,
    z_mm: np.ndarray,
    values: np.ndarray,
    parts: Sequence[tuple[float, float]],
    range_mm: tuple[float, float],
) -> np.ndarray:
    """Return values convolved with two-sided exponentials, at places anywhere, [n].

    `parts` are weights and lengths. The values hold in each slice's cell, whose edges are halfway
    to its neighbours, and those of the end slices as far as the range goes.
    """
    order = np.argsort(z_mm, kind="stable")
    z = np.asarray(z_mm, dtype=float)[order]
    low, high = range_mm
    edges = np.concatenate(([low], np.clip((z[1:] + z[:-1]) / 2, low, high), [high]))
    away = edges - np.asarray(places_mm, float)[:, None]
    tail = 0.5 * sum(weight * np.exp(-np.abs(away) / length) for weight, length in parts)
    cumulative = np.where(away < 0, tail, 1.0 - tail)
    return np.asarray(np.diff(cumulative, axis=1) @ np.asarray(values, float)[order])
