"""The dose report of a CT in the scene: found in Slicer's DICOM database, or a file of the user."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from ...dicom.header_file import read_header
from ...errors import DoseReportError, InputError
from ...reading.dose_report_file import read_dose_report
from ...reading.dose_report_use import reports_in, with_dose_report
from ...reading.grouping import group_slices
from .volumes import study_files

if TYPE_CHECKING:
    from ...ct.series import CTSeries
    from ...dicom.header import Header

# Instead of a file: the report of the same study in the DICOM database, or none at all.
AUTO, NONE = "auto", "none"


def with_chosen_report(
    series: CTSeries, headers: Sequence[Header], volumeNode: Any, choice: str
) -> CTSeries:
    """Return `series` with the dose report that was chosen for it.

    Parameters
    ----------
    series, headers
        Of the volume in its own coordinates; no headers without DICOM files.
    volumeNode
        Whose study is looked for in the database.
    choice
        ``auto``, ``none`` or a file. With ``auto`` a report that is not of these images leaves a
        flag, and what came with the volume itself stays.

    Raises
    ------
    DoseReportError
        If the file is no dose report, cannot be read, or is not of these images.
    """
    if choice == NONE:
        return series
    if choice != AUTO:
        return _with_file(series, headers, choice)
    if series.dose_report is not None:
        return series
    found = [header for file in study_files(volumeNode, "SR") if (header := _header(file))]
    own = [header for header in found if not _of_another_patient(header, headers)]
    return with_dose_report(series, headers, beside=reports_in(group_slices(own)))


def _with_file(series: CTSeries, headers: Sequence[Header], path: str) -> CTSeries:
    try:
        report = read_dose_report(path)
    except DoseReportError as error:
        # A file's name may be a patient's; the panel shows it in its own place.
        sentence = str(error).replace(os.path.basename(path) or path, _("the file"))
        raise DoseReportError(sentence[:1].upper() + sentence[1:]) from error
    header = _header(path)
    if header is not None and _of_another_patient(header, headers):
        raise DoseReportError(
            _(
                "The dose report is of another patient: its patient ID (0010,0020) is not that of "
                "the images; choose the report of this examination, or leave it out."
            )
        )
    before = replace(series, dose_report=None)
    reported = with_dose_report(before, headers, report=report)
    if reported.dose_report is None:
        reasons = [one.detail for one in reported.flags if one.code == "rdsr_no_match"]
        raise DoseReportError(
            _(
                "The dose report is not that of these images: {reason}; choose the report of this "
                "examination, or leave it out."
            ).format(reason=reasons[-1])
        )
    return reported


def _header(path: str) -> Header | None:
    try:
        return read_header(path)
    except (InputError, OSError):
        return None  # the database may list files that were moved


def _of_another_patient(header: Header, headers: Sequence[Header]) -> bool:
    """Return whether both state a patient ID, and not the same."""
    ids = {one.text("PatientID").strip().upper() for one in (header, *headers[:1])} - {""}
    return len(ids) > 1
