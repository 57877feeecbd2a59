"""The organ doses of two results side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..dosimetry.doses import OrganDose
from ..dosimetry.fast.scaling import CTDIVOL, MAS
from ..flags import Flag, flag, organ_place
from .ratio import ratio_interval, shared_components
from .result import Result


@dataclass(frozen=True)
class OrganComparison:
    """One organ in both results. None is "not given"; `flags` hold the reason.

    Attributes
    ----------
    organ, region
        As in `OrganDose`.
    dose_a_mGy, dose_b_mGy
        Its dose in either result.
    ratio
        Dose in B to dose in A.
    ratio_low, ratio_high
        Ends of the 90 % interval of `ratio`, without the uncertainty that both doses share.
    volume_a_ml, volume_b_ml
        Its volume in either result.
    flags
        Why the doses cannot be compared, or only with care.
    """

    organ: str
    region: str
    dose_a_mGy: float | None
    dose_b_mGy: float | None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    volume_a_ml: float | None = None
    volume_b_ml: float | None = None
    flags: tuple[Flag, ...] = ()

    @property
    def difference_mGy(self) -> float | None:
        """Dose in B less dose in A."""
        if self.dose_a_mGy is None or self.dose_b_mGy is None:
            return None
        return self.dose_b_mGy - self.dose_a_mGy

    @property
    def percent(self) -> float | None:
        """How much higher the dose in B is, in percent of that in A."""
        return percent(self.dose_a_mGy, self.dose_b_mGy)

    @property
    def differs(self) -> bool | None:
        """Whether the doses differ by more than their own uncertainty; None without an interval."""
        if self.ratio_low is None or self.ratio_high is None:
            return None
        return not self.ratio_low <= 1.0 <= self.ratio_high


def percent(a: float | None, b: float | None) -> float | None:
    """Return how much more `b` is than `a`, in percent of `a`; None where that is not known."""
    return 100.0 * (b / a - 1.0) if a and b is not None else None


def compared_organs(a: Result, b: Result, shared: frozenset[str]) -> list[OrganComparison]:
    """Return every organ of two results: those of A in their order, then those that B alone has.

    Parameters
    ----------
    a, b
        The results.
    shared
        What they have in common, as in `Comparison.shared`.
    """
    common = shared_components(a, b, shared)
    all_alike = a.structures.keys() == b.structures.keys() and all(
        _drawn_alike(a, b, name) for name in a.structures
    )
    compared = []
    for one, other in _pairs(a.organs, b.organs):
        if one is None or other is None:
            compared.append(_alone(one, other))
            continue
        # Organs of the bones are no structures: they follow from all bones.
        alike = _drawn_alike(a, b, one.organ) if one.organ in a.structures else all_alike
        same_rest = alike and {"scan", "model"} <= shared
        compared.append(_both(one, other, common(alike), same_rest))
    return compared


def _pairs(
    a: tuple[OrganDose, ...], b: tuple[OrganDose, ...]
) -> list[tuple[OrganDose | None, OrganDose | None]]:
    """Return the organs of both: by organ and region, else by organ where each has it once."""
    left = list(b)
    pairs: list[tuple[OrganDose | None, OrganDose | None]] = []
    for one in a:
        match = next((o for o in left if (o.organ, o.region) == (one.organ, one.region)), None)
        if match is None and sum(o.organ == one.organ for o in a) == 1:
            named = [o for o in left if o.organ == one.organ]
            match = named[0] if len(named) == 1 else None
        if match is not None:
            left = [o for o in left if o is not match]
        pairs.append((one, match))
    return [*pairs, *((None, other) for other in left)]


def _alone(a: OrganDose | None, b: OrganDose | None) -> OrganComparison:
    organ = a or b
    assert organ is not None
    dosed = organ.dose_mGy is not None
    return OrganComparison(
        organ.organ,
        organ.region,
        a.dose_mGy if a else None,
        b.dose_mGy if b else None,
        volume_a_ml=a.volume_ml if a else None,
        volume_b_ml=b.volume_ml if b else None,
        flags=(flag("compared_in_one").at(organ_place(organ.organ)),) if dosed else (),
    )


def _both(a: OrganDose, b: OrganDose, common: frozenset[str], same_rest: bool) -> OrganComparison:
    flags: list[Flag] = []
    ratio, low, high = None, None, None
    if (a.dose_mGy is None) != (b.dose_mGy is None):
        flags.append(flag("compared_in_one"))
    elif a.dose_mGy and b.dose_mGy is not None:
        flags += _differences(a, b)
        ratio = b.dose_mGy / a.dose_mGy
        ends = ratio_interval(a, b, common, same_rest=same_rest)
        if ends is None:
            flags.append(flag("compared_no_interval"))
        else:
            low, high = ratio * ends[0], ratio * ends[1]
    return OrganComparison(
        *(a.organ, a.region, a.dose_mGy, b.dose_mGy),
        *(ratio, low, high, a.volume_ml, b.volume_ml),
        tuple(one.at(organ_place(a.organ)) for one in flags),
    )


def _differences(a: OrganDose, b: OrganDose) -> list[Flag]:
    flags = []
    if a.region != b.region:
        flags.append(flag("compared_other_region", f"{a.region} and {b.region}"))
    if (a.coverage is None) != (b.coverage is None):
        flags.append(flag("compared_other_part"))
    if a.route != b.route and {a.route, b.route} <= {CTDIVOL, MAS}:
        flags.append(flag("compared_other_basis", f"{a.route} and {b.route}"))
    return flags


def _drawn_alike(a: Result, b: Result, organ: str) -> bool:
    """Return whether both results have as many voxels of an organ in each slice."""
    one, other = a.structures.get(organ), b.structures.get(organ)
    return one is not None and other is not None and np.array_equal(one.count, other.count)
