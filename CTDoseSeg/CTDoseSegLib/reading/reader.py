"""`read_series`: whatever files a CT came in, as a `CTSeries`.

DICOM goes through a straight pipe: headers, groups, choice, volume, exposure, dose report. Each
stage is finished before the next and has a module of its own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from ..ct.acquisition import read_typed_acquisition
from ..ct.dose_report import DoseReport
from ..ct.series import CTSeries
from ..errors import InputError
from ..flags import flag
from ..tasks.progress import Progress
from .array_series import pixel_identity
from .choice import Choice, candidates_of, choose_group
from .dicom_volume import DicomVolume, stack_volume
from .dose_report_file import read_dose_report
from .dose_report_use import reports_in, with_dose_report
from .exposure import SeriesExposure, read_exposure
from .grouping import group_slices
from .headers import FolderHeaders, is_folder, read_headers
from .irradiation_events import folder_events
from .series_description import description
from .typed_values import with_typed
from .volume_file import is_volume_file, read_volume_file

HEADERS_SHARE = 0.4  # of the progress: headers first, then pixels


def read_series(
    path: str | Path,
    *,
    series_uid: str | None = None,
    acquisition: str | Path | None = None,
    rdsr: str | Path | None = None,
    progress: Progress | None = None,
) -> CTSeries:
    """Read a CT series.

    Parameters
    ----------
    path
        A DICOM file or folder (searched with its subfolders), ``.nii``, ``.nii.gz``, ``.nrrd``,
        ``.npy`` with ``.json`` beside it, or a ``.files`` list of DICOM files.
    series_uid
        Which series of a DICOM folder, by its UID or the end of it; else the best-ranked one
        (`selection`).
    acquisition
        JSON file of values that a user typed; they replace those of the image and the report.
    rdsr
        Dose report (X-Ray Radiation Dose SR) of the examination; else one of the same study that
        lies in the folder is used. It adds what the images lack.
    progress
        Receives progress; may cancel.

    Returns
    -------
    CTSeries

    Raises
    ------
    InputError
        Or one of its kinds, if no CT can be read: the sentence names the file or tag.
    SeveralPatientsError
        If a folder holds several patients and `series_uid` does not name one's series.
    Cancelled
        If `progress` was cancelled.

    Examples
    --------
    >>> import tempfile
    >>> from CTDoseSegLib.phantom.dicom_files import write_dicom
    >>> from CTDoseSegLib.phantom.phantom import Phantom
    >>> phantom = Phantom(variant="chest", shape=(64, 64, 3), spacing_mm=(7, 7, 5))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = write_dicom(phantom, folder)
    ...     series = read_series(f"{folder}/dicom")
    >>> series.hu.shape
    (3, 64, 64)
    >>> series.spacing_mm
    (7.0, 7.0, 5.0)
    >>> series.acquisition.kvp_kV, series.acquisition.sources["kvp_kV"]
    (120.0, 'image (0018,0060)')
    """
    progress = progress or Progress()
    path = Path(path)
    typed = read_typed_acquisition(acquisition) if acquisition is not None else None
    report = read_dose_report(rdsr) if rdsr is not None else None
    if _is_volume_file(path):
        series = with_dose_report(read_volume_file(path), report=report)
    else:
        series = _read_dicom(path, series_uid, report, progress)
    progress.update(1.0, "reading done")
    return with_typed(series, typed) if typed else series


def _is_volume_file(path: Path) -> bool:
    """Return whether to read a volume file; raise InputError where there is nothing to read."""
    try:
        exists, folder = path.exists(), is_folder(path)
    except (OSError, ValueError) as error:
        raise InputError("The input path cannot be opened; check it.") from error
    if not exists:
        raise InputError(f"{path.name} does not exist; check the path.")
    if folder or not is_volume_file(path):
        return False
    if path.stat().st_size == 0:
        raise InputError(f"{path.name} is empty (0 bytes); copy or export it again.")
    return True


def _read_dicom(
    path: Path, series_uid: str | None, report: DoseReport | None, progress: Progress
) -> CTSeries:
    files = read_headers(path, progress, HEADERS_SHARE)
    groups = group_slices(files.headers)
    candidates = candidates_of(groups, series_uid)
    reports = reports_in(groups) if is_folder(path) and report is None else None
    choice = choose_group(
        candidates,
        reports.groups if reports is not None else (),
        asked_for=series_uid is not None or not is_folder(path),
    )
    volume = stack_volume(choice.group, progress, (HEADERS_SHARE, 1.0))
    exposure = read_exposure(volume.headers, volume.z_mm)
    series = _series(files, choice, volume, exposure)
    of_patient = [group for group in groups if group.patient == choice.group.patient]
    series = replace(series, folder_events=folder_events(of_patient, volume.headers))
    return with_dose_report(series, volume.headers, report, reports)


def _series(
    files: FolderHeaders, choice: Choice, volume: DicomVolume, exposure: SeriesExposure
) -> CTSeries:
    """Return the series that the stages have read."""
    flags = [*files.flags, *choice.flags, *volume.flags, *exposure.flags]
    unreadable = Counter(keyword for header in volume.headers for keyword in header.problems)
    if unreadable:
        flags.append(flag("tags_unreadable", ", ".join(sorted(unreadable))))
    first = volume.headers[0]
    return CTSeries(
        hu=volume.hu,
        affine=volume.affine,
        slices=exposure.slices,
        acquisition=exposure.acquisition,
        identity=first.text("SeriesInstanceUID") or pixel_identity(volume.hu),
        regular=volume.regular,
        flags=tuple({f.code: f for f in reversed(flags)}.values())[::-1],
        files=tuple(dict.fromkeys(header.path for header in volume.headers)),
        description=description(first),
        left_out=(*choice.left_out, *files.left_out),
    )
