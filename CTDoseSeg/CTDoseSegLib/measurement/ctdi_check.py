"""Whether CTDIvol and effective mAs fit each other, and CTDIvol from effective mAs where it lacks.

CTDIvol per effective mAs hardly differs between scanners, so that a rotation time, pitch, unit or
phantom that is not the scan's own shows in it.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ..ct.acquisition import BODY_PHANTOM_CM, HEAD_PHANTOM_CM
from ..ct.scanner_profile import GENERIC, Scanner
from ..ct.series import CTSeries
from ..flags import Flag, flag
from .body_parts import named_parts
from .ctdi_per_mas import (
    K90,
    LEAST_RELATIVE_90,
    known_output,
    phantom_by_output,
    possible_ctdivol_per_mas,
)
from .ctdivol import positive_number, positive_numbers, slice_ctdivol_mGy
from .effective_mas import slice_effective_mAs

# CTDIvol of the whole scan over the mean current of a part of it: up to 30 % off was seen.
_PART_OF_SCAN = 1.3


def with_checked_ctdivol(series: CTSeries) -> CTSeries:
    """Return `series` with its CTDIvol compared with its effective mAs.

    A ratio that no scanner has is flagged with what may be wrong. Where no phantom is stated and
    the ratio fits one phantom only, that phantom is taken, marked as computed and flagged.

    Without CTDIvol and DLP no phantom is asked for. Nothing is compared where effective mAs does
    not stand for dose (two tubes, two energies, a tin filter, ECG gating), or where there is one
    slice, whose current need not be that of the scan.

    Examples
    --------
    >>> import numpy as np
    >>> from CTDoseSegLib.ct.acquisition import Acquisition
    >>> from CTDoseSegLib.ct.series import SliceInfo
    >>> slices = [SliceInfo(z, effective_mAs=100.0, ctdivol_mGy=7.0) for z in (0.0, 5.0)]
    >>> hu = np.zeros((2, 4, 4), np.int16)
    >>> made = Acquisition(kvp_kV=120.0)
    >>> checked = with_checked_ctdivol(CTSeries(hu, np.eye(4), tuple(slices), made, "example"))
    >>> checked.acquisition.phantom_cm, [one.code for one in checked.flags]
    (32, ['phantom_inferred'])
    """
    acquisition = series.acquisition
    series = _without_idle_question(series)
    # A series that was checked with other values before has their flag.
    kept = tuple(one for one in series.flags if one.code != "ctdivol_per_mas")
    series = replace(series, flags=kept)
    ratio, slack = _ctdivol_per_mas(series)
    kvp = acquisition.kvp_kV
    if ratio is None or kvp is None:
        return series
    contradictory = any(f.code == "phantom_unknown" and f.detail for f in series.flags)
    if acquisition.phantom_cm is None and not contradictory:
        series = _with_inferred_phantom(series, ratio, kvp)
    problem = _implausible(series, ratio, slack)
    return series if problem is None else replace(series, flags=(*series.flags, problem))


def with_known_output(series: CTSeries, scanner: Scanner = GENERIC) -> tuple[CTSeries, Scanner]:
    """Return what makes doses of effective mAs where a series has no CTDIvol.

    A scanner profile's own CTDI per mAs comes first, then the table's for this model. The range of
    all scanners gives none.

    Returns
    -------
    series : CTSeries
        Without the flag that nothing stands in for CTDIvol, where something does.
    scanner : Scanner
    """
    acquisition, effective = series.acquisition, slice_effective_mAs(series)
    ctdivol, _ = slice_ctdivol_mGy(series)
    head = named_parts(acquisition.body_part) == ("head",)  # nothing is estimated for heads
    if head or np.isfinite(ctdivol).any() or effective.reasons:
        return series, scanner
    if scanner.nctdiw_mGy_per_100mAs is None:
        row = known_output(
            acquisition.manufacturer,
            acquisition.model,
            acquisition.kvp_kV,
            BODY_PHANTOM_CM,
            acquisition.total_collimation_mm,
        )
        if row is None:
            return series, scanner
        scanner = replace(
            scanner,
            nctdiw_mGy_per_100mAs=row.ctdivol_mGy_per_100mAs,
            nctdiw_log_sd=row.log_sd,
            nctdiw_source=row.in_words,
        )
    kept = tuple(one for one in series.flags if one.code != "ctdivol_missing")
    return replace(series, flags=kept), scanner


def with_estimated_ctdivol(series: CTSeries, scanner: Scanner) -> tuple[CTSeries, tuple[Flag, ...]]:
    """Return `series` with CTDIvol of the 32 cm phantom from effective mAs, and what to know of it.

    As it is where CTDIvol is known, or effective mAs or CTDI per mAs of the scanner is not.
    """
    ctdivol, _ = slice_ctdivol_mGy(series)
    effective = slice_effective_mAs(series)
    per_100mAs = scanner.nctdiw_mGy_per_100mAs
    if per_100mAs is None or effective.reasons or np.isfinite(ctdivol).any():
        return series, ()
    slices = tuple(
        replace(item, ctdivol_mGy=float(value) * per_100mAs / 100.0)
        for item, value in zip(series.slices, effective.values, strict=True)
    )
    interval = ""
    if scanner.nctdiw_log_sd is not None:
        low, high = (100 * math.expm1(sign * K90 * scanner.nctdiw_log_sd) for sign in (-1, 1))
        interval = f"the 90 % interval of SSDE allows {low:+.0f} to {high:+.0f} % for that"
    source = scanner.nctdiw_source or f"{per_100mAs:g} mGy per 100 mAs by the scanner profile"
    acquisition = replace(series.acquisition, phantom_cm=BODY_PHANTOM_CM)
    estimated = replace(series, slices=slices, acquisition=acquisition)
    return estimated, (flag("ssde_by_mas", source, consequence=interval),)


def _ctdivol_per_mas(series: CTSeries) -> tuple[float | None, float]:
    """Return mean CTDIvol per mean effective mAs (mGy per mAs), and how far it may be off."""
    effective = slice_effective_mAs(series)
    two_energies = any(one.code == "dual_energy" for one in series.flags)
    if effective.reasons or two_energies or len(series.slices) < 2:
        return None, 1.0
    stated = positive_numbers([item.ctdivol_mGy for item in series.slices])
    if not np.isfinite(stated).any():
        stated = np.array([positive_number(series.acquisition.ctdivol_mGy)])
    known = stated[np.isfinite(stated)]
    if known.size == 0:
        return None, 1.0
    one_value = np.ptp(known) <= 1e-3 * known.mean()
    where = np.isfinite(stated) if stated.size > 1 else slice(None)
    ratio = float(known.mean() / effective.values[where].mean())
    return ratio, _PART_OF_SCAN if one_value else 1.0


def _without_idle_question(series: CTSeries) -> CTSeries:
    """Return `series` without a flag of an unknown phantom where no number depends on it."""
    acquisition = series.acquisition
    indices = (acquisition.ctdivol_mGy, acquisition.dlp_mGy_cm)
    values = positive_numbers([*indices, *(item.ctdivol_mGy for item in series.slices)])
    if np.isfinite(values).any():
        return series
    flags = tuple(one for one in series.flags if one.code != "phantom_unknown" or one.detail)
    return replace(series, flags=flags)


def _with_inferred_phantom(series: CTSeries, ratio: float, kvp_kV: float) -> CTSeries:
    phantom = phantom_by_output(ratio, kvp_kV)
    if phantom is None:
        return series
    other = HEAD_PHANTOM_CM if phantom == BODY_PHANTOM_CM else BODY_PHANTOM_CM
    acquisition = series.acquisition
    sources = {**acquisition.sources, "phantom_cm": "computed: CTDIvol per effective mAs"}
    detail = f"{phantom} cm, because CTDIvol is {ratio:.3f} mGy per effective mAs at {kvp_kV:g} kV"
    effect = f"with the {other} cm phantom SSDE would be about "
    effect += "half" if phantom == BODY_PHANTOM_CM else "twice"
    kept = [one for one in series.flags if one.code != "phantom_unknown"]
    return replace(
        series,
        acquisition=replace(acquisition, phantom_cm=phantom, sources=sources),
        flags=(*kept, flag("phantom_inferred", detail, consequence=f"{effect} of what is given")),
    )


def _implausible(series: CTSeries, ratio: float, slack: float) -> Flag | None:
    """Return the flag of a ratio that no scanner, or not this model, has."""
    acquisition = series.acquisition
    kvp, phantom = acquisition.kvp_kV, acquisition.phantom_cm
    band = None if kvp is None else possible_ctdivol_per_mas(kvp, phantom)
    if band is None:
        return None
    low, high = band
    called = f"at {kvp:g} kV" + (f" and {phantom} cm" if phantom else " and either phantom")
    expected = f"scanners have {low:.3f} to {high:.3f} {called}"
    row = known_output(
        acquisition.manufacturer,
        acquisition.model,
        kvp,
        phantom or BODY_PHANTOM_CM,
        acquisition.total_collimation_mm,
    )
    possible = low / slack <= ratio <= high * slack
    if possible and row is not None and phantom is not None:
        own = row.ctdivol_mGy_per_100mAs / 100.0
        low, high = own * (1 - LEAST_RELATIVE_90), own * (1 + LEAST_RELATIVE_90)
        possible = low / slack <= ratio <= high * slack
        expected = f"this model has about {own:.3f} {called}, {row.source}"
    if possible:
        return None
    detail = f"{ratio:.3f} mGy per mAs; {expected}"
    return flag("ctdivol_per_mas", detail, consequence=_candidates(series))


def _candidates(series: CTSeries) -> str:
    """Return what may be wrong, with the values in use."""
    acquisition = series.acquisition
    rotation, pitch, phantom = (
        f" ({value:g}{unit})" if value else ""
        for value, unit in (
            (acquisition.rotation_time_s, " s"),
            (acquisition.pitch, ""),
            (acquisition.phantom_cm, " cm"),
        )
    )
    return (
        f"the rotation time{rotation}, the pitch{pitch}, the unit of CTDIvol or of tube current, "
        f"or the CTDI phantom{phantom} is wrong, and with it SSDE or organ doses"
    )
