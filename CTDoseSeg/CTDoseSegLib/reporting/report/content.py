"""What the report states, as plain rows of text: the pages only lay it out."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ... import NOTICE
from ...ct.organs import spoken_name
from ...ct.scanner_profile import GENERIC_NAME
from ...dosimetry.applicability import ADULT_YEARS
from ...flags.summary import shown_first, summarize
from ...measurement.effective_mas import effective_mAs_of
from ...segmentation.labelmap import BODY, BODY_REST, engine_in_words
from ..charts_dose import with_own_warnings
from ..confidence import REASONS
from ..numbers import number
from .key_numbers import key_numbers
from .rows import OrganRow, Report, Row
from .texts import Words

if TYPE_CHECKING:
    from ...ct.acquisition import Acquisition
    from ...dosimetry.doses import OrganDose
    from ...result import Result

MOST_NOTICES = 3
_MOST_PARTS = 5
# An organ is taken for whole from this part in the images on.
_WHOLE = 0.95
_FROM = {"image": "from_image", "rdsr": "from_rdsr", "user": "from_user"}
# The upper end of the ages that de-identification keeps, too.
_OLDEST_YEARS = 90
_SEX = {"M": "male", "F": "female"}
# What the sources name, in this order.
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
        answer=key_numbers(result, say),
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
    made = result.provenance
    return (
        Row(say("scan"), slices),
        Row(say("patient"), _patient(acquisition, say)),
        Row(say("scanner"), scanner or say("not_known")),
        Row(say("protocol"), _exposure(result, say)),
        Row(say("version"), f"CTDoseSeg {made.ctdoseseg_version}"),
        Row(say("created"), made.created[:16].replace("T", " ") + " UTC" if made.created else "-"),
    )


def _patient(acquisition: Acquisition, say: Words) -> str:
    """Return age and sex, which doses and weights depend on, and nothing that names a person."""
    age, parts = acquisition.age_years, []
    if age is not None:
        # An age from this on may tell who somebody is.
        old = age >= _OLDEST_YEARS
        years = f"{age:.0f}" if age >= ADULT_YEARS else f"{age:.2g}"
        parts.append(say("oldest", years=_OLDEST_YEARS) if old else say("age", years=years))
    if acquisition.sex in _SEX:
        parts.append(say(_SEX[acquisition.sex]))
    return ", ".join(parts) or say("not_known")


def _exposure(result: Result, say: Words) -> str:
    acquisition, slices = result.acquisition, result.slices
    parts = [f"{acquisition.kvp_kV:g} kV"] if acquisition.kvp_kV is not None else []
    if current := _range(slices.tube_current_mA):
        parts.append(f"{current} mA")
    if acquisition.rotation_time_s is not None:
        parts.append(f"{acquisition.rotation_time_s:g} s")
    if acquisition.pitch is not None:
        parts.append(f"pitch {acquisition.pitch:g}")
    effective = effective_mAs_of(acquisition, slices.infos())
    # With two tubes, for instance, it does not follow from the current.
    if mAs := _range(slices.effective_mAs if effective.reasons else effective.values):
        parts.append(say("effective_mAs", value=mAs))
    return ", ".join(parts) or say("not_known")


def _range(values: np.ndarray) -> str:
    """Return the lowest and the highest of those that are known; empty without one."""
    values = values[np.isfinite(values)]
    if not values.size:
        return ""
    low, high = f"{values.min():.0f}", f"{values.max():.0f}"
    return low if low == high else f"{low} to {high}"


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
