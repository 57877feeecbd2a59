"""The functions of `DICOMLib` that modules and self tests call."""

from __future__ import annotations

import shutil
import tempfile
import types
from contextlib import contextmanager

import slicer

from slicerhost.dicom.loading import load_series, sorted_along_normal


def loadSeriesByUID(seriesUIDs, messages=None, progressCallback=None, enabledPluginClassNames=None):
    """Load series of the database; returns the IDs of the volume nodes."""
    if isinstance(seriesUIDs, str):
        raise TypeError("loadSeriesByUID takes a list of UIDs.")
    return [load_series(uid).GetID() for uid in seriesUIDs]


def importDicom(dicomDataDir, dicomDatabase=None, copyFiles=False):
    """Index a folder; with `copyFiles` copies of its files, which outlive it."""
    if copyFiles:
        copied = tempfile.mkdtemp(prefix="database-", dir=slicer.app.temporaryPath)
        dicomDataDir = shutil.copytree(dicomDataDir, copied, dirs_exist_ok=True)
    (dicomDatabase or slicer.dicomDatabase).index_folder(dicomDataDir)
    return True


class DICOMSendDialog:
    """Slicer's dialog, which sends files; here it keeps what it was given."""

    opened: list[list[str]] = []  # noqa: RUF012 - read by tests

    def __init__(self, files, parent="mainWindow"):
        self.opened.append(list(files))


def allSeriesUIDsInDatabase(database=None):
    """UIDs of all series."""
    database = database or slicer.dicomDatabase
    return [
        series
        for patient in database.patients()
        for study in database.studiesForPatient(patient)
        for series in database.seriesForStudy(study)
    ]


def getSortedImageFiles(filePaths, epsilon=0.01):
    """Files along the slice normal; distances and warnings are not computed here."""
    return list(sorted_along_normal(filePaths)), {}, ""


@contextmanager
def TemporaryDICOMDatabase(directory=None):
    """The host's database is temporary anyway."""
    yield slicer.dicomDatabase


def make_modules() -> dict[str, types.ModuleType]:
    """`DICOMLib` and `DICOMLib.DICOMUtils` for sys.modules."""
    utils = types.ModuleType("DICOMLib.DICOMUtils")
    for function in (
        loadSeriesByUID,
        importDicom,
        allSeriesUIDsInDatabase,
        getSortedImageFiles,
        TemporaryDICOMDatabase,
    ):
        setattr(utils, function.__name__, function)
    library = types.ModuleType("DICOMLib")
    library.DICOMUtils = utils
    library.DICOMSendDialog = DICOMSendDialog
    library.__path__ = []
    return {"DICOMLib": library, "DICOMLib.DICOMUtils": utils}
