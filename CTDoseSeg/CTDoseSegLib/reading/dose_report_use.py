"""A dose report applied to a CT series: what the images lack is taken from it.

The images' own values stay where the two disagree, because they belong to the slices that are
measured; both are told. A value that a user typed later replaces either.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..ct.acquisition import Acquisition
from ..ct.dose_report import DoseReport, merged
from ..ct.series import CTSeries, SliceInfo
from ..dicom.header import Header
from ..dicom.times import acquired
from ..errors import DoseReportError
from ..flags import flag
from .dose_matching import RANGE, VALUE, ImageEvent, MatchedReport, PlacedEvent, match
from .dose_report_file import RADIATION_DOSE_SR, SOP_CLASSES, read_dose_report
from .exposure import MISSING, missing_flags
from .grouping import Group

RDSR = "rdsr"
_FILLED = (
    *("kvp_kV", "rotation_time_s", "pitch", "single_collimation_mm", "total_collimation_mm"),
    *("ctdivol_mGy", "phantom_cm", "modulation", "tin_filter"),
)
_SAYS_NOTHING = ("OTHER", "UNKNOWN", "UNSPECIFIED")
_LEAST_DIFFERENCE = {"CTDIvol": 0.05, "mean tube current": 1.0, "kVp": 0.5}


def image_event(
    z_mm: Sequence[float], slices: Sequence[SliceInfo], headers: Sequence[Header] = ()
) -> ImageEvent:
    """What a series says about its exposure; `headers` are those of a DICOM series, in order."""
    z = np.asarray(z_mm, float)
    step = float(np.median(np.diff(np.sort(z)))) if z.size > 1 else 0.0
    half = (slices[0].thickness_mm or step) / 2
    current = [item.tube_current_mA for item in slices if item.tube_current_mA]
    moments = [moment for header in headers if (moment := acquired(header))]
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

    groups: tuple[Group, ...] = ()
    reports: tuple[DoseReport, ...] = ()
    unreadable: tuple[str, ...] = ()


def reports_in(groups: Sequence[Group]) -> FolderReports:
    """Read the dose reports among the files of a folder; other structured reports stay."""
    kept, reports, unreadable = [], [], []
    for group in groups:
        kind = group.headers[0].text("SOPClassUID")
        if kind not in SOP_CLASSES or group.headers[0].text("Modality") == "CT":
            continue
        found = []
        for header in group.headers:
            try:
                found.append(read_dose_report(header.path))
            except DoseReportError as error:
                # Measurement reports have the older classes too.
                if kind == RADIATION_DOSE_SR:
                    name = os.path.basename(header.path)
                    unreadable.append(str(error).replace(name, "it").rstrip("."))
        if found or kind == RADIATION_DOSE_SR:
            kept.append(group)
            reports += found
    return FolderReports(tuple(kept), tuple(reports), tuple(unreadable))


def with_reports_of(found: FolderReports, series: CTSeries, images: ImageEvent) -> CTSeries:
    """`series` with the reports of its own study; those of other studies are told as left out."""
    mine = [r for r in found.reports if r.study_uid and r.study_uid == images.study_uid]
    said = [
        "A dose report was left out: it is of another study."
        for _ in range(len(found.reports) - len(mine))
    ]
    flags = [flag("rdsr_unreadable", found.unreadable[0])] if found.unreadable else []
    series = replace(series, left_out=(*series.left_out, *said), flags=(*series.flags, *flags))
    return matched_to(series, merged(mine), images, given=False) if mine else series


def matched_to(
    series: CTSeries, report: DoseReport, images: ImageEvent, *, given: bool
) -> CTSeries:
    """`series` with its event in a report, or with a flag that it has none there."""
    matched, why_not = match(report, images, given=given)
    if matched is None:
        return replace(series, flags=(*series.flags, why_not))
    return with_report(series, matched)


def with_report(series: CTSeries, matched: MatchedReport) -> CTSeries:
    """`series` with what its own event in the report adds, and with the report itself."""
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
        if getattr(acquisition, name) is None and value and value.upper() not in _SAYS_NOTHING:
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
    still = {f.code for f in missing_flags(acquisition, slices)}
    if acquisition.ctdivol_mGy and all(item.ctdivol_mGy is None for item in slices):
        still.discard("ctdivol_missing")
    kept = [f for f in series.flags if f.code not in MISSING or f.code in still]
    return replace(
        series,
        acquisition=acquisition,
        slices=slices,
        flags=tuple(dict.fromkeys((*kept, *flags))),
        dose_report=matched,
    )


def _common(events: Sequence, name: str):
    """The value that all events state, else None."""
    values = {getattr(event, name) for event in events}
    return values.pop() if len(values) == 1 else None


def _irradiated_range(
    acquisition: Acquisition, own: Sequence[PlacedEvent]
) -> tuple[tuple[float, float] | None, str]:
    """The range to use: where the tube was on, of all own events together.

    It stands in for one guessed from ScanLength (0018,1302) as well: that says how much was
    scanned, not where, and not whether overranging counts.
    """
    guessed = "centred" in acquisition.sources.get("irradiated_range_mm", "centred")
    ranges = [placed.range_mm for placed in own]
    if not guessed or None in ranges:
        return None, ""
    sources = {placed.source for placed in own}
    if len(own) > 1 and sources != {RANGE}:
        return None, ""  # each would be centred on all of the images
    span = min(low for low, _ in ranges), max(high for _, high in ranges)
    return span, sources.pop()


def _effective(
    acquisition: Acquisition, slices: tuple[SliceInfo, ...]
) -> tuple[Acquisition, tuple[SliceInfo, ...]]:
    """Effective mAs of the slices that have none, where it can now be computed."""
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
    said = f"computed: mA x rotation time / pitch ({RDSR})"
    sources = {**acquisition.sources, "effective_mAs": said}
    return replace(acquisition, sources=sources), filled


def disagreements(
    acquisition: Acquisition, slices: Sequence[SliceInfo], matched: MatchedReport
) -> list[str]:
    """Where images and report contradict each other, both values told.

    Both come from one scanner, so that only rounding may set them apart: 5 % is more than the
    rounding of two digits does, and less than two events or two phantoms differ by. Values that
    change from slice to slice are compared by their span: the report's mean is over the whole
    scan, the images may be a part of it.
    """
    own = [placed.event for placed in matched.own]
    found = []
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
                found.append(f"{name} {_span(written)} {unit} and {_span(known)} {unit}")
    voltages = [tube.kvp_kV for event in own for tube in event.sources if tube.kvp_kV is not None]
    kvp = acquisition.kvp_kV
    apart = [abs(kvp - voltage) for voltage in voltages] if kvp is not None else []
    if apart and min(apart) > _LEAST_DIFFERENCE["kVp"]:
        found.append(f"kVp {kvp:g} and {_span(voltages)}")
    phantoms = {event.phantom_cm for event in own} - {None}
    if acquisition.phantom_cm is not None and phantoms - {acquisition.phantom_cm}:
        other = " and ".join(f"{size} cm" for size in sorted(phantoms))
        found.append(f"phantom {acquisition.phantom_cm} cm and {other}")
    return found


def _span(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:g}" if high - low <= 1e-6 * high else f"{low:g} to {high:g}"
