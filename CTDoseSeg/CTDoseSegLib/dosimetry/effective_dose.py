"""Effective dose of one exposure: E = k * DLP, with the range of the factors k that are published.

The quantity is that of a reference person, not of this patient, and never the sum of the organ
doses beside it: the organs that are predicted carry about 0.17 of ICRP 103's tissue weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ..ct.series import CTSeries
from ..flags import EFFECTIVE_DOSE, Flag, flag
from ..measurement.body_parts import knows_bones, parts_of_slices, shares
from ..measurement.ctdivol import slice_ctdivol_mGy
from ..measurement.measurements import Measurements
from ..measurement.size import water_equivalent_diameter_mm
from ..segmentation.labelmap import BODY
from .applicability import ADULT_YEARS
from .dose_length_product import DoseLengthProduct, dose_length_product
from .k_factors import Factor, body_size_of, is_adult, published_factors
from .scanned_ranges import in_words, scanned_ranges

__all__ = ["DoseLengthProduct", "EffectiveDose", "dose_length_product", "effective_dose"]

# k is that of a whole part of the body. For 20 mm it depends 30-fold on where they lie (Huda 2008,
# 10.1148/radiol.2483071964, abstract); from which length on it holds is this project's estimate.
_SHORT_MM = 100.0
# DLP of the 16 cm phantom per DLP of the 32 cm one: lowest, usual, highest ratio of the weighted
# CTDI at 120 kV in tables of 15 scanners after ImPACT (at second hand). A child's chest agrees:
# Fujii 2009 measured 0.042 to 0.052 for 32 cm, Lee 2012 has 0.024 for 16 cm.
HEAD_TO_BODY = (1.6, 2.0, 2.45)
NOTE = (
    "k * DLP of this exposure alone, for a reference person of this age, both sexes together; "
    "never the sum of organ doses. The range is that of published factors, no interval of "
    "confidence: an individual may lie outside it, for k falls with size."
)


@dataclass(frozen=True)
class EffectiveDose:
    """Effective dose of one exposure, or why there is none.

    Attributes
    ----------
    effective_dose_mSv
        k x DLP of this exposure for a reference person; None where it is not given; `flags`
        hold the reason.
    low_mSv, high_mSv
        Range of published values: k x DLP by the lowest and highest factor that is published for
        the range, age and body size. Where DLP is a lower bound, `low_mSv` is the dose itself. In
        a result with `relative_half_width` they are the ends of a 90 % interval instead.
    coefficients
        Tissue weights of the factor taken: ``ICRP 103``, or ``ICRP 60`` where there is no newer
        one; empty without a dose. A result of version 0.1.0 may have ``AAPM 96`` for the latter.
    scanned_range
        What was scanned: a part of the body, ``abdomen and pelvis``, ``trunk`` (chest, abdomen and
        pelvis), or several of them, to which DLP was split by position.
    k_mSv_per_mGy_cm
        Published factor to its k.
    by_coefficients_mSv
        Published factor to k x DLP, of its range's part of DLP where that was split.
    dlp
        None where neither DLP nor CTDIvol is known.
    phantom_cm
        Of the DLP, as stated.
    relative_half_width
        Of results of version 0.1.0 alone: half width of their interval, relative to the dose.
    shares
        Part of the body to its share in the DLP of the images.
    flags
        Of this quantity alone.
    note
        What the number is, to be shown with it.
    source
        The published factor taken, one for each range; None without a dose.
    dlp_by_range_mGy_cm
        Range of the body to its part of DLP; None without a dose.
    body_size
        Class of body mass index by which factors of the chest were chosen, from the
        water-equivalent diameter; None where it plays no part.
    """

    effective_dose_mSv: float | None = None
    low_mSv: float | None = None
    high_mSv: float | None = None
    coefficients: str = ""
    scanned_range: str | None = None
    k_mSv_per_mGy_cm: Mapping[str, float | None] = field(default_factory=dict)
    by_coefficients_mSv: Mapping[str, float | None] = field(default_factory=dict)
    dlp: DoseLengthProduct | None = None
    phantom_cm: int | None = None
    relative_half_width: float | None = None
    shares: Mapping[str, float] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()
    note: str = NOTE
    source: str | None = None
    dlp_by_range_mGy_cm: Mapping[str, float] | None = None
    body_size: str | None = None


@dataclass(frozen=True)
class _OfRange:
    """One range of the body: its part of DLP, and the factors for it, the best first."""

    name: str
    share: float
    factors: tuple[Factor, ...]

    def fits(self, phantom_cm: int) -> bool:
        """Return whether the factor taken is for a DLP of this phantom."""
        return self.factors[0].phantom_cm in (None, phantom_cm)

    def k(self, phantom_cm: int) -> list[tuple[float, float, float]]:
        """Return k of every factor for a DLP of this phantom: lowest, usual, highest."""
        return [_converted(factor, phantom_cm) for factor in self.factors]


def effective_dose(
    series: CTSeries, measurements: Measurements, *, overranging_mm: float | None = None
) -> EffectiveDose:
    """Return the effective dose of the exposure that a series shows, or why there is none.

    Parameters
    ----------
    series
        CTDIvol, DLP, phantom, tube voltage, age and body part.
    measurements
        Of its label map: what the range covers, and how large the body is there.
    overranging_mm
        In all, as a scanner profile states it.
    """
    acquisition = series.acquisition
    dlp, dlp_flags = dose_length_product(series, overranging_mm)
    if series.not_hu:  # such images do not show which parts of the body k is for
        withheld = (one.at(EFFECTIVE_DOSE) for one in (*series.not_hu, *dlp_flags))
        return EffectiveDose(dlp=dlp, phantom_cm=acquisition.phantom_cm, flags=tuple(withheld))
    ctdivol, _ = slice_ctdivol_mGy(series)
    parts = parts_of_slices(series, measurements)
    part_shares = shares(parts, series.z_mm, ctdivol)
    split, range_flags = scanned_ranges(
        part_shares, acquisition.body_part, organs_known=knows_bones(measurements)
    )
    size = _chest_size(measurements, parts) if is_adult(acquisition.age_years) else None
    ranges = [
        _OfRange(
            name,
            share,
            published_factors(
                name,
                age_years=acquisition.age_years,
                kvp_kV=acquisition.kvp_kV,
                body_size=size,
            ),
        )
        for name, share in split.items()
    ]
    flags = list(dlp_flags)
    if dlp is not None:  # without one, nothing else is the reason why there is no dose
        flags += [
            *range_flags,
            *_patient_flags(series, ranges),
            *_length_flags(dlp),
            *_phantom_flags(ranges, acquisition.phantom_cm, acquisition.age_years),
        ]
    refused = any(one.severity == "refusal" for one in flags)
    if refused:  # the rest is about a number that is not there
        flags = [one for one in flags if one.severity == "refusal" or one in dlp_flags]
    found = EffectiveDose(
        scanned_range=in_words(list(split)) if split else None,
        k_mSv_per_mGy_cm={label: one.k_mSv_per_mGy_cm for label, _, one in _labelled(ranges)},
        dlp=dlp,
        phantom_cm=acquisition.phantom_cm,
        shares=part_shares,
        flags=tuple(one.at(EFFECTIVE_DOSE) for one in flags),
    )
    if refused or dlp is None or acquisition.phantom_cm is None:
        return found
    by_size = any(factor.body_size for of in ranges for factor in of.factors)
    found = replace(found, body_size=size if by_size else None)
    return _with_dose(found, ranges, dlp, acquisition.phantom_cm)


def _with_dose(
    found: EffectiveDose, ranges: list[_OfRange], dlp: DoseLengthProduct, phantom_cm: int
) -> EffectiveDose:
    """Return the dose by the factors taken, and its range by all of them."""
    of_range = {of.name: of.share * dlp.value_mGy_cm for of in ranges}
    ks = {of.name: of.k(phantom_cm) for of in ranges}
    value = sum(of_range[name] * k[0][1] for name, k in ks.items())
    low = sum(of_range[name] * min(lowest for lowest, _, _ in k) for name, k in ks.items())
    high = sum(of_range[name] * max(highest for _, _, highest in k) for name, k in ks.items())
    return replace(
        found,
        effective_dose_mSv=value,
        low_mSv=value if dlp.lower_bound else low,
        high_mSv=high,
        coefficients=" and ".join(sorted({of.factors[0].tissue_weights for of in ranges})),
        by_coefficients_mSv={
            label: of_range[name] * _converted(factor, phantom_cm)[1]
            for label, name, factor in _labelled(ranges)
        },
        source="; ".join(dict.fromkeys(of.factors[0].label for of in ranges)),
        dlp_by_range_mGy_cm=of_range,
    )


def _labelled(ranges: list[_OfRange]) -> list[tuple[str, str, Factor]]:
    """Return a name for every factor that no other has, its range and the factor."""
    return [
        (factor.label if len(ranges) == 1 else f"{of.name}: {factor.label}", of.name, factor)
        for of in ranges
        for factor in of.factors
    ]


def _converted(factor: Factor, phantom_cm: int) -> tuple[float, float, float]:
    """Return k for a DLP of another phantom: lowest, usual, highest."""
    k = factor.k_mSv_per_mGy_cm
    if factor.phantom_cm in (None, phantom_cm):
        return k, k, k
    low, usual, high = HEAD_TO_BODY
    if factor.phantom_cm < phantom_cm:
        return k * low, k * usual, k * high
    return k / high, k / usual, k / low


def _chest_size(measurements: Measurements, parts: tuple[str | None, ...]) -> str | None:
    """Return the class of body mass index by the mean water-equivalent diameter of the chest.

    After AAPM 220 from the body mask alone, which is close enough to choose a class.
    """
    chest = np.array([part == "chest" for part in parts])
    if BODY not in measurements.groups or not chest.any():
        return None
    body = measurements.of(BODY)
    wed_mm = water_equivalent_diameter_mm(body.area_mm2, body.mean_hu)
    known = wed_mm[chest & (body.count > 0) & np.isfinite(wed_mm)]
    return body_size_of(float(known.mean())) if known.size else None


def _patient_flags(series: CTSeries, ranges: list[_OfRange]) -> list[Flag]:
    age = series.acquisition.age_years
    flags = []
    if age is None:
        effect = "a child's effective dose per DLP is another"
        flags.append(flag("age_unknown", consequence=effect))
    elif age < ADULT_YEARS:
        flags.append(flag("effective_dose_child", _ages_in_words(age, ranges)))
    if series.acquisition.pregnant:
        flags.append(flag("effective_dose_pregnancy"))
    return flags


def _ages_in_words(age: float, ranges: list[_OfRange]) -> str:
    """Return a child's age, that of the factors taken, and those that the range holds besides."""
    taken = {a for of in ranges if (a := of.factors[0].age_years) is not None}
    every = {a for of in ranges for f in of.factors if (a := f.age_years) is not None}
    detail = f"{age:.3g} years"
    if not taken:
        return detail
    of_taken, of_every = (in_words([f"{a:g}" for a in sorted(ages)]) for ages in (taken, every))
    detail += f"; taken are the factors of the nearest reference age, {of_taken} years"
    return detail if taken == every else f"{detail}, and the range is that of {of_every} years"


def _length_flags(dlp: DoseLengthProduct) -> list[Flag]:
    short = 0 < dlp.length_mm < _SHORT_MM
    return [flag("effective_dose_short", f"{dlp.length_mm:.0f} mm")] if short else []


def _phantom_flags(
    ranges: list[_OfRange], phantom_cm: int | None, age_years: float | None
) -> list[Flag]:
    """Refuse where the phantom of DLP is not known, or contradicts what was scanned.

    Factors of another phantom are converted where a scan must have one: a child's trunk, which
    scanners refer to either phantom, and a scan of neck and trunk, which has one phantom for both.
    """
    others = [of for of in ranges if phantom_cm is None or not of.fits(phantom_cm)]
    if not others:
        return []
    wanted = in_words([f"{of.factors[0].phantom_cm} cm for {of.name}" for of in others])
    stated = "not stated" if phantom_cm is None else f"{phantom_cm} cm"
    usual = len(others) < len(ranges)
    usual |= not is_adult(age_years) and all(of.name not in ("head", "neck") for of in others)
    if phantom_cm is None or not usual:
        return [flag("effective_dose_phantom", f"{stated}, {wanted}")]
    low, mean, high = HEAD_TO_BODY
    effect = (
        f"DLP of 16 cm is taken as {mean:g} times that of 32 cm there; the range of effective dose "
        f"holds {low:g} to {high:g} times"
    )
    return [flag("effective_dose_converted", f"{stated}, {wanted}", consequence=effect)]
