"""Dose to a completed organ: to the whole of one of which the images show a part.

What is missing lies beyond an end of the images. Its mass is what the organ lacks of a reference
adult's; its length follows from the mass per length that is seen. Within the irradiated range it
gets what the organ's last slice gets (the CTDIvol of the last slice goes on to the range's end),
beyond it the tail of the kernel (`kernel`). Where the range is not known there is no estimate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...ct.geometry import cell_widths_mm
from ...flags import Flag, flag
from ...measurement.ctdi_per_mas import K90
from ...segmentation.labelmap import SKIN
from ..beam import Beam
from .kernel import arriving

# Reference adult organ masses in g, (male, female), with content and blood: ICRP Publication 89,
# read in a table of the Journal of Nuclear Medicine that quotes it. For vessels, bowels, lobes and
# chambers of the heart it has none that the label map's structure could be held against.
REFERENCE_MASS_G = {
    "liver": (1800.0, 1400.0),
    "spleen": (150.0, 130.0),
    "kidney_left": (155.0, 138.0),
    "kidney_right": (155.0, 138.0),
    "pancreas": (140.0, 120.0),
    "gallbladder": (68.0, 56.0),
    "stomach": (400.0, 370.0),
    "adrenal_gland_left": (7.0, 6.5),
    "adrenal_gland_right": (7.0, 6.5),
    "esophagus": (40.0, 35.0),
    "lung": (1200.0, 950.0),
}
# Standard deviation of ln(mass) between adults of one sex, an assumption: CT volumes of normal
# livers vary by 17 %, of spleens by 40 % (Jasper 2019, 10.7860/JCDR/2019/41932.13038, abstract).
_MASS_SD = 0.30
# Where the sex is not known: half the difference of the sexes, about 13 %, comes to it.
_MASS_SD_NO_SEX = 0.33
# Less of an organ than this does not show where the rest lies.
LEAST_SEEN = 0.1
# Standard deviation of ln(dose) in the missing part: the plateau goes on (modulation, size), and
# the tail (phantom programs differ by over 100 % outside the range). This project's estimates.
_PLATEAU_SD, _TAIL_SD = 0.15, 0.4
_STEP_MM = 5.0
# In flags, before the reason.
NO_WHOLE = "no dose to the whole organ"


@dataclass(frozen=True)
class SeenOrgan:
    """An organ as the images show it; arrays are [k], along the slices of the series.

    Attributes
    ----------
    organ, sex
        Name in the table of organs; ``M``, ``F``, or anything else for not known.
    z_mm, occupied
        Slice positions, and True on the organ's slices.
    mass_g
        Of the organ in each slice: area times cell width times `density`.
    ctdivol_mGy
        Of each slice, 32 cm phantom.
    dose_per_mGy
        exp(f) at the organ's lowest and highest slice.
    kernel
        Weights of what arrives (`kernel.arriving`), [2 l].
    """

    organ: str
    sex: str | None
    z_mm: np.ndarray
    occupied: np.ndarray
    mass_g: np.ndarray
    ctdivol_mGy: np.ndarray
    dose_per_mGy: tuple[float, float]
    kernel: np.ndarray
    beam: Beam

    @property
    def cut_low(self) -> bool:
        """True where the lowest slice holds a part of the organ."""
        return bool(self.occupied[np.argmin(self.z_mm)])

    @property
    def cut_high(self) -> bool:
        """True where the highest slice holds a part of the organ."""
        return bool(self.occupied[np.argmax(self.z_mm)])


@dataclass(frozen=True)
class CompletedOrgan:
    """Dose to the completed organ with its 90 % interval; None where it is not given.

    `missing_mass_g` is what a reference adult's organ has more than is seen.
    """

    dose_mGy: float | None = None
    low_mGy: float | None = None
    high_mGy: float | None = None
    seen_mass_g: float | None = None
    missing_mass_g: float | None = None
    flags: tuple[Flag, ...] = ()


def complete_organ(
    seen: SeenOrgan, dose_mGy: float, low_mGy: float, high_mGy: float
) -> CompletedOrgan:
    """Return the dose of the completed organ from that of its seen part and the interval of that.

    The interval adds, to the seen part's, the variation of organ masses between adults and what is
    not known of the dose outside the images; it is never narrower than the seen part's.
    """
    if seen.organ == SKIN:
        why = flag("whole_organ_undefined", consequence=f"{NO_WHOLE}, as no scan holds all skin")
        return CompletedOrgan(flags=(why,))
    mass = float(seen.mass_g.sum())
    if not (seen.cut_low or seen.cut_high):
        return CompletedOrgan(dose_mGy, low_mGy, high_mGy, mass, 0.0)
    if seen.organ not in REFERENCE_MASS_G:
        return CompletedOrgan(seen_mass_g=mass, flags=(no_reference_flag(),))
    if not seen.beam.known or len(seen.z_mm) < 2:
        return CompletedOrgan(seen_mass_g=mass, flags=(flag("whole_organ_range_unknown"),))
    reference, sd = _reference(seen)
    masses = f"{mass:.0f} g seen, {reference:.0f} g in a reference adult"
    if mass < LEAST_SEEN * reference:
        effect = f"{NO_WHOLE} of which less than a tenth is seen"
        why = flag("whole_organ_too_little", masses, consequence=effect)
        return CompletedOrgan(seen_mass_g=mass, flags=(why,))
    missing = max(reference - mass, 0.0)
    dose, plateau, tail = _mean_dose(seen, dose_mGy, mass, missing)
    # Where the seen part outweighs the reference, the organ may still be as much heavier than it.
    heavier, lighter = (
        _mean_dose(seen, dose_mGy, mass, max(other - mass, 0.0))[0]
        for other in (math.exp(sd) * max(reference, mass), math.exp(-sd) * reference)
    )
    mass_sd = max(abs(math.log(other / dose)) for other in (heavier, lighter))
    added = K90 * math.sqrt(mass_sd**2 + (_PLATEAU_SD * plateau) ** 2 + (_TAIL_SD * tail) ** 2)
    down, up = math.log(dose_mGy / low_mGy), math.log(high_mGy / dose_mGy)
    code = "whole_organ_estimated" if missing > 0 else "whole_organ_above_reference"
    return CompletedOrgan(
        dose,
        dose * math.exp(-math.hypot(down, added)),
        dose * math.exp(math.hypot(up, added)),
        mass,
        missing,
        (flag(code, masses),),
    )


def no_reference_flag() -> Flag:
    """Return the flag of an organ that is cut and whose whole mass is not known."""
    return flag(
        "whole_organ_undefined", consequence=f"{NO_WHOLE} whose reference mass is not tabulated"
    )


def _reference(seen: SeenOrgan) -> tuple[float, float]:
    """Return the reference mass in g and the standard deviation of ln(mass)."""
    male, female = REFERENCE_MASS_G[seen.organ]
    known = {"M": male, "F": female}.get(seen.sex or "")
    if known is None:
        return (male + female) / 2, _MASS_SD_NO_SEX
    return known, _MASS_SD


def _mean_dose(
    seen: SeenOrgan, seen_dose_mGy: float, seen_g: float, missing_g: float
) -> tuple[float, float, float]:
    """Return the dose of the whole in mGy, and two shares in it: of the missing part inside the
    irradiated range, and of that beyond it."""
    if missing_g <= 0:
        return seen_dose_mGy, 0.0, 0.0
    length = missing_g / seen_g * float(cell_widths_mm(seen.z_mm)[seen.occupied].sum())
    ends = [n for n, cut in enumerate((seen.cut_low, seen.cut_high)) if cut]
    doses, outside = [], []
    for end in ends:
        z, dose = _beyond(seen, end, length / len(ends))
        doses.append(dose)
        outside.append(seen.beam.outside(z))
    dose, beyond = np.concatenate(doses), np.concatenate(outside)
    share_g = missing_g / len(dose)
    energy = seen_dose_mGy * seen_g + share_g * float(dose.sum())
    tail = share_g * float(dose[beyond].sum()) / energy
    plateau = share_g * float(dose[~beyond].sum()) / energy
    return energy / (seen_g + missing_g), plateau, tail


def _beyond(seen: SeenOrgan, end: int, length_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Return positions and dose in mGy of equal pieces beyond the low (0) or the high end (1)."""
    last = int(np.argmax(seen.z_mm) if end else np.argmin(seen.z_mm))
    away = 1.0 if end else -1.0
    # As many at each end, whatever its length: pieces of one mass.
    pieces = max(round(length_mm / _STEP_MM), 1)
    steps = (np.arange(pieces) + 0.5) * length_mm / pieces
    z = seen.z_mm[last] + away * (cell_widths_mm(seen.z_mm)[last] / 2 + steps)
    ctdivol = np.concatenate((seen.ctdivol_mGy, np.full(pieces, seen.ctdivol_mGy[last])))
    arrives = arriving(np.concatenate((seen.z_mm, z)), ctdivol, seen.beam.range_mm)
    return z, (seen.kernel @ arrives)[-pieces:] * seen.dose_per_mGy[end]
