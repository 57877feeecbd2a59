"""What is typed under "What if", and what it gives as a small table."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from ...dosimetry.what_if.change import Change
from ...reporting.numbers import number
from ..parameters import UNCHANGED, Voltage
from . import typed_values

if TYPE_CHECKING:
    from ...dosimetry.what_if.answer import Hypothetical


def typed_change(parameters: Any) -> tuple[Change, dict[str, str]]:
    """Return the change that the parameter node states, and what of it is no number, by field."""
    problems: dict[str, str] = {}

    def read(name: str, field: str) -> float | None:
        text = getattr(parameters, name).strip()
        value = typed_values.number(text)
        if text and value is None:
            problems[field] = _not_a_number(text, _("write it as 1.2"))
        return value

    range_mm = None
    text = parameters.whatIfRange_mm.strip()
    if text:
        try:
            low, high = typed_values.ends(text)
        except ValueError:
            problems["irradiated_range_mm"] = _not_a_number(text, _("write two, as -120, 80"))
        else:
            range_mm = low, high
    voltage = parameters.whatIfVoltage
    change = Change(
        kvp_kV=None if voltage == Voltage.AS_SCANNED else float(voltage.value),
        tube_current_factor=_factor(parameters.tubeCurrentFactor),
        rotation_time_factor=_factor(parameters.rotationTimeFactor),
        pitch=read("whatIfPitch", "pitch"),
        irradiated_range_mm=range_mm,
        target_ssde_mGy=read("whatIfSSDE_mGy", "target_ssde_mGy"),
        ctdivol_factor=_factor(parameters.ctdivolFactor),
    )
    return change, problems


def _not_a_number(text: str, instead: str) -> str:
    return _('"{text}" is not a number; {instead}.').format(text=text[:20], instead=instead)


def _factor(value: float) -> float:
    """Return a slider's factor, exactly 1 where it is where it was."""
    return 1.0 if abs(value - 1.0) < UNCHANGED else value


def comparison(present: Hypothetical, other: Hypothetical, organ: str, name: str) -> str:
    """Return the numbers of the scan beside the hypothetical ones, as a table; rich text.

    Parameters
    ----------
    present, other
        Of the scan, and of the other exposure.
    organ, name
        Whose dose is shown, and what it is called; empty for none.
    """
    head = "".join(
        f"<td align='right' style='padding-left: 10px'><b>{text}</b></td>"
        for text in ("", _("scan"), _("HYPOTHETICAL"))
    )
    rows = "".join(
        f"<tr><td>{html.escape(label)}</td>"
        f"<td align='right' style='padding-left: 10px'>{before}</td>"
        f"<td align='right' style='padding-left: 10px'><b>{after}</b></td></tr>"
        for label, before, after in _rows(present, other, organ, name)
    )
    return f"<table><tr>{head}</tr>{rows}</table>"


def _rows(
    present: Hypothetical, other: Hypothetical, organ: str, name: str
) -> Iterator[tuple[str, str, str]]:
    both = (present, other)
    yield _("CTDIvol (mGy)"), *(_cell(one.ctdivol_mGy, _of_ctdivol(one)) for one in both)
    yield _("DLP (mGy cm)"), *(_cell(_dlp(one), _of_dlp(one)) for one in both)
    yield _("SSDE (mGy)"), *(_cell(one.ssde_mGy, one.ssde_interval_mGy) for one in both)
    effective = [one.effective_dose for one in both]
    yield (
        _("Effective dose (mSv)"),
        *(_cell(one.effective_dose_mSv, (one.low_mSv, one.high_mSv)) for one in effective),
    )
    by_organs = [one.size_specific_effective_dose for one in both]
    if any(one.value_mSv is not None for one in by_organs):
        yield (
            _("by organ doses (mSv)"),
            *(_cell(one.value_mSv, (one.low_mSv, one.high_mSv)) for one in by_organs),
        )
    if name:
        doses = (one.dose_of(organ) for one in both)
        cells = [
            _cell(one.dose_mGy, (one.total_low_mGy, one.total_high_mGy)) if one else number(None)
            for one in doses
        ]
        yield (_("{organ} (mGy)").format(organ=name), *cells)


def _cell(value: float | None, ends: tuple[float | None, float | None] | None) -> str:
    text = number(value)
    if value is None or ends is None or None in ends or ends[0] == ends[1]:
        return text
    low, high = (number(end) for end in ends)
    return _("{value} ({low} to {high})").format(value=text, low=low, high=high)


def _of_ctdivol(one: Hypothetical) -> tuple[float, float] | None:
    return None if one.ctdivol_mGy is None else one.with_log_sd(one.ctdivol_mGy)


def _dlp(one: Hypothetical) -> float | None:
    return None if one.dlp is None else one.dlp.value_mGy_cm


def _of_dlp(one: Hypothetical) -> tuple[float, float] | None:
    dlp = _dlp(one)
    return None if dlp is None else one.with_log_sd(dlp)


def missing(present: Hypothetical) -> str:
    """Return what has to be typed for the numbers that are not there; empty where all are."""
    if present.ctdivol_mGy is None:
        return _(
            "CTDIvol is not known: type it, with its phantom, in the section Acquisition and press "
            "Apply; CTDIvol, DLP and effective dose wait for it."
        )
    if not present.organs:
        return _("There is no dose that could be rescaled.")
    return ""
