"""One pass over a volume: count, sum and sum of squares of HU for every slice and atom.

Atoms are exclusive, so that their counts and sums add up exactly to those of every group: one
pass serves all organs. The pass makes the joint histogram of (atom, HU) of each slice, from which
counts, sums and sums of squares follow by one small matrix product, exact for int16 volumes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..ct.geometry import SAME_GRID_MM, Grid
from ..ct.series import CTSeries
from ..errors import GeometryError, PixelDataError, SegmentationError
from ..segmentation.labelmap import Labelmap
from ..tasks.progress import Progress

# Pixels taken at once: they stay in the cache, and count x HU^2 stays below 2^53, so that sums in
# float64 (which numpy multiplies far faster than int64) are exact integers.
BLOCK_PIXELS = 1 << 18
# A block with more joint bins than this (metal, many labels) is counted in parts.
DENSE_BINS = 1 << 19
USUAL_HU = (-1024, 3071)


@dataclass(frozen=True)
class GroupSlices:
    """One organ, slice by slice; NaN where the slice does not hold the organ.

    Attributes
    ----------
    count
        Voxels, int64 [k].
    area_mm2
        Area in the slice plane, [k].
    mean_hu
        Mean HU, [k].
    sd_hu
        Population standard deviation of HU, [k].
    """

    count: np.ndarray
    area_mm2: np.ndarray
    mean_hu: np.ndarray
    sd_hu: np.ndarray


@dataclass(frozen=True)
class Measurements:
    """Counts and sums for every slice and atom.

    Attributes
    ----------
    names
        Atoms, in the label map's order.
    counts, sums, squares
        Voxels, sum of HU and sum of HU^2, [k, atom]; int64 for int16 volumes (exact), else
        counts int64 and the sums float64.
    groups
        Organ name to the names of its atoms, as in the label map.
    pixel_area_mm2
        Area of a pixel in the slice plane.
    histogram_hu
        Left edges of the histogram's bins, 1 HU wide; none where nothing is labelled.
    histogram
        Voxels of the whole volume, int64 [atom, bin]. In float volumes what lies beyond the
        range of int16 is counted in the end bins.
    """

    names: tuple[str, ...]
    counts: np.ndarray
    sums: np.ndarray
    squares: np.ndarray
    groups: Mapping[str, tuple[str, ...]]
    pixel_area_mm2: float
    histogram_hu: np.ndarray
    histogram: np.ndarray

    def columns(self, group: str) -> list[int]:
        """Return the columns of the atoms of `group`; KeyError if there is no such group."""
        return [self.names.index(name) for name in self.groups[group]]

    def of(self, group: str) -> GroupSlices:
        """Return area, mean and SD of `group` in every slice; KeyError if there is none."""
        columns = self.columns(group)
        count = self.counts[:, columns].sum(axis=1)
        total = self.sums[:, columns].sum(axis=1)
        squares = self.squares[:, columns].sum(axis=1)
        mean, sd = mean_and_sd(count, total, squares)
        return GroupSlices(count, count * self.pixel_area_mm2, mean, sd)

    def occupied(self, group: str) -> np.ndarray:
        """Return where `group` is, True by slice; KeyError if there is no such group."""
        return np.any(self.counts[:, self.columns(group)], axis=1)

    def volume_ml(self, group: str, slice_step_mm: float) -> float:
        """Return the volume of `group`, slices `slice_step_mm` apart; KeyError if there is none."""
        count = int(self.counts[:, self.columns(group)].sum())
        return count * self.pixel_area_mm2 * slice_step_mm / 1000.0

    def histogram_of(self, group: str) -> np.ndarray:
        """Return voxels of `group` in each bin of `histogram_hu`; KeyError if there is none."""
        return self.histogram[self.columns(group)].sum(axis=0)


def mean_and_sd(
    count: np.ndarray, total: np.ndarray, squares: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and population SD from counts and sums; NaN where the count is 0.

    Parameters
    ----------
    count, total, squares
        Number of values, their sum and the sum of their squares; of one shape, integers or floats.

    Returns
    -------
    mean, sd : numpy.ndarray
        float64, of the same shape.

    Notes
    -----
    The sums are first moved to the whole number next to the mean, in integers where they are
    integers: what is then subtracted is at most 1/4, so that nothing cancels, and an organ of one
    value has SD 0, not the square root of a rounding error.
    """
    n = np.where(count > 0, count, 1)
    origin = np.rint(total / n).astype(total.dtype)
    rest = (total - n * origin) / n
    moved = (squares - 2 * origin * total + n * origin * origin) / n
    mean = np.where(count > 0, origin + rest, np.nan)
    variance = np.maximum(moved - rest * rest, 0.0)
    return mean, np.where(count > 0, np.sqrt(variance), np.nan)


def measure(series: CTSeries, labelmap: Labelmap, progress: Progress | None = None) -> Measurements:
    """Measure every atom in every slice, in one pass.

    Parameters
    ----------
    series
        The CT, [k, j, i].
    labelmap
        Labels on the same grid.
    progress
        Receives progress; the pass can be cancelled between slices.

    Returns
    -------
    Measurements

    Raises
    ------
    GeometryError
        If the label map is not on the grid of the CT.
    SegmentationError
        If a voxel has a label without an atom.
    PixelDataError
        If a labelled voxel of a float volume is not a finite number.
    Cancelled
        If the user ended the task.
    """
    _require_same_grid(series, labelmap)
    progress = progress or Progress()
    tally = _Tally(series.hu, labelmap)
    slices = series.hu.shape[0]
    for k in range(slices):
        progress.check_cancelled()
        if k % 32 == 0:
            progress.update(k / slices, "measuring")
        labels, hu = labelmap.labels[k].ravel(), series.hu[k].ravel()
        for start in range(0, labels.size, BLOCK_PIXELS):
            block = slice(start, start + BLOCK_PIXELS)
            tally.add(k, labels[block], hu[block])
    edges, histogram = tally.histogram()
    return Measurements(
        names=tuple(atom.name for atom in labelmap.atoms),
        counts=tally.moments[0],
        sums=tally.moments[1],
        squares=tally.moments[2],
        groups=labelmap.groups,
        pixel_area_mm2=series.pixel_area_mm2,
        histogram_hu=edges,
        histogram=histogram,
    )


def _require_same_grid(series: CTSeries, labelmap: Labelmap) -> None:
    shape = series.hu.shape
    if labelmap.labels.shape != shape:
        raise GeometryError(
            f"The label map has {labelmap.labels.shape} voxels (slices, rows, columns) and the CT "
            f"{shape}; give a label map drawn on this CT."
        )
    apart = Grid(shape, labelmap.affine).apart_mm(series.grid)
    if not apart < SAME_GRID_MM:
        raise GeometryError(
            f"The label map lies up to {apart:.2g} mm away from the CT; give a label map drawn on "
            "this CT, with its geometry."
        )


class _Tally:
    """Counts, sums and sums of squares [k, atom], and the histogram [atom, HU], as they grow."""

    def __init__(self, hu: np.ndarray, labelmap: Labelmap) -> None:
        shape = (hu.shape[0], len(labelmap.atoms))
        self._integers = hu.dtype == np.int16
        kind = np.int64 if self._integers else np.float64
        self.moments = (np.zeros(shape, np.int64), np.zeros(shape, kind), np.zeros(shape, kind))
        self._column = np.full(int(np.iinfo(labelmap.labels.dtype).max) + 1, -1)
        self._column[[atom.value for atom in labelmap.atoms]] = np.arange(shape[1])
        # All of int16, so that it never grows; what is never written to takes no memory.
        self._histogram = np.zeros((shape[1], 1 << 16), np.int64)
        self._low, self._high = 1 << 15, -(1 << 15)

    def histogram(self) -> tuple[np.ndarray, np.ndarray]:
        """Return left edges and counts, from the lowest HU met to the highest."""
        edges = np.arange(self._low, self._high + 1)
        first = self._low + (1 << 15)
        return edges, self._histogram[:, first : first + edges.size].copy()

    def add(self, k: int, labels: np.ndarray, hu: np.ndarray) -> None:
        """Add a block of slice `k`: labels and HU of the same voxels, one-dimensional."""
        labelled = labels != 0
        labels, hu = labels[labelled], hu[labelled]
        if labels.size == 0:
            return
        if self._integers:
            self._add_joint(k, labels, hu)
            return
        hu = hu.astype(np.float64)
        if not np.isfinite(hu).all():
            raise PixelDataError(
                f"Slice {k} holds voxels inside the label map that are not finite numbers; "
                "export the CT again, in Hounsfield units."
            )
        columns = self._columns(k, labels)
        for moment, weights in zip(self.moments, (None, hu, hu * hu), strict=True):
            moment[k] += np.bincount(columns, weights, moment.shape[1]).astype(moment.dtype)
        floor = np.floor(hu).clip(-(1 << 15), (1 << 15) - 1).astype(np.int16)
        self._add_joint(k, labels, floor)

    def _columns(self, k: int, values: np.ndarray) -> np.ndarray:
        columns = self._column[values]
        if columns.min() < 0:
            raise SegmentationError(
                f"Slice {k} of the label map holds value {int(values[columns < 0].min())}, which "
                "its table of labels does not name; add it to the table or take it off the map."
            )
        return columns

    def _add_joint(self, k: int, labels: np.ndarray, hu: np.ndarray) -> None:
        """Add the joint histogram of label and HU, and for integers the moments with it."""
        low, high = int(hu.min()), int(hu.max())
        width = high - low + 1
        values, position = np.arange(int(labels.max()) + 1), labels
        if values.size * width > 1 << 16:  # number only the labels that are here: fewer bins
            values = np.flatnonzero(np.bincount(labels))
            lookup = np.zeros(values[-1] + 1, np.uint16)
            lookup[values] = np.arange(values.size)
            position = lookup[labels]
        bins = values.size * width
        if bins > DENSE_BINS:
            usual = (hu >= USUAL_HU[0]) & (hu <= USUAL_HU[1])
            split = usual.any() and not usual.all()  # metal and padding apart: few voxels
            for here in (usual, ~usual) if split else (labels == value for value in values):
                self._add_joint(k, labels[here], hu[here])
            return
        # The narrowest type that holds the index, for half of the time goes into making it. HU
        # above the lowest is at most 65535, right in uint16 however int16 wrapped.
        narrow = np.uint16 if bins < 1 << 16 else np.uint32
        index = np.multiply(position, narrow(width), dtype=narrow)
        index += (hu - np.int16(low)).view(np.uint16)
        joint = np.bincount(index, minlength=bins).reshape(values.size, width)
        present = np.flatnonzero(joint.any(axis=1))
        joint, columns = joint[present], self._columns(k, values[present])
        self._low, self._high = min(self._low, low), max(self._high, high)
        first = low + (1 << 15)
        self._histogram[columns, first : first + width] += joint
        if self._integers:
            h = np.arange(low, high + 1.0)
            sums = joint.astype(np.float64) @ np.stack([np.ones(width), h, h * h], axis=1)
            for moment, column in zip(self.moments, sums.T, strict=True):
                moment[k, columns] += np.rint(column).astype(np.int64)
