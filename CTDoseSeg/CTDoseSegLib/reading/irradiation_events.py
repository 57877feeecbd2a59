"""Which images of a folder belong to one exposure, where no dose report states it.

The unit of dose is the irradiation event: two reconstructions of one spiral count once, three
phases count three times. Images are of one event where their event UIDs (0008,3010) are. Where a
side states none they are, if their acquisition numbers do not differ, their times and positions
overlap and their tube currents at the same position agree within 5 %; what is not stated does not
count, so that a series that states nothing of its exposure is taken as a reconstruction.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..ct.dose_report import FOLDER_LOCALIZER, FolderEvents
from ..dicom.header import Header
from ..dicom.times import acquisition_datetime
from ..errors import GeometryError
from .grouping import SliceGroup
from .selection import why_unusable
from .series_description import candidate_of, description
from .stacking import along

SAME_CURRENT = 0.05
_CLOCK = datetime.timedelta(seconds=2)


@dataclass(frozen=True)
class _Shot:
    """Images of one series that share an event UID or acquisition number."""

    series: object
    label: str
    localizer: bool
    uid: str
    number: float | None
    start: datetime.datetime | None
    end: datetime.datetime | None
    place_mm: np.ndarray
    current_mA: np.ndarray
    own: bool

    def same_event(self, other: _Shot) -> bool:
        """Return whether nothing speaks against one event for both."""
        if self.uid and other.uid:
            return self.uid == other.uid
        if self.localizer != other.localizer:
            return False
        if self.number is not None and other.number is not None and self.number != other.number:
            return False
        if self.start and self.end and other.start and other.end:
            apart = self.start > other.end + _CLOCK or other.start > self.end + _CLOCK
            if apart:
                return False
        return self._same_place_and_current(other)

    def _same_place_and_current(self, other: _Shot) -> bool:
        if not (self.place_mm.size and other.place_mm.size):
            return True
        low = max(self.place_mm.min(), other.place_mm.min())
        high = min(self.place_mm.max(), other.place_mm.max())
        if low > high:
            return False
        shared = np.linspace(low, high, 9)
        mine, theirs = (np.interp(shared, s.place_mm, s.current_mA) for s in (self, other))
        both = np.isfinite(mine) & np.isfinite(theirs) & (theirs > 0)
        if not both.any():
            return True
        return bool(np.median(np.abs(mine[both] / theirs[both] - 1)) <= SAME_CURRENT)


def folder_events(groups: Sequence[SliceGroup], measured: Sequence[Header]) -> FolderEvents:
    """Sort the images of a folder into events.

    Parameters
    ----------
    groups
        All images of the patient.
    measured
        Those of the series that is measured.

    Returns
    -------
    FolderEvents
    """
    own = {id(header) for header in measured}
    shots = [shot for group in groups if _is_ct(group) for shot in _shots(group, own)]
    events: list[list[_Shot]] = []
    for shot in sorted(shots, key=lambda shot: not shot.own):
        for event in events:
            # All images measured are one result, of however many events.
            if event[0].own and (shot.own or any(shot.same_event(s) for s in event if s.own)):
                event.append(shot)
                break
            if not event[0].own and shot.same_event(event[0]):
                event.append(shot)
                break
        else:
            events.append([shot])
    first = events[0] if events and events[0][0].own else []
    mine = {shot.series for shot in first if shot.own}
    others = [event[0] for event in events if not event[0].own]
    return FolderEvents(
        len({shot.series for shot in first} - mine), tuple(shot.label for shot in others)
    )


def same_exposure(one: SliceGroup, other: SliceGroup) -> bool:
    """Return whether two series are of one irradiation event: reconstructions of one scan."""
    mine, theirs = _shots(one, set()), _shots(other, set())
    return any(a.same_event(b) for a in mine for b in theirs)


def _is_ct(group: SliceGroup) -> bool:
    return _localizer(group) or not why_unusable(candidate_of(group.headers))


def _localizer(group: SliceGroup) -> bool:
    first = group.headers[0]
    kinds = {value.strip().upper() for value in first.texts("ImageType")}
    return first.text("Modality") == "CT" and "LOCALIZER" in kinds


def _shots(group: SliceGroup, own: set[int]) -> list[_Shot]:
    parts: dict[tuple, list[Header]] = defaultdict(list)
    for header in group.headers:
        uid = header.text("IrradiationEventUID")
        number = None if uid else header.number("AcquisitionNumber")
        # Images of an event that were left out of the series measured are still of that event.
        parts[(uid, number)].append(header)
    localizer = _localizer(group)
    return [_shot(group.series, headers, localizer, own) for headers in parts.values()]


def _shot(series: object, headers: list[Header], localizer: bool, own: set[int]) -> _Shot:
    first = headers[0]
    times = [time for header in headers if (time := acquisition_datetime(header))]
    try:
        place = np.array([]) if localizer else np.asarray(along(headers), float)
    except GeometryError:
        place = np.array([])
    current = np.array([header.number("XRayTubeCurrent") or np.nan for header in headers])
    order = np.argsort(place)
    kind = FOLDER_LOCALIZER if localizer else "exposure"
    name = description(first) or "without name"
    plural = "" if len(headers) == 1 else "s"
    return _Shot(
        series=series,
        label=f"{kind} of series {name} ({len(headers)} image{plural})",
        localizer=localizer,
        uid=first.text("IrradiationEventUID"),
        number=first.number("AcquisitionNumber"),
        start=min(times, default=None),
        end=max(times, default=None),
        place_mm=place[order],
        current_mA=current[order] if place.size else current,
        own=any(id(header) in own for header in headers),
    )
