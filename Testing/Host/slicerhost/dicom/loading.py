"""A DICOM series as a volume node, with the geometry of Slicer's scalar volume plugin."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy


def load_series(series_uid: str, *, irregular: bool = False):
    """Volume node of an indexed series.

    Parameters
    ----------
    series_uid
        A series of `slicer.dicomDatabase`.
    irregular
        Put the volume under a nonlinear grid transform, as Slicer does with irregular spacing.
    """
    database = slicer.dicomDatabase
    files = sorted_along_normal(database.filesForSeries(series_uid))
    if not files:
        raise ValueError("The series is not in the DICOM database.")
    array, ijk_to_lps = _read(files)
    ijk_to_ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ ijk_to_lps
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", _name(files[0]))
    matrix = slicer.util.vtkMatrixFromArray(ijk_to_ras)
    node.SetIJKToRASMatrix(matrix)
    slicer.util.updateVolumeFromArray(node, array)
    node.CreateDefaultDisplayNodes()
    _window(node, files[0])
    uids = [database.instanceForFile(path) for path in files]
    node.SetAttribute("DICOM.instanceUIDs", " ".join(uids))
    if irregular:
        _put_under_grid(node)
    _place_in_hierarchy(node, files[0])
    logic = slicer.app.applicationLogic()
    logic.GetSelectionNode().SetActiveVolumeID(node.GetID())
    logic.PropagateVolumeSelection()
    return node


def sorted_along_normal(files) -> tuple[str, ...]:
    """Files in the order of their positions along the slice normal."""
    placed = []
    for path in files:
        orientation = _numbers(path, "0020,0037")
        position = _numbers(path, "0020,0032")
        if len(orientation) == 6 and len(position) == 3:
            normal = np.cross(orientation[:3], orientation[3:])
            placed.append((float(np.dot(normal, position)), path))
        else:
            placed.append((float(len(placed)), path))
    return tuple(path for _, path in sorted(placed))


def _numbers(path: str, tag: str) -> list[float]:
    text = slicer.dicomDatabase.fileValue(path, tag)
    return [float(part) for part in text.split("\\")] if text else []


def _read(files) -> tuple[np.ndarray, np.ndarray]:
    import SimpleITK

    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(list(files))
    image = reader.Execute()
    array = SimpleITK.GetArrayFromImage(image)
    matrix = np.eye(4)
    direction = np.reshape(image.GetDirection(), (3, 3))
    matrix[:3, :3] = direction * np.asarray(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return array, matrix


def _name(path: str) -> str:
    value = slicer.dicomDatabase.fileValue
    description = value(path, "0008,103E") or "Unnamed Series"
    number = value(path, "0020,0011")
    return f"{number}: {description}" if number else description


def _window(node, path: str) -> None:
    center, width = _numbers(path, "0028,1050"), _numbers(path, "0028,1051")
    if center and width:
        display = node.GetDisplayNode()
        display.AutoWindowLevelOff()
        display.SetWindowLevel(width[0], center[0])


def _put_under_grid(node) -> None:
    """A grid transform that moves nothing: the case that matters is that it is not linear."""
    grid = slicer.mrmlScene.AddNewNodeByClass(
        "vtkMRMLGridTransformNode", f"{node.GetName()} acquisition transform"
    )
    displacements = vtk.vtkImageData()
    displacements.SetDimensions(2, 2, 2)
    displacements.SetSpacing(1000, 1000, 1000)
    displacements.SetOrigin(-500, -500, -500)
    displacements.AllocateScalars(vtk.VTK_DOUBLE, 3)
    vtk_to_numpy(displacements.GetPointData().GetScalars())[:] = 0.0
    transform = slicer.vtkOrientedGridTransform()
    transform.SetDisplacementGridData(displacements)
    grid.SetAndObserveTransformFromParent(transform)
    node.SetAndObserveTransformNodeID(grid.GetID())


def _place_in_hierarchy(node, path: str) -> None:
    """The volume under its study, the study under its patient."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    names = slicer.vtkMRMLSubjectHierarchyConstants
    value = slicer.dicomDatabase.fileValue
    uid_name = names.GetDICOMUIDName()
    parent = hierarchy.GetSceneItemID()
    for make, uid, title in (
        (hierarchy.CreateSubjectItem, value(path, "0010,0020"), "Patient"),
        (hierarchy.CreateStudyItem, value(path, "0020,000D"), "Study"),
    ):
        item = hierarchy.GetItemByUID(uid_name, uid) if uid else 0
        if not item:
            item = make(parent, title)
            hierarchy.SetItemUID(item, uid_name, uid)
        parent = item
    own = hierarchy.GetItemByDataNode(node)
    hierarchy.SetItemUID(own, uid_name, value(path, "0020,000E"))
    hierarchy.SetItemUID(
        own, names.GetDICOMInstanceUIDName(), node.GetAttribute("DICOM.instanceUIDs")
    )
    hierarchy.SetItemParent(own, parent)
