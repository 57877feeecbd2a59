"""HU of a substance from its elements: attenuation relative to water, at the tube's voltage.

The table `models/attenuation/attenuation.csv` holds each element's attenuation per gram over that
of water, averaged over the photons that reach a CT scanner's detector through a body;
`attenuation.json` beside it states the beam, the sources and their licences.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files

import numpy as np

from ..errors import AcquisitionError, CompositionError

# The table's range, kV.
LEAST_KV, MOST_KV = 70.0, 150.0
# Mass fractions of published compositions are rounded; a sum further from 1 is a mistake.
SUM_WITHIN = 0.02


def water_ratio(element: str, kvp: float) -> float:
    """Return an element's attenuation per gram over that of water.

    Between the table's voltages the ratio is linear in 1 / voltage, along which photoelectric
    attenuation is nearly straight: 0.4 % at most from the value computed there. Mixtures stay
    linear, so that water is 1 at every voltage.

    Parameters
    ----------
    element
        Chemical symbol.
    kvp
        Tube voltage in kV, 70 to 150.

    Returns
    -------
    float

    Raises
    ------
    AcquisitionError
        If the voltage is outside the table.
    CompositionError
        If the table has no such element.

    Examples
    --------
    >>> water_ratio("I", 80) > 1.5 * water_ratio("I", 120)
    True
    """
    if not LEAST_KV <= kvp <= MOST_KV:
        raise AcquisitionError(
            f"a tube voltage of {kvp:g} kV is outside the table of attenuation; "
            f"give one from {LEAST_KV:g} to {MOST_KV:g} kV"
        )
    voltages_kv, ratios = _table()
    if element not in ratios:
        raise CompositionError(
            f"the table of attenuation has no element {element!r}; it has {', '.join(ratios)}"
        )
    # Ascending, as the interpolation wants its abscissa.
    return float(np.interp(-1.0 / kvp, -1.0 / voltages_kv, ratios[element]))


def hounsfield(
    fractions: Mapping[str, float],
    density_g_ml: float,
    kvp: float,
    iodine_mg_ml: float = 0.0,
) -> float:
    """Return the HU of a substance.

    HU = 1000 (rho sum(w r) + c r_I - 1) with the mass fractions w, the ratios r of `water_ratio`,
    the density rho and the concentration c of iodine, both in g/ml: the definition
    1000 (mu - mu_water) / mu_water of G. N. Hounsfield (Br J Radiol 1973;46:1016) by the mixture
    rule. Objects so dense that they change the beam (metal) show less in a CT than is returned.

    Parameters
    ----------
    fractions
        Mass fraction of each element; their sum is 1.
    density_g_ml
        Of the substance without the iodine, in g/ml.
    kvp
        Tube voltage in kV, 70 to 150.
    iodine_mg_ml
        Iodine of a contrast medium, added to each ml, in mg.

    Returns
    -------
    float
        HU, not rounded and not limited to what a scanner can store.

    Raises
    ------
    AcquisitionError
        If the voltage is outside the table.
    CompositionError
        If an element is unknown, or a fraction, the density or the iodine is impossible.

    Examples
    --------
    >>> water = {"H": 0.1119, "O": 0.8881}
    >>> round(hounsfield(water, 1.0, 120)), round(hounsfield(water, 1.0, 120, iodine_mg_ml=10))
    (0, 252)
    """
    for what, value in (("density", density_g_ml), ("concentration of iodine", iodine_mg_ml)):
        if not (math.isfinite(value) and value >= 0):
            raise CompositionError(f"a {what} of {value:g} is impossible; give zero or more")
    _check_fractions(fractions)
    per_gram = sum(share * water_ratio(element, kvp) for element, share in fractions.items())
    iodine = iodine_mg_ml / 1000.0 * water_ratio("I", kvp)
    return 1000.0 * (density_g_ml * per_gram + iodine - 1.0)


def _check_fractions(fractions: Mapping[str, float]) -> None:
    total = math.fsum(fractions.values())
    if any(not share >= 0 for share in fractions.values()) or not abs(total - 1) <= SUM_WITHIN:
        raise CompositionError(
            f"the mass fractions of a substance add up to {total:.4g}; give fractions, "
            "none below zero, that add up to 1"
        )


@lru_cache(maxsize=1)
def _table() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the voltages in kV, and each element's ratios at them."""
    folder = files("CTDoseSegLib.models").joinpath("attenuation")
    text = folder.joinpath("attenuation.csv").read_text(encoding="utf-8")
    header, *rows = csv.reader(text.splitlines())
    voltages_kv = np.array([float(cell) for cell in header[1:]])
    return voltages_kv, {row[0]: np.array([float(cell) for cell in row[1:]]) for row in rows}
