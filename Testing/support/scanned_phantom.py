"""A small phantom as DICOM files, with its dose report, in the host's DICOM database."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

import pydicom
from module_steps import SMALL

# What the images are left without, so that the dose report has something to add.
LACKING = ("CTDIvol", "CTDIPhantomTypeCodeSequence", "SpiralPitchFactor")


def write_scan(folder: Path, *, seed: int = 1) -> Path:
    """Write ``folder/dicom`` and ``folder/rdsr``, the images without the tags of `LACKING`."""
    shutil.copytree(_made(seed), folder)
    return folder


@functools.cache
def _made(seed: int) -> Path:
    """Make the files once for all tests."""
    from CTDoseSegLib.phantom.dicom_files import write_dicom
    from CTDoseSegLib.phantom.phantom import Phantom

    folder = Path(tempfile.mkdtemp(prefix="ctdoseseg-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    write_dicom(Phantom(seed=seed, **SMALL), folder / "scan")
    for path in (folder / "scan" / "dicom").iterdir():
        change(path, **dict.fromkeys(LACKING))
    return folder / "scan"


def change(path: Path, **tags) -> None:
    """Change tags of a file; None takes one out."""
    data = pydicom.dcmread(path)
    for keyword, value in tags.items():
        if value is not None:
            setattr(data, keyword, value)
        elif keyword in data:
            delattr(data, keyword)
    data.save_as(path)


def report_of(folder: Path) -> Path:
    """Return the file of the dose report."""
    return folder / "rdsr" / "dose_report.dcm"


def load_scan(host, folder: Path, *, report: bool = True):
    """Index the files, as an import does, and load the CT; returns its volume."""
    import slicer
    from DICOMLib import DICOMUtils

    (uid,) = host.database.index_folder(folder / "dicom")
    if report:
        host.database.index_folder(folder / "rdsr")
    (identifier,) = DICOMUtils.loadSeriesByUID([uid])
    return slicer.mrmlScene.GetNodeByID(identifier)
