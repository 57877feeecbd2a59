"""Which event of a dose report made the images, and where along the body its events lie.

An event is that of the images
 1. where its UID is theirs (0008,3010), whatever else is stated;
 2. else, where one side states no UID and the studies do not differ, if it is the only one that
    nothing speaks against and that something speaks for. Compared are
    - time: the images' acquisition lies within the event's beam-on time, `CLOCK_S` allowed at
      both ends (some scanners stamp the end of a rotation or the start of the table);
    - place: the images lie within the event's z range, where both name one frame of reference,
      `PLACE_MM` allowed; without a z range they must be no longer than the scanning length, which
      can speak against an event but not for it;
    - tube current: the event's mean lies within the images' span, widened by `VALUE` (the mean of
      one end of a modulated scan would not do, hence the span).
    Time or place must agree; without either, tube current and length together;
 3. else, where the user gave the report with the images, if it is the only event that is no
    localizer and nothing speaks against it. This is flagged as a warning.
Images and report that both name events, and none in common, are not of one another.

A z range is believed for events in the images' own frame of reference, or in that of their event
where its reconstructable volume ends within `PLACE_MM` of the images at both ends. If the images
do not lie within their event's range, no z of the report is believed.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..ct.dose_report import LOCALIZER, DoseReport, IrradiationEvent, MatchedReport, PlacedEvent
from ..flags import Flag, flag

CLOCK_S = 10.0
PLACE_MM = 5.0
VALUE = 0.05

_RULE_FLAGS = {"values": "rdsr_by_values", "only event": "rdsr_only_event"}
RANGE = "rdsr z range (113897, 113898)"
VOLUME_RANGE = "rdsr scanning length (113825) centred on the reconstructable volume"
LENGTH = "rdsr scanning length (113825) centred on the images"


@dataclass(frozen=True)
class ImageEvent:
    """What the images state about their exposure; empty or None is "not known".

    Attributes
    ----------
    low_mm, high_mm
        Outer edges of the lowest and highest slice, RAS superior.
    event_uids, study_uid, frame_of_reference_uid
        As written.
    started, ended
        Acquisition time of the first and last slice in time.
    tube_current_mA
        Lowest and highest of the slices.
    """

    low_mm: float
    high_mm: float
    event_uids: frozenset[str] = frozenset()
    study_uid: str = ""
    frame_of_reference_uid: str = ""
    started: datetime.datetime | None = None
    ended: datetime.datetime | None = None
    tube_current_mA: tuple[float, float] | None = None

    @property
    def length_mm(self) -> float:
        """From the lower edge of the lowest slice to the upper edge of the highest."""
        return self.high_mm - self.low_mm


def match(report: DoseReport, images: ImageEvent, *, from_user: bool) -> MatchedReport | Flag:
    """Find the images' event in a report, as this module's text describes.

    Parameters
    ----------
    report, images
        What each states.
    from_user
        The user gave the report with the images, so that it was meant for them.

    Returns
    -------
    MatchedReport or Flag
        The report with its events placed, or why none of its events is the images'.
    """
    chosen, rule, reason = _choose(report, images, from_user)
    if not chosen:
        return flag("rdsr_no_match", reason)
    flags = [flag(_RULE_FLAGS[rule])] if rule in _RULE_FLAGS else []
    frames, elsewhere = _believed_frames(report, chosen, images)
    if elsewhere:
        flags.append(flag("rdsr_range_elsewhere", elsewhere))
    events = tuple(
        PlacedEvent(event, n in chosen, *_place(event, n in chosen, frames, images))
        for n, event in enumerate(report.events)
    )
    return MatchedReport(report, events, rule, tuple(flags))


def _choose(
    report: DoseReport, images: ImageEvent, from_user: bool
) -> tuple[tuple[int, ...], str, str]:
    """Return the indices of the images' events, the rule, and why there are none."""
    uids = [event.uid for event in report.events]
    named = tuple(n for n, uid in enumerate(uids) if uid and uid in images.event_uids)
    if named:
        return named, "event UID", ""
    if images.event_uids and all(uids):
        other = images.study_uid and report.study_uid and images.study_uid != report.study_uid
        return (), "", "it is of another study" if other else "their event UIDs (0008,3010) differ"
    if images.study_uid and report.study_uid and images.study_uid != report.study_uid:
        return (), "", "it is of another study"
    scans = [
        n
        for n, event in enumerate(report.events)
        if event.kind != LOCALIZER and not (event.uid and images.event_uids)
    ]
    evidence = {n: _evidence(report.events[n], images) for n in scans}
    possible = [n for n in scans if False not in evidence[n].values()]
    if len(possible) == 1:
        agrees = evidence[possible[0]]
        if agrees["time"] or agrees["place"] or (agrees["tube current"] and agrees["length"]):
            return (possible[0],), "values", ""
        if from_user and len(scans) == 1:
            return (possible[0],), "only event", ""
    if not possible:
        names = sorted({name for e in evidence.values() for name, ok in e.items() if ok is False})
        return (), "", f"{', '.join(names)} differ" if names else "it has localizers alone"
    return (), "", f"{len(possible)} events could be theirs, and nothing decides which"


def _evidence(event: IrradiationEvent, images: ImageEvent) -> dict[str, bool | None]:
    """Compare what agrees (True), differs (False) or is not stated on both sides (None)."""
    agrees: dict[str, bool | None] = dict.fromkeys(("time", "place", "length", "tube current"))
    if event.started is not None and images.started is not None:
        before = (images.started - event.started).total_seconds()
        after = (images.ended or images.started) - event.started
        beam_on = event.exposure_time_s or 0.0
        agrees["time"] = before >= -CLOCK_S and after.total_seconds() <= beam_on + CLOCK_S
    in_frame = _same_frame(event, images)
    span = event.scan_range_mm or event.volume_range_mm
    if in_frame and span:
        agrees["place"] = _holds(span, images)
    elif event.scanning_length_mm is not None:
        agrees["length"] = images.length_mm <= event.scanning_length_mm + PLACE_MM
    if event.tube_current_mA is not None and images.tube_current_mA is not None:
        low, high = images.tube_current_mA
        agrees["tube current"] = low * (1 - VALUE) <= event.tube_current_mA <= high * (1 + VALUE)
    return agrees


def _same_frame(event: IrradiationEvent, images: ImageEvent) -> bool:
    return bool(event.frame_of_reference_uid) and (
        event.frame_of_reference_uid == images.frame_of_reference_uid
    )


def _holds(span: tuple[float, float], images: ImageEvent) -> bool:
    return span[0] - PLACE_MM <= images.low_mm and images.high_mm <= span[1] + PLACE_MM


def _volume_agrees(event: IrradiationEvent, images: ImageEvent) -> bool:
    span = event.volume_range_mm
    return span is not None and bool(
        np.allclose(span, (images.low_mm, images.high_mm), rtol=0, atol=PLACE_MM)
    )


def _believed_frames(
    report: DoseReport, chosen: Sequence[int], images: ImageEvent
) -> tuple[set[str], str]:
    """Return the frames of reference whose z is the images', and what speaks against all of them.

    The empty name stands for events that name no frame, in a report whose z agrees.
    """
    frames = {images.frame_of_reference_uid} - {""}
    for n in chosen:
        event = report.events[n]
        if _volume_agrees(event, images):
            frames.add(event.frame_of_reference_uid)
        span = event.scan_range_mm or event.volume_range_mm
        alone = len(chosen) == 1  # of several events, each may hold a part of the images
        if span and event.frame_of_reference_uid in frames and alone and not _holds(span, images):
            return set(), (
                f"{span[0]:.0f} to {span[1]:.0f} mm, the images {images.low_mm:.0f} to "
                f"{images.high_mm:.0f} mm"
            )
    return frames, ""


def _place(
    event: IrradiationEvent, own: bool, frames: set[str], images: ImageEvent
) -> tuple[tuple[float, float] | None, str]:
    """Return the irradiated range of an event and its source, or None and why."""
    scan, volume, length = event.scan_range_mm, event.volume_range_mm, event.scanning_length_mm
    if event.frame_of_reference_uid in frames:
        if scan is not None:
            return scan, RANGE
        if volume is not None and length is not None:
            low, high = volume
            if length >= high - low - PLACE_MM:
                middle = (low + high) / 2
                return (middle - length / 2, middle + length / 2), VOLUME_RANGE
    if own and length is not None:
        # Of an event that is only partly in the images the centre is not theirs; how far off it
        # may be goes into the interval (dosimetry/beam.py).
        if length >= images.length_mm - PLACE_MM:
            middle = (images.low_mm + images.high_mm) / 2
            return (middle - length / 2, middle + length / 2), LENGTH
        return None, f"its scanning length, {length:.0f} mm, is shorter than the images"
    if scan is None and volume is None:
        return None, "no z range is stated"
    if not event.frame_of_reference_uid:
        return None, "its z range has no frame of reference"
    return None, "its z range is in another frame of reference"
