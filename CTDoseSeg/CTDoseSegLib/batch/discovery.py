"""What an archive holds: studies and series, one scan for each irradiation event, and the rest.

Pixels are not read. Of the series of one irradiation event the fittest by the rules of
`ct.selection` is taken, so that phases add up and reconstructions do not.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ..dicom.header import Header
from ..dicom.headers import iter_frames, read_header
from ..dicom.identity import safe_text, without_file_name
from ..errors import InputError
from ..reading.dose_report_file import SOP_CLASSES
from ..reading.grouping import Group, group
from ..reading.irradiation_events import same_exposure
from ..reading.selection import SeriesCandidate, choose
from ..reading.volume_file import is_volume_file
from ..tasks.progress import Events
from .header_cache import Spool
from .label_maps import why_label_map
from .plan import NO, SEPARATOR, YES, PlannedScan
from .walk import Found, is_member, unpack, walk

_EVERY = 250
_BOLUS = "it is a single position beside longer scans (bolus tracking)"


def discover(root: str | Path, events: Events | None = None) -> Iterator[PlannedScan]:
    """The scans of an archive, those to be analysed and those left out.

    Parameters
    ----------
    root
        Folder, zip archive, DICOMDIR or file.
    events
        Told of progress; may cancel.

    Raises
    ------
    InputError
        If `root` does not exist.
    """
    events = events or Events()
    volumes: list[str] = []
    with Spool() as spool, tempfile.TemporaryDirectory(prefix="ctdoseseg-") as scratch:
        for number, found in enumerate(walk(Path(root))):
            if number % _EVERY == 0:
                events.progress(0.0, f"looking at file {number + 1}")
            if is_volume_file(Path(found.source)) and not is_member(found.source):
                volumes.append(found.source)
            else:
                _look(found, spool, Path(scratch) / "member")
        spool.finish()
        number = 0
        for uid, headers, folders, copies in spool.studies():
            number += 1
            events.check_cancelled()
            yield from _study(number, uid, headers, folders, copies, spool)
        for path in volumes:
            number += 1
            reason = why_label_map(path)
            include = NO if reason else YES
            yield PlannedScan(
                include, number, path, description="volume file", n_images=0, reason=reason
            )
        for problem in spool.problems():
            number += 1
            plural = "" if problem.count == 1 else "s"
            reason = f"{problem.count} file{plural} cannot be read, the first: {problem.sentence}"
            yield PlannedScan(NO, number, problem.folder, reason=reason, n_images=problem.count)


def _look(found: Found, spool: Spool, scratch: Path) -> None:
    """Add a file to the spool if it is DICOM, or if it should have been."""
    if found.problem:
        spool.add_problem(found.source, found.folder, found.problem)
        return
    name = os.path.basename(found.source)
    try:
        path = found.source
        if is_member(path):
            unpack(path, scratch)
            path, name = str(scratch), scratch.name
        header = read_header(path)
        if header is None:
            if path.lower().endswith((".dcm", ".ima")) and os.path.getsize(path) == 0:
                raise InputError("it is empty (0 bytes); copy or export it again.")
            return
    except InputError as error:
        said = without_file_name(str(error), name)
        spool.add_problem(found.source, found.folder, said[:1].upper() + said[1:])
    except OSError as error:
        said = f"It cannot be read ({error.strerror}); check its permissions."
        spool.add_problem(found.source, found.folder, said)
    else:
        spool.add(found.source, found.folder, header)


def _study(
    number: int,
    uid: str,
    headers: list[Header],
    folders: list[str],
    copies: int,
    spool: Spool,
) -> Iterator[PlannedScan]:
    """The scans of one study."""
    frames: list[Header] = []
    left_out: list[PlannedScan] = []
    for header in headers:
        try:
            frames += iter_frames(header)
        except InputError as error:
            said = without_file_name(str(error), header.name)
            left_out.append(PlannedScan(NO, number, header.path, reason=said, study_uid=uid))
    groups = group(frames)
    reports = [g for g in groups if g.headers[0].text("SOPClassUID") in SOP_CLASSES]
    reports = [g for g in reports if g.headers[0].text("Modality") != "CT"]
    images = [g for g in groups if g not in reports]
    shared = spool.is_shared
    whole = {f: not shared(f, uid) for f in dict.fromkeys(folders)}
    one_patient = len({g.patient for g in groups}) == 1
    n_reports = sum(len(g.headers) for g in reports)
    usable: list[tuple[Group, SeriesCandidate]] = []
    for index, images_of_one in enumerate(images):
        candidate = images_of_one.candidate(index)
        chosen, reasons = choose([candidate])
        if chosen is None:
            row = _row(number, uid, images_of_one, candidate, n_reports)
            left_out.append(replace(row, include=NO, reason=_without_label(reasons[0])))
        else:
            usable.append((images_of_one, candidate))
    scans = []
    for exposure in _exposures(usable):
        chosen, _ = choose([candidate for _, candidate in exposure])
        for images_of_one, candidate in exposure:
            row = _row(number, uid, images_of_one, candidate, n_reports)
            if candidate is chosen:
                scans.append((images_of_one, candidate, row))
                continue
            _, reasons = choose([chosen, candidate])
            left_out.append(replace(row, include=NO, reason=_without_label(reasons[0])))
    longest = max((candidate.extent_mm for _, candidate, _ in scans), default=0.0)
    for images_of_one, candidate, row in scans:
        if longest and not candidate.extent_mm:
            left_out.append(replace(row, include=NO, reason=_BOLUS))
            continue
        # A series without a UID cannot be named among others: it is handed over alone.
        alone = not candidate.series_uid and len(scans) > 1
        mine = [
            (header, folder)
            for header, folder in zip(headers, folders, strict=True)
            if (one_patient and not alone) or header.path in _paths([images_of_one, *reports])
        ]
        use_folders = one_patient and not alone and not copies
        sources = _sources(mine, whole if use_folders else {})
        said = f"{copies} files are copies of others and are left out" if copies else ""
        yield replace(row, source=SEPARATOR.join(sources), reason=said)
    if not scans and not left_out and reports:
        left_out.append(
            PlannedScan(NO, number, folders[0], reason="it has a dose report and no CT")
        )
    yield from left_out


def _paths(groups: Sequence[Group]) -> set[str]:
    return {header.path for g in groups for header in g.headers}


def _exposures(
    usable: list[tuple[Group, SeriesCandidate]],
) -> list[list[tuple[Group, SeriesCandidate]]]:
    """Series by irradiation event; parts of one series are of one result."""
    exposures: list[list[tuple[Group, SeriesCandidate]]] = []
    for item in usable:
        for exposure in exposures:
            one = exposure[0][0]
            if one.patient == item[0].patient and (
                one.series == item[0].series or same_exposure(one, item[0])
            ):
                exposure.append(item)
                break
        else:
            exposures.append([item])
    return exposures


def _row(
    number: int, uid: str, images: Group, candidate: SeriesCandidate, reports: int
) -> PlannedScan:
    first = images.headers[0]
    return PlannedScan(
        include=YES,
        study=number,
        source=SEPARATOR.join(dict.fromkeys(os.path.dirname(h.path) for h in images.headers)),
        description=candidate.description or safe_text(first, "Modality"),
        kernel=safe_text(first, "ConvolutionKernel"),
        n_images=candidate.n_slices,
        thickness_mm=candidate.thickness_mm,
        extent_mm=candidate.extent_mm,
        rows=first.integer("Rows"),
        columns=first.integer("Columns"),
        dose_reports=reports,
        study_uid=uid,
        series_uid=candidate.series_uid,
    )


def _without_label(sentence: str) -> str:
    return sentence.partition(" was left out: ")[2].rstrip(".")


def _sources(files: list[tuple[Header, str]], whole: dict[str, bool]) -> list[str]:
    """Folders and archives that hold this study alone by their name, other files one by one."""
    sources: dict[str, None] = {}
    for header, folder in files:
        sources[folder if whole.get(folder) else header.path] = None
    return list(sources)
