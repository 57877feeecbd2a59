"""What a study of an archive holds: its irradiation events, each with its best-ranked series.

Pixels are read only where fields of view differ. Phases of a scan are events of their own and add
up; reconstructions of one event do not, and the best-ranked by the criteria of `selection` stands
for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..dicom.header import Header
from ..dicom.header_file import iter_frames
from ..dicom.identity import safe_text, without_file_name
from ..errors import InputError
from .choice import Candidate, with_zoomed
from .copies import damaged_copies, file_mark
from .dose_report_file import SOP_CLASSES
from .grouping import SliceGroup, group_slices
from .header_cache import StudyHeaders
from .irradiation_events import same_exposure
from .selection import SeriesCandidate, choose
from .series_description import candidate_of

BOLUS = "it is a single position beside longer scans (bolus tracking)"


@dataclass(frozen=True)
class ArchivedSeries:
    """One series, or a part of it that can be stacked.

    Attributes
    ----------
    series_uid
        May be empty.
    description, kernel
        Without identity.
    n_images, thickness_mm, extent_mm, rows, columns
        Its size.
    files
        Of its images.
    """

    series_uid: str
    description: str
    kernel: str
    n_images: int
    thickness_mm: float | None
    extent_mm: float
    rows: int
    columns: int
    files: tuple[str, ...]

    @property
    def folders(self) -> tuple[str, ...]:
        """Folders of its files."""
        return tuple(dict.fromkeys(os.path.dirname(file) for file in self.files))


@dataclass(frozen=True)
class ArchivedScan:
    """One irradiation event.

    Attributes
    ----------
    series
        The best-ranked of its series.
    files
        What to read it from: (file, folder) of the whole study, or of the series and the dose
        reports where the study holds several patients or the series cannot be named.
    whole_study
        Those are all files of the study.
    """

    series: ArchivedSeries
    files: tuple[tuple[str, str], ...]
    whole_study: bool


@dataclass(frozen=True)
class LeftOut:
    """What is no scan: a series, or a file that cannot be read; and why."""

    reason: str
    series: ArchivedSeries | None = None
    file: str = ""


@dataclass(frozen=True)
class ArchivedStudy:
    """The scans of a study, what was left out, and the number of its dose reports."""

    scans: tuple[ArchivedScan, ...]
    left_out: tuple[LeftOut, ...]
    dose_reports: int


def sort_study(study: StudyHeaders, local: Callable[[str], str] | None = None) -> ArchivedStudy:
    """Sort the files of a study into irradiation events.

    Parameters
    ----------
    study
        Its headers.
    local
        Returns where a header's file can be read, which for a member of an archive is elsewhere.

    Returns
    -------
    ArchivedStudy
    """
    headers, left_out = _frames(study.headers, local)
    groups = group_slices(headers)
    reports = [group for group in groups if _is_report(group)]
    usable: list[Candidate] = []
    for index, group in enumerate(group for group in groups if not _is_report(group)):
        candidate = Candidate(group, candidate_of(group.headers, index=index))
        best, reasons = choose([candidate.described])
        if best is None:
            left_out.append(LeftOut(_reason(reasons), _archived(candidate)))
        else:
            usable.append(candidate)
    scans: list[Candidate] = []
    for members in _events(usable):
        event = with_zoomed(members, local)
        best = _best_ranked(event)
        for candidate in event:
            if candidate.described is best:
                scans.append(candidate)
                continue
            _, reasons = choose([best, candidate.described])
            left_out.append(LeftOut(_reason(reasons), _archived(candidate)))
    longest = max((scan.described.extent_mm for scan in scans), default=0.0)
    archived = []
    for scan in scans:
        if longest and not scan.described.extent_mm:
            left_out.append(LeftOut(BOLUS, _archived(scan)))
            continue
        # A series without a UID cannot be named among others: it is read from its own files.
        unnamed = not scan.described.series_uid and len(scans) > 1
        whole = len({group.patient for group in groups}) == 1 and not unnamed
        files = tuple(zip((header.path for header in study.headers), study.folders, strict=True))
        if not whole:
            own = {h.path for group in (scan.group, *reports) for h in group.headers}
            files = tuple((file, folder) for file, folder in files if file in own)
        archived.append(ArchivedScan(_archived(scan), files, whole))
    n_reports = sum(len(group.headers) for group in reports)
    return ArchivedStudy(tuple(archived), tuple(left_out), n_reports)


def _frames(
    headers: Sequence[Header], local: Callable[[str], str] | None
) -> tuple[list[Header], list[LeftOut]]:
    """Return the headers of all slices, and the files that have none or are damaged copies."""
    frames: list[Header] = []
    left_out: list[LeftOut] = []
    damaged = damaged_copies(headers, local)
    for header in damaged:
        mark = file_mark(header.path, header.file_number, local)
        left_out.append(LeftOut(f"{mark} is damaged; an intact copy is there", file=header.path))
    cut = {id(header) for header in damaged}
    for header in headers:
        if id(header) in cut:
            continue
        try:
            frames += iter_frames(header)
        except InputError as error:
            reason = without_file_name(str(error), header.name)
            left_out.append(LeftOut(reason, file=header.path))
    return frames, left_out


def _is_report(group: SliceGroup) -> bool:
    first = group.headers[0]
    return first.text("SOPClassUID") in SOP_CLASSES and first.text("Modality") != "CT"


def _events(candidates: Sequence[Candidate]) -> list[list[Candidate]]:
    """Sort series by irradiation event; parts of one series are of one result."""
    events: list[list[Candidate]] = []
    for candidate in candidates:
        for event in events:
            one, other = event[0].group, candidate.group
            if one.patient == other.patient and (
                one.series == other.series or same_exposure(one, other)
            ):
                event.append(candidate)
                break
        else:
            events.append([candidate])
    return events


def _best_ranked(event: Sequence[Candidate]) -> SeriesCandidate:
    """Return the best-ranked series of an event, each of which is usable by itself."""
    best, reasons = choose([candidate.described for candidate in event])
    if best is None:
        raise InputError(f"No series of an irradiation event can be measured: {_reason(reasons)}.")
    return best


def _archived(candidate: Candidate) -> ArchivedSeries:
    described, first = candidate.described, candidate.group.headers[0]
    return ArchivedSeries(
        series_uid=described.series_uid,
        description=described.description or described.modality,
        kernel=safe_text(first, "ConvolutionKernel"),
        n_images=described.n_slices,
        thickness_mm=described.thickness_mm,
        extent_mm=described.extent_mm,
        rows=first.integer("Rows"),
        columns=first.integer("Columns"),
        files=tuple(header.path for header in candidate.group.headers),
    )


def _reason(sentences: Sequence[str]) -> str:
    """Return the first of the sentences of `choose`, without the series that it names."""
    return sentences[0].partition(" was left out: ")[2].rstrip(".")
