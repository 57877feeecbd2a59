"""The simulated dose of every voxel as volumes of the scene, which keep what edits need."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from ...dosimetry.dose_map import DoseMap
from ...errors import InputError
from .results import OVERLAY, Results
from .scene import OVERLAY_COLORS, mGy_unit
from .volumes import geometry

HISTORIES = "CTDoseSeg.Histories"
ROLES = ("doseMap", "doseMapSD", "doseMapBatches")
# The scale ends where this part of the voxels' doses does: those in bone, three times as high,
# would leave the organs all alike.
PERCENTILE = 95.0


def fill_dose_map(results: Results, dose_map: DoseMap | None) -> None:
    """Put a dose map into the scene; None: remove that of the result before."""
    batches = dose_map.soft_tissue_batches_mGy if dose_map is not None else None
    volumes = {
        "doseMap": dose_map.dose_mGy if dose_map is not None else None,
        "doseMapSD": dose_map.statistical_sd_mGy if dose_map is not None else None,
        # One upon the other: Slicer saves no voxels of more than three values.
        "doseMapBatches": batches.reshape(-1, *batches.shape[2:]) if batches is not None else None,
    }
    for role, voxels in volumes.items():
        if voxels is None or dose_map is None:
            if (old := results.get(role)) is not None:
                slicer.mrmlScene.RemoveNode(old)
        else:
            _fill(results, role, voxels, dose_map)
    if dose_map is not None:
        _color(results.get("doseMap"), dose_map.dose_mGy)
        _color(results.get("doseMapSD"), dose_map.statistical_sd_mGy)


def dose_map_of(results: Results) -> DoseMap | None:
    """Return the dose map in the scene with its batches; None where the result has none.

    Raises
    ------
    InputError
        If its volumes were altered.
    """
    nodes = [results.get(role) for role in ROLES]
    if None in nodes:
        return None
    dose, sd, batches = (
        np.asarray(slicer.util.arrayFromVolume(node), np.float32) for node in nodes
    )
    own, moved = geometry(results.volume)[:2]
    matrix = vtk.vtkMatrix4x4()
    nodes[0].GetIJKToRASMatrix(matrix)
    affine = moved @ np.linalg.inv(own) @ slicer.util.arrayFromVTKMatrix(matrix)
    try:
        return DoseMap(
            dose_mGy=dose,
            affine=affine,
            statistical_sd_mGy=sd,
            histories=int(nodes[0].GetAttribute(HISTORIES) or 0),
            soft_tissue_batches_mGy=batches.reshape(-1, *dose.shape),
        )
    except ValueError as error:
        raise InputError(
            _(
                "The dose map in the scene was altered. {error} Press Simulate to make it anew."
            ).format(error=error)
        ) from error


def _fill(results: Results, role: str, voxels: np.ndarray, dose_map: DoseMap) -> None:
    node, volume = results.ensure(role), results.volume
    node.SetAttribute(OVERLAY, "1")
    node.SetAttribute(HISTORIES, str(dose_map.histories))
    # The map lies in the world; a transform of the CT moves it too.
    own, moved = geometry(volume)[:2]
    affine = own @ np.linalg.inv(moved) @ dose_map.affine
    was = node.StartModify()
    try:
        node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(affine))
        node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
        slicer.util.updateVolumeFromArray(node, np.ascontiguousarray(voxels, np.float32))
        if role == "doseMapBatches":
            node.SetHideFromEditors(True)
        else:
            node.SetVoxelValueUnits(mGy_unit())
    finally:
        node.EndModify(was)


def _color(node: Any, values: np.ndarray) -> None:
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetAndObserveColorNodeID(OVERLAY_COLORS)
    inside = values[values > 0]
    highest = float(np.percentile(inside, PERCENTILE)) if inside.size else 1.0
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(0.0, highest)
    # Air has no dose.
    display.SetLowerThreshold(1e-6)
    display.SetUpperThreshold(1e6)
    display.ApplyThresholdOn()
