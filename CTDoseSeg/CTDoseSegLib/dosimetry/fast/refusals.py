"""When the law gives no organ dose, and when it gives one with a warning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ...ct.acquisition import Acquisition
from ...flags import Flag, flag
from ..applicability import is_limb
from ..montecarlo.beam_choice import CONE_BEAM
from .along_body import AlongBody
from .beam_terms import VOLTAGES_KV
from .model import OrganModel, Span
from .scaling import CTDIVOL, MAS, ScalingBasis
from .uncertainty import ALLOW, UNUSUAL_BEAM, known_voltage, ninety_percent

DISAGREEMENT = 0.2


def scan_flags(
    acquisition: Acquisition,
    bases: Mapping[str, ScalingBasis],
    consequences: Mapping[str, str],
) -> tuple[Flag, ...]:
    """Return the flags of the scan as a whole; with a refusal among them no dose is given.

    `consequences`, by code, is what some of them do to the doses of the law.
    """
    by_mas = bases[MAS].values is not None
    limb = is_limb(acquisition.body_part)
    flags = [
        entry
        for basis in bases.values()
        for entry in basis.flags
        # No exposure mends the refusal of a limb.
        if not limb and not (by_mas and entry.severity == "refusal")
    ]
    voltage = ("kvp_kV",) if acquisition.kvp_kV is None else ()
    if acquisition.age_years is None:
        flags.append(flag("age_unknown"))
    if acquisition.pregnant:
        flags.append(flag("pregnancy"))
    if limb:
        flags.append(flag("limb", str(acquisition.body_part)))
    elif all(basis.values is None for basis in bases.values()):
        missing = ("ctdivol_mGy", "phantom_cm", *voltage, "dose_report")
        flags.append(flag("no_exposure", mends=missing))
    if acquisition.kvp_kV is None:
        flags.append(flag("tube_voltage_unknown"))
    elif not known_voltage(acquisition.kvp_kV):
        low, high = VOLTAGES_KV
        detail = f"{acquisition.kvp_kV:g} kV, the simulated ones {low:g} to {high:g} kV"
        flags.append(flag("tube_voltage_outside", detail))
    if acquisition.contrast:
        flags.append(flag("contrast"))
    if acquisition.irradiated_range_mm is None:
        flags.append(flag("dose_range_unknown"))
    return tuple(
        flag(entry.code, entry.detail, consequence=consequences[entry.code])
        if entry.code in consequences
        else entry
        for entry in flags
    )


def beam_flags(body: AlongBody) -> Iterator[Flag]:
    """Yield that no beam which was simulated is like the scan's; a cone beam gets no dose."""
    reasons = body.unusual_beams
    if cone := next((reason for reason in reasons if CONE_BEAM in reason), ""):
        yield flag("cone_beam", cone)
    elif reasons:
        allowed = f"{ALLOW} {ninety_percent(UNUSUAL_BEAM)} for that"
        yield flag("unusual_beam", "; ".join(reasons), consequence=allowed)


def size_flags(model: OrganModel, wed_mm: np.ndarray, weights: np.ndarray) -> tuple[Flag, ...]:
    """Refuse a size that no simulated body had at the organ, warn of one that few had.

    Parameters
    ----------
    wed_mm
        Smoothed along the body, of the organ's slices, [n].
    weights
        Part of the organ in each, adding up to 1, [n].
    """
    size = float(wed_mm @ weights)
    if size not in model.bodies_wed_mm:
        detail = f"diameter {size:.0f} mm, theirs {_range(model.bodies_wed_mm)}"
        return (flag("size_outside_training", detail),)
    if size not in model.usual_wed_mm:
        detail = f"diameter {size:.0f} mm, 90 % of theirs {_range(model.usual_wed_mm)}"
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
