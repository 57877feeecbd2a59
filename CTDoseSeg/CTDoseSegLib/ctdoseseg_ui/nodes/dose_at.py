"""What is known of the dose at one point of the scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import vtk

from .results import Results
from .segmentations import binary_name, layer_array, segment_names

# Layer and segment to what changes with them, and the segment's voxels: the mouse moves on, and a
# layer has millions of them.
_sizes: dict[tuple[str, str], tuple[tuple[int, int], int]] = {}
_MOST_SIZES = 500


@dataclass(frozen=True)
class DoseAt:
    """The organ at a point with its dose, and the dose of the point itself; None: not known.

    Attributes
    ----------
    organ
        Name of the organ.
    dose_mGy, low_mGy, high_mGy
        Mean dose of the organ and its total 90 % interval.
    slice_mGy
        Mean dose of the organ in the slice of the point.
    here_mGy, here_sd_mGy
        Simulated dose of the voxel of the dose map, and its standard deviation by the number of
        photons.
    """

    organ: str
    dose_mGy: float | None
    low_mGy: float | None
    high_mGy: float | None
    slice_mGy: float | None
    here_mGy: float | None
    here_sd_mGy: float | None


def dose_at(results: Results, ras: tuple[float, float, float]) -> DoseAt | None:
    """Return what a result knows of the dose at a point in RAS; None where no organ is drawn."""
    organ = organ_at(results, ras)
    if organ is None:
        return None
    result = results.result
    dose = next((one for one in result.organs if one.organ == organ), None)
    ijk = _ijk(results.volume, ras)
    slice_mGy = None
    if dose is not None and 0 <= ijk[2] < len(dose.slice_dose_mGy):
        of_slice = float(dose.slice_dose_mGy[ijk[2]])
        slice_mGy = of_slice if of_slice > 0 else None  # NaN where the organ is not on the slice
    here = _value(results.doseMap, ras)
    return DoseAt(
        organ=organ,
        dose_mGy=dose.dose_mGy if dose is not None else None,
        low_mGy=dose.total_low_mGy if dose is not None else None,
        high_mGy=dose.total_high_mGy if dose is not None else None,
        slice_mGy=slice_mGy,
        here_mGy=here,
        here_sd_mGy=_value(results.get("doseMapSD"), ras) if here else None,
    )


def organ_at(results: Results, ras: tuple[float, float, float]) -> str | None:
    """Return the smallest organ with a dose at a point in RAS, else the segment; None for none."""
    node = results.segmentation
    if node is None:
        return None
    segment = _segment_at(node, ras)
    if segment is None:
        return None
    atom = segment_names(node).get(segment, "")
    structures = results.result.structures
    doses = results.doses()
    own = [name for name, one in structures.items() if atom in one.atoms and name in doses]
    return min(own, key=lambda name: len(structures[name].atoms), default=atom)


def _segment_at(node: Any, ras: tuple[float, float, float]) -> str | None:
    """Return the ID of the segment at a point; of several the smallest, as for the doses."""
    binary = binary_name()
    segmentation = node.GetSegmentation()
    if not segmentation.ContainsRepresentation(binary):
        return None
    matrix = vtk.vtkMatrix4x4()
    at_point = []
    for n in reversed(range(segmentation.GetNumberOfLayers(binary))):
        image = segmentation.GetLayerDataObject(n, binary)
        image.GetWorldToImageMatrix(matrix)
        value = _voxel(image, matrix, _local(node, ras))
        for identifier in segmentation.GetSegmentIDsForLayer(n, binary) if value else ():
            if segmentation.GetSegment(identifier).GetLabelValue() == value:
                at_point.append((identifier, image, int(value)))
    if len(at_point) > 1:  # else nothing need be counted
        at_point.sort(key=lambda one: _size(*one))
    return at_point[0][0] if at_point else None


def _size(identifier: str, image: Any, value: int) -> int:
    """Return how many voxels a segment has."""
    key, state = (image.GetAddressAsString(""), identifier), (image.GetMTime(), value)
    if _sizes.get(key, (None, 0))[0] != state:
        if len(_sizes) >= _MOST_SIZES:
            _sizes.clear()
        _sizes[key] = state, int(np.count_nonzero(layer_array(image) == value))
    return _sizes[key][1]


def _value(node: Any, ras: tuple[float, float, float]) -> float | None:
    """Return a volume's value at a point, None where it is 0 or the volume is not there."""
    if node is None or node.GetImageData() is None:
        return None
    matrix = vtk.vtkMatrix4x4()
    node.GetRASToIJKMatrix(matrix)
    return _voxel(node.GetImageData(), matrix, _local(node, ras)) or None


def _local(node: Any, ras: tuple[float, float, float]) -> tuple[float, ...]:
    local = [0.0, 0.0, 0.0]
    node.TransformPointFromWorld(ras, local)
    return tuple(local)


def _ijk(node: Any, ras: tuple[float, float, float]) -> tuple[int, ...]:
    matrix = vtk.vtkMatrix4x4()
    node.GetRASToIJKMatrix(matrix)
    return tuple(round(one) for one in matrix.MultiplyPoint((*_local(node, ras), 1.0))[:3])


def _voxel(image: Any, matrix: vtk.vtkMatrix4x4, local: tuple[float, ...]) -> float:
    """Return the value of the nearest voxel of an image; 0 outside."""
    ijk = [round(one) for one in matrix.MultiplyPoint((*local, 1.0))[:3]]
    extent = image.GetExtent()
    if any(not extent[2 * n] <= ijk[n] <= extent[2 * n + 1] for n in range(3)):
        return 0.0
    return float(image.GetScalarComponentAsDouble(*ijk, 0))
