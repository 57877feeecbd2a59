"""A CT and its label map slice by slice, along the axes of the patient.

A volume along these axes is only turned about: its own pixels come in its own slices, so that
2,000 slices need the memory of a few. Any other (a tilted gantry, an oblique reformat) is looked up
slice by slice, each pixel at the nearest voxel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...ct.series import AIR_HU
from ...errors import GeometryError
from ...segmentation.labelmap import Labelmap
from ...segmentation.working_grid import Canonical, canonical_axes, field_of_view
from ..scan import Scan

# A volume whose voxels lie no farther off the axes of the patient is taken to lie along them.
ALONG_AXES_MM = 2.0
# An inclined volume is sampled no finer in the plane, and in so many planes for each voxel wanted.
SAMPLED_MM, SAMPLED_SLICES = 1.0, 2


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Slice:
    """One slice; x grows with i to the patient's left, y with j to posterior.

    Attributes
    ----------
    hu
        [j, i], all finite.
    labels
        Values of the label map, [j, i].
    repeated
        Boolean [j, i]: True where the volume has ended and its last slice goes on; None: nowhere.
    """

    hu: np.ndarray
    labels: np.ndarray
    repeated: np.ndarray | None = None


class Upright(Protocol):
    """Slices of a volume along the axes of the patient, foot to head.

    Attributes
    ----------
    shape
        Rows and columns.
    pixel_mm
        Along x and y.
    corner_mm
        (x, y) of the outer corner of pixel [0, 0].
    edges_mm
        Borders of the slices along z, ascending, [n + 1].
    uneven
        True where the slices are not all as far apart.
    seen
        Boolean [j, i], the field of view; None where it is not known.
    not_finite
        Pixels met so far that were no finite number, which are read as air.
    """

    shape: tuple[int, int]
    pixel_mm: tuple[float, float]
    corner_mm: tuple[float, float]
    edges_mm: np.ndarray
    uneven: bool
    seen: np.ndarray | None
    not_finite: int

    def slice(self, number: int) -> Slice:
        """Return a slice, from 0 at the foot."""


def upright(scan: Scan, target_mm: float) -> tuple[Upright, float]:
    """Return the slices of a scan along the axes of the patient.

    Parameters
    ----------
    scan
        With CT and label map on one grid.
    target_mm
        Voxels wanted: an inclined volume is sampled several times in each.

    Returns
    -------
    slices : Upright
    off_mm : float
        How far the volume's voxels lie off these axes; above `ALONG_AXES_MM` it was resampled.
    """
    affine = _lps(scan.series.affine)
    permutation, reversed_axes = canonical_axes(scan.series.affine)
    shape = scan.series.hu.shape
    columns = np.empty((3, 3))  # mm for one voxel along the view's i, j, k
    for axis in range(3):
        sign = -1.0 if axis in reversed_axes else 1.0
        columns[:, 2 - axis] = sign * affine[:3, 2 - permutation[axis]]
    extent = np.array([shape[permutation[axis]] - 1 for axis in (2, 1, 0)])
    skew = np.abs(columns - np.diag(np.linalg.norm(columns, axis=0)))
    off_mm = float((skew @ extent).max() / 2)
    if off_mm > ALONG_AXES_MM:
        return _Inclined(scan, affine, permutation[0], target_mm), off_mm
    return _Along(scan, affine), off_mm


class _Along:
    """A volume whose axes are the patient's, in any order and direction."""

    def __init__(self, scan: Scan, affine: np.ndarray) -> None:
        series = scan.series
        view = Canonical.of(series)
        self._hu = view.hu
        turned = scan.labelmap.labels.transpose(view.permutation)
        self._labels = np.flip(turned, view.reversed_axes)
        self.not_finite = 0
        rows, columns = view.hu.shape[1:]
        self.shape = (rows, columns)
        dz, dy, dx = view.spacing_mm
        self.pixel_mm = (dx, dy)
        last = np.array(series.hu.shape[::-1]) - 1
        centre = affine @ np.array([*(last / 2), 1.0])
        self.corner_mm = (centre[0] - columns * dx / 2, centre[1] - rows * dy / 2)
        count = view.hu.shape[0]
        self.uneven = False
        if view.permutation[0] == 0 and count > 1:
            z_mm = series.z_mm[::-1] if 0 in view.reversed_axes else series.z_mm
            self.edges_mm = _edges(z_mm)
            steps = np.diff(z_mm)
            self.uneven = bool(np.ptp(steps) > 0.02 * np.median(steps) + 0.02)
        else:
            middle = float(series.z_mm[0]) if view.permutation[0] == 0 else float(centre[2])
            self.edges_mm = middle + (np.arange(count + 1) - count / 2) * dz
        self.seen: np.ndarray | None = field_of_view(view.hu)

    def slice(self, number: int) -> Slice:
        hu = self._hu[number]
        hu, odd = _finite(hu)
        self.not_finite += odd
        return Slice(hu, self._labels[number])


class _Inclined:
    """A volume that is sampled along the axes of the patient, each pixel at the nearest voxel."""

    def __init__(self, scan: Scan, affine: np.ndarray, along: int, target_mm: float) -> None:
        self._series, self._labelmap = scan.series, scan.labelmap
        self._to_index = np.linalg.inv(affine)
        self._along = 2 - along  # the axis (i, j, k) that goes foot to head
        self.seen: np.ndarray | None = None
        self.not_finite = 0
        size = np.array(scan.series.hu.shape[::-1])
        corners = np.array(list(np.ndindex(2, 2, 2))) * size - 0.5
        places = corners @ affine[:3, :3].T + affine[:3, 3]
        low, high = places.min(axis=0), places.max(axis=0)
        finest = max(min(scan.series.spacing_mm), SAMPLED_MM)
        step = target_mm / max(1, math.ceil(target_mm / finest - 1e-6))
        steps_mm = np.array([step, step, target_mm / SAMPLED_SLICES])
        counts = np.maximum(np.ceil((high - low) / steps_mm - 1e-6), 1).astype(int)
        self.pixel_mm = (step, step)
        self.shape = (int(counts[1]), int(counts[0]))
        self.corner_mm = (float(low[0]), float(low[1]))
        self.edges_mm = low[2] + np.arange(counts[2] + 1) * steps_mm[2]
        # Uneven slices: the affine counts in mean steps, the volume in slices.
        z_mm = scan.series.z_mm
        rise = affine[2, 2] if abs(affine[2, 2]) > 1e-6 else 1.0
        self._steps = (z_mm - z_mm[0]) / rise
        off = np.abs(self._steps - np.arange(len(z_mm))).max()
        self.uneven = along == 0 and bool(off > 0.1)

    def slice(self, number: int) -> Slice:
        rows, columns = self.shape
        x = self.corner_mm[0] + (np.arange(columns) + 0.5) * self.pixel_mm[0]
        y = self.corner_mm[1] + (np.arange(rows) + 0.5) * self.pixel_mm[1]
        z = float(self.edges_mm[number : number + 2].mean())
        turn, shift = self._to_index[:3, :3], self._to_index[:3, 3]
        size = self._series.hu.shape[::-1]
        index, inside, repeated = [], np.ones(self.shape, bool), np.zeros(self.shape, bool)
        for axis in range(3):
            place = (turn[axis, 0] * x)[None] + (turn[axis, 1] * y)[:, None]
            place += turn[axis, 2] * z + shift[axis]
            if axis == 2 and self.uneven:
                place = np.interp(place, self._steps, np.arange(size[2]), left=-1, right=size[2])
            nearest = np.rint(place).astype(int)
            beyond = (nearest < 0) | (nearest >= size[axis])
            if axis == self._along:
                repeated = beyond
            else:
                inside &= ~beyond
            index.append(nearest.clip(0, size[axis] - 1))
        i, j, k = index
        hu, odd = _finite(np.where(inside, self._series.hu[k, j, i], AIR_HU))
        self.not_finite += odd
        labels = np.where(inside, self._labelmap.labels[k, j, i], 0)
        return Slice(hu, labels, repeated & inside)


def _finite(hu: np.ndarray) -> tuple[np.ndarray, int]:
    """Return values with air for those that are no finite number, and how many these were."""
    if hu.dtype.kind != "f":
        return hu, 0
    good = np.isfinite(hu)
    return (hu, 0) if good.all() else (np.where(good, hu, AIR_HU), int((~good).sum()))


def _lps(affine: np.ndarray) -> np.ndarray:
    """Return an affine to (left, posterior, superior) from one to (right, anterior, superior)."""
    turned: np.ndarray = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    return turned


def _edges(z_mm: np.ndarray) -> np.ndarray:
    """Return the borders halfway between slices; the outer ones as far out as the next inner."""
    steps = np.diff(z_mm)
    if not (steps > 0).all():
        raise GeometryError(
            "Slices lie at the same height or out of order along the body; export the series again."
        )
    middle = (z_mm[1:] + z_mm[:-1]) / 2
    return np.concatenate(([z_mm[0] - steps[0] / 2], middle, [z_mm[-1] + steps[-1] / 2]))


def body_values(labelmap: Labelmap, outside: tuple[str, ...]) -> list[int]:
    """Return the values of what is body in a label map: all but `outside`."""
    return [atom.value for atom in labelmap.atoms if atom.name not in outside]
