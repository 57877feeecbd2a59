"""Bowtie filters: published profiles, as the aluminium that stands in a ray of the fan.

`models/montecarlo/bowties.json` holds thicknesses of aluminium (XCIST) or the air kerma relative to
the central ray at several voltages (Siemens and Canon filters), each with its source. A relative
kerma becomes the thickness of aluminium that gives it, behind the filtration of the beam that it
was measured with.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from ...ct.scanner_profile import words
from ...errors import AcquisitionError
from .materials import MATERIALS, index_of
from .monotone import monotone_cubic
from .photons import mass_attenuation, mass_energy_transfer
from .spectra import filtration_of, spectrum
from .tables import table_bytes

CARD = "beams.json"
# Thicker than any bowtie: 40 mm of aluminium are the most that is known.
_THICKEST_MM = 120.0
# Points of a profile: (fan angle in degrees, value).
Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Bowtie:
    """A bowtie filter by fan angle, the same on both sides of the central ray.

    Attributes
    ----------
    name
        Of scanner and filter.
    source
        Key of the table's sources.
    aluminium_mm
        (fan angle in degrees, thickness along the ray in mm); empty where the kerma is known.
    relative_kerma
        Tube voltage in kV to (fan angle in degrees, air kerma over that of the central ray).
    hvl_mm
        Half-value layer of the central ray at 120 kV of the beam which that was measured with.

    Examples
    --------
    >>> filter_of_body = bowtie_of("GE VCT-like large")
    >>> filter_of_body.thickness_mm(np.array([0.0, 10.0]), 120).round(1)
    array([0. , 7.6])
    """

    name: str
    source: str
    aluminium_mm: Points = ()
    relative_kerma: Mapping[float, Points] = field(default_factory=dict)
    hvl_mm: float = 7.7

    def thickness_mm(self, fan_deg: np.ndarray, voltage_kV: float) -> np.ndarray:
        """Return the aluminium beyond that of the central ray, in mm, [f].

        Beyond the last point of the profile the thickness stays as it is there.

        Parameters
        ----------
        fan_deg
            Fan angles in degrees, [f].
        voltage_kV
            Tube voltage. Between those of a profile the thickness is linear in it.
        """
        if self.aluminium_mm:
            return _at_angles(self.aluminium_mm, fan_deg)
        voltages = sorted(self.relative_kerma)
        high = min(int(np.searchsorted(voltages, voltage_kV)), len(voltages) - 1)
        low = max(high - 1, 0) if voltages[0] < voltage_kV < voltages[high] else high
        ends = [
            _at_angles(_as_aluminium(self.relative_kerma[v], v, self.hvl_mm), fan_deg)
            for v in (voltages[low], voltages[high])
        ]
        span = voltages[high] - voltages[low]
        share = (voltage_kV - voltages[low]) / span if span else 0.0
        thickness: np.ndarray = ends[0] + share * (ends[1] - ends[0])
        return thickness


def bowtie_of(name: str) -> Bowtie:
    """Return a bowtie filter by its name.

    Raises
    ------
    AcquisitionError
        If there is none of that name; the sentence lists them.
    """
    bowties = {tuple(words(one)): bowtie for one, bowtie in table().bowties.items()}
    if tuple(words(name)) not in bowties:
        raise AcquisitionError(
            f"there is no bowtie filter {name!r}; there are {', '.join(table().bowties)}"
        )
    return bowties[tuple(words(name))]


@dataclass(frozen=True)
class Table:
    """What `bowties.json` holds: filters by name, beams, and where they come from."""

    bowties: Mapping[str, Bowtie]
    beams: tuple[Mapping[str, Any], ...]
    sources: Mapping[str, str]


@lru_cache(maxsize=1)
def table() -> Table:
    """Return the table of bowtie filters and beams.

    Raises
    ------
    ModelError
        If the file is missing or damaged.
    """
    values = json.loads(table_bytes("bowties.json", CARD))
    bowties = {entry["name"]: _bowtie(entry) for entry in values["filters"]}
    return Table(bowties, tuple(values["beams"]), values["sources"])


def aluminium_per_mm(energies_keV: np.ndarray) -> np.ndarray:
    """Return the attenuation of aluminium in 1/mm, scattering included, [e]."""
    aluminium = MATERIALS[index_of("aluminium")]
    return mass_attenuation(aluminium, energies_keV) * aluminium.density_g_cm3 / 10.0


def air_kerma_keV_cm2_g(energies_keV: np.ndarray) -> np.ndarray:
    """Return the air kerma per photon and cm2 of each energy, keV cm2/g, [e]."""
    return energies_keV * mass_energy_transfer(MATERIALS[index_of("air")], energies_keV)


def _bowtie(entry: Mapping[str, Any]) -> Bowtie:
    def points(pairs: list[list[float]]) -> Points:
        return tuple((float(angle), float(value)) for angle, value in pairs)

    by_voltage = entry.get("relative_kerma_by_voltage_kV", {})
    return Bowtie(
        entry["name"],
        entry["source"],
        points(entry.get("aluminium_mm", [])),
        {float(voltage): points(pairs) for voltage, pairs in by_voltage.items()},
        entry.get("hvl_mm", 7.7),
    )


@lru_cache(maxsize=128)
def _as_aluminium(relative_kerma: Points, voltage_kV: float, hvl_mm: float) -> Points:
    energies, photons = spectrum(voltage_kV, filtration_of(120.0, hvl_mm))
    # Steps that grow, as the kerma falls ever more slowly.
    thickness = np.expm1(np.linspace(0.0, math.log1p(_THICKEST_MM), 200))
    passed = np.exp(-np.outer(thickness, aluminium_per_mm(energies)))
    kerma = passed @ (photons * air_kerma_keV_cm2_g(energies))
    values = np.interp([-value for _, value in relative_kerma], -kerma / kerma[0], thickness)
    return tuple((angle, float(v)) for (angle, _), v in zip(relative_kerma, values, strict=True))


def _at_angles(points: Points, fan_deg: np.ndarray) -> np.ndarray:
    """Return the thickness beyond that of the central ray, without overshoot between points."""
    angles, values = np.array(points).T
    # Both sides, so that the slope is zero at the central ray.
    both = np.concatenate((-angles[:0:-1], angles)), np.concatenate((values[:0:-1], values))
    return monotone_cubic(np.minimum(np.abs(fan_deg), angles[-1]), *both) - values[0]
