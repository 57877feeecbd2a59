"""A volume node of the scene: whether it is a CT, where it lies, its files in the database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from ...errors import InputError
from ...reading.npy_volume import stated_of
from .results import OVERLAY

if TYPE_CHECKING:
    from ...ct.series import CTSeries

INSTANCES = "DICOM.instanceUIDs"
# Of a volume whose files are in no DICOM database: what they stated, as JSON.
STATED = "CTDoseSeg.Stated"
SOFT_TISSUE = (400, 40)  # width and level, HU


def add_volume(values: np.ndarray, affine: np.ndarray, name: str) -> Any:
    """Add a CT to the scene, shown with the window of soft tissue; values are HU, [k, j, i]."""
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    slicer.util.updateVolumeFromArray(volume, values)
    volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(affine))
    volume.CreateDefaultDisplayNodes()
    display = volume.GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevel(*SOFT_TISSUE)
    return volume


def require_ct(volumeNode: Any) -> None:
    """Refuse what is no CT volume, with a sentence.

    Raises
    ------
    InputError
        If there is no node, or it is a label map, a colour image, empty, or of another modality.
    """
    if volumeNode is None:
        raise InputError(_("No volume is chosen; load a CT and choose it as the input."))
    name = volumeNode.GetClassName()
    if name != "vtkMRMLScalarVolumeNode":
        raise InputError(
            _(
                "The chosen node is a {kind}, not a CT; choose a scalar volume in Hounsfield units."
            ).format(kind=name.removeprefix("vtkMRML").removesuffix("Node"))
        )
    if volumeNode.GetAttribute(OVERLAY):
        raise InputError(
            _(
                "The chosen volume is a dose overlay, a dose map or the doubt of a result; choose "
                "the CT."
            )
        )
    image = volumeNode.GetImageData()
    if image is None or image.GetNumberOfPoints() == 0:
        raise InputError(_("The volume holds no voxels; load it again."))
    if image.GetNumberOfScalarComponents() != 1:
        raise InputError(_("The volume holds colours or vectors, not CT numbers."))
    modality = _modality(volumeNode)
    if modality not in ("", "CT"):
        raise InputError(
            _(
                "The volume's modality (0008,0060) is {modality}, not CT; choose a CT volume."
            ).format(modality=modality)
        )


def geometry(volumeNode: Any) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return IJK to RAS without and with the linear parent transform, and if there is no other."""
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    own = slicer.util.arrayFromVTKMatrix(matrix)
    transform = volumeNode.GetParentTransformNode()
    if transform is None:
        return own, own, True
    if not transform.IsTransformToWorldLinear():
        return own, own, False
    transform.GetMatrixTransformToWorld(matrix)
    return own, slicer.util.arrayFromVTKMatrix(matrix) @ own, True


def database() -> Any:
    """Slicer's DICOM database; None where there is none, or it is closed."""
    known = getattr(slicer, "dicomDatabase", None)
    return known if known is not None and known.isOpen else None


def dicom_files(volumeNode: Any) -> tuple[list[str], int]:
    """DICOM files of the volume that the database still knows, and how many there should be."""
    uids = (volumeNode.GetAttribute(INSTANCES) or "").split()
    known = database()
    if not uids or known is None:
        return [], len(uids)
    files = [known.fileForInstance(uid) for uid in uids]
    return list(dict.fromkeys(file for file in files if file)), len(uids)


def study_files(volumeNode: Any, modality: str) -> list[str]:
    """Files of a modality, such as ``SR``, in the volume's study as the database knows it."""
    files = dicom_files(volumeNode)[0]
    known = database()
    study = known.fileValue(files[0], "0020,000D") if files else ""
    if not study:
        return []
    of_series = (list(known.filesForSeries(uid)) for uid in known.seriesForStudy(study))
    return [
        file
        for series in of_series
        if series and known.fileValue(series[0], "0008,0060").strip().upper() == modality
        for file in series
    ]


def _modality(volumeNode: Any) -> str:
    files = dicom_files(volumeNode)[0]
    return database().fileValue(files[0], "0008,0060").strip().upper() if files else ""


def keep_stated(volumeNode: Any, series: CTSeries) -> None:
    """Keep what is known of a series with its volume, where no DICOM database holds its files."""
    text = json.dumps(stated_of(series), ensure_ascii=True, allow_nan=False)
    volumeNode.SetAttribute(STATED, text)
