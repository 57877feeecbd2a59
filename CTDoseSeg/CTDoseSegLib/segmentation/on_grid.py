"""Label maps of other axes, or of a part of the images, on the grid of their series."""

from __future__ import annotations

import numpy as np

from ..ct.geometry import Grid
from ..ct.series import CTSeries
from ..errors import GeometryError


def on_grid(
    labels: np.ndarray, affine: np.ndarray, series: CTSeries, name: str, *, partial: bool = False
) -> np.ndarray:
    """Return labels with the axes of a series in their order and direction.

    Parameters
    ----------
    labels
        [k, j, i].
    affine
        4 x 4, (i, j, k, 1) to RAS in mm.
    series
        Whose grid it is to be.
    name
        Of the file; begins the sentence of an error.
    partial
        Whether the labels may be on a part of the grid; the rest is 0.

    Returns
    -------
    numpy.ndarray
        Of the shape of the series.

    Raises
    ------
    GeometryError
        If the voxels are not those of the series.
    """
    if partial and labels.shape[0] == 1:
        affine = _with_step_of(affine, series.affine)
    # (i, j, k) of the label map in (i, j, k) of the series: a signed permutation if they fit.
    turned = np.rint((np.linalg.inv(series.affine) @ affine)[:3, :3])
    once = (np.abs(turned).sum(axis=0) == 1).all() and (np.abs(turned).sum(axis=1) == 1).all()
    if once:
        axes = np.abs(turned).argmax(axis=1)
        backward = turned[range(3), axes] < 0
        order = tuple(2 - int(axis) for axis in axes[::-1])
        shape = tuple(labels.shape[axis] for axis in order)
        # The label map's affine for the indices of the series.
        first = np.ones(4)
        first[axes] = backward * (np.array(shape[::-1]) - 1)
        onto = affine.copy()
        onto[:3, :3] = affine[:3, :3] @ turned.T
        onto[:3, 3] = (affine @ first)[:3]
        start = np.rint(np.linalg.inv(series.affine) @ onto[:, 3])[:3].astype(int)
        target = series.affine.copy()
        if partial:
            target[:3, 3] = (series.affine @ (*start, 1))[:3]
        there = Grid(shape if partial else series.hu.shape, target)
    if not once or not Grid(shape, onto).same_as(there):
        raise GeometryError(
            f"{name} is not on the grid of the series: label map {grid_in_words(labels, affine)}, "
            f"series {grid_in_words(series.hu, series.affine)}; make the label map from this "
            "series, or resample it onto the series first."
        )
    reversed_axes = tuple(2 - axis for axis in range(3) if backward[axis])
    turned_labels = np.ascontiguousarray(np.flip(labels.transpose(order), reversed_axes))
    return _inside(turned_labels, start[::-1], series, name) if partial else turned_labels


def resampled_onto(labels: np.ndarray, affine: np.ndarray, series: CTSeries) -> np.ndarray:
    """Return labels of another grid on that of a series: each voxel takes the nearest label.

    Parameters
    ----------
    labels
        [k, j, i].
    affine
        4 x 4, (i, j, k, 1) to RAS in mm.
    series
        Regular.

    Returns
    -------
    numpy.ndarray
        Of the shape of the series; 0 outside of the labels' grid.
    """
    onto = np.zeros(series.hu.shape, labels.dtype)
    matrix = np.linalg.inv(affine) @ series.affine
    j, i = np.ogrid[: onto.shape[1], : onto.shape[2]]
    sizes = labels.shape[::-1]
    for k, image in enumerate(onto):
        at = [
            np.rint(row[0] * i + row[1] * j + (row[2] * k + row[3])).astype(np.int32)
            for row in matrix[:3]
        ]
        there = np.ones(image.shape, bool)
        for index, size in zip(at, sizes, strict=True):
            there &= (index >= 0) & (index < size)
        image[there] = labels[at[2][there], at[1][there], at[0][there]]
    return onto


def _inside(part: np.ndarray, start: np.ndarray, series: CTSeries, name: str) -> np.ndarray:
    """Return the whole grid with `part` from voxel `start` on."""
    whole = np.zeros(series.hu.shape, part.dtype)
    spans = [
        (max(0, int(s)), min(size, int(s) + n))
        for s, n, size in zip(start, part.shape, whole.shape, strict=True)
    ]
    target = tuple(slice(low, max(low, high)) for low, high in spans)
    source = tuple(
        slice(t.start - int(s), t.stop - int(s)) for t, s in zip(target, start, strict=True)
    )
    whole[target] = part[source] if whole[target].size else 0
    if outside := int(np.count_nonzero(part)) - int(np.count_nonzero(whole)):
        raise GeometryError(
            f"{name} has {outside} labelled voxels outside the images of the series: give the "
            "segmentation of this series, or the series that it was drawn on."
        )
    return whole


def _with_step_of(affine: np.ndarray, series_affine: np.ndarray) -> np.ndarray:
    """Give a single slice, which has no step of its own, that of the series."""
    normal = np.cross(affine[:3, 0], affine[:3, 1])
    along = normal @ series_affine[:3, :3] / np.linalg.norm(series_affine[:3, :3], axis=0)
    axis = int(np.abs(along).argmax())
    stepped = affine.copy()
    stepped[:3, 2] = series_affine[:3, axis]
    return stepped


def grid_in_words(voxels: np.ndarray, affine: np.ndarray) -> str:
    spacing = " x ".join(f"{v:.4g}" for v in np.linalg.norm(affine[:3, :3], axis=0))
    corner = ", ".join(f"{v:.2f}" for v in affine[:3, 3])
    return f"{size_in_words(voxels.shape)} voxels of {spacing} mm from ({corner})"


def size_in_words(shape: tuple[int, ...]) -> str:
    """Return a shape as columns x rows x slices."""
    return " x ".join(str(n) for n in shape[::-1])
