"""Two scaling bases: CTDIvol of every slice, as displayed or from effective mAs.

Dose per mAs differs by about 30 % between scanners, but by about 5 % once it is divided by CTDIvol
(Turner et al. 2010, not verified here), so CTDIvol comes first and effective mAs is the fallback.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ...ct.acquisition import BODY_PHANTOM_CM, HEAD_PHANTOM_CM
from ...flags import Flag, flag
from ...measurement.ctdivol import scan_mean_component, slice_ctdivol_mGy
from ...measurement.effective_mas import slice_effective_mAs
from ..applicability import is_child
from ..scan import Scan
from .beam_terms import BeamTerms

CTDIVOL = "ctdivol"
MAS = "mas"
# Uncertainty component of a CTDIvol of the whole scan on images that may be a part of it.
CTDIVOL_OF_SCAN = "ctdivol_of_scan"
# The better one first.
BASES = (CTDIVOL, MAS)
# CTDIvol (32 cm) per effective mAs at 120 kV of a scanner that is not known: scanners of 64 slices
# have 0.055 to 0.100 (Fujii et al. 2009, PMC3473380, and dose reports).
USUAL_MGY_PER_MAS, USUAL_KV = 0.076, 120.0


@dataclass(frozen=True)
class ScalingBasis:
    """What the dose of every slice is scaled with: CTDIvol, displayed or from effective mAs.

    Attributes
    ----------
    name
        ``ctdivol`` or ``mas``.
    values
        CTDIvol of the 32 cm phantom in mGy, [k]; None where it cannot be used, and `flags` give the
        reason.
    components
        Uncertainty components of the values themselves, by name: the standard deviation of their
        logarithm, one error of all slices.
    """

    name: str
    values: np.ndarray | None
    flags: tuple[Flag, ...]
    components: Mapping[str, float] = field(default_factory=dict)


def scaling_bases(scan: Scan, beam: BeamTerms) -> dict[str, ScalingBasis]:
    """Return both bases by name."""
    return {CTDIVOL: ctdivol_basis(scan, beam), MAS: mas_basis(scan)}


def phantom_of(scan: Scan) -> int | None:
    """Return the diameter of the CTDI phantom of a scan's CTDIvol, cm.

    As stated; else that of the part of the body, and None for a child, whose CTDIvol scanners give
    for either.
    """
    acquisition = scan.series.acquisition
    if acquisition.phantom_cm is not None:
        return acquisition.phantom_cm
    if is_child(acquisition):
        return None
    return HEAD_PHANTOM_CM if scan.is_head else BODY_PHANTOM_CM


def ctdivol_basis(scan: Scan, beam: BeamTerms) -> ScalingBasis:
    """Return CTDIvol of every slice (`slice_ctdivol_mGy`), for the 32 cm phantom.

    That of the 16 cm phantom is converted by the ratio that the beam has.
    """
    series, acquisition = scan.series, scan.series.acquisition
    values, flags = slice_ctdivol_mGy(series)
    if missing := int(np.isnan(values).sum()):
        some = f"on {missing} of {len(values)} slices, nor is their tube current"
        return ScalingBasis(
            CTDIVOL, None, (flag("ctdivol_unknown", some if missing < len(values) else ""),)
        )
    phantom_cm = phantom_of(scan)
    if phantom_cm is None:
        return ScalingBasis(CTDIVOL, None, (flag("ctdivol_phantom_of_child"),))
    if acquisition.phantom_cm is None:
        flags = (flag("ctdivol_phantom_assumed", f"{phantom_cm} cm is assumed"), *flags)
    of_scan = scan_mean_component(series)
    components = {CTDIVOL_OF_SCAN: of_scan} if of_scan else {}
    return ScalingBasis(CTDIVOL, values * beam.to_32_cm(phantom_cm), flags, components)


def mas_basis(scan: Scan) -> ScalingBasis:
    """Return CTDIvol by effective mAs (mA x rotation time / pitch) of every slice.

    Of bodies, whose CTDI per mAs is known; at 120 kV alone, unless it is known of the scanner at
    the tube voltage of the scan.
    """
    acquisition = scan.series.acquisition
    own = scan.scanner.nctdiw_mGy_per_100mAs
    effective = slice_effective_mAs(scan.series)
    mas, reasons = effective.values, list(effective.reasons)
    kvp = acquisition.kvp_kV
    if kvp is None:
        reasons.append("tube voltage not known")
    elif own is None and abs(kvp - USUAL_KV) > 0.5:
        reasons.append(f"{kvp:g} kV instead of {USUAL_KV:g} kV")
    if scan.is_head:
        reasons.append("CTDI per mAs of scanners is known for bodies, not for heads")
    if reasons:
        return ScalingBasis(MAS, None, (flag("mas_unusable", "; ".join(reasons)),))
    return ScalingBasis(MAS, mas * (USUAL_MGY_PER_MAS if own is None else own / 100.0), ())
