"""What the law knows of a beam: three ratios of its CTDI.

Spectrum and bowtie filter change the dose of an organ per CTDIvol by up to 40 %. Ratios of CTDI
tell beams apart as an organ sees them: how much less arrives in the middle of a body than in that
of a head, and how much less than at its surface. A department can measure them; of the beams that
come with CTDoseSeg they follow from the tables (`montecarlo.ctdi`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..montecarlo.beams import GENERIC_BODY, REFERENCE_KV, BeamModel, beam_of, model_of
from ..montecarlo.ctdi import ctdi_of
from ..montecarlo.xray_beam import XRayBeam

# Tube voltages that the law was fitted to.
VOLTAGES_KV = (70.0, 150.0)
# ln of periphery over centre in the 32 cm and in the 16 cm phantom, and of CTDIw of the 16 cm
# phantom over that of the 32 cm one, each less that of the reference beam; then their squares.
RATIOS = ("periphery_32", "periphery_16", "w16_over_w32")
TERMS = (*RATIOS, *(f"{name}_squared" for name in RATIOS))


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class BeamTerms:
    """A beam as the law sees it.

    Attributes
    ----------
    values
        Of `TERMS`, [6]; 0 for the reference beam.
    w16_over_w32
        CTDIw of the 16 cm phantom over that of the 32 cm one.
    """

    values: np.ndarray
    w16_over_w32: float

    def to_32_cm(self, phantom_cm: int) -> float:
        """Return what turns a CTDIvol of a phantom into that of the 32 cm phantom."""
        return 1.0 if phantom_cm == 32 else 1.0 / self.w16_over_w32


def beam_terms(model: BeamModel, voltage_kV: float) -> BeamTerms:
    """Return the terms of a beam at a tube voltage, 60 to 150 kV.

    Examples
    --------
    >>> terms = beam_terms(model_of("generic body"), 120.0)
    >>> terms.values.tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    tube = (model.hvl_mm, model.focus_isocentre_mm, voltage_kV)
    return _terms(model.bowtie, model.bowtie_scale, *tube)


# Scans of one scanner have the same beams, and working them out takes longer than an organ's dose.
@lru_cache(maxsize=128)
def _terms(
    bowtie: str, bowtie_scale: float, hvl_mm: float, focus_isocentre_mm: float, voltage_kV: float
) -> BeamTerms:
    model = BeamModel(
        name="",
        bowtie=bowtie,
        hvl_mm=hvl_mm,
        phantom_cm=32,  # no part of the beam
        bowtie_scale=bowtie_scale,
        focus_isocentre_mm=focus_isocentre_mm,
    )
    ratios = _ratios(beam_of(model, voltage_kV))
    away = ratios - _reference()
    values = np.concatenate((away, away**2))
    values.flags.writeable = False
    return BeamTerms(values, float(np.exp(ratios[2])))


def _ratios(beam: XRayBeam) -> np.ndarray:
    body, head = ctdi_of(beam, 32), ctdi_of(beam, 16)
    return np.log(
        [body.periphery_over_centre, head.periphery_over_centre, head.weighted / body.weighted]
    )


@lru_cache(maxsize=1)
def _reference() -> np.ndarray:
    ratios = _ratios(beam_of(model_of(GENERIC_BODY), REFERENCE_KV))
    ratios.flags.writeable = False
    return ratios
