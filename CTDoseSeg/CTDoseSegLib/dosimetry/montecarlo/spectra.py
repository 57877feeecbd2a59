"""Spectra of CT tubes: any voltage of 60 to 150 kV, behind any thickness of aluminium.

`models/montecarlo/spectra.npz` holds what leaves a tungsten anode of 8 degrees every 10 kV
(SpekPy). Between two voltages the bremsstrahlung is linear in the voltage at the same fraction of
the highest energy: there Kramers' law (P. Kirkpatrick and L. Wiedmann, Phys Rev 1945;67:321)
makes it the same at all voltages. Characteristic lines stay at their energies and are linear too.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from ...errors import AcquisitionError
from .materials import MATERIALS, index_of
from .photons import mass_attenuation, mass_energy_transfer
from .tables import table_arrays

FILE = "spectra.npz"
LEAST_KV, MOST_KV = 60.0, 150.0
# What `filtration_of` looks for: more is no CT tube's.
MOST_ALUMINIUM_MM = 100.0
# 1 keV/g in Gy.
KEV_PER_GRAM_GY = 1.602176634e-13


def spectrum(voltage_kV: float, aluminium_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the photons of a tube behind aluminium.

    Parameters
    ----------
    voltage_kV
        60 to 150.
    aluminium_mm
        All filters in the way, as the thickness of aluminium that does the same.

    Returns
    -------
    energies_keV
        [e]: centres of bins of 0.5 keV from 5 to 150 keV.
    photons
        [e]: per cm2 and mAs at 1 m from the focal spot, air not counted; 0 above the voltage.

    Raises
    ------
    AcquisitionError
        If the voltage or the thickness is outside its range.

    Examples
    --------
    >>> energies_keV, photons = spectrum(120, 7)
    >>> mean_keV = float(energies_keV @ photons / photons.sum())
    >>> round(mean_keV)
    61
    """
    if not LEAST_KV <= voltage_kV <= MOST_KV:
        raise AcquisitionError(
            f"a tube voltage of {voltage_kV:g} kV is outside the spectra of the Monte Carlo "
            f"engine; give one from {LEAST_KV:g} to {MOST_KV:g} kV"
        )
    if not (math.isfinite(aluminium_mm) and aluminium_mm >= 0):
        raise AcquisitionError(
            f"a filter of {aluminium_mm:g} mm of aluminium is impossible; give zero or more"
        )
    energies_keV, unfiltered = _unfiltered(float(voltage_kV))
    return energies_keV, unfiltered * _transmission(energies_keV, aluminium_mm)


def air_kerma_uGy(energies_keV: np.ndarray, photons: np.ndarray) -> float:
    """Return the air kerma of a fluence, free in air.

    Parameters
    ----------
    energies_keV
        [e], 5 to 150 keV.
    photons
        [e], per cm2.

    Returns
    -------
    float
        In uGy: of `spectrum`, per mAs at 1 m.

    Examples
    --------
    >>> round(air_kerma_uGy(*spectrum(120, 7)), -1)
    70.0
    """
    return float(_kerma_gy_cm2(energies_keV) @ photons * 1e6)


def mean_air_kerma_uGy(energies_keV: np.ndarray, photons: np.ndarray) -> float:
    """Return the air kerma of one photon per cm2 of a spectrum.

    Parameters
    ----------
    energies_keV
        [e], 5 to 150 keV.
    photons
        [e], of any unit.

    Returns
    -------
    float
        In uGy cm2.

    Examples
    --------
    >>> energies_keV, photons = spectrum(120, 7)
    >>> kerma_uGy = mean_air_kerma_uGy(energies_keV, photons) * photons.sum()
    >>> bool(np.isclose(kerma_uGy, air_kerma_uGy(energies_keV, photons)))
    True
    """
    return air_kerma_uGy(energies_keV, photons) / float(np.sum(photons))


def half_value_layer_mm(energies_keV: np.ndarray, photons: np.ndarray) -> float:
    """Return the aluminium that halves the air kerma of a narrow beam.

    Parameters
    ----------
    energies_keV
        [e], 5 to 150 keV.
    photons
        [e], of any unit.

    Returns
    -------
    float
        In mm of aluminium.

    Raises
    ------
    AcquisitionError
        If there are no photons.

    Examples
    --------
    >>> round(half_value_layer_mm(*spectrum(120, 7)), 1)
    7.0
    """
    kerma = _kerma_gy_cm2(energies_keV) * photons
    whole = kerma.sum()
    if not whole > 0:
        raise AcquisitionError("a spectrum without photons has no half-value layer; give photons")
    per_mm = _aluminium_per_mm(energies_keV)

    def surplus(thickness_mm: float) -> float:
        return float((kerma * np.exp(-per_mm * thickness_mm)).sum() / whole - 0.5)

    # No layer is thicker than that of the most penetrating photons.
    return _falling_root(surplus, 0.0, math.log(2) / float(per_mm.min()))


@lru_cache(maxsize=256)  # a search; the same few beams are asked for again and again
def filtration_of(voltage_kV: float, hvl_mm: float) -> float:
    """Return the aluminium that gives a tube's spectrum a half-value layer.

    Parameters
    ----------
    voltage_kV
        60 to 150.
    hvl_mm
        Half-value layer in mm of aluminium.

    Returns
    -------
    float
        In mm of aluminium, all filters together.

    Raises
    ------
    AcquisitionError
        If the voltage is outside its range, or no thickness gives this half-value layer.

    Examples
    --------
    >>> round(filtration_of(120, 7.01), 1)
    7.0
    """
    least, most = (
        half_value_layer_mm(*spectrum(voltage_kV, thickness))
        for thickness in (0.0, MOST_ALUMINIUM_MM)
    )
    if not least <= hvl_mm <= most:
        raise AcquisitionError(
            f"a half-value layer of {hvl_mm:g} mm of aluminium is impossible at {voltage_kV:g} kV; "
            f"give one from {least:.2f} to {most:.2f} mm"
        )

    def surplus(thickness_mm: float) -> float:
        return hvl_mm - half_value_layer_mm(*spectrum(voltage_kV, thickness_mm))

    return _falling_root(surplus, 0.0, MOST_ALUMINIUM_MM)


def _falling_root(surplus, low: float, high: float) -> float:
    """Return where a falling function passes zero, by halving: 50 times is below 1e-12 mm."""
    for _ in range(50):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if surplus(middle) > 0 else (low, middle)
    return 0.5 * (low + high)


def _kerma_gy_cm2(energies_keV: np.ndarray) -> np.ndarray:
    """Return the air kerma of a photon per cm2 in Gy cm2, by energy."""
    transfer = mass_energy_transfer(MATERIALS[index_of("air")], energies_keV)
    return KEV_PER_GRAM_GY * energies_keV * transfer


def _aluminium_per_mm(energies_keV: np.ndarray) -> np.ndarray:
    """Return the attenuation of aluminium per mm, coherent scattering included."""
    aluminium = MATERIALS[index_of("aluminium")]
    return mass_attenuation(aluminium, energies_keV) * aluminium.density_g_cm3 / 10.0


def _transmission(energies_keV: np.ndarray, aluminium_mm: float) -> np.ndarray:
    return np.exp(-_aluminium_per_mm(energies_keV) * aluminium_mm)


@lru_cache(maxsize=16)
def _unfiltered(voltage_kV: float) -> tuple[np.ndarray, np.ndarray]:
    """Return energies in keV and photons of the bare tube."""
    tables = {name: array.astype(float) for name, array in table_arrays(FILE).items()}
    voltages, energies = tables["voltages_kV"], tables["energies_keV"]
    upper = int(np.clip(np.searchsorted(voltages, voltage_kV), 1, len(voltages) - 1))
    share = (voltage_kV - voltages[upper - 1]) / (voltages[upper] - voltages[upper - 1])
    photons = np.zeros(len(energies))
    for row, weight in ((upper - 1, 1.0 - share), (upper, share)):
        at_same_fraction = np.interp(
            energies * voltages[row] / voltage_kV, energies, tables["bremsstrahlung"][row]
        )
        photons += weight * (at_same_fraction + tables["characteristic"][row])
    photons[energies >= voltage_kV] = 0.0
    for array in (energies, photons):
        array.flags.writeable = False
    return energies, photons
