"""The x-ray beams of scanners: spectrum, filtration and bowtie filter, by name.

A beam is described by few numbers: the half-value layer of its central ray at 120 kV, which fixes
the filtration at every voltage, and a bowtie filter. The scanners by name have published filters.
The generic beams were fitted to published ratios of centre and periphery of the CTDI phantom that
goes with the filter (Testing/Tables/fit_generic_beams.py). Of an unknown scanner neither number is
known: each beam carries the spread of its half-value layer and the filters that it might have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np

from ...ct.scanner_profile import MeasuredBeam, words
from ...errors import AcquisitionError
from .bowties import aluminium_per_mm, bowtie_of, table
from .spectra import filtration_of, spectrum
from .xray_beam import XRayBeam

GENERIC_BODY, GENERIC_HEAD = "generic body", "generic head"
# The voltage at which half-value layers of CT scanners are stated.
REFERENCE_KV = 120.0
# Above this collimation the displayed CTDIvol is that of a narrower beam (IEC 60601-2-44).
REFERENCE_COLLIMATION_MM = 20.0
# Tangents of the fan angle: as far as a field of view of 50 cm reaches, 540 mm from the focus.
_FAN_EDGES = np.linspace(-0.5, 0.5, 101)


@dataclass(frozen=True)
class BeamModel:
    """A scanner's beam with one filter, at every voltage.

    Attributes
    ----------
    name
        Of scanner and filter.
    bowtie
        Name of the bowtie filter.
    hvl_mm
        First half-value layer of the central ray at 120 kV, mm of aluminium.
    phantom_cm
        Diameter of the CTDI phantom that goes with the filter: 32 for bodies, 16 for heads.
    bowtie_scale
        Thickness of the bowtie filter over that of the profile.
    focus_isocentre_mm
        Distance of the focus from the axis of rotation.
    hvl_sd_mm
        Standard deviation of `hvl_mm`.
    alternatives
        Bowtie filters that the scanner might have as well, with the factor on their thickness.
    source
        Where the numbers come from.

    Examples
    --------
    >>> model_of("Generic Body").phantom_cm
    32
    """

    name: str
    bowtie: str
    hvl_mm: float
    phantom_cm: int
    bowtie_scale: float = 1.0
    focus_isocentre_mm: float = 595.0
    hvl_sd_mm: float = 0.4
    alternatives: Mapping[str, float] = field(default_factory=dict)
    source: str = ""

    def beam(self, voltage_kV: float, *, collimation_mm: float = 20.0) -> XRayBeam:
        """Return the beam at a voltage; see `beam_of`."""
        return beam_of(self, voltage_kV, collimation_mm=collimation_mm)

    def variants(self) -> tuple[BeamModel, ...]:
        """Return the beams that the scanner might have as well.

        First those with the half-value layer one standard deviation lower and higher, then one for
        each alternative bowtie filter.
        """
        lower, higher = (
            replace(self, name=f"{self.name}, HVL {hvl:.2f} mm", hvl_mm=hvl)
            for hvl in (self.hvl_mm - self.hvl_sd_mm, self.hvl_mm + self.hvl_sd_mm)
        )
        others = (
            replace(self, name=f"{self.name}, {bowtie}", bowtie=bowtie, bowtie_scale=scale)
            for bowtie, scale in self.alternatives.items()
        )
        return (lower, higher, *others)


def beam_of(
    name: str | BeamModel,
    voltage_kV: float,
    *,
    collimation_mm: float = REFERENCE_COLLIMATION_MM,
    hvl_mm: float | None = None,
    bowtie: str | None = None,
) -> XRayBeam:
    """Return a beam at a tube voltage.

    Parameters
    ----------
    name
        One of `beam_names`, in any case, or a model of your own.
    voltage_kV
        60 to 150.
    collimation_mm
        Width along z at the isocentre.
    hvl_mm
        Half-value layer of the central ray at this voltage, mm of aluminium, in place of the
        model's.
    bowtie
        Name of another bowtie filter, taken with its own thickness.

    Returns
    -------
    XRayBeam

    Raises
    ------
    AcquisitionError
        If a name is unknown, or no beam has such a voltage or half-value layer.

    Examples
    --------
    >>> soft, hard = (beam_of("generic body", kV).mean_energy_keV for kV in (80, 140))
    >>> soft < hard
    True
    """
    model = model_of(name) if isinstance(name, str) else name
    if bowtie is not None:
        model = replace(model, bowtie=bowtie, bowtie_scale=1.0)
    if hvl_mm is None:
        central_mm = filtration_of(REFERENCE_KV, model.hvl_mm)
    else:
        central_mm = filtration_of(voltage_kV, hvl_mm)
    return behind(model, voltage_kV, central_mm, collimation_mm)


def behind(
    model: BeamModel, voltage_kV: float, central_mm: float, collimation_mm: float
) -> XRayBeam:
    """Return a beam whose central ray has passed so much aluminium, its bowtie filter included.

    Parameters
    ----------
    model
        Its half-value layer does not count.
    voltage_kV
        60 to 150.
    central_mm
        In place of the filtration that the half-value layer would give.
    collimation_mm
        Width along z at the isocentre.
    """
    energies, photons = spectrum(voltage_kV, central_mm)
    present = (photons > 1e-6 * photons.max()) & (energies >= 5.0)
    energies, photons = energies[present], photons[present]
    thickness = model.bowtie_scale * _thickness_mm(model.bowtie, float(voltage_kV))
    return XRayBeam(
        name=model.name,
        voltage_kV=float(voltage_kV),
        energies_keV=energies,
        fan_tangent_edges=_FAN_EDGES,
        photons=photons * np.exp(-np.outer(thickness, aluminium_per_mm(energies))),
        focus_isocentre_mm=model.focus_isocentre_mm,
        collimation_mm=float(collimation_mm),
    )


@lru_cache(maxsize=128)
def _thickness_mm(bowtie: str, voltage_kV: float) -> np.ndarray:
    fan_deg = np.degrees(np.arctan((_FAN_EDGES[1:] + _FAN_EDGES[:-1]) / 2))
    thickness = bowtie_of(bowtie).thickness_mm(fan_deg, voltage_kV)
    thickness.flags.writeable = False
    return thickness


def beam_names() -> tuple[str, ...]:
    """Return the names of the beams that come with CTDoseSeg, the generic ones first."""
    return tuple(model.name for model in _models())


def model_of(name: str) -> BeamModel:
    """Return a beam that comes with CTDoseSeg by its name, in any case.

    Raises
    ------
    AcquisitionError
        If there is none of that name; the sentence lists them.
    """
    for model in _models():
        if words(model.name) == words(name):
            return model
    raise AcquisitionError(f"there is no beam {name!r}; there are {', '.join(beam_names())}")


def usual_beam(
    phantom_cm: int,
    manufacturer: str | None = None,
    scanner: str | None = None,
    measured: Sequence[MeasuredBeam] = (),
) -> BeamModel:
    """Return the beam that a scan had most probably.

    Parameters
    ----------
    phantom_cm
        CTDI phantom that goes with the filter, 16 or 32: not with the patient. A child's CTDIvol
        may be for the 16 cm phantom although the filter is that for bodies.
    manufacturer, scanner
        As the images state them; a scanner that is not among the beams gets the generic one.
    measured
        Beams of the scanner's profile; the one for this phantom goes before all others.

    Examples
    --------
    >>> usual_beam(32, "SIEMENS", "SOMATOM Definition Flash").name
    'Siemens Definition Flash W3'
    >>> usual_beam(16, "Philips", "iCT 256").name
    'generic head'
    """
    for beam in measured:
        if beam.phantom_cm == phantom_cm:
            return measured_model(beam)
    stated = set(words(f"{manufacturer or ''} {scanner or ''}"))
    for entry in table().beams:
        known = [set(words(text)) for text in entry.get("scanners", ())]
        if entry["phantom_cm"] == phantom_cm and any(names <= stated for names in known):
            return model_of(entry["name"])
    return model_of(GENERIC_BODY if phantom_cm == 32 else GENERIC_HEAD)


def measured_model(beam: MeasuredBeam) -> BeamModel:
    """Return the beam of a scanner profile."""
    return BeamModel(
        name=f"{beam.name} (scanner profile)",
        bowtie=beam.bowtie,
        hvl_mm=beam.hvl_mm,
        phantom_cm=beam.phantom_cm,
        bowtie_scale=beam.bowtie_scale,
        focus_isocentre_mm=beam.focus_isocentre_mm,
        hvl_sd_mm=beam.hvl_sd_mm,
        alternatives=beam.alternatives,
        source="scanner profile",
    )


@lru_cache(maxsize=1)
def _models() -> tuple[BeamModel, ...]:
    return tuple(_model(entry) for entry in table().beams)


def _model(entry: Mapping[str, Any]) -> BeamModel:
    values = {key: value for key, value in entry.items() if key != "scanners"}
    return BeamModel(
        **{**values, "alternatives": dict.fromkeys(entry.get("alternatives", ()), 1.0)}
    )
