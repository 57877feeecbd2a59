"""The dose of a whole examination: every irradiation event of its dose report, added up.

Doses of several exposures add up: the total of an organ is the dose of the series as measured,
plus, for every other event that can be placed on the same anatomy, the engine's dose for that
event's CTDIvol, with a flat tube current within its own z range. What scatters beyond that
range is the engine's to know.

Whatever made one event's dose wrong (the display of CTDIvol, the beam that is taken, the model
itself) makes that of the others wrong in the same direction: the intervals add up linearly, as for
fully correlated errors, which is the widest that they can be.

An event that cannot be placed, or that the engine gives no dose of, is listed with the reason and
not added: a total that lacks one is flagged. Localizers are never added: CTDIvol describes a
rotating tube.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from ..ct.dose_report import LOCALIZER, MatchedReport, PlacedEvent
from ..ct.series import CTSeries
from ..flags import EXAMINATION, Flag, flag
from ..tasks.progress import Progress, Stage
from .doses import DoseResult, OrganDose
from .engines import DoseEngine
from .estimate import available, estimate
from .peak_skin_dose import PeakSkinDose, peak_of
from .scan import Scan

OWN = "the series measured"


@dataclass(frozen=True)
class ExaminationEvent:
    """One event of the dose report, without identity or time.

    Attributes
    ----------
    number
        Its place in the report, from 1.
    kind, target_region, protocol
        As reported; empty where the report does not state it.
    kvp_kV, ctdivol_mGy, phantom_cm, dlp_mGy_cm, scanning_length_mm
        As reported; None where the report does not state it.
    range_mm
        (low, high) RAS superior of the irradiation, where it could be placed.
    in_total
        Its dose is in the examination's total.
    how
        Where the range comes from, or why the event is not in the total.
    flags
        What was noticed while reading it.
    """

    number: int
    kind: str
    target_region: str
    protocol: str
    kvp_kV: float | None
    ctdivol_mGy: float | None
    phantom_cm: int | None
    dlp_mGy_cm: float | None
    scanning_length_mm: float | None
    range_mm: tuple[float, float] | None
    in_total: bool
    how: str
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True)
class OrganTotal:
    """An organ's dose from all events in the total; None is "not given".

    Attributes
    ----------
    organ, region
        As in `dosimetry.doses.OrganDose`.
    examination_dose_mGy
        Dose from all events in the examination's total; None without a dose report.
    examination_low_mGy, examination_high_mGy
        Ends of its interval: linear sums of the events' total 90 % intervals.
    """

    organ: str
    region: str
    examination_dose_mGy: float | None
    examination_low_mGy: float | None
    examination_high_mGy: float | None


@dataclass(frozen=True)
class Examination:
    """The examination that the series is a part of, by its dose report.

    Attributes
    ----------
    events
        All of the report.
    organs
        In the order of the series' organ doses; empty where no total is given.
    complete
        Every event of the report is in the total.
    dlp_total_mGy_cm
        As the report states it, both phantoms as they come.
    matched_by
        How the series' own event was found: ``event UID``, ``values`` or ``only event``.
    flags
        What to know about the total.
    peak_skin_dose
        Of all events that the engine could add up, where it follows the radiation; the skin of the
        images alone.
    """

    events: tuple[ExaminationEvent, ...]
    organs: tuple[OrganTotal, ...]
    complete: bool
    dlp_total_mGy_cm: float | None
    matched_by: str
    flags: tuple[Flag, ...] = ()
    peak_skin_dose: PeakSkinDose | None = None

    @property
    def peak_skin_flags(self) -> tuple[Flag, ...]:
        """What to know about the peak skin dose; empty where there is none."""
        return () if self.peak_skin_dose is None else self.peak_skin_dose.flags

    def of(self, organ: str, region: str) -> OrganTotal | None:
        """Return the total of one organ by the model of one region."""
        totals = (t for t in self.organs if (t.organ, t.region) == (organ, region))
        return next(totals, None)


def examine(
    scan: Scan, doses: DoseResult, engine: DoseEngine, progress: Progress | None = None
) -> Examination | None:
    """Add up the examination of which a series is a part.

    Parameters
    ----------
    scan
        Its series has the dose report. The CTDIvol of the other events is corrected by what its
        scanner's profile states, as that of the series was.
    doses
        Of the series itself.
    engine
        That made them. Where it knows the exposure of the images alone, or no organ has a dose,
        events are listed and no total is given.
    progress
        Takes progress of each event; may cancel.

    Returns
    -------
    Examination or None
        None without a dose report.
    """
    series = scan.series
    matched = series.dose_report
    if matched is None:
        return None
    reasons = [_why_not(placed) for placed in matched.events]
    organs: tuple[OrganTotal, ...] = ()
    peak = None
    able, why = available(engine, scan.exposed_as(series))
    mends = None
    if able and all(organ.dose_mGy is None for organ in doses.organs):
        able, why, mends = False, "no organ of the series has a dose", ()
    if not able:
        flags: tuple[Flag, ...] = (flag("examination_not_given", why, mends=mends),)
    else:
        ratio = scan.scanner.ctdivol_ratio or 1.0
        others = []
        for n, placed in enumerate(matched.events):
            if placed.own or reasons[n]:
                continue
            exposed = scan.exposed_as(_exposed_by(series, matched, placed, ratio))
            part = Stage(progress or Progress(), n / len(reasons), (n + 1) / len(reasons))
            of_event = estimate(engine, exposed, part)
            reasons[n] = _refusal(of_event)
            if not reasons[n]:
                others.append(of_event)
        organs = tuple(_total(organ, others) for organ in doses.organs)
        flags = _completeness(matched, reasons)
        peak = _peak_skin(doses, others, reasons, matched)
    return Examination(
        events=tuple(
            _listed(n, placed, reason, able)
            for n, (placed, reason) in enumerate(zip(matched.events, reasons, strict=True), 1)
        ),
        organs=organs,
        complete=able and not flags,
        dlp_total_mGy_cm=matched.report.dlp_total_mGy_cm,
        matched_by=matched.rule,
        flags=tuple(one.at(EXAMINATION) for one in flags),
        peak_skin_dose=peak,
    )


def _why_not(placed: PlacedEvent) -> str:
    """Return why an event is not in the total, or an empty text."""
    event = placed.event
    if placed.own:
        return ""
    if event.kind == LOCALIZER:
        return "a localizer"
    if event.ctdivol_mGy is None:
        return "no CTDIvol is stated"
    if event.phantom_cm is None:
        return "the phantom of its CTDIvol is not stated"
    return "" if placed.range_mm is not None else placed.source


def _refusal(doses: DoseResult) -> str:
    """Return why the engine gives no organ a dose from an event, or an empty text."""
    if any(organ.dose_mGy is not None for organ in doses.organs):
        return ""
    flags = (*doses.flags, *(one for organ in doses.organs for one in organ.flags))
    refusal = next((one for one in flags if one.severity == "refusal"), None)
    return (refusal and refusal.detail) or "the dose engine gives no dose of it"


def _completeness(matched: MatchedReport, reasons: list[str]) -> tuple[Flag, ...]:
    localizers = [placed.event.kind == LOCALIZER for placed in matched.events]
    missing = Counter(
        reason for reason, shown in zip(reasons, localizers, strict=True) if reason and not shown
    )
    stated, listed = matched.report.stated_events or 0, len(matched.events)
    if stated > listed:
        missing["they are stated, but not in the report"] = stated - listed
    flags = []
    if missing:
        detail = "; ".join(f"{count} because {reason}" for reason, count in missing.items())
        flags.append(flag("examination_incomplete", detail))
    if number := sum(bool(r) and s for r, s in zip(reasons, localizers, strict=True)):
        flags.append(flag("examination_without_localizers", f"{number} of them"))
    return tuple(flags)


def _exposed_by(
    series: CTSeries, matched: MatchedReport, placed: PlacedEvent, ctdivol_ratio: float
) -> CTSeries:
    """Return the series as if `placed` had exposed it: one CTDIvol, no modulation."""
    event = placed.event
    stated = event.ctdivol_mGy
    ctdivol_mGy = None if stated is None else stated * ctdivol_ratio
    acquisition = replace(
        series.acquisition,
        kvp_kV=event.kvp_kV,
        rotation_time_s=None,
        pitch=None,
        single_collimation_mm=event.single_collimation_mm,
        total_collimation_mm=event.total_collimation_mm,
        ctdivol_mGy=ctdivol_mGy,
        ctdivol_is_scan_mean=None,
        phantom_cm=event.phantom_cm,
        dlp_mGy_cm=event.dlp_mGy_cm,
        irradiated_range_mm=placed.range_mm,
        modulation=event.modulation or None,
        dual_source=event.dual_source,
        tin_filter=event.tin_filter,
        sources={"irradiated_range_mm": placed.source},
    )
    slices = tuple(
        replace(
            item,
            tube_current_mA=None,
            exposure_mAs=None,
            effective_mAs=None,
            ctdivol_mGy=ctdivol_mGy,
        )
        for item in series.slices
    )
    events = tuple(replace(other, own=other is placed) for other in matched.events)
    return replace(
        series,
        acquisition=acquisition,
        slices=slices,
        dose_report=replace(matched, events=events),
    )


def _total(organ: OrganDose, others: list[DoseResult]) -> OrganTotal:
    parts = [organ]
    for result in others:
        same = [o for o in result.organs if (o.organ, o.region) == (organ.organ, organ.region)]
        parts += same or [replace(organ, dose_mGy=None)]
    sums = [
        None
        if any(part.dose_mGy is None for part in parts)
        else sum(getattr(p, name) for p in parts)
        for name in ("dose_mGy", "total_low_mGy", "total_high_mGy")
    ]
    return OrganTotal(organ.organ, organ.region, *sums)


def _peak_skin(
    doses: DoseResult, others: list[DoseResult], reasons: list[str], matched: MatchedReport
) -> PeakSkinDose | None:
    """Return the peak skin dose of the events together, flagged where some are not in it."""
    own = doses.skin_dose
    if own is None:
        return None
    known = [one.skin_dose for one in others if one.skin_dose is not None]
    peak = peak_of([own, *known])
    if peak is None:
        return None
    localizers = sum(placed.event.kind == LOCALIZER for placed in matched.events)
    listed = max(len(matched.events), matched.report.stated_events or 0) - localizers
    made_images = len(matched.own)
    flags = list(peak.flags)
    # Several events that made the images are one exposure of theirs.
    if missing := listed - made_images - len(known):
        flags.append(flag("peak_skin_events", f"{missing} of {listed}"))
    events = made_images + len(known)
    return replace(peak, events=events, flags=tuple(one.at(EXAMINATION) for one in flags))


def _listed(number: int, placed: PlacedEvent, reason: str, total: bool) -> ExaminationEvent:
    event = placed.event
    return ExaminationEvent(
        number=number,
        kind=event.kind,
        target_region=event.target_region,
        protocol=event.protocol,
        kvp_kV=event.kvp_kV,
        ctdivol_mGy=event.ctdivol_mGy,
        phantom_cm=event.phantom_cm,
        dlp_mGy_cm=event.dlp_mGy_cm,
        scanning_length_mm=event.scanning_length_mm,
        range_mm=placed.range_mm,
        in_total=total and not reason,
        how=OWN if placed.own else reason or placed.source,
        flags=tuple(one.at(EXAMINATION) for one in event.flags),
    )
