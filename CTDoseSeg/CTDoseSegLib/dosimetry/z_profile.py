"""The z-profile method: dose in the middle of a body by CTDIvol along it and the body's size.

Li, Yang and Liu (2021, PMID 34049058) evaluate the dose of a fetus by a dose profile along z, from
CTDIvol, scan range, tube current and the mother's water-equivalent diameter at the fetus; they
report 5.9 +- 3.8 % to Monte Carlo. Only the abstract could be read. The formula here is this
project's own form of it:

D(z) = A(WED) x integral of CTDIvol(z') k(z' - z; WED) dz'

A is the dose per CTDIvol (32 cm) of a long scan, mean over the middle half of the diameter of a
long cylinder of water, and k how that dose is spread along z: a share of 6 mm (the beam itself)
and the rest (scatter) of 45 to 57 mm, two-sided exponentials. Both were simulated with the beam
`generic body` at 120 kV (`Testing/Tables/make_water_profiles.py`) and fitted; no organ of any body
is in them. Another voltage or filter is not.
"""

from __future__ import annotations

import numpy as np

from .fast.kernel import convolve_at

# Of the cylinders that were simulated; smaller and larger bodies are taken as the nearest.
DIAMETERS_MM = (200.0, 250.0, 300.0, 350.0, 400.0)
DOSE_PER_CTDIVOL = (2.267, 1.765, 1.339, 1.004, 0.750)
BEAM_SHARE = (0.294, 0.220, 0.172, 0.137, 0.112)
SCATTER_MM = (45.0, 48.7, 52.0, 54.7, 57.2)
BEAM_MM = 6.0


def z_profile_mGy(
    places_mm: np.ndarray,
    wed_mm: float,
    z_mm: np.ndarray,
    ctdivol_mGy: np.ndarray,
    range_mm: tuple[float, float],
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

    Examples
    --------
    The middle of a long scan, its end, and 150 mm beyond it:

    >>> import numpy as np
    >>> z = np.arange(0.0, 601.0, 5.0)
    >>> places = np.array([300.0, 600.0, 750.0])
    >>> dose = z_profile_mGy(places, 300.0, z, np.full(121, 10.0), (0.0, 600.0))
    >>> [f"{one:.2f} mGy" for one in dose]
    ['13.36 mGy', '6.69 mGy', '0.31 mGy']
    """
    share = float(np.interp(wed_mm, DIAMETERS_MM, BEAM_SHARE))
    scatter = float(np.interp(wed_mm, DIAMETERS_MM, SCATTER_MM))
    # Between two diameters the dose falls exponentially.
    amplitude = float(np.exp(np.interp(wed_mm, DIAMETERS_MM, np.log(DOSE_PER_CTDIVOL))))
    kernel = ((share, BEAM_MM), (1.0 - share, scatter))
    return amplitude * convolve_at(places_mm, z_mm, ctdivol_mGy, kernel, range_mm)
