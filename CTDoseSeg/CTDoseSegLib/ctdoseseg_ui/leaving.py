"""A result of the scene as DICOM objects of its CT's study, in Slicer's DICOM database."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from ..errors import InputError, OutputError
from . import packages
from .staging import StagedAnalysis, removed_on_failure, temporary_folder

if TYPE_CHECKING:
    from ..segmentation.labelmap import Labelmap
    from .nodes.results import Results

KINDS = "seg,sr,rtdose"


def stage_dicom(results: Results, labelmap: Labelmap, pdf: bytes | None) -> StagedAnalysis:
    """Return a task that writes the DICOM objects of a result to a temporary folder.

    Parameters
    ----------
    results
        The result; its CT was loaded from Slicer's DICOM database.
    labelmap
        Of the result.
    pdf
        The report; None: without it.

    Raises
    ------
    InputError
        If the CT is not from the database.
    OutputError
        If the folder for temporary files is full or cannot be written.
    DependencyError
        If the user refuses the package that writes the objects.
    """
    from ..outputs.dose_maps import write_dose_map
    from ..outputs.result_json import write_result_json
    from ..outputs.tables import write_label_tables
    from ..reading.headers import FILE_LIST
    from ..reading.npy_volume import write_npy_array
    from .nodes.dose_map import stored_dose
    from .nodes.volumes import dicom_files

    files = dicom_files(results.volume)[0]
    if not files:
        raise InputError(
            _(
                "The CT was not loaded from Slicer's DICOM database, or is gone from it: DICOM "
                "objects need the study that they belong to."
            )
        )
    packages.ensure("dicom")
    folder = temporary_folder()
    with removed_on_failure(folder):
        stored = folder / "result"
        stored.mkdir()
        labels = stored / "segmentation.npy"
        write_npy_array(labelmap.labels, labelmap.affine, labels)
        write_label_tables(labelmap, stored)
        result = results.result
        summary = replace(result.segmentation, file=labels.name)
        write_result_json(replace(result, segmentation=summary), stored / "result.json")
        if results.simulated and (dose_map := stored_dose(results)) is not None:
            write_dose_map(dose_map, stored)
        given = folder / f"ct{FILE_LIST}"
        given.write_bytes(b"\0".join(map(os.fsencode, files)))
        output = folder / "dicom"
        arguments = ["dicom", str(stored), str(given), "--output", str(output), "--same-voxels"]
        if pdf is not None:
            report = folder / "report.pdf"
            report.write_bytes(pdf)
            arguments += ["--kinds", f"{KINDS},pdf", "--pdf", str(report)]
        else:
            arguments += ["--kinds", KINDS]
    return StagedAnalysis(results.volume, "", folder, arguments, None, {}, output)


def put_into_database(folder: Path) -> list[str]:
    """Copy DICOM files into Slicer's database; return where they are there.

    Raises
    ------
    OutputError
        If there is no database, or it does not take one.
    """
    from DICOMLib import DICOMUtils

    from .nodes.volumes import database

    known = database()
    if known is None:
        raise OutputError(_("Slicer has no open DICOM database; open the module DICOM first."))
    uids = [_uid(path) for path in sorted(folder.glob("*.dcm"))]
    DICOMUtils.importDicom(str(folder), known, copyFiles=True)
    files = [known.fileForInstance(uid) for uid in uids]
    if not all(files):
        raise OutputError(_("Slicer's DICOM database has not taken all objects."))
    return files


def _uid(path: Path) -> str:
    import pydicom

    data: Any = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPInstanceUID"])
    return str(data.SOPInstanceUID)
