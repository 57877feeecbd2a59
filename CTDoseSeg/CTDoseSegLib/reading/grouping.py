"""Slices of a folder to series, series to consistent parts, parts to one phase."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from ..dicom.decoding import same_pixels
from ..dicom.header import Header
from ..dicom.identity import safe_text
from ..errors import GeometryError
from ..flags import Flag, flag
from .selection import SeriesCandidate, reformat
from .stacking import SAME_POSITION_MM, along, is_axial

# Orientations closer than this are one: half a degree.
SAME_COSINE = 0.009


@dataclass(frozen=True)
class Group:
    """Slices of one series that have one kind, orientation, size and spacing."""

    patient: int
    series: Hashable
    headers: tuple[Header, ...]

    def candidate(self, index: int) -> SeriesCandidate:
        """What the rules of selection need to know."""
        first = self.headers[0]
        axial, extent = None, 0.0
        try:
            axial = is_axial(first)
            extent = float(np.ptp(along(self.headers)))
        except GeometryError:
            pass
        number = first.number("SeriesNumber")
        names = ("XRayTubeCurrent", "XRayTubeCurrentInmA", "CTDIvol", "CTExposureSequence")
        return SeriesCandidate(
            series_uid=first.text("SeriesInstanceUID"),
            patient=self.patient,
            description=safe_text(first, "SeriesDescription"),
            series_number=None if number is None else int(number),
            modality=safe_text(first, "Modality").upper(),
            sop_class=first.text("SOPClassUID"),
            image_type=first.texts("ImageType"),
            kernel=first.text("ConvolutionKernel"),
            n_slices=len(self.headers),
            thickness_mm=first.number("SliceThickness"),
            extent_mm=extent,
            axial=axial,
            has_exposure=any(name in first.values for name in names),
            index=index,
        )


def group(headers: Sequence[Header]) -> list[Group]:
    """Group slices by patient, study, series and, within a series, by what can be stacked."""
    patients: dict[str, int] = {}
    found: dict[Hashable, list[Header]] = defaultdict(list)
    directions: list[tuple[float, ...]] = []
    for header in headers:
        patient = patients.setdefault(_patient(header), len(patients))
        series = (patient, header.text("StudyInstanceUID"), *_series(header))
        found[(patient, series, _part(header, directions))].append(header)
    return [Group(key[0], key[1], tuple(members)) for key, members in found.items()]


def _patient(header: Header) -> str:
    """What tells patients apart: the ID, else name and birth date. Never shown."""
    return (
        header.text("PatientID")
        or "\n".join((header.text("PatientName").upper(), header.text("PatientBirthDate"))).strip()
    )


def _series(header: Header) -> tuple[str, ...]:
    """The series UID; where it is blank, the tags that differ between series."""
    if uid := header.text("SeriesInstanceUID"):
        return (uid,)
    keys = (
        "FrameOfReferenceUID",
        "SeriesNumber",
        "SeriesDescription",
        "ConvolutionKernel",
        "IrradiationEventUID",
        "SliceThickness",
    )
    return ("", *(header.text(key) for key in keys))


def _part(header: Header, directions: list[tuple[float, ...]]) -> tuple[Hashable, ...]:
    """What must be alike in slices that are stacked; rounding does not divide.

    `directions` collects the orientations met so far.
    """
    cosines = header.numbers("ImageOrientationPatient")
    for known in directions:
        if len(known) == len(cosines) and np.allclose(known, cosines, rtol=0, atol=SAME_COSINE):
            cosines = known
            break
    else:
        directions.append(cosines)
    kind = tuple(value.upper().strip() for value in header.texts("ImageType")[2:3])
    return (
        header.text("Modality"),
        header.text("SOPClassUID"),
        kind if kind == ("LOCALIZER",) else (),
        cosines,
        header.integer("Rows"),
        header.integer("Columns"),
        tuple(round(v, 4) for v in header.numbers("PixelSpacing")),
    )


def one_phase(headers: Sequence[Header]) -> tuple[list[Header], list[Flag]]:
    """One slice for each position: repeated slices dropped, of several phases one taken.

    Phases are told apart by the first of acquisition number, temporal position, irradiation
    event, cardiac phase, kVp, kernel, thickness, image type and times that puts no two slices of
    one phase at one position; else by the order of instance numbers. Taken is the phase with the
    most slices, of these the first in time.
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
    """Slices by position along the normal."""
    heights = along(headers)
    places: list[list[Header]] = []
    last = None
    for index in np.argsort(heights, kind="stable"):
        if last is None or heights[index] - last > SAME_POSITION_MM:
            places.append([])
        places[-1].append(headers[index])
        last = heights[index]
    return places


_PHASE_KEYS: tuple[tuple[str, ...], ...] = (
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
    for keys in _PHASE_KEYS:
        parts: dict[str, list[Header]] = defaultdict(list)
        for header in headers:
            parts["\n".join(header.text(key) for key in keys)].append(header)
        # A key with a value of its own for every slice separates anything and means nothing.
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
    """Sorts by time, then instance number, then file."""
    time = header.text("AcquisitionDateTime") or header.text("AcquisitionTime")
    time = time or header.text("ContentTime")
    return time, header.number("InstanceNumber") or 0.0, header.path, header.frame


def kind_flags(headers: Sequence[Header]) -> list[Flag]:
    """What the series' own description says against it."""
    flags = []
    first = headers[0]
    kinds = [value.upper().strip() for value in first.texts("ImageType")]
    if kinds[:1] == ["DERIVED"]:
        flags.append(flag("derived", "\\".join(kinds)))
    if reformat(Group(0, 0, tuple(headers)).candidate(0)):
        flags.append(flag("reformat"))
    other = {"PERFUSION", "RCBF", "RCBV", "MTT", "EFFECTIVE_Z", "ELECTRON_DENSITY", "CBCT"}
    text = f"{first.text('ManufacturerModelName')} {first.text('SeriesDescription')}".upper()
    if found := sorted(other & set(kinds)) or re.findall(r"\bCBCT\b|CONE.?BEAM|\bOBI\b", text):
        flags.append(flag("not_hu", f"the images are described as {', '.join(found)}"))
    thickness = Counter(header.number("SliceThickness") for header in headers)
    if len(thickness) > 1:
        flags.append(flag("thickness_varies", f"{len(thickness)} values"))
    if len({h.text("IrradiationEventUID") for h in headers} - {""}) > 1:
        flags.append(flag("several_events"))
    return flags


def description(header: Header) -> str:
    """Series number and description without the patient's identity."""
    number = header.number("SeriesNumber")
    said = safe_text(header, "SeriesDescription")
    return " ".join(([f"{int(number)}"] if number is not None else []) + ([said] if said else []))


def several_patients(candidates: Sequence[SeriesCandidate]) -> str:
    """The sentence that lists the series of several patients."""
    patients = len({candidate.patient for candidate in candidates})
    lines = [
        f"patient {c.patient + 1}: {c.label}, UID ...{c.series_uid[-8:]}"
        for c in sorted(candidates, key=lambda c: c.patient)
    ]
    more = f"; and {len(lines) - 20} more" if len(lines) > 20 else ""
    return (
        f"The folder holds {patients} patients; give the folder of one, or name the series by the "
        f"end of its UID: {'; '.join(lines[:20])}{more}."
    )
