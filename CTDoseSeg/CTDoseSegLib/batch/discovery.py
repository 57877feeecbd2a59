"""What an archive holds as a plan: one scan for each irradiation event, and what is left out."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import InputError
from ..reading.archive import ArchivedScan, ArchivedSeries, ArchivedStudy, sort_study
from ..reading.header_cache import HeaderCache, StudyHeaders
from ..reading.volume_file import is_volume_file
from ..tasks.progress import Progress
from .label_maps import why_label_map
from .plan import NO, SEPARATOR, YES, PlannedScan
from .walk import ArchivedFile, is_member, unpack, walk

_FILES_BETWEEN_PROGRESS = 250


def discover(root: str | Path, progress: Progress | None = None) -> Iterator[PlannedScan]:
    """Yield the scans of an archive, those to be analysed and those left out.

    Parameters
    ----------
    root
        Folder, zip archive, DICOMDIR or file.
    progress
        Takes progress; may cancel.

    Yields
    ------
    PlannedScan
        Study by study; then volume files, then what cannot be read.

    Raises
    ------
    InputError
        If `root` does not exist.
    """
    progress = progress or Progress()
    volumes: list[str] = []
    with HeaderCache() as cache, tempfile.TemporaryDirectory(prefix="ctdoseseg-") as scratch:
        for n, file in enumerate(walk(Path(root))):
            if n % _FILES_BETWEEN_PROGRESS == 0:
                progress.update(0.0, f"looking at file {n + 1}")
            if is_volume_file(Path(file.source)) and not is_member(file.source):
                volumes.append(file.source)
            else:
                _add(file, cache, Path(scratch) / "member")
        cache.finish()

        def local(source: str) -> str:
            return _local(source, Path(scratch) / "member")

        number = 0
        for headers in cache.studies():
            number += 1
            progress.check_cancelled()
            yield from _study_rows(number, headers, cache, local)
        for path in volumes:
            number += 1
            reason = why_label_map(path)
            include = NO if reason else YES
            yield PlannedScan(
                include, number, path, description="volume file", n_images=0, reason=reason
            )
        for problem in cache.problems():
            number += 1
            plural = "" if problem.count == 1 else "s"
            reason = f"{problem.count} file{plural} cannot be read, the first: {problem.sentence}"
            yield PlannedScan(NO, number, problem.folder, reason=reason, n_images=problem.count)


def _add(file: ArchivedFile, cache: HeaderCache, scratch: Path) -> None:
    """Add a file, or a member of an archive, to the headers."""
    path, problem = file.source, file.problem
    if not problem and is_member(path):
        path, problem = str(scratch), _unpack(path, scratch)
    if problem:
        cache.add_problem(file.source, file.folder, problem)
    else:
        cache.add_file(path, file.source, file.folder)


def _unpack(source: str, scratch: Path) -> str:
    """Unpack a member of an archive; return why it cannot be, or an empty string."""
    try:
        unpack(source, scratch)
    except InputError as error:
        return str(error)
    except OSError as error:
        return f"It cannot be read ({error.strerror}); check its permissions."
    return ""


def _local(source: str, scratch: Path) -> str:
    """Return where a file can be read: a member of an archive is unpacked for it."""
    if not is_member(source):
        return source
    unpack(source, scratch)
    return str(scratch)


def _study_rows(
    number: int, headers: StudyHeaders, cache: HeaderCache, local: Callable[[str], str]
) -> Iterator[PlannedScan]:
    """Yield the rows of one study: its scans, then what is left out."""
    study = sort_study(headers, local)
    own = {f for f in dict.fromkeys(headers.folders) if not cache.is_shared(f, headers.uid)}
    copies = f"{headers.copies} files are copies of others and are left out"
    for scan in study.scans:
        whole_folders = own if scan.whole_study and not headers.copies else set()
        yield _row(
            number,
            headers.uid,
            study,
            scan.series,
            include=YES,
            source=SEPARATOR.join(_sources(scan, whole_folders)),
            reason=copies if headers.copies else "",
        )
    if not study.scans and not study.left_out and study.dose_reports:
        reason = "it has a dose report and no CT"
        yield PlannedScan(NO, number, headers.folders[0], reason=reason)
    for left_out in study.left_out:
        if left_out.series is None:
            yield PlannedScan(
                NO, number, left_out.file, reason=left_out.reason, study_uid=headers.uid
            )
            continue
        yield _row(
            number,
            headers.uid,
            study,
            left_out.series,
            include=NO,
            source=SEPARATOR.join(left_out.series.folders),
            reason=left_out.reason,
        )


def _row(
    number: int,
    study_uid: str,
    study: ArchivedStudy,
    series: ArchivedSeries,
    *,
    include: str,
    source: str,
    reason: str,
) -> PlannedScan:
    return PlannedScan(
        include=include,
        study=number,
        source=source,
        description=series.description,
        kernel=series.kernel,
        n_images=series.n_images,
        thickness_mm=series.thickness_mm,
        extent_mm=series.extent_mm,
        rows=series.rows,
        columns=series.columns,
        dose_reports=study.dose_reports,
        reason=reason,
        study_uid=study_uid,
        series_uid=series.series_uid,
    )


def _sources(scan: ArchivedScan, whole_folders: set[str]) -> list[str]:
    """Return folders and archives that hold this study alone by name, other files one by one."""
    sources = (folder if folder in whole_folders else file for file, folder in scan.files)
    return list(dict.fromkeys(sources))
