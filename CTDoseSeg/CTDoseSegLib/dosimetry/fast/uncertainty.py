"""The uncertainty components of an organ dose in ln(dose), added in quadrature.

After the GUM (JCGM 100:2008): every component is the standard deviation of ln(dose), limits +-a
without further knowledge count as a / sqrt(3) (rectangular, 4.3.7), and the 90 % interval of the
sum is that of a normal distribution. Its ends lie within 2 % of those that draws give (GUM
Supplement 1, JCGM 101:2008), rectangular components drawn as such; a test holds it there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from ...ct.acquisition import Acquisition
from ...ct.scanner_profile import GENERIC, Scanner
from ...measurement.ctdi_per_mas import K90
from ...measurement.size_interval import PROFILE_SD
from ..applicability import is_child
from ..beam import Beam
from .beam_terms import VOLTAGES_KV
from .model import AGES, OrganModel
from .scaling import CTDIVOL_OF_SCAN, MAS

_RECTANGULAR = math.sqrt(3.0)
_NEAR_END_MM = 30.0
# How far the tube goes beyond the images where nothing says how far: half of usual overranging.
USUAL_MARGIN_MM = 20.0
_KNOWN_RANGE = 0.02
_CHECKED_CTDIVOL = 0.05
# In flags, before a change of dose and what it is for.
ALLOW = "the 90 % intervals of organ doses allow"
# Of an engine that knows nothing of its doubt: a contour moved by a voxel, by judgement.
WITHOUT_DOUBT = 0.03
_DOSE_PER_MAS = 0.30
_OTHER_VOLTAGE = 0.07
UNUSUAL_BEAM = 0.10
_MISCENTRING = 0.05
_COMPOSITION = 0.03
_WIDE_BEAM_MM, _WIDE_BEAM = 40.0, 0.03
# Where the field of view cuts the body: the least of it, and how much faster than the diameter the
# dose changes, d ln dose / d ln WED at 270 mm, median of the trunk's organs (0.8 to 1.5).
TRUNCATION = 0.03
DOSE_BY_SIZE = 1.3
# What the law itself does not know; with the rest, the total.
LAW = ("law", "beam")
# What two doses must have in common for a component to be the same error in both, so that it
# cancels when they are compared. This project's judgement.
SHARED_BY: Mapping[str, tuple[str, ...]] = {
    "law": ("model", "organ", "patient"),
    "beam": ("scanner", "organ"),
    "body_model": ("model", "organ"),
    "ctdivol_display": ("scanner",),
    CTDIVOL_OF_SCAN: ("scan",),
    "dose_per_mas": ("model", "scanner"),
    "nctdiw": ("scanner",),
    "wide_beam": ("scanner",),
    "segmentation": ("organ", "scan"),
    "irradiated_range": ("organ", "scan"),
    "organ_modulation": ("organ", "scan"),
    "miscentring": ("scan",),
    "composition": ("organ", "patient"),
    "truncation": ("organ", "scan"),
    "tube_voltage": ("model", "scan"),
    "unusual_beam": ("scanner",),
}
JUDGEMENT = "this project's judgement"
# Where each component's size comes from.
SOURCES: Mapping[str, str] = {
    "law": "conformal, bodies left out (model card)",
    "beam": "half-value layers and bowtie filters that the scanner may have, by the law",
    "body_model": JUDGEMENT + "; simulations on real CT stand in the model card",
    "ctdivol_display": "IEC 60601-2-44; with a check by a scanner profile " + JUDGEMENT,
    CTDIVOL_OF_SCAN: JUDGEMENT + ", after a scan that was cropped",
    "dose_per_mas": "the spread of CTDIvol per mAs between scanners",
    "nctdiw": JUDGEMENT,
    "wide_beam": "IEC 60601-2-44 and older scanners, " + JUDGEMENT,
    "segmentation": "of a network, fitted on bodies with exact labels "
    "(Testing/Bodies/doubt_of_bodies.py); of other segmentations " + JUDGEMENT,
    "irradiated_range": JUDGEMENT
    + ", after overranging measured by Fujii et al. 2009; outside the "
    "range conformal, bodies left out",
    "organ_modulation": JUDGEMENT,
    "miscentring": "Barreto et al. 2019 (PMC6560313)",
    "composition": JUDGEMENT,
    "truncation": "errors of WED measured on cropped scans, times the law's own fall with size; at "
    "least 3 %, " + JUDGEMENT,
    "tube_voltage": "80 and 140 kV by the law; at least, and outside the simulated ones, "
    + JUDGEMENT,
    "unusual_beam": JUDGEMENT,
}
# Known by limits alone: drawn from a rectangle. The others are drawn from a normal distribution.
RECTANGULAR = ("ctdivol_display", "organ_modulation")
_ORGAN_MODULATION = ("XCARE", "X-CARE", "ODM", "ORGAN", "OEM")


def uncertainty_components(
    organ: OrganModel,
    basis: str,
    acquisition: Acquisition,
    *,
    beam: float,
    voltage: float = 0.0,
    irradiated_range: float,
    truncation: float,
    scanner: Scanner = GENERIC,
    segmentation: float = WITHOUT_DOUBT,
    unusual_beam: bool = False,
) -> dict[str, float]:
    """Return the uncertainty components by name, each the standard deviation of ln(dose).

    Where no source is named, the value is this project's estimate.

    law
        The conformal 90 % quantile of the law against simulations of adults or of children, over
        1.645; of adults where the age is not known.
    beam
        Half-value layers and filters that the scanner may have.
    body_model
        Anatomy of the bodies that the law was fitted to, unlike that of patients.
    ctdivol_display
        IEC 60601-2-44 lets the displayed CTDIvol deviate by 20 %: limits, rectangular, 0.105;
        5 % where a scanner profile has a measurement of it that is at most 18 months away (chamber,
        phantom, drift, tube voltage and collimation unlike those of the check: an estimate). None
        by mAs.
    dose_per_mas
        By mAs, of a scanner whose CTDI per mAs is not known: 30 %.
    nctdiw
        By mAs with CTDI per mAs of the scanner alone: of its profile, measured with one collimation
        and filter, 10 %; of its model (`measurement.ctdi_per_mas`), at least -35 % with 90 %, 26 %.
    wide_beam
        Above 40 mm of collimation the displayed CTDIvol is that of a narrower beam, scaled: 3 %.
    segmentation
        See `plausible.segmentation_component`: the dose over masks that are plausible by what a
        network knows of its own doubt; of other segmentations 3 %, a contour moved by a voxel.
    irradiated_range
        See `unknown_range_component` and `known_range_component`.
    organ_modulation
        Modulation that spares the front changes the dose by up to 40 % there: limits, rectangular,
        where the scanner states it; 5 % where the kind of modulation is not known; else none.
    miscentring
        Half of the patients lie more than 1 cm above or below the isocentre, and organ doses
        differ by 9 % on average between table heights up to 4 cm off (Barreto et al. 2019): about
        3.5 % a centimetre and 1.5 cm, 5 %.
    composition
        Tissue composition unlike that assigned: 3 %.
    truncation
        Where the field of view cuts the body: how much too small the diameter may be (5th
        percentile, `measurement.truncation.error_range`) times `DOSE_BY_SIZE`, at least 3 %;
        averaged over the slices that the organ's size is smoothed over.
    unusual_beam
        Behind a tin filter, of two tubes or of two voltages at once: 10 %.
    tube_voltage
        Where it is not known and 120 kV are assumed: what 80 and 140 kV would change as limits,
        rectangular, at least 7 %; outside 70 to 150 kV 7 %.

    Parameters
    ----------
    organ
        Its model.
    basis
        ``ctdivol`` or ``mas``.
    acquisition
        For modulation, collimation and tube voltage.
    beam, voltage, irradiated_range, truncation, segmentation
        Components that depend on the organ: where it lies, how it was drawn, what other beams do.
    scanner
        What a profile of it narrows.
    unusual_beam
        Whether no beam that was simulated is like the scan's.
    """
    components = {
        "law": organ.law_log_q90[AGES[is_child(acquisition)]] / K90,
        "beam": beam,
        "body_model": organ.body_model_log,
        "segmentation": segmentation,
        "irradiated_range": irradiated_range,
        "truncation": truncation,
        "organ_modulation": modulation_component(acquisition.modulation),
        "miscentring": _MISCENTRING,
        "composition": _COMPOSITION,
        **basis_components(basis, scanner),
    }
    if (acquisition.total_collimation_mm or 0.0) > _WIDE_BEAM_MM:
        components["wide_beam"] = _WIDE_BEAM
    if unusual_beam:
        components["unusual_beam"] = UNUSUAL_BEAM
    if not known_voltage(acquisition.kvp_kV):
        components["tube_voltage"] = max(voltage, _OTHER_VOLTAGE)
    return components


def basis_components(basis: str, scanner: Scanner) -> dict[str, float]:
    """Return the component of the CTDIvol that a scaling basis gives, by name."""
    if basis != MAS:
        return {"ctdivol_display": display_component(scanner)}
    if scanner.nctdiw_mGy_per_100mAs is None:
        return {"dose_per_mas": _DOSE_PER_MAS}
    return {"nctdiw": scanner.nctdiw_log_sd or PROFILE_SD}


def known_voltage(kvp_kV: float | None) -> bool:
    """Return whether the law was fitted to a tube voltage."""
    return kvp_kV is not None and VOLTAGES_KV[0] <= kvp_kV <= VOLTAGES_KV[1]


def scan_consequences() -> dict[str, str]:
    """Return what flags of the whole scan add to the uncertainty of organ doses, by code."""
    voltage = f"{ALLOW} {ninety_percent(_OTHER_VOLTAGE)} for that"
    near, far = (ninety_percent(unknown_range_component(d)) for d in (0.0, _NEAR_END_MM))
    return {
        "tube_voltage_outside": f"the nearest of them is taken; {voltage}",
        "tube_voltage_unknown": f"120 kV are assumed; {voltage} or more",
        "dose_range_unknown": "organ doses near the ends of the images, and in a short scan all, "
        f"may be too high; {ALLOW} {far} or more for that, within {_NEAR_END_MM:.0f} mm of an end "
        f"{near} or more",
        "mas_only": f"scanners differ in dose per mAs; {ALLOW} {ninety_percent(_DOSE_PER_MAS)} "
        "for that",
        "mas_by_profile": f"{ALLOW} {ninety_percent(PROFILE_SD)} for the CTDI per mAs",
    }


def known_range_component(
    beam: Beam,
    dose_mGy: Callable[[tuple[float, float]], float],
    outside: float,
    scatter_log_q90: float,
) -> float:
    """Return half the change of ln(dose) as each edge moves by its standard deviation, and a tail.

    Nearly nothing well inside the range and large at its edges. At least 2 %.

    Parameters
    ----------
    dose_mGy
        Dose of the organ for a range.
    outside
        Part of the organ outside the range, 0 to 1.
    scatter_log_q90
        90 % quantile of the law's error where scatter alone reaches the organ.
    """
    sd = beam.edge_sd_mm
    parts = [_KNOWN_RANGE, scatter_log_q90 / K90 * outside]
    for low, high in ((sd, 0.0), (0.0, sd)):
        wide, narrow = dose_mGy(beam.moved(low, high)), dose_mGy(beam.moved(-low, -high))
        parts.append(0.5 * math.log(wide / narrow) if narrow > 0 else 1.0)
    return math.sqrt(sum(part**2 for part in parts))


def ninety_percent(sd: float) -> str:
    """Return the 90 % interval of a component alone as a change of dose: ``-39 to +64 %``."""
    low, high = (100 * math.expm1(sign * K90 * sd) for sign in (-1, 1))
    return f"{low:+.0f} to {high:+.0f} %"


def total_log_half_width(components: Mapping[str, float]) -> float:
    """Return the half-width of the total 90 % interval of ln(dose)."""
    return K90 * math.sqrt(sum(sd**2 for sd in components.values()))


def unknown_range_component(distance_to_end_mm: float) -> float:
    """Return the component where every slice is taken as inside: 5 %, 15 % within 30 mm of an end.

    An edge halves the dose, and scans overrange by 30 to 60 mm. `distance_to_end_mm` is from the
    organ to the nearer end of the images, 0 where it touches it.
    """
    return 0.15 if distance_to_end_mm < _NEAR_END_MM else 0.05


def display_component(scanner: Scanner) -> float:
    """Return the component of a displayed CTDIvol, smaller where the scanner's was checked."""
    return _CHECKED_CTDIVOL if scanner.ctdivol_checked else math.log(1.2) / _RECTANGULAR


def modulation_component(modulation: str | None) -> float:
    """Return the component of a modulation that may spare the front, by its name."""
    if modulation is None:
        return 0.05
    spares = any(word in modulation.upper() for word in _ORGAN_MODULATION)
    return 0.4 / _RECTANGULAR if spares else 0.0
