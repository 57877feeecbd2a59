"""Organ doses of another exposure.

In proportion to mAs / pitch, exactly. For another tube voltage or irradiated range by the fast
law's own dependence on them: its dose then over its dose now. Where the doses are the law's, so are
their intervals; simulated doses keep theirs, which then allow for the law's error as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ...measurement.ctdi_per_mas import K90
from ..doses import DoseResult, OrganDose
from ..fast.scaling import CTDIVOL, MAS
from ..montecarlo.engine import MonteCarloEngine
from .change import Change, OutputRatio
from .exposed import times

# Uncertainty components that a change adds, and what shares them.
VOLTAGE, BY_LAW = "hypothetical_voltage", "hypothetical_law"
SHARED_BY = {VOLTAGE: ("scan",), BY_LAW: ("model", "organ", "patient")}
_RANGE = "irradiated_range"
_DOSES = (
    *("dose_mGy", "model_low_mGy", "model_high_mGy", "total_low_mGy", "total_high_mGy"),
    *("dose_slice_mean_mGy", "whole_organ_dose_mGy", "whole_organ_low_mGy"),
    *("whole_organ_high_mGy", "iodine_free_dose_mGy"),
)


def known_doses(doses: DoseResult) -> Iterator[OrganDose]:
    """Yield the organs whose doses follow mAs.

    Those of the published networks are not proportional to anything: they are left out.
    """
    return (organ for organ in doses.organs if _scales(organ))


def in_proportion(
    organs: Iterable[OrganDose], mas: float, ctdivol_factor: float
) -> Iterator[OrganDose]:
    """Yield organs with doses at another mAs / pitch; `ctdivol_factor` is beyond that."""
    for organ in organs:
        yield _scaled(organ, mas if organ.route == MAS else mas * ctdivol_factor)


def by_law(
    doses: DoseResult, now: DoseResult, then: DoseResult, change: Change, output: OutputRatio
) -> Iterator[OrganDose]:
    """Yield the organs with doses at another voltage or range, or with the reason why not.

    Parameters
    ----------
    doses
        Of the scan.
    now, then
        What the law gives for the exposure of the scan and for the other one.
    change, output
        What is other, and what it does to CTDIvol.
    """
    before_by_name = {organ.organ: organ for organ in now.organs}
    after_by_name = {organ.organ: organ for organ in then.organs}
    for organ in known_doses(doses):
        before, after = (by.get(organ.organ) for by in (before_by_name, after_by_name))
        if before is None or after is None or not before.dose_mGy:
            continue
        if after.dose_mGy is None:
            yield after
        elif is_simulated(organ):
            added = {BY_LAW: after.budget.get("law", 0.0), VOLTAGE: output.log_sd}
            if change.irradiated_range_mm is not None:
                added[_RANGE] = after.budget.get(_RANGE, 0.0)
            yield _widened(_scaled(organ, after.dose_mGy / before.dose_mGy), added)
        else:
            # The ratio, for the doses may be those of another version of the law.
            own = _scaled(after, float(organ.dose_mGy or 0.0) / before.dose_mGy)
            yield with_voltage(_as_drawn(own, organ, before), output)


def with_voltage(organ: OrganDose, output: OutputRatio) -> OrganDose:
    """Return an organ whose intervals allow for CTDIvol at another tube voltage."""
    return _widened(organ, {VOLTAGE: output.log_sd})


def is_simulated(organ: OrganDose) -> bool:
    """Return whether a dose is that of a simulation."""
    return organ.route == MonteCarloEngine.name


def _scales(organ: OrganDose) -> bool:
    known = organ.dose_mGy is not None
    return known and (is_simulated(organ) or organ.route in (CTDIVOL, MAS))


def _as_drawn(own: OrganDose, organ: OrganDose, before: OrganDose) -> OrganDose:
    """Return an organ with what is known of how it is drawn, which the law does not see."""
    drawn = tuple(one for one in organ.flags if one not in before.flags)
    flags = tuple(dict.fromkeys((*own.flags, *drawn)))
    return replace(own, flags=flags, segmentation_certainty=organ.segmentation_certainty)


def _scaled(organ: OrganDose, factor: float) -> OrganDose:
    """Return an organ with all of its doses multiplied."""
    scaled: dict[str, Any] = {name: times(getattr(organ, name), factor) for name in _DOSES}
    return replace(
        organ,
        slice_dose_mGy=organ.slice_dose_mGy * factor,
        by_route={name: times(dose, factor) for name, dose in organ.by_route.items()},
        **scaled,
    )


def _widened(organ: OrganDose, added: Mapping[str, float]) -> OrganDose:
    """Return an organ whose total 90 % intervals allow for more components, in quadrature."""
    sds = {name: sd for name, sd in added.items() if sd}
    budget = {name: math.hypot(organ.budget.get(name, 0.0), sd) for name, sd in sds.items()}
    more = K90 * math.hypot(*sds.values())
    ends: dict[str, Any] = {}
    for dose, *both in (
        ("dose_mGy", "total_low_mGy", "total_high_mGy"),
        ("whole_organ_dose_mGy", "whole_organ_low_mGy", "whole_organ_high_mGy"),
    ):
        middle = getattr(organ, dose)
        for end in both:
            value = getattr(organ, end)
            if middle and value:
                half = math.log(value / middle)
                side = 1.0 if end.endswith("high_mGy") else -1.0
                ends[end] = middle * math.exp(math.copysign(math.hypot(half, more), side))
    return replace(organ, budget={**organ.budget, **budget}, **ends)
