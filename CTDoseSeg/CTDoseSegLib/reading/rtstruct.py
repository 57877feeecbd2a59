"""DICOM RT structure sets (RTSTRUCT): contours, filled on the grid of their CT.

A contour lies in one plane of the CT. A pixel belongs to a structure where its centre lies inside
an odd number of the plane's contours, so that a hole is a contour inside another (PS3.3, C.8.8.6
leaves it open; planning systems fill so). Slices between two planes of a structure that are further
apart than the slices take the nearer plane's contours.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from ..ct.organs import name_of
from ..errors import SegmentationError
from .layers import merge_layers

if TYPE_CHECKING:
    import pydicom

    from ..ct.series import CTSeries

RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
# Contour points may lie off their plane by this part of the distance of slices.
_OFF_PLANE = 0.35
_CLOSED = "CLOSED_PLANAR"


def fill_contours(
    dataset: pydicom.Dataset, series: CTSeries, name: str
) -> tuple[np.ndarray, list[dict[str, str]], int]:
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
    labels : numpy.ndarray
        uint16 [k, j, i], on the grid of the series; values are the structures' numbers.
    rows : list of dict
        ``value`` and ``name`` of the structures that have a pixel.
    overlap : int
        Voxels that lie in several structures; each belongs to the smallest.

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
    layers: list[np.ndarray] = []
    rows: list[dict[str, str]] = []
    outside = 0
    for item in dataset.get("ROIContourSequence") or ():
        number = int(item.get("ReferencedROINumber", 0))
        planes, lost = _planes(item, to_voxels, series.hu.shape, name)
        outside += lost
        mask = _filled(planes, series.hu.shape)
        if mask.any():
            value = len(rows) + 1
            own = names.get(number) or f"structure {number}"
            rows.append({"value": str(value), "name": _unique(name_of(own, "", ""), rows)})
            layers.append(np.where(mask, np.uint16(value), np.uint16(0)))
    if not layers:
        why = (
            "its contours do not lie in the slices of this CT: give the structure set that was "
            "drawn on it"
            if outside
            else "it holds no closed contours"
        )
        raise SegmentationError(
            f"{name} is a DICOM RT structure set (RTSTRUCT) that cannot be used: {why}."
        )
    labels, overlap = merge_layers(layers)
    return labels, rows, overlap


def _planes(
    item: Any, to_voxels: np.ndarray, shape: tuple[int, ...], name: str
) -> tuple[dict[int, list[np.ndarray]], int]:
    """Return slice to its contours as (i, j) points, and how many lay in no slice."""
    planes: dict[int, list[np.ndarray]] = defaultdict(list)
    lost = 0
    for contour in item.get("ContourSequence") or ():
        if str(contour.get("ContourGeometricType", "")) != _CLOSED:
            continue
        try:
            points = np.array([float(v) for v in contour.ContourData]).reshape(-1, 3)
        except (AttributeError, TypeError, ValueError) as error:
            raise SegmentationError(f"{name} has a contour without readable points.") from error
        ijk = (to_voxels @ np.c_[points, np.ones(len(points))].T)[:3].T
        k = int(np.rint(ijk[:, 2].mean()))
        in_plane = np.abs(ijk[:, 2] - ijk[:, 2].mean()).max() <= _OFF_PLANE
        if len(points) < 3 or not in_plane or not 0 <= k < shape[0]:
            lost += 1
        else:
            planes[k].append(ijk[:, :2])
    return planes, lost


def _filled(planes: dict[int, list[np.ndarray]], shape: tuple[int, ...]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    for k, contours in planes.items():
        for contour in contours:
            mask[k] ^= inside(contour, shape[1:])
    drawn = np.array(sorted(planes))
    if drawn.size < 2:
        return mask
    # Drawn on every second slice, say: the usual step, so that a real gap stays one.
    step = int(np.median(np.diff(drawn)))
    for k in range(drawn[0], drawn[-1] + 1):
        nearest = int(drawn[np.abs(drawn - k).argmin()])
        if k not in planes and 2 * abs(nearest - k) <= step:
            mask[k] = mask[nearest]
    return mask


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
        # Half open, so that a corner on the line counts once.
        cut = (low <= j) & (j < high)
        a, b = start[cut], end[cut]
        x = np.sort(a[:, 0] + (j - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0]))
        for left, right in zip(x[::2], x[1::2], strict=False):
            mask[j, max(int(np.ceil(left)), 0) : max(int(np.floor(right)) + 1, 0)] ^= True
    return mask


def _unique(name: str, rows: list[dict[str, str]]) -> str:
    """Return the name, with a number where a structure before has it."""
    taken = {row["name"] for row in rows}
    number, unique = 2, name
    while unique in taken:
        unique = f"{name}_{number}"
        number += 1
    return unique
