"""One slice for each position of the body.

A series can hold several images at one position: copies, reconstructions of one exposure, phases
that are exposures of their own, passes of a time-resolved scan, and scans that adjoin and overlap.
Scans that adjoin are one body; of the others one is taken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..dicom.header import Header
from ..dicom.times import acquisition_datetime
from ..flags import Flag
from .copies import without_copies
from .phase_flags import joined_flag, left_out_flags
from .selection import sharp_kernel
from .stacking import SAME_POSITION_MM, along

# Scans of which less than this part of the shorter one lies within the other adjoin each other.
ADJOINING = 0.5

# Tags that can tell apart the images of one position, in the order in which they are tried.
_EXPOSURE_TAGS: tuple[tuple[str, ...], ...] = (
    ("IrradiationEventUID",),
    ("AcquisitionNumber",),
    ("TemporalPositionIdentifier",),
)
_IMAGE_TAGS: tuple[tuple[str, ...], ...] = (
    ("NominalPercentageOfCardiacPhase",),
    ("KVP",),
    ("ConvolutionKernel",),
    ("SliceThickness",),
    ("ImageType",),
)
_TIME_TAGS: tuple[tuple[str, ...], ...] = (
    ("AcquisitionDateTime", "AcquisitionTime"),
    ("ContentTime",),
)
_ALL_TAGS = tuple(tag for tags in (*_EXPOSURE_TAGS, *_IMAGE_TAGS) for tag in tags)
_PHASE_TAGS = (*_EXPOSURE_TAGS, *_IMAGE_TAGS, *_TIME_TAGS, _ALL_TAGS)


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class _Part:
    """Slices that belong together, with their positions along the normal in mm."""

    headers: list[Header]
    heights: np.ndarray

    @property
    def low(self) -> float:
        return float(self.heights.min())

    @property
    def high(self) -> float:
        return float(self.heights.max())

    def adjoins(self, other: _Part) -> bool:
        """Return whether the two lie beside each other, or overlap a little."""
        common = min(self.high, other.high) - max(self.low, other.low)
        if common < -SAME_POSITION_MM:
            return True
        shorter = min(self.high - self.low, other.high - other.low)
        return common < ADJOINING * shorter

    def holds(self, height: float) -> bool:
        """Return whether a position lies within this part."""
        return self.low - SAME_POSITION_MM <= height <= self.high + SAME_POSITION_MM


def one_body(headers: Sequence[Header]) -> tuple[list[Header], list[Flag]]:
    """Take one slice for each position of the body.

    Repeated slices are dropped. What is left is divided by the first of irradiation event,
    acquisition number, temporal position, cardiac phase, kVp, kernel, thickness, image type and
    times that puts no two slices of one part at one position; else by the order of instance
    numbers. Parts that adjoin are put together. Of what then lies at the same positions the one
    with the most slices is taken, of these one with a soft kernel, of these the first in time.

    Parameters
    ----------
    headers
        Of one group.

    Returns
    -------
    slices : list of Header
        No two at one position.
    flags : list of Flag
        What was left out, and whose dose is given.

    Raises
    ------
    PixelDataError
        If no slice of a position that has several can be read.
    """
    places = _places(headers)
    kept = list(headers)
    flags: list[Flag] = []
    if len(places) < len(headers):
        kept, flags = without_copies([sorted(members, key=_when) for members in places])
    places = _places(kept)
    if len(places) < len(kept):
        parts = _parts(kept, max(len(members) for members in places))
    else:
        parts = _exposures(kept)
        if all(a.high < b.low or b.high < a.low for a in parts for b in parts if a is not b):
            return kept, flags
    bodies = sorted((_joined(scans) for scans in _together(parts)), key=_preference)
    taken = bodies[0]
    if taken.scans > 1 and taken.dropped:
        flags.append(joined_flag(taken.scans, taken.dropped, len(taken.headers)))
    flags += left_out_flags(taken.headers, [body.headers for body in bodies[1:]])
    return taken.headers, flags


@dataclass(frozen=True)
class _Body:
    """Parts put together: each position once."""

    headers: list[Header]
    scans: int
    dropped: int


def _preference(body: _Body) -> tuple:
    first = min(body.headers, key=_when)
    return -len(body.headers), sharp_kernel(first.text("ConvolutionKernel")), _when(first)


def _together(parts: Sequence[_Part]) -> list[list[_Part]]:
    """Put parts that adjoin together, in the order of time."""
    bodies: list[list[_Part]] = []
    for part in sorted(parts, key=lambda part: min(map(_when, part.headers))):
        for body in bodies:
            if all(part.adjoins(other) for other in body):
                body.append(part)
                break
        else:
            bodies.append([part])
    return bodies


def _joined(parts: Sequence[_Part]) -> _Body:
    """Join parts that adjoin: where they overlap the one with more slices is kept."""
    ranked = sorted(parts, key=lambda part: -len(part.headers))
    headers: list[Header] = []
    dropped = 0
    for n, part in enumerate(ranked):
        for header, height in zip(part.headers, part.heights, strict=True):
            if any(other.holds(height) for other in ranked[:n]):
                dropped += 1
            else:
                headers.append(header)
    return _Body(headers, len(parts), dropped)


def _places(headers: Sequence[Header]) -> list[list[Header]]:
    """Collect slices by position along the normal."""
    heights = along(headers)
    places: list[list[Header]] = []
    last = None
    for index in np.argsort(heights, kind="stable"):
        if last is None or heights[index] - last > SAME_POSITION_MM:
            places.append([])
        places[-1].append(headers[index])
        last = heights[index]
    return places


def _parts(headers: Sequence[Header], depth: int) -> list[_Part]:
    """Divide slices so that no two of one part are at one position."""
    heights = {id(h): z for h, z in zip(headers, along(headers), strict=True)}
    for tags in _PHASE_TAGS:
        parts = _divided(headers, tags)
        # A tag with a value of its own for every slice separates anything and means nothing.
        if 1 < len(parts) <= max(2 * depth, len(headers) // 2) and all(
            len(_places(part)) == len(part) for part in parts
        ):
            break
    else:
        by_turn: dict[int, list[Header]] = defaultdict(list)
        for members in _places(headers):
            for turn, header in enumerate(sorted(members, key=_when)):
                by_turn[turn].append(header)
        parts = list(by_turn.values())
    return [_Part(part, np.array([heights[id(h)] for h in part])) for part in parts]


def _exposures(headers: Sequence[Header]) -> list[_Part]:
    """Divide slices by exposure, where the headers leave no doubt that there are several."""
    heights = {id(h): z for h, z in zip(headers, along(headers), strict=True)}
    for tags in _EXPOSURE_TAGS[:2]:
        parts = _divided(headers, tags)
        if len(parts) == 1 or any(len(part) < 2 for part in parts):
            continue
        if tags == ("IrradiationEventUID",) or _one_after_the_other(parts):
            break
    else:
        parts = [list(headers)]
    return [_Part(part, np.array([heights[id(h)] for h in part])) for part in parts]


def _divided(headers: Sequence[Header], tags: tuple[str, ...]) -> list[list[Header]]:
    parts: dict[str, list[Header]] = defaultdict(list)
    for header in headers:
        parts["\n".join(header.text(tag) for tag in tags)].append(header)
    return list(parts.values())


def _one_after_the_other(parts: Sequence[Sequence[Header]]) -> bool:
    """Return whether each part was exposed before the next one began."""
    spans = []
    for part in parts:
        times = [time for header in part if (time := acquisition_datetime(header))]
        if not times:
            return False
        spans.append((min(times), max(times)))
    spans.sort()
    return all(end < start for (_, end), (start, _) in pairwise(spans))


def _when(header: Header) -> tuple[str, float, str, int]:
    """Return what sorts by time, then instance number, then file."""
    time = header.text("AcquisitionDateTime") or header.text("AcquisitionTime")
    time = time or header.text("ContentTime")
    return time, header.number("InstanceNumber") or 0.0, header.path, header.frame
