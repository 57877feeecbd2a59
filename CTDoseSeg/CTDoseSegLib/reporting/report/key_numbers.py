"""The key numbers of a report, each with its interval or the reason why it is missing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...flags import FLAGS
from ..confidence import confidence_of
from ..numbers import number
from .rows import Row
from .texts import Words

if TYPE_CHECKING:
    from ...result import Result


def key_numbers(result: Result, say: Words) -> tuple[Row, ...]:
    """Return the numbers that a report begins with: indices, size, effective and special doses.

    Parameters
    ----------
    result
        Of an analysis, or one that was read.
    say
        Gives the words.

    Returns
    -------
    tuple of Row
    """
    rows = [_ctdivol(result, say)]
    dlp = result.effective_dose.dlp
    if dlp is not None:
        text = say("dlp_value", value=number(dlp.value_mGy_cm))
        rows.append(Row(say("dlp"), say("at_least", value=text) if dlp.lower_bound else text))
    if math.isfinite(result.ssde.mean_mGy):
        within = _within(say, "interval_mGy", result.ssde.mean_interval_mGy)
        rows.append(Row(say("ssde"), say("mGy", value=number(result.ssde.mean_mGy)), within))
    if math.isfinite(result.size.summary.mean_mm):
        which = "interval_of_corrected" if result.slices.cut_and_corrected else "interval_mm"
        within = _within(say, which, result.size.mean_interval_mm)
        value = say("mm", value=number(result.size.summary.mean_mm))
        rows.append(Row(say("wed"), value, within))
    rows.append(_effective(result, say))
    by_organs = result.size_specific_effective_dose
    if by_organs.value_mSv is not None:
        ends = (by_organs.low_mSv, by_organs.high_mSv)
        note = say("specific", share=f"{100 * by_organs.predicted_share:.0f}")
        if within := _within(say, "interval_mSv", ends):
            note = f"{within}; {note}"
        value = say("mSv", value=number(by_organs.value_mSv))
        rows.append(Row(say("effective_specific"), value, note))
    rows += _special(result, say)
    word, below, above, reason = confidence_of(result)
    if word:
        text = say(
            "confidence_value",
            word=word,
            below=round(100 * below),
            above=round(100 * above),
            reason=reason,
        )
        rows.append(Row(say("confidence"), text.partition(": ")[0], text.partition(": ")[2]))
    return tuple(rows)


def _ctdivol(result: Result, say: Words) -> Row:
    mean, phantom = result.mean_ctdivol_mGy, result.acquisition.phantom_cm
    if mean is None:
        return Row(say("ctdivol"), say("not_known"))
    which = "ctdivol_value" if phantom else "ctdivol_no_phantom"
    return Row(say("ctdivol"), say(which, value=number(mean), phantom=phantom))


def _effective(result: Result, say: Words) -> Row:
    effective = result.effective_dose
    if effective.effective_dose_mSv is None:
        found = [FLAGS[f.code].found for f in effective.flags if f.code in FLAGS]
        return Row(say("effective"), say("not_given", reason="; ".join(found) or "-"))
    low, high = number(effective.low_mSv), number(effective.high_mSv)
    bound = effective.dlp is not None and effective.dlp.lower_bound
    if effective.relative_half_width is not None:  # a result of version 0.1.0
        ends = say("interval_mSv", low=low, high=high)
    elif bound:
        ends = say("lowest_by", high=high)
    elif low == high:
        ends = say("only_published")
    else:
        ends = say("published", low=low, high=high)
    factor = say(
        "factor",
        coefficients=effective.coefficients,
        range=effective.scanned_range,
        source=effective.source or "-",
    )
    value = say("mSv", value=number(effective.effective_dose_mSv))
    value = say("at_least", value=value) if bound else value
    return Row(say("effective"), value, f"{ends}; {factor}")


def _special(result: Result, say: Words) -> list[Row]:
    """Return what only some results have: peak skin dose, uterus."""
    rows = []
    peak = result.peak_skin_dose
    if peak is not None and peak.dose_mGy is not None:
        value = say("peak_skin_value", value=number(peak.dose_mGy), area=f"{peak.area_cm2:g}")
        within = _within(say, "interval_mGy", (peak.low_mGy, peak.high_mGy))
        rows.append(Row(say("peak_skin"), value, within))
    uterus = result.uterus_dose
    if uterus is not None and uterus.high_mGy is not None:
        if uterus.dose_mGy is None:
            value, within = say("uterus_below", value=number(uterus.high_mGy)), ""
        else:
            value = say("uterus_value", value=number(uterus.dose_mGy))
            within = _within(say, "interval_mGy", (uterus.low_mGy, uterus.high_mGy))
        note = f"{within}; {say('judge')}" if within else say("judge")
        rows.append(Row(say("uterus"), value, note))
    return rows


def _within(say: Words, name: str, ends: tuple[float | None, float | None] | None) -> str:
    if ends is None or None in ends:
        return ""
    return say(name, low=number(ends[0]), high=number(ends[1]))
