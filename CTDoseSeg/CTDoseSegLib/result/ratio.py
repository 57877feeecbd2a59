"""The interval of the ratio of two organ doses, without the uncertainty that both share."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..dosimetry.doses import OrganDose
from ..measurement.ctdi_per_mas import K90
from .result import Result

# Components that another drawing of the organ changes, in the same scan too.
_OF_DRAWING = frozenset({"segmentation", "partial_volume", "statistics"})


def shared_components(
    a: Result, b: Result, shared: frozenset[str]
) -> Callable[[bool], frozenset[str]]:
    """Return which uncertainty components are the same error in the doses of an organ in both.

    Parameters
    ----------
    a, b
        The results.
    shared
        What they have in common: ``scan``, ``scanner``, ``patient``, ``model``.

    Returns
    -------
    callable
        Whether the organ is drawn alike in both -> names of components.
    """
    has = shared | {"organ"}
    both = a.uncertainty_shared_by.keys() & b.uncertainty_shared_by.keys()
    if _simulated(a) != _simulated(b):
        from ..dosimetry.montecarlo.interval import SHARED_WITH_FAST

        both &= set(SHARED_WITH_FAST)
    common = frozenset(
        name
        for name in both
        if has >= {*a.uncertainty_shared_by[name], *b.uncertainty_shared_by[name]}
    )
    return lambda alike: common if alike else common - _OF_DRAWING


def _simulated(result: Result) -> bool:
    return bool(result.chosen("dose_engine") == "montecarlo")


def ratio_interval(
    a: OrganDose, b: OrganDose, common: frozenset[str], *, same_rest: bool
) -> tuple[float, float] | None:
    """Return the ends of the 90 % interval of dose B to dose A, as factors of that ratio.

    Parameters
    ----------
    a, b
        The doses.
    common
        Components of `OrganDose.budget` that are the same error in both.
    same_rest
        Whether that holds too for what an interval has beyond its components.

    Returns
    -------
    tuple of float, or None
        Low and high end over the ratio; None where a dose has no interval.
    """
    parts = [_beyond(organ, upward=up) for organ in (a, b) for up in (False, True)]
    if any(part is None for part in parts):
        return None
    down_a, up_a, down_b, up_b = (part or 0.0 for part in parts)
    own = 0.0
    for name in a.budget.keys() | b.budget.keys():
        one, other = (organ.budget.get(name, 0.0) ** 2 for organ in (a, b))
        own += abs(one - other) if name in common else one + other
    if same_rest:
        down = up = max(abs(down_a - down_b), abs(up_a - up_b))
    else:
        down, up = down_b + up_a, up_b + down_a
    return math.exp(-K90 * math.sqrt(own + down)), math.exp(K90 * math.sqrt(own + up))


def _beyond(organ: OrganDose, *, upward: bool) -> float | None:
    """Return the variance of ln(dose) that no component explains, on one side of the interval."""
    end = organ.total_high_mGy if upward else organ.total_low_mGy
    if not organ.dose_mGy or not end:
        return None
    sd = abs(math.log(end / organ.dose_mGy)) / K90
    return max(sd**2 - sum(part**2 for part in organ.budget.values()), 0.0)
