"""DICOM RT structure sets (RTSTRUCT): contours, filled on the grid of their CT.

A contour lies in one plane. A pixel belongs to a structure where its centre lies inside an odd
number of the plane's contours, so that a hole is a contour inside another (PS3.3, C.8.8.6 leaves it
open; planning systems fill so). A slice takes the contours of the nearest plane, up to half the
distance of the structure's planes away: they may be further apart than the slices, or closer, as
those of a thin reconstruction are.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..ct.organs import name_of
from ..errors import SegmentationError

if TYPE_CHECKING:
    import pydicom

    from ..ct.series import CTSeries

RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
# In distances of slices: points may lie off their plane, contours of one plane off each other.
_OFF_PLANE, _SAME_PLANE = 0.35, 0.04
_CLOSED = "CLOSED_PLANAR"

# Slice to its pixels, [j, i].
_Masks = dict[int, np.ndarray]


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class FilledContours:
    """Structures on the grid of a CT.

    Attributes
    ----------
    labels
        uint16 [k, j, i], on the grid of the series.
    rows
        ``value`` and ``name`` of the structures that have a pixel.
    overlap
        Voxels that lie in several structures; each belongs to the smallest.
    left_out
        Contours that lie in no slice.
    """

    labels: np.ndarray
    rows: list[dict[str, str]]
    overlap: int
    left_out: int


def fill_contours(dataset: pydicom.Dataset, series: CTSeries, name: str) -> FilledContours:
    """Fill the contours of a structure set.

    Parameters
    ----------
    dataset
        The structure set.
    series
        The CT that it was drawn on.
    name
        Of the file; begins the sentence of an error.

    Returns
    -------
    FilledContours

    Raises
    ------
    SegmentationError
        If it has no contours, or they do not lie in the slices of the series.
    """
    if not series.regular:
        raise SegmentationError(
            f"{name} holds contours, which are filled on even slices alone; those of this CT are "
            "uneven or sheared. Give a label map."
        )
    names = {
        int(item.ROINumber): str(item.get("ROIName", "")).strip()
        for item in dataset.get("StructureSetROISequence") or ()
        if item.get("ROINumber") is not None
    }
    to_voxels = np.linalg.inv(np.diag([-1.0, -1.0, 1.0, 1.0]) @ series.affine)
    structures: list[_Masks] = []
    rows: list[dict[str, str]] = []
    left_out = 0
    for item in dataset.get("ROIContourSequence") or ():
        number = int(item.get("ReferencedROINumber", 0))
        contours, lost = _contours(item, to_voxels, len(series.hu), name)
        left_out += lost
        if masks := _filled(contours, series.hu.shape):
            own = names.get(number) or f"structure {number}"
            structures.append(masks)
            value = str(len(structures))
            rows.append({"value": value, "name": _unique(name_of(own, "", ""), rows)})
    if not structures:
        why = (
            "its contours do not lie in the slices of this CT: give the structure set that was "
            "drawn on it"
            if left_out
            else "it holds no closed contours"
        )
        raise SegmentationError(
            f"{name} is a DICOM RT structure set (RTSTRUCT) that cannot be used: {why}."
        )
    labels, overlap = _painted(structures, series.hu.shape)
    return FilledContours(labels, rows, overlap, left_out)


def _contours(
    item: Any, to_voxels: np.ndarray, n_slices: int, name: str
) -> tuple[list[tuple[float, np.ndarray]], int]:
    """Return plane (in slices) and (i, j) points of each contour, and how many lay in no slice."""
    contours = []
    lost = 0
    for contour in item.get("ContourSequence") or ():
        if str(contour.get("ContourGeometricType", "")) != _CLOSED:
            continue
        try:
            points = np.array([float(v) for v in contour.ContourData]).reshape(-1, 3)
        except (AttributeError, TypeError, ValueError) as error:
            raise SegmentationError(f"{name} has a contour without readable points.") from error
        ijk = (to_voxels @ np.c_[points, np.ones(len(points))].T)[:3].T
        if len(points) < 3:
            lost += 1
            continue
        plane = float(ijk[:, 2].mean())
        flat = np.abs(ijk[:, 2] - plane).max() <= _OFF_PLANE
        if flat and -0.5 <= plane <= n_slices - 0.5:
            contours.append((plane, ijk[:, :2]))
        else:
            lost += 1
    return contours, lost


def _filled(contours: list[tuple[float, np.ndarray]], shape: tuple[int, ...]) -> _Masks:
    """Return the slices that have pixels of a structure."""
    planes = _planes(contours)
    at = np.array(list(planes))
    # The usual step, so that a real gap stays one.
    reach = float(np.median(np.diff(at))) / 2 if at.size > 1 else 0.5
    filled: dict[float, np.ndarray] = {}
    masks = {}
    for k in range(shape[0]) if planes else ():
        nearest = float(at[np.abs(at - k).argmin()])
        # Between two planes that are closer than slices there is no gap.
        within = max(reach, 0.5) if at[0] <= k <= at[-1] else reach
        if abs(nearest - k) > within + _SAME_PLANE:
            continue
        if nearest not in filled:
            filled[nearest] = _odd(planes[nearest], shape[1:])
        if filled[nearest].any():
            masks[k] = filled[nearest]
    return masks


def _planes(contours: list[tuple[float, np.ndarray]]) -> dict[float, list[np.ndarray]]:
    """Return the contours of each plane, from the lowest on."""
    planes: dict[float, list[np.ndarray]] = defaultdict(list)
    plane = -np.inf
    for at, points in sorted(contours, key=lambda contour: contour[0]):
        if at - plane > _SAME_PLANE:
            plane = at
        planes[plane].append(points)
    return planes


def _odd(contours: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    for contour in contours:
        mask ^= inside(contour, shape)
    return mask


def _painted(structures: list[_Masks], shape: tuple[int, ...]) -> tuple[np.ndarray, int]:
    """Return the label map, the smallest structure on top, and the voxels that are in several."""
    labels = np.zeros(shape, np.uint16)
    several = np.zeros(shape, bool)
    sizes = [sum(int(mask.sum()) for mask in masks.values()) for masks in structures]
    for n in sorted(range(len(structures)), key=lambda n: -sizes[n]):
        for k, mask in structures[n].items():
            several[k] |= mask & (labels[k] > 0)
            labels[k][mask] = n + 1
    return labels, int(several.sum())


def inside(contour: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return which pixel centres lie inside a closed polygon.

    Parameters
    ----------
    contour
        (i, j) of its corners, [n, 2]; pixel centres are whole numbers.
    shape
        Rows, columns.

    Returns
    -------
    numpy.ndarray
        Boolean [j, i].

    Examples
    --------
    >>> square = np.array([[0.5, 0.5], [2.5, 0.5], [2.5, 2.5], [0.5, 2.5]])
    >>> inside(square, (4, 4)).sum()
    np.int64(4)
    """
    mask = np.zeros(shape, bool)
    start, end = contour, np.roll(contour, -1, axis=0)
    low, high = np.minimum(start[:, 1], end[:, 1]), np.maximum(start[:, 1], end[:, 1])
    first = max(int(np.ceil(low.min())), 0)
    last = min(int(np.floor(high.max())), shape[0] - 1)
    for j in range(first, last + 1):
        # Half open, here and along the row: what lies on a line that two parts share counts once.
        cut = (low <= j) & (j < high)
        a, b = start[cut], end[cut]
        x = np.sort(a[:, 0] + (j - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0]))
        for left, right in zip(x[::2], x[1::2], strict=False):
            mask[j, max(int(np.ceil(left)), 0) : max(int(np.ceil(right)), 0)] ^= True
    return mask


def _unique(name: str, rows: list[dict[str, str]]) -> str:
    """Return the name, with a number where a structure before has it."""
    taken = {row["name"] for row in rows}
    number, unique = 2, name
    while unique in taken:
        unique = f"{name}_{number}"
        number += 1
    return unique
