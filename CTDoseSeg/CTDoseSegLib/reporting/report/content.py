"""What the report states, as plain rows of text: the pages only lay it out."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ... import NOTICE
from ...ct.organs import spoken_name
from ...ct.scanner_profile import GENERIC_NAME
from ...flags import FLAGS
from ...flags.summary import shown_first, summarize
from ...segmentation.labelmap import BODY, BODY_REST, engine_in_words
from ..charts_dose import with_own_warnings
from ..confidence import REASONS, confidence_of
from ..numbers import number
from .texts import Words

if TYPE_CHECKING:
    from ...dosimetry.doses import OrganDose
    from ...result import Result

MOST_NOTICES = 3
_MOST_PARTS = 5
# An organ is taken for whole from this part in the images on.
_WHOLE = 0.95
_FROM = {"image": "from_image", "rdsr": "from_rdsr", "user": "from_user"}
# What the head and the sources name, in this order.
_EXPOSURE = ("kvp_kV", "rotation_time_s", "pitch", "ctdivol_mGy", "phantom_cm", "dlp_mGy_cm")
_NAMES = {
    "kvp_kV": "kV",
    "rotation_time_s": "rotation time",
    "pitch": "pitch",
    "ctdivol_mGy": "CTDIvol",
    "phantom_cm": "phantom",
    "dlp_mGy_cm": "DLP",
    "irradiated_range_mm": "irradiated range",
    "tube_current_mA": "tube current",
    "ctdivol_mGy per slice": "CTDIvol of slices",
}


@dataclass(frozen=True)
class Row:
    """A name, its value, and what is said of the value."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class OrganRow:
    """One organ with a dose.

    Attributes
    ----------
    name
        As it is spoken, with the part that lies in the images where that is not all of it.
    dose_mGy
        Its dose in the scanned part.
    low_mGy, high_mGy
        Ends of the 90 % interval; None without one.
    total_mGy
        From all events of the examination; None without a dose report.
    """

    name: str
    dose_mGy: float
    low_mGy: float | None
    high_mGy: float | None
    total_mGy: float | None

    @property
    def dose(self) -> str:
        """The dose as it is written."""
        return number(self.dose_mGy)

    @property
    def interval(self) -> str:
        """The interval as it is written."""
        if self.low_mGy is None or self.high_mGy is None:
            return "-"
        return f"{number(self.low_mGy)} - {number(self.high_mGy)}"


@dataclass(frozen=True)
class Report:
    """The report of one result.

    Attributes
    ----------
    words
        Gives headings.
    notice
        What the report must not be used for.
    head
        Scan, scanner, exposure, software.
    answer
        The key numbers.
    notices, more
        What to know first, in sentences; how many more there are, in words.
    organs
        Highest dose first.
    basis
        How organ doses were made, in a sentence.
    doubted
        What an asterisk behind an organ means, and behind which; empty without one.
    refused
        Organs without a dose, each with the reason.
    events
        Of the dose report: number, kind, CTDIvol, DLP, whether it is counted.
    event_total
        DLP of all of them, in words.
    sources
        Value to where it comes from.
    budget
        What makes the intervals.
    method
        Sentences.
    """

    words: Words
    notice: str
    head: tuple[Row, ...]
    answer: tuple[Row, ...]
    notices: tuple[str, ...]
    more: str
    organs: tuple[OrganRow, ...]
    basis: str
    doubted: str
    refused: tuple[Row, ...]
    events: tuple[tuple[str, ...], ...]
    event_total: str
    sources: tuple[Row, ...]
    budget: tuple[str, ...]
    method: tuple[str, ...]

    @property
    def highest_mGy(self) -> float:
        """The right end of the bars."""
        ends = [o.high_mGy if o.high_mGy is not None else o.dose_mGy for o in self.organs]
        return max(ends, default=1.0) or 1.0

    @property
    def has_totals(self) -> bool:
        """Whether any organ has a dose of the whole examination."""
        return any(organ.total_mGy is not None for organ in self.organs)


def report_of(result: Result, texts: Mapping[str, str] | None = None) -> Report:
    """Return what a report of a result states; it names no patient.

    Parameters
    ----------
    result
        Of an analysis, or one that was read.
    texts
        Name to text, in another language; as `texts.TEXTS`.

    Returns
    -------
    Report

    Examples
    --------
    >>> from CTDoseSegLib import read_result
    >>> report = report_of(read_result("results"))
    >>> report.answer[0].name
    'CTDIvol'
    """
    say = Words(texts)
    notices = summarize(result.all_flags())
    shown = shown_first(notices)[:MOST_NOTICES]
    more = len(notices) - len(shown)
    given = [o for o in result.organs if o.dose_mGy is not None]
    return Report(
        words=say,
        notice=NOTICE,
        head=_head(result, say),
        answer=_answer(result, say),
        notices=tuple(one.text for one in shown),
        more=say("more_notices", n=more) if more else "",
        organs=_organs(result, say),
        basis=say("basis", basis=_basis(given, say)) if given else "",
        doubted=_doubted_words(given, result, say),
        refused=_refused(result),
        events=_events(result, say),
        event_total=_event_total(result, say),
        sources=_sources(result, say),
        budget=_budget(given, say),
        method=_method(result, say),
    )


def _head(result: Result, say: Words) -> tuple[Row, ...]:
    acquisition, z_mm = result.acquisition, result.slices.z_mm
    slices = say("slices", n=z_mm.size, low=f"{z_mm.min():.0f}", high=f"{z_mm.max():.0f}")
    description = result.provenance.series.description
    if description:
        slices = say("described", description=description, slices=slices)
    scanner = " ".join(part for part in (acquisition.manufacturer, acquisition.model) if part)
    exposure = [f"{acquisition.kvp_kV:g} kV"] if acquisition.kvp_kV is not None else []
    current = result.slices.tube_current_mA[np.isfinite(result.slices.tube_current_mA)]
    if current.size:
        low, high = f"{current.min():.0f}", f"{current.max():.0f}"
        exposure.append(f"{low} mA" if low == high else f"{low} to {high} mA")
    if acquisition.pitch is not None:
        exposure.append(f"pitch {acquisition.pitch:g}")
    made = result.provenance
    return (
        Row(say("scan"), slices),
        Row(say("scanner"), scanner or say("not_known")),
        Row(say("protocol"), ", ".join(exposure) or say("not_known")),
        Row(say("version"), f"CTDoseSeg {made.ctdoseseg_version}"),
        Row(say("created"), made.created[:16].replace("T", " ") + " UTC" if made.created else "-"),
    )


def _answer(result: Result, say: Words) -> tuple[Row, ...]:
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


def _organs(result: Result, say: Words) -> tuple[OrganRow, ...]:
    given = [organ for organ in result.organs if organ.dose_mGy is not None]
    marked = {id(organ) for organ in _doubted(given)}
    totals = result.examination.organs if result.examination is not None else ()
    by_organ = {(t.organ, t.region): t.examination_dose_mGy for t in totals}
    rows = [
        OrganRow(
            name=_with_part(organ, result, say) + (" *" if id(organ) in marked else ""),
            dose_mGy=organ.dose_mGy,
            low_mGy=organ.total_low_mGy,
            high_mGy=organ.total_high_mGy,
            total_mGy=by_organ.get((organ.organ, organ.region)),
        )
        for organ in result.organs
        if organ.dose_mGy is not None and organ.organ not in (BODY, BODY_REST)
    ]
    return tuple(sorted(rows, key=lambda row: -row.dose_mGy))


def _with_part(organ: OrganDose, result: Result, say: Words) -> str:
    name = _spoken(organ, result)
    if organ.coverage is None or organ.coverage >= _WHOLE:
        return name
    return say("part_seen", organ=name, percent=f"{100 * organ.coverage:.0f}")


def _doubted(given: Sequence[OrganDose]) -> list[OrganDose]:
    """Return the organs that are marked: of a warning of their own, or not surely drawn."""
    marked = {id(organ) for organ in with_own_warnings(given)}
    return [o for o in given if id(o) in marked or o.segmentation_certainty == "uncertain"]


def _doubted_words(given: Sequence[OrganDose], result: Result, say: Words) -> str:
    names = [_spoken(organ, result) for organ in _doubted(given)]
    return say("doubted", organs=", ".join(names)) if names else ""


def _spoken(organ: OrganDose, result: Result) -> str:
    """Return an organ's name, with its region where two models give it a dose."""
    name = spoken_name(organ.organ)
    several = sum(other.organ == organ.organ for other in result.organs) > 1
    return f"{name} ({organ.region})" if several else name


def _refused(result: Result) -> tuple[Row, ...]:
    """Return the reasons with the organs that they are about; as few lines as reasons."""
    organs: dict[str, list[str]] = {}
    for organ in result.organs:
        if organ.dose_mGy is None:
            refusals = [f for f in organ.flags if f.severity == "refusal"] or list(organ.flags)
            why = refusals[0].message.split(". ")[0].rstrip(".") if refusals else "-"
            organs.setdefault(why, []).append(_spoken(organ, result))
    return tuple(Row(", ".join(names), why) for why, names in organs.items())


def _basis(given: Iterable[OrganDose], say: Words) -> str:
    routes = dict.fromkeys(organ.route for organ in given)
    known = ("ctdivol", "mas", "montecarlo", "published")
    return "; ".join(
        say(f"by_{route}") if route in known else say("by_model", name=route) for route in routes
    )


def _events(result: Result, say: Words) -> tuple[tuple[str, ...], ...]:
    if result.examination is None:
        return ()
    return tuple(
        (
            str(event.number),
            " ".join(part for part in (event.kind, event.target_region) if part) or "-",
            number(event.ctdivol_mGy) + (f" ({event.phantom_cm} cm)" if event.phantom_cm else ""),
            number(event.dlp_mGy_cm),
            say("yes") if event.in_total else f"{say('no')}: {event.how}",
        )
        for event in result.examination.events
    )


def _event_total(result: Result, say: Words) -> str:
    whole = result.examination
    if whole is None or whole.dlp_total_mGy_cm is None:
        return ""
    return say("total", value=number(whole.dlp_total_mGy_cm))


def _sources(result: Result, say: Words) -> tuple[Row, ...]:
    """Return the places that values come from, each with the values."""
    places: dict[str, list[str]] = {}
    sources = result.acquisition.sources
    for name in _NAMES:
        if source := sources.get(name):
            kind = source.partition(" ")[0]
            place = say(_FROM[kind]) if kind in _FROM else say("from_else", source=source)
            places.setdefault(place, []).append(_NAMES[name])
    return tuple(Row(place, ", ".join(names)) for place, names in places.items())


def _budget(given: list[OrganDose], say: Words) -> tuple[str, ...]:
    """Return the largest components of the intervals: standard deviation, median over organs."""
    names = dict.fromkeys(name for organ in given for name in organ.budget)
    medians = {n: statistics.median(o.budget.get(n, 0.0) for o in given) for n in names}
    largest = sorted(medians.items(), key=lambda item: -item[1])[:_MOST_PARTS]
    return tuple(
        say(
            "budget_part", what=REASONS.get(name, name.replace("_", " ")), percent=f"{100 * sd:.0f}"
        )
        for name, sd in largest
        if sd >= 0.005
    )


def _method(result: Result, say: Words) -> tuple[str, ...]:
    card, made = result.dose_model, result.provenance
    sentences = [say("drawn_by", engine=engine_in_words(result.segmentation.engine))]
    if card.get("histories"):
        millions = f"{card['histories'] / 1e6:.1f}"
        sentences.append(say("simulated", millions=millions, beam=card.get("beam", "-")))
    elif card.get("name"):
        sha256 = str(card.get("sha256", "-"))[:16]
        sentences.append(
            say("model", name=card["name"], version=card.get("version", ""), sha256=sha256)
        )
    if result.scanner_profile.name != GENERIC_NAME:
        sentences.append(say("profile", name=result.scanner_profile.name))
    else:
        sentences.append(say("no_profile"))
    if made.inputs:
        first = made.inputs[0].sha256[:16]
        sentences.append(say("inputs", n=len(made.inputs), sha256=first))
    sentences.append(say("patient_left_out"))
    sentences.append(say("limits"))
    return tuple(sentences)
