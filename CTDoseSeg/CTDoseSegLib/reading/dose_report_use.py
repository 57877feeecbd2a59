"""Last stage: a dose report applied to a CT series, which takes from it what the images lack.

The images' own values stay where the two disagree, because they belong to the slices that are
measured; the flag gives both. A value that a user typed later replaces either.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..ct.acquisition import Acquisition
from ..ct.dose_report import DoseReport, IrradiationEvent, merged
from ..ct.series import CTSeries, SliceInfo
from ..dicom.header import Header
from ..dicom.identity import Identity
from ..dicom.times import acquisition_datetime
from ..errors import DoseReportError
from ..flags import Flag, flag
from .dose_matching import RANGE, VALUE, ImageEvent, MatchedReport, PlacedEvent, match
from .dose_report_file import RADIATION_DOSE_SR, SOP_CLASSES, read_dose_report
from .grouping import SliceGroup
from .missing_values import without_answered

RDSR = "rdsr"
_FILLED = (
    *("kvp_kV", "rotation_time_s", "pitch", "single_collimation_mm", "total_collimation_mm"),
    *("ctdivol_mGy", "phantom_cm", "modulation", "tin_filter"),
)
_NOT_A_NAME = ("OTHER", "UNKNOWN", "UNSPECIFIED")
_LEAST_DIFFERENCE = {"CTDIvol": 0.05, "mean tube current": 1.0, "kVp": 0.5}


def image_event(
    z_mm: ArrayLike, slices: Sequence[SliceInfo], headers: Sequence[Header] = ()
) -> ImageEvent:
    """Return what a series states of its exposure.

    Parameters
    ----------
    z_mm
        RAS superior coordinate of each slice centre, [k].
    slices
        One for each k.
    headers
        Of the slices, if the series is DICOM.

    Returns
    -------
    ImageEvent
    """
    z = np.asarray(z_mm, float)
    step = float(np.median(np.diff(np.sort(z)))) if z.size > 1 else 0.0
    half = (slices[0].thickness_mm or step) / 2
    current = [item.tube_current_mA for item in slices if item.tube_current_mA]
    moments = [moment for header in headers if (moment := acquisition_datetime(header))]
    return ImageEvent(
        low_mm=float(z.min()) - half,
        high_mm=float(z.max()) + half,
        event_uids=frozenset(u for h in headers for u in h.texts("IrradiationEventUID") if u),
        study_uid=headers[0].text("StudyInstanceUID") if headers else "",
        frame_of_reference_uid=headers[0].text("FrameOfReferenceUID") if headers else "",
        started=min(moments, default=None),
        ended=max(moments, default=None),
        tube_current_mA=(min(current), max(current)) if current else None,
    )


@dataclass(frozen=True)
class FolderReports:
    """The dose reports of a folder.

    Attributes
    ----------
    groups
        Their files.
    reports
        Those that could be read.
    unreadable
        Why the others could not, without file names.
    """

    groups: tuple[SliceGroup, ...] = ()
    reports: tuple[DoseReport, ...] = ()
    unreadable: tuple[str, ...] = ()


def reports_in(groups: Sequence[SliceGroup]) -> FolderReports:
    """Read the dose reports among the files of a folder; other structured reports stay."""
    of_reports, reports, unreadable = [], [], []
    for group in groups:
        kind = group.headers[0].text("SOPClassUID")
        if kind not in SOP_CLASSES or group.headers[0].text("Modality") == "CT":
            continue
        read = []
        for header in group.headers:
            try:
                read.append(read_dose_report(header.path))
            except DoseReportError as error:
                # Measurement reports have the older classes too.
                if kind == RADIATION_DOSE_SR:
                    name = os.path.basename(header.path)
                    unreadable.append(str(error).replace(name, "it").rstrip("."))
        if read or kind == RADIATION_DOSE_SR:
            of_reports.append(group)
            reports += read
    return FolderReports(tuple(of_reports), tuple(reports), tuple(unreadable))


def with_dose_report(
    series: CTSeries,
    headers: Sequence[Header] = (),
    report: DoseReport | None = None,
    beside: FolderReports | None = None,
) -> CTSeries:
    """Return `series` with the dose report of its examination, or with a flag that it has none.

    Parameters
    ----------
    series, headers
        The series, and the headers of its slices if it came from DICOM.
    report
        What the user gave with the images; the reports beside them are then not looked at.
    beside
        Those that lay in the folder.

    Returns
    -------
    CTSeries
    """
    images = image_event(series.z_mm, series.slices, headers)
    # A report without the patient's name may still hold it in a text: the images know it.
    clean = Identity.of(headers[0].values if headers else {}).removed_from
    if report is not None:
        series = _with_match(series, report.with_texts(clean), images, from_user=True)
    elif beside is not None:
        reports = tuple(one.with_texts(clean) for one in beside.reports)
        series = _with_own_report(series, replace(beside, reports=reports), images)
    exposures = series.folder_events.scans if series.folder_events is not None else ()
    if series.dose_report is None and exposures:
        detail = f"{len(exposures)}, the first is the {exposures[0]}"
        series = replace(series, flags=(*series.flags, flag("other_exposures", detail)))
    return series


def _with_own_report(series: CTSeries, beside: FolderReports, images: ImageEvent) -> CTSeries:
    """Return `series` with the reports of its study; those of other studies are left out."""
    own = [r for r in beside.reports if r.study_uid and r.study_uid == images.study_uid]
    left_out = ["A dose report was left out: it is of another study."]
    left_out *= len(beside.reports) - len(own)
    flags = [flag("rdsr_unreadable", beside.unreadable[0])] if beside.unreadable else []
    series = replace(series, left_out=(*series.left_out, *left_out), flags=(*series.flags, *flags))
    return _with_match(series, merged(own), images, from_user=False) if own else series


def _with_match(
    series: CTSeries, report: DoseReport, images: ImageEvent, *, from_user: bool
) -> CTSeries:
    """Return `series` with its event in a report, or with a flag that it has none there."""
    matched = match(report, images, from_user=from_user)
    if isinstance(matched, Flag):
        return replace(series, flags=(*series.flags, matched))
    return _with_report(series, matched)


def _with_report(series: CTSeries, matched: MatchedReport) -> CTSeries:
    """Return `series` with what its own event in the report adds, and with the report itself."""
    own = [placed.event for placed in matched.own]
    acquisition, slices = series.acquisition, series.slices
    flags = [*matched.report.flags, *matched.flags, *(f for event in own for f in event.flags)]
    if different := disagreements(acquisition, slices, matched):
        flags.append(flag("rdsr_disagrees", "; ".join(different)))
    values = {
        name: value
        for name in _FILLED
        if getattr(acquisition, name) is None and (value := _common(own, name)) not in (None, "")
    }
    if acquisition.dlp_mGy_cm is None and all(e.dlp_mGy_cm is not None for e in own):
        values["dlp_mGy_cm"] = sum(event.dlp_mGy_cm for event in own)
    if acquisition.dual_source is None and (dual := _common(own, "dual_source")) is not None:
        values["dual_source"] = dual
    device = matched.report.device
    for name, value in (
        ("body_part", _common(own, "target_region")),
        ("manufacturer", device.manufacturer),
        ("model", device.model),
    ):
        if getattr(acquisition, name) is None and value and value.upper() not in _NOT_A_NAME:
            values[name] = value
    sources = {**acquisition.sources, **dict.fromkeys(values, RDSR)}
    span, source = _irradiated_range(acquisition, matched.own)
    if span:
        values["irradiated_range_mm"], sources["irradiated_range_mm"] = span, source
    current = _common(own, "tube_current_mA")
    if current is not None and all(item.tube_current_mA is None for item in slices):
        slices = tuple(replace(item, tube_current_mA=current) for item in slices)
        sources["tube_current_mA"] = f"{RDSR}: mean"
        flags.append(flag("rdsr_current_mean", f"{current:g} mA"))
    acquisition = replace(acquisition, **values, sources=sources)
    acquisition, slices = _effective(acquisition, slices)
    by_scan = acquisition.ctdivol_mGy and all(item.ctdivol_mGy is None for item in slices)
    also_answered = ("ctdivol_missing",) if by_scan else ()
    kept = without_answered(series.flags, acquisition, slices, also_answered)
    return replace(
        series,
        acquisition=acquisition,
        slices=slices,
        flags=tuple(dict.fromkeys((*kept, *flags))),
        dose_report=matched,
    )


def _common(events: Sequence[IrradiationEvent], name: str) -> Any:
    """Return the value that all events state, else None."""
    values = {getattr(event, name) for event in events}
    return values.pop() if len(values) == 1 else None


def _irradiated_range(
    acquisition: Acquisition, own: Sequence[PlacedEvent]
) -> tuple[tuple[float, float] | None, str]:
    """Return the range to use: where the tube was on, of all own events together.

    It replaces one guessed from ScanLength (0018,1302) as well: that is how much was imaged, not
    where, and without the overranging.
    """
    guessed = "centred" in acquisition.sources.get("irradiated_range_mm", "centred")
    ranges = [placed.range_mm for placed in own if placed.range_mm is not None]
    if not guessed or len(ranges) < len(own):
        return None, ""
    sources = {placed.source for placed in own}
    if len(own) > 1 and sources != {RANGE}:
        return None, ""  # each would be centred on all of the images
    span = min(low for low, _ in ranges), max(high for _, high in ranges)
    return span, sources.pop()


def _effective(
    acquisition: Acquisition, slices: tuple[SliceInfo, ...]
) -> tuple[Acquisition, tuple[SliceInfo, ...]]:
    """Fill in effective mAs of the slices that have none, where it can now be computed."""
    rotation, pitch = acquisition.rotation_time_s, acquisition.pitch
    lacking = any(item.effective_mAs is None and item.tube_current_mA for item in slices)
    if not (rotation and pitch and lacking):
        return acquisition, slices
    filled = tuple(
        replace(item, effective_mAs=item.tube_current_mA * rotation / pitch)
        if item.effective_mAs is None and item.tube_current_mA
        else item
        for item in slices
    )
    source = f"computed: mA x rotation time / pitch ({RDSR})"
    sources = {**acquisition.sources, "effective_mAs": source}
    return replace(acquisition, sources=sources), filled


def disagreements(
    acquisition: Acquisition, slices: Sequence[SliceInfo], matched: MatchedReport
) -> list[str]:
    """List where images and report contradict each other, with both values.

    Both come from one scanner, so that only rounding may set them apart: 5 % is more than the
    rounding of two digits does, and less than two events or two phantoms differ by. Values that
    change from slice to slice are compared by their span: the report's mean is over the whole
    scan, the images may be a part of it.
    """
    own = [placed.event for placed in matched.own]
    different = []
    doses = [item.ctdivol_mGy for item in slices if item.ctdivol_mGy]
    current = [item.tube_current_mA for item in slices if item.tube_current_mA]
    for name, unit, written, reported in (
        ("CTDIvol", "mGy", doses, [event.ctdivol_mGy for event in own]),
        ("mean tube current", "mA", current, [event.tube_current_mA for event in own]),
    ):
        known = [value for value in reported if value is not None]
        if written and known:
            slack = _LEAST_DIFFERENCE[name]
            low = min(written) * (1 - VALUE) - slack
            high = max(written) * (1 + VALUE) + slack
            if max(known) < low or min(known) > high:
                different.append(f"{name} {_span(written)} {unit} and {_span(known)} {unit}")
    voltages = [tube.kvp_kV for event in own for tube in event.sources if tube.kvp_kV is not None]
    kvp = acquisition.kvp_kV
    apart = [abs(kvp - voltage) for voltage in voltages] if kvp is not None else []
    if apart and min(apart) > _LEAST_DIFFERENCE["kVp"]:
        different.append(f"kVp {kvp:g} and {_span(voltages)}")
    phantoms = {event.phantom_cm for event in own if event.phantom_cm is not None}
    if acquisition.phantom_cm is not None and phantoms - {acquisition.phantom_cm}:
        other = " and ".join(f"{size} cm" for size in sorted(phantoms))
        different.append(f"phantom {acquisition.phantom_cm} cm and {other}")
    return different


def _span(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:g}" if high - low <= 1e-6 * high else f"{low:g} to {high:g}"
