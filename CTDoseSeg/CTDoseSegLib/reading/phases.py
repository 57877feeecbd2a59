"""One slice for each position: repeated slices and further phases of a series are left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from ..dicom.decoding import same_pixels
from ..dicom.header import Header
from ..flags import Flag, flag
from .stacking import SAME_POSITION_MM, along


def one_phase(headers: Sequence[Header]) -> tuple[list[Header], list[Flag]]:
    """Take one slice for each position: repeated slices are dropped, of several phases one stays.

    Phases are distinguished by the first of acquisition number, temporal position, irradiation
    event, cardiac phase, kVp, kernel, thickness, image type and times that puts no two slices of
    one phase at one position; else by the order of instance numbers. The phase with the most
    slices is taken, of these the first in time.

    Parameters
    ----------
    headers
        Of one group.

    Returns
    -------
    slices : list of Header
        No two at one position.
    flags : list of Flag
    """
    flags: list[Flag] = []
    places = _places(headers)
    if len(places) == len(headers):
        return list(headers), flags
    kept: list[Header] = []
    for members in places:
        different: list[Header] = []
        for header in sorted(members, key=_when):
            if not any(same_pixels(header, other) for other in different):
                different.append(header)
        kept += different
    if dropped := len(headers) - len(kept):
        flags.append(flag("duplicates_dropped", f"{dropped} slices"))
    if len(kept) == len(places):
        return kept, flags
    phases = _phases(kept, max(len(members) for members in _places(kept)))
    phases.sort(key=lambda phase: (-len(phase), min(_when(header) for header in phase)))
    flags.append(
        flag(
            "phases_left_out",
            f"{len(phases)} phases, of which one with {len(phases[0])} slices was taken and "
            f"{len(kept) - len(phases[0])} slices were left out",
        )
    )
    return phases[0], flags


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


_PHASE_TAGS: tuple[tuple[str, ...], ...] = (
    ("AcquisitionNumber",),
    ("TemporalPositionIdentifier",),
    ("IrradiationEventUID",),
    ("NominalPercentageOfCardiacPhase",),
    ("KVP",),
    ("ConvolutionKernel",),
    ("SliceThickness",),
    ("ImageType",),
    ("AcquisitionDateTime", "AcquisitionTime"),
    ("ContentTime",),
)


def _phases(headers: Sequence[Header], depth: int) -> list[list[Header]]:
    for tags in _PHASE_TAGS:
        parts: dict[str, list[Header]] = defaultdict(list)
        for header in headers:
            parts["\n".join(header.text(tag) for tag in tags)].append(header)
        # A tag with a value of its own for every slice separates anything and means nothing.
        if 1 < len(parts) <= 2 * depth and all(
            len(_places(part)) == len(part) for part in parts.values()
        ):
            return list(parts.values())
    by_turn: dict[int, list[Header]] = defaultdict(list)
    for members in _places(headers):
        for turn, header in enumerate(sorted(members, key=_when)):
            by_turn[turn].append(header)
    return list(by_turn.values())


def _when(header: Header) -> tuple[str, float, str, int]:
    """Return what sorts by time, then instance number, then file."""
    time = header.text("AcquisitionDateTime") or header.text("AcquisitionTime")
    time = time or header.text("ContentTime")
    return time, header.number("InstanceNumber") or 0.0, header.path, header.frame
