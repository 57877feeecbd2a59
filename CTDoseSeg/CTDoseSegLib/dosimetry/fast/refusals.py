"""When the fast law gives no organ dose, and when it gives one with a warning."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...ct.acquisition import Acquisition
from ...flags import Flag, flag
from ..applicability import exposure_flags, not_of_the_trunk, patient_flags
from .model import OrganModel, Span
from .scaling import CTDIVOL, MAS, ScalingBasis

DISAGREEMENT = 0.2


def scan_flags(
    acquisition: Acquisition,
    bases: Mapping[str, ScalingBasis],
    consequences: Mapping[str, str],
) -> tuple[Flag, ...]:
    """Return the flags of the scan as a whole; with a refusal among them no dose is given.

    `consequences`, by code, is what some of them do to the doses of the law.
    """
    # No exposure mends the refusal of a head, whose CTDIvol is rightly that of the 16 cm phantom.
    of_the_trunk = not not_of_the_trunk(acquisition.body_part)
    flags = [entry for basis in bases.values() for entry in basis.flags if of_the_trunk]
    voltage = ("kvp_kV",) if acquisition.kvp_kV is None else ()
    flags += patient_flags(acquisition)
    if of_the_trunk and all(basis.values is None for basis in bases.values()):
        missing = ("ctdivol_mGy", "phantom_cm", *voltage, "dose_report")
        flags.append(flag("no_exposure", mends=missing))
    flags += exposure_flags(acquisition)
    return tuple(
        flag(entry.code, entry.detail, consequence=consequences[entry.code])
        if entry.code in consequences
        else entry
        for entry in flags
    )


def size_flags(model: OrganModel, wed_mm: np.ndarray) -> tuple[Flag, ...]:
    """Refuse a size that no training patient had at the organ, warn of one that few had.

    Parameters
    ----------
    wed_mm
        Smoothed along the body, of the organ's slices, [n].
    """
    size = float(wed_mm.mean())
    if size not in model.patients_wed_mm:
        detail = f"diameter {size:.0f} mm, theirs {_range(model.patients_wed_mm)}"
        return (flag("size_outside_training", detail),)
    if size not in model.training["wed_mm"]:
        detail = f"diameter {size:.0f} mm, 98 % of theirs {_range(model.training['wed_mm'])}"
        return (flag("outside_training", detail),)
    return ()


def _range(span: Span) -> str:
    return f"{span.low:.0f} to {span.high:.0f} mm"


def disagreement_flag(by_basis: Mapping[str, float | None]) -> tuple[Flag, ...]:
    """Warn where both scaling bases give a dose and these differ by more than 20 %."""
    ctdivol, mas = by_basis.get(CTDIVOL), by_basis.get(MAS)
    if ctdivol is None or mas is None:
        return ()
    if max(ctdivol, mas) <= (1 + DISAGREEMENT) * min(ctdivol, mas):
        return ()
    detail = f"{ctdivol:.1f} mGy by CTDIvol, {mas:.1f} mGy by effective mAs"
    change = 100 * (mas / ctdivol - 1)
    effect = f"the dose by CTDIvol is shown; by effective mAs it would be {change:+.0f} %"
    return (flag("routes_disagree", detail, consequence=effect),)
