"""Isodose lines of a dose map: surfaces of one dose, of which the slice views show the section.

Slicer draws no text beside a line; a colour legend names the doses.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy

from ...dosimetry.round_doses import isodose_levels_mGy
from .dose_colors import COLORS, LEFT, hide_legend, scale_end_of, show_legend
from .hierarchy import place
from .results import Results

# Of the surfaces' points: which of the doses they have.
LEVEL = "isodose"
# Attribute of the lines: where the scale ended that their doses were chosen for, mGy.
SCALE_END = "CTDoseSeg.ScaleEnd"
LINE_WIDTH = 2
LEGEND_SIZE = (0.07, 0.34)
# Standard deviation of the smoothing, voxels of the map: single voxels are noise.
_SMOOTHING = 1.0
# The smoothing reaches so many of them far.
_TRUNCATE = 2.0
# Smoothed in one step.
_STEP_VOXELS = 1_000_000


def fill_isodoses(results: Results) -> Iterator[None]:
    """Make the isodose lines of a result's dose map, hidden, in steps of some ten milliseconds."""
    volume = results.doseMap
    dose = slicer.util.arrayFromVolume(volume)
    end = scale_end_of(results, dose)
    levels = isodose_levels_mGy(end)
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    pieces = []
    for piece in isodose_surfaces(dose, slicer.util.arrayFromVTKMatrix(matrix), levels):
        pieces.append(piece)
        yield
    node = results.ensure("isodoses")
    node.SetAttribute(SCALE_END, _as_text(end))
    was = node.StartModify()
    try:
        node.SetAndObservePolyData(_poly_data([piece for piece in pieces if piece is not None]))
        node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
        node.CreateDefaultDisplayNodes()
    finally:
        node.EndModify(was)
    _display(results, node, levels)
    place(results)


def _as_text(end_mGy: float | None) -> str:
    return f"{end_mGy or 0.0:g}"


def are_of_the_scale(results: Results) -> bool:
    """Return whether a result has isodose lines, and the scale of its CT ends where theirs did."""
    node = results.get("isodoses")
    return node is not None and node.GetAttribute(SCALE_END) == _as_text(scale_end_of(results))


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Surface:
    """The surface of one dose: points in RAS, triangles of them, and the number of the dose."""

    points: np.ndarray
    triangles: np.ndarray
    number: int


def isodose_surfaces(
    dose_mGy: np.ndarray, affine: np.ndarray, levels_mGy: tuple[float, ...]
) -> Iterator[Surface | None]:
    """Yield the surfaces of some doses; first some None, while the dose is smoothed.

    The dose is smoothed within what has one. Where the body ends the surfaces do too.

    Parameters
    ----------
    dose_mGy
        [k, j, i]; 0 where there is no dose.
    affine
        4 x 4, (i, j, k, 1) to RAS in mm.
    levels_mGy
        The doses.
    """
    tissue = dose_mGy > 0
    smooth = np.zeros_like(dose_mGy)
    for slices, mean in _smoothed(dose_mGy, tissue):
        smooth[slices] = mean
        yield None
    contour = vtk.vtkFlyingEdges3D()
    contour.SetInputData(_image(smooth))
    contour.ComputeNormalsOff()
    contour.ComputeGradientsOff()
    contour.ComputeScalarsOff()
    yield None
    for number, level in enumerate(levels_mGy):
        contour.SetValue(0, level)
        contour.Update()
        surface = contour.GetOutput()
        if not surface.GetNumberOfPoints():
            yield None
            continue
        ijk = vtk_to_numpy(surface.GetPoints().GetData())
        i, j, k = np.rint(ijk).astype(int).T
        triangles = vtk_to_numpy(surface.GetPolys().GetConnectivityArray()).reshape(-1, 3)
        inside = tissue[k, j, i][triangles].all(axis=1)
        yield Surface(ijk @ affine[:3, :3].T + affine[:3, 3], triangles[inside], number)


def _smoothed(dose: np.ndarray, tissue: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the mean dose of the tissue around each voxel, 0 where there is none, slab by slab."""
    from scipy.ndimage import gaussian_filter

    reach = math.ceil(_TRUNCATE * _SMOOTHING)
    thickness = max(1, _STEP_VOXELS // dose[0].size)
    for first in range(0, len(dose), thickness):
        last = min(first + thickness, len(dose))
        low = max(first - reach, 0)
        around, own = slice(low, last + reach), slice(first - low, last - low)
        total, weight = (
            gaussian_filter(values, _SMOOTHING, truncate=_TRUNCATE, mode="nearest")[own]
            for values in (dose[around], tissue[around].astype(np.float32))
        )
        mean = np.divide(total, weight, out=np.zeros_like(total), where=weight > 1e-3)
        yield slice(first, last), mean


def _image(values: np.ndarray) -> vtk.vtkImageData:
    image = vtk.vtkImageData()
    image.SetDimensions(*values.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(values.ravel(), deep=1))
    return image


def _poly_data(surfaces: list[Surface]) -> vtk.vtkPolyData:
    data = vtk.vtkPolyData()
    if not surfaces:
        return data
    points = np.concatenate([one.points for one in surfaces]).astype(np.float32)
    first = np.cumsum([0, *(len(one.points) for one in surfaces)])
    triangles = [one.triangles + n for one, n in zip(surfaces, first[:-1], strict=True)]
    where = vtk.vtkPoints()
    where.SetData(numpy_to_vtk(points, deep=1))
    data.SetPoints(where)
    polygons = vtk.vtkCellArray()
    corners = np.concatenate(triangles).ravel().astype(np.int64)
    polygons.SetData(3, numpy_to_vtkIdTypeArray(corners, deep=1))
    data.SetPolys(polygons)
    numbers = np.repeat(np.array([one.number for one in surfaces], np.float32), np.diff(first))
    level = numpy_to_vtk(numbers, deep=1)
    level.SetName(LEVEL)
    data.GetPointData().SetScalars(level)
    return data


def _display(results: Results, node: Any, levels: tuple[float, ...]) -> None:
    colors = results.ensure("isodoseColors")
    colors.SetTypeToUser()
    colors.SetHideFromEditors(True)
    colors.SetNumberOfColors(len(levels))
    colors.GetLookupTable().SetTableRange(0, len(levels) - 1)
    scale, end = slicer.mrmlScene.GetNodeByID(COLORS), scale_end_of(results)
    for n, level in enumerate(levels):
        rgba = [0.0] * 4
        scale.GetColor(round(level / end * (scale.GetNumberOfColors() - 1)), rgba)
        colors.SetColor(n, f"{level:g}", *rgba[:3], 1.0)
    display = node.GetDisplayNode()
    was = display.StartModify()
    try:
        display.SetVisibility(False)
        display.SetVisibility2D(True)
        display.SetVisibility3D(False)
        display.SetSliceIntersectionThickness(LINE_WIDTH)
        display.SetAndObserveColorNodeID(colors.GetID())
        display.SetActiveScalarName(LEVEL)
        display.SetScalarRangeFlag(display.UseManualScalarRange)
        display.SetScalarRange(0, len(levels) - 1)
        display.SetScalarVisibility(True)
    finally:
        display.EndModify(was)


def show_isodoses(results: Results, title: str, views: Sequence[str] = ()) -> None:
    """Show the isodose lines that a result has, with their legend in some views, else in all."""
    node = results.get("isodoses")
    node.GetDisplayNode().SetVisibility(True)
    legend = show_legend(node, title, views, LEFT)
    count = results.get("isodoseColors").GetNumberOfColors()
    was = legend.StartModify()
    try:
        legend.SetSize(*LEGEND_SIZE)
        legend.SetUseColorNamesForLabels(True)
        legend.SetLabelFormat(legend.GetDefaultTextLabelFormat())
        legend.SetMaxNumberOfColors(count)
        legend.SetNumberOfLabels(count)
    finally:
        legend.EndModify(was)


def hide_isodoses(results: Results) -> None:
    """Hide the isodose lines of a result, if it has any."""
    node = results.get("isodoses")
    if node is not None and node.GetDisplayNode() is not None:
        node.GetDisplayNode().SetVisibility(False)
        hide_legend(node)


def remove_isodoses(results: Results) -> None:
    """Take the isodose lines out of the scene: they are those of another map or scale."""
    for role in ("isodoses", "isodoseColors"):
        node = results.get(role)
        if node is not None:
            slicer.mrmlScene.RemoveNode(node)
