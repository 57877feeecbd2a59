"""The simulated dose of every voxel as volumes of the scene, which keep what edits need."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from ...dosimetry.dose_map import DoseMap
from ...dosimetry.round_doses import scale_end_mGy
from ...errors import InputError
from .dose_colors import PERCENTILE, color_doses, scale_end_of
from .isodoses import remove_isodoses
from .results import OVERLAY, Results
from .scene import mGy_unit
from .volumes import geometry

HISTORIES = "CTDoseSeg.Histories"
ROLES = ("doseMap", "doseMapSD", "doseMapBatches")


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
    remove_isodoses(results)
    if dose_map is not None:
        color_doses(results.doseMap, scale_end_of(results, dose_map.dose_mGy), smooth=True)
        uncertainty = dose_map.statistical_sd_mGy
        end_mGy = scale_end_mGy(uncertainty, PERCENTILE)
        color_doses(results.get("doseMapSD"), end_mGy, smooth=True)


def dose_map_of(results: Results) -> DoseMap | None:
    """Return the dose map in the scene with its batches; None where the result has none.

    Raises
    ------
    InputError
        If its volumes were altered.
    """
    batches = results.get("doseMapBatches")
    return _read(results, batches) if batches is not None else None


def stored_dose(results: Results) -> DoseMap | None:
    """Return the dose map in the scene without batches; None where the result has none.

    Raises
    ------
    InputError
        If its volumes were altered.
    """
    return _read(results, None)


def _read(results: Results, batches: Any) -> DoseMap | None:
    nodes = [results.get(role) for role in ROLES[:2]]
    if None in nodes:
        return None
    dose, sd = (np.asarray(slicer.util.arrayFromVolume(node), np.float32) for node in nodes)
    own, moved = geometry(results.volume)[:2]
    matrix = vtk.vtkMatrix4x4()
    nodes[0].GetIJKToRASMatrix(matrix)
    affine = moved @ np.linalg.inv(own) @ slicer.util.arrayFromVTKMatrix(matrix)
    by_batch = None
    if batches is not None:
        by_batch = np.asarray(slicer.util.arrayFromVolume(batches), np.float32)
    try:
        return DoseMap(
            dose_mGy=dose,
            affine=affine,
            statistical_sd_mGy=sd,
            histories=int(nodes[0].GetAttribute(HISTORIES) or 0),
            soft_tissue_batches_mGy=(
                None if by_batch is None else by_batch.reshape(-1, *dose.shape)
            ),
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
