"""Dose-length product (DLP) and effective dose of one exposure: E = k * DLP.

The quantity is that of a reference person, not of this patient, and never the sum of the organ
doses beside it: the organs that are predicted carry about 0.17 of ICRP 103's tissue weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..ct.acquisition import BODY_PHANTOM_CM, HEAD_PHANTOM_CM
from ..ct.geometry import cell_widths_mm
from ..ct.series import CTSeries
from ..flags import EFFECTIVE_DOSE, Flag, flag
from ..measurement.body_parts import UNKNOWN, named_parts, parts_of_slices, shares
from ..measurement.ctdivol import positive_number, slice_ctdivol_mGy
from ..measurement.measurements import Measurements
from .applicability import ADULT_YEARS
from .beam import Beam, beam_of

ICRP_103, AAPM_96 = "ICRP 103", "AAPM 96"
_CHEST, _ABDOMEN, _PELVIS = ("chest",), ("abdomen",), ("pelvis",)
_LOWER, _TRUNK = ("abdomen", "pelvis"), ("chest", "abdomen", "pelvis")
# Adult k in mSv/(mGy cm): AAPM Report 96 (2008), table 3 (tissue weights of ICRP 60), and a set
# based on the weights of ICRP Publication 103. AAPM's factors of abdomen and of pelvis are the same
# and therefore that of both together; the other set has none for them.
K_FACTORS: Mapping[str, Mapping[tuple[str, ...], float]] = {
    ICRP_103: {
        ("head",): 0.0019,
        ("neck",): 0.0051,
        _CHEST: 0.0145,
        _ABDOMEN: 0.0153,
        _PELVIS: 0.0129,
        _TRUNK: 0.0152,
    },
    AAPM_96: {
        ("head",): 0.0021,
        ("neck",): 0.0059,
        _CHEST: 0.014,
        _ABDOMEN: 0.015,
        _PELVIS: 0.015,
        _LOWER: 0.015,
        _TRUNK: 0.015,
    },
}
_RANGES = (("head",), ("neck",), _CHEST, _ABDOMEN, _PELVIS, _LOWER, _TRUNK)
_NAMES = {_LOWER: "abdomen and pelvis", _TRUNK: "trunk"}
# A range is the scanned one from this share of the DLP on, where each of its parts has the other.
_MOST, _SOME = 0.8, 0.1
# Martin 2007 (10.1259/bjr/25922439, its abstract): effective doses of medical exposures are
# uncertain by about +-40 % for a reference patient. It is taken here as the 90 % interval.
RELATIVE_HALF_WIDTH = 0.4
# A stated DLP outside these ratios to that of the images is worth a question (this project's own).
_STATED_TO_COMPUTED = (0.8, 1.6)
# k is that of a whole part of the body. For 20 mm it depends 30-fold on where they lie (Huda 2008,
# 10.1148/radiol.2483071964, abstract); from which length on it holds is this project's estimate.
_SHORT_MM = 100.0
NOTE = (
    "k * DLP of this exposure alone, for a reference adult; never the sum of organ doses. The "
    "interval is that for a reference patient (Martin 2007); an individual may lie outside it."
)


@dataclass(frozen=True)
class DoseLengthProduct:
    """DLP of one exposure.

    Attributes
    ----------
    value_mGy_cm
        As stated, else computed.
    source
        Where it came from: ``image``, ``rdsr``, ``user`` or ``computed: ...``.
    computed_mGy_cm
        CTDIvol of each slice times the width of its cell, over the irradiated range where that is
        known, else over the images; None where CTDIvol is not known on every slice.
    length_mm
        Of the range that `computed_mGy_cm` is over.
    lower_bound
        True where it was computed over the images alone, without overranging.
    """

    value_mGy_cm: float
    source: str
    computed_mGy_cm: float | None
    length_mm: float
    lower_bound: bool


@dataclass(frozen=True)
class EffectiveDose:
    """Effective dose of one exposure, or why there is none.

    Attributes
    ----------
    effective_dose_mSv
        k x DLP of this exposure for a reference adult; None where it is not given; `flags`
        hold the reason.
    low_mSv, high_mSv
        Ends of its interval, by `relative_half_width`.
    coefficients
        ``ICRP 103`` or, where that has no factor for the range, ``AAPM 96``; empty without a dose.
    scanned_range
        Range that k is for: a part of the body, ``abdomen and pelvis`` or ``trunk``.
    k_mSv_per_mGy_cm
        Set of coefficients to its k; None where it has no factor for the range.
    by_coefficients_mSv
        Set of coefficients to k x DLP.
    dlp
        None where neither DLP nor CTDIvol is known.
    phantom_cm
        Of the DLP, as stated.
    relative_half_width
        Half width of the interval, relative to the dose of a reference patient.
    shares
        Part of the body to its share in the DLP of the images.
    flags
        Of this quantity alone.
    note
        What the number is, to be shown with it.
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
    relative_half_width: float = RELATIVE_HALF_WIDTH
    shares: Mapping[str, float] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()
    note: str = NOTE


def effective_dose(
    series: CTSeries, measurements: Measurements, *, overranging_mm: float | None = None
) -> EffectiveDose:
    """Return the effective dose of the exposure that a series shows, or why there is none.

    Parameters
    ----------
    series
        CTDIvol, DLP, phantom, age and body part.
    measurements
        Of its label map: what the range covers.
    overranging_mm
        In all, as a scanner profile states it.
    """
    acquisition = series.acquisition
    dlp, dlp_flags = dose_length_product(series, overranging_mm)
    if series.not_hu:  # such images do not show which parts of the body k is for
        withheld = (one.at(EFFECTIVE_DOSE) for one in (*series.not_hu, *dlp_flags))
        return EffectiveDose(dlp=dlp, phantom_cm=acquisition.phantom_cm, flags=tuple(withheld))
    ctdivol, _ = slice_ctdivol_mGy(series)
    part_shares = shares(parts_of_slices(series, measurements), series.z_mm, ctdivol)
    scanned, range_flags = _scanned_range(part_shares, acquisition.body_part)
    flags = [*dlp_flags, *range_flags, *_patient_flags(series)]
    if dlp is not None and 0 < dlp.length_mm < _SHORT_MM:
        flags.append(flag("effective_dose_short", f"{dlp.length_mm:.0f} mm"))
    phantom = acquisition.phantom_cm
    if scanned is not None and (contradiction := _phantom_flag(scanned, phantom)):
        flags.append(contradiction)
    flags = [one.at(EFFECTIVE_DOSE) for one in flags]
    refused = any(f.severity == "refusal" for f in flags)
    k = {} if scanned is None else {name: table.get(scanned) for name, table in K_FACTORS.items()}
    shared = EffectiveDose(
        scanned_range=None if scanned is None else _NAMES.get(scanned, scanned[0]),
        k_mSv_per_mGy_cm=k,
        dlp=dlp,
        phantom_cm=phantom,
        shares=part_shares,
        flags=tuple(flags),
    )
    if refused or dlp is None:
        return shared
    by_set = {
        name: None if factor is None else factor * dlp.value_mGy_cm for name, factor in k.items()
    }
    chosen, value = next((name, dose) for name, dose in by_set.items() if dose is not None)
    return EffectiveDose(
        effective_dose_mSv=value,
        low_mSv=value * (1 - RELATIVE_HALF_WIDTH),
        high_mSv=value * (1 + RELATIVE_HALF_WIDTH),
        coefficients=chosen,
        scanned_range=shared.scanned_range,
        k_mSv_per_mGy_cm=k,
        by_coefficients_mSv=by_set,
        dlp=dlp,
        phantom_cm=phantom,
        shares=part_shares,
        flags=tuple(flags),
    )


def dose_length_product(
    series: CTSeries, overranging_mm: float | None = None
) -> tuple[DoseLengthProduct | None, tuple[Flag, ...]]:
    """Return the DLP of a series as stated, else from CTDIvol, and its flags.

    Computed, it is the sum of CTDIvol (mGy) times the width of the slice's cell (cm), halfway to
    its neighbours. Where the irradiated range is known, the first and last slice's value goes on to
    its ends, as in organ doses.
    """
    acquisition = series.acquisition
    beam = beam_of(series, overranging_mm)
    widths = _widths_mm(series, beam)
    ctdivol, _ = slice_ctdivol_mGy(series)
    computed = None
    if widths is not None and np.isfinite(ctdivol).all():
        computed = float(ctdivol @ widths) / 10.0
    length = 0.0 if widths is None else float(widths.sum())
    over = "irradiated range" if beam.known else "images"
    stated = positive_number(acquisition.dlp_mGy_cm)
    if np.isfinite(stated):
        source = acquisition.sources.get("dlp_mGy_cm", "image")
        dlp = DoseLengthProduct(float(stated), source, computed, length, False)
        return dlp, _disagreement(dlp, over)
    if computed is None:
        return None, (flag("effective_dose_no_dlp"),)
    source = f"computed: CTDIvol of each slice times its width, over the {over}"
    flags = [flag("dlp_computed", f"{computed:.0f} mGy cm over {length:.0f} mm of the {over}")]
    if not beam.known:
        flags.append(flag("dlp_lower_bound"))
    dlp = DoseLengthProduct(computed, source, computed, length, not beam.known)
    return dlp, tuple(flags)


def _widths_mm(series: CTSeries, beam: Beam) -> np.ndarray | None:
    """Return the length that each slice's CTDIvol stands for, [k]; None where it is not known."""
    z = series.z_mm
    if any(entry.code == "not_axial" for entry in series.flags):
        return None
    if not beam.known:
        thickness = series.slices[0].thickness_mm
        if len(z) > 1:
            return cell_widths_mm(z)
        return None if thickness is None else np.array([thickness])
    order = np.argsort(z, kind="stable")
    middles = (z[order][1:] + z[order][:-1]) / 2
    low, high = beam.range_mm
    widths = np.empty(len(z))
    widths[order] = np.diff(np.concatenate(([low], np.clip(middles, low, high), [high])))
    return widths


def _disagreement(dlp: DoseLengthProduct, over: str) -> tuple[Flag, ...]:
    if not dlp.computed_mGy_cm:
        return ()
    low, high = _STATED_TO_COMPUTED
    if low <= dlp.value_mGy_cm / dlp.computed_mGy_cm <= high:
        return ()
    detail = (
        f"{dlp.value_mGy_cm:.0f} mGy cm stated, {dlp.computed_mGy_cm:.0f} from CTDIvol over the "
        f"{over}"
    )
    ratio = dlp.value_mGy_cm / dlp.computed_mGy_cm
    what = f"effective dose follows the stated DLP, {ratio:.2g} times the computed one"
    return (flag("dlp_disagrees", detail, consequence=what),)


def _patient_flags(series: CTSeries) -> list[Flag]:
    age = series.acquisition.age_years
    flags = []
    if age is not None and age < ADULT_YEARS:
        flags.append(flag("effective_dose_child"))
    if series.acquisition.pregnancy_stated:
        flags.append(flag("effective_dose_pregnancy"))
    return flags


def _scanned_range(
    part_shares: Mapping[str, float], body_part: str | None
) -> tuple[tuple[str, ...] | None, list[Flag]]:
    """Return the smallest range of k factors that holds most of the DLP, and flags."""
    named = named_parts(body_part)
    for parts in _RANGES:
        inside = [part_shares.get(part, 0.0) for part in parts]
        if sum(inside) >= _MOST and min(inside) >= _SOME:
            if named and not set(named) & set(parts):
                detail = f"the images show {_listed(part_shares)}, body part {body_part}"
                return None, [flag("effective_dose_region", detail)]
            return parts, []
    known = {part: share for part, share in part_shares.items() if part != UNKNOWN}
    beside = sum(share for part, share in known.items() if part not in named)
    if named in _RANGES and sum(known.values()) < _MOST and beside <= 1 - _MOST:
        return named, [flag("effective_dose_body_part", str(body_part))]
    return None, [flag("effective_dose_region", _listed(part_shares))]


def _listed(part_shares: Mapping[str, float]) -> str:
    return ", ".join(f"{part} {share:.0%}" for part, share in part_shares.items())


def _phantom_flag(scanned: tuple[str, ...], phantom_cm: int | None) -> Flag | None:
    """Refuse where the DLP's phantom is not the one that k is for."""
    wanted = HEAD_PHANTOM_CM if scanned in (("head",), ("neck",)) else BODY_PHANTOM_CM
    if phantom_cm == wanted:
        return None
    name = _NAMES.get(scanned, scanned[0])
    stated = "not stated" if phantom_cm is None else f"{phantom_cm} cm"
    return flag("effective_dose_phantom", f"{stated}, {wanted} cm for {name}")
