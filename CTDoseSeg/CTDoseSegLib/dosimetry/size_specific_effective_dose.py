"""Effective dose from organ doses with the tissue weights of ICRP Publication 103.

E = sum over tissues of w_T x (H_T of a man + H_T of a woman) / 2 (ICRP Publication 103), with the
doses that an engine gave to this body: it follows the size of the body and the current along it,
which k x DLP (`effective_dose`) does not. It remains the quantity of a reference person, of this
size: the weights are means over sexes and ages, and no risk of a patient follows from it.

Doses are means of whole tissues, without contrast agent (`tissue_doses`). What is not predicted of
the weights lies between nothing and a bound; half of the bound is in the value, and the interval
allows for all of it, as a rectangle. Less than 80 % of the weights give no value.

The interval joins the organs' total intervals in ln(dose), after the GUM (JCGM 100:2008, 5.2):
components that two organs of a scan share are the same error in both and add up linearly, those of
an organ alone in quadrature (`DoseResult.shared_by`). A component of which nothing is stated counts
as shared, which is the widest. What an interval has beyond its components, such as the mass of a
completed organ, is the organ's own; of an organ whose upper end reaches up for contrast agent it is
taken as at the lower end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..flags import SIZE_SPECIFIC, Flag, flag
from ..measurement.ctdi_per_mas import K90
from .doses import DoseResult, OrganDose
from .tissue_doses import Patient, TissueDose, by_name, is_completed, tissue_doses

LEAST_SHARE = 0.80
NOTE = (
    "Tissue weights of ICRP 103 times the organ doses of this scan, both sexes together, without "
    "contrast agent: of a reference person of this size, not a personal risk."
)
_RECTANGULAR = math.sqrt(3.0)
# Of an organ's interval: what no component explains, and all of it where there is none.
_OF_ORGAN, _UNSTATED = "beyond the components", "without components"
# Fast law's flag of an organ whose upper end reaches up for contrast agent.
_IODINE_IN_UPPER_END = "iodine"
# Of a tissue: shares nearer to 0 or 1 are that.
_NEARLY = 0.005


@dataclass(frozen=True)
class SizeSpecificEffectiveDose:
    """Effective dose from organ doses, of a reference person of the patient's size.

    Attributes
    ----------
    value_mSv
        With half of what the rest may add; None where less than 80 % of the weights are predicted.
    low_mSv, high_mSv
        Ends of the 90 % interval; None where the doses have none.
    predicted_share
        Part of ICRP 103's tissue weights that organ doses stand for, 0 to 1.
    predicted_mSv
        What the predicted part gives; None where there is no value.
    bounded_mSv
        The most that the rest may add; None where there is no value.
    by_tissue_mSv
        Tissue to what it gives to the value; empty without one.
    predicted_by_tissue
        Tissue to the part of it that is predicted, 0 to 1.
    flags
        Of this quantity alone.
    note
        What the number is, to be shown with it.
    """

    value_mSv: float | None = None
    low_mSv: float | None = None
    high_mSv: float | None = None
    predicted_share: float = 0.0
    predicted_mSv: float | None = None
    bounded_mSv: float | None = None
    by_tissue_mSv: Mapping[str, float] = field(default_factory=dict)
    predicted_by_tissue: Mapping[str, float] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()
    note: str = NOTE


def size_specific_effective_dose(
    doses: DoseResult,
    *,
    age_years: float | None = None,
    sex: str | None = None,
    marrow_share: float | None = None,
) -> SizeSpecificEffectiveDose:
    """Return the effective dose by organ doses, or which tissues are missing.

    Parameters
    ----------
    doses
        Of any dose engine.
    age_years, sex
        Of the patient, for the reference masses of organs that the images cut; None: an adult, the
        mean of both sexes.
    marrow_share
        Part of the body's active marrow that the images hold (`montecarlo.marrow`), for a dose of
        red marrow that is that of the images; None: not known, so that it is bounded only.

    Returns
    -------
    SizeSpecificEffectiveDose
        Without flags where no organ has a dose: the organs have the reason.

    Examples
    --------
    These labels are of too few organs:

    >>> from CTDoseSegLib import DoseResult, read_result
    >>> result = read_result("results")
    >>> doses = DoseResult(result.organs, shared_by=result.uncertainty_shared_by)
    >>> effective = size_specific_effective_dose(doses, age_years=50.0, sex="F")
    >>> effective.value_mSv is None, effective.predicted_by_tissue["lung"]
    (True, 1.0)
    >>> effective.flags[0].code
    'size_specific_not_offered'
    """
    tissues = tissue_doses(doses.organs, Patient(age_years, sex, marrow_share))
    if not tissues:
        return SizeSpecificEffectiveDose()
    share = sum(one.tissue.weight * one.share for one in tissues)
    by_tissue = _predicted_by_tissue(tissues)
    missing = _missing(by_tissue)
    if share < LEAST_SHARE:
        whole = math.floor(100 * share)  # 79.8 % is not enough
        detail = f"{whole}%; {LEAST_SHARE:.0%} are needed; {missing}"
        refused = flag("size_specific_not_offered", detail).at(SIZE_SPECIFIC)
        return SizeSpecificEffectiveDose(
            predicted_share=share, predicted_by_tissue=by_tissue, flags=(refused,)
        )
    predicted = sum(one.predicted_mSv for one in tissues)
    bound = sum(one.bound_mSv for one in tissues)
    value = predicted + bound / 2
    low, high = _interval(value, bound, tissues, doses)
    flags = []
    if missing:
        detail = f"{1 - share:.0%}; {missing}"
        within = f"it counts as {bound / 2:.2g} +- {bound / 2:.2g} mSv in the value"
        flags.append(flag("size_specific_bounded", detail, consequence=within).at(SIZE_SPECIFIC))
    gives: dict[str, float] = {}
    for one in tissues:
        own = one.predicted_mSv + one.bound_mSv / 2
        gives[one.tissue.name] = gives.get(one.tissue.name, 0.0) + own
    return SizeSpecificEffectiveDose(
        value_mSv=value,
        low_mSv=low,
        high_mSv=high,
        predicted_share=share,
        predicted_mSv=predicted,
        bounded_mSv=bound,
        by_tissue_mSv=gives,
        predicted_by_tissue=by_tissue,
        flags=tuple(flags),
    )


def _predicted_by_tissue(tissues: tuple[TissueDose, ...]) -> dict[str, float]:
    """Return the part of each tissue that is predicted; both sexes' organs are one tissue."""
    weights: dict[str, float] = {}
    known: dict[str, float] = {}
    for one in tissues:
        name = one.tissue.name
        weights[name] = weights.get(name, 0.0) + one.tissue.weight
        known[name] = known.get(name, 0.0) + one.tissue.weight * one.share
    return {name: min(known[name] / weight, 1.0) for name, weight in weights.items()}


def _missing(predicted_by_tissue: Mapping[str, float]) -> str:
    """Return in words which tissues are not predicted, or in part; empty where none is."""
    kinds: dict[str, list[str]] = {"missing": [], "in part": []}
    for name, part in predicted_by_tissue.items():
        if part < 1.0 - _NEARLY:
            kinds["missing" if part < _NEARLY else "in part"].append(name.replace("_", " "))
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds.items() if names)


def _interval(
    value_mSv: float, bound_mSv: float, tissues: tuple[TissueDose, ...], doses: DoseResult
) -> tuple[float | None, float | None]:
    """Return the ends of the 90 % interval; None where a dose has neither interval nor budget."""
    by_organ: dict[str, float] = {}
    for one in tissues:
        for name, dose in one.by_organ_mGy.items():
            by_organ[name] = by_organ.get(name, 0.0) + one.tissue.weight * dose
    total = sum(by_organ.values())
    if not total > 0:
        return None, None
    dosed = by_name(doses.organs)
    shares = {name: part / total for name, part in by_organ.items() if part > 0}
    found = [_log_sd(shares, dosed, doses.shared_by, upward=up) for up in (False, True)]
    if found[0] is None or found[1] is None:
        return None, None
    rest = K90 * bound_mSv / 2 / _RECTANGULAR
    down = value_mSv * -math.expm1(-K90 * found[0])
    up = value_mSv * math.expm1(K90 * found[1])
    return max(value_mSv - math.hypot(down, rest), 0.0), value_mSv + math.hypot(up, rest)


def _log_sd(
    shares: Mapping[str, float],
    dosed: Mapping[str, OrganDose],
    shared_by: Mapping[str, tuple[str, ...]],
    *,
    upward: bool,
) -> float | None:
    """Return the standard deviation of ln(dose) of a sum of organ doses, on one side.

    Parameters
    ----------
    shares
        Organ to its part of the sum.
    dosed
        Organ to its dose.
    shared_by
        As `DoseResult.shared_by`.
    upward
        Of the upper end.
    """
    shared: dict[str, float] = {}
    own = 0.0
    for name, share in shares.items():
        parts = dict(_components(dosed[name], upward=upward))
        if not parts:
            return None
        for component, sd in parts.items():
            if component == _OF_ORGAN or "organ" in shared_by.get(component, ()):
                own += (share * sd) ** 2
            else:
                shared[component] = shared.get(component, 0.0) + share * sd
    return math.sqrt(own + sum(sd**2 for sd in shared.values()))


def _components(organ: OrganDose, *, upward: bool) -> Iterator[tuple[str, float]]:
    """Yield an organ's components of ln(dose), and what its interval has beyond them."""
    yield from organ.budget.items()
    reaches_for_iodine = any(one.code == _IODINE_IN_UPPER_END for one in organ.flags)
    width = _half_width(organ, upward=upward and not reaches_for_iodine)
    if width is None:
        return
    beyond = (width / K90) ** 2 - sum(sd**2 for sd in organ.budget.values())
    if not organ.budget:
        yield _UNSTATED, width / K90
    elif beyond > 0:
        yield _OF_ORGAN, math.sqrt(beyond)


def _half_width(organ: OrganDose, *, upward: bool) -> float | None:
    """Return how far the interval reaches to one side in ln(dose); None where it has no end."""
    dose, ends = organ.dose_mGy, (organ.total_low_mGy, organ.total_high_mGy)
    if is_completed(organ):
        dose = organ.whole_organ_dose_mGy
        ends = (organ.whole_organ_low_mGy, organ.whole_organ_high_mGy)
    end = ends[upward]
    if not dose or not end:
        return None
    return abs(math.log(end / dose))
