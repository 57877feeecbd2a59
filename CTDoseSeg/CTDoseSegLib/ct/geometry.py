"""Geometry: the grid of a volume, and slices along the body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Corners of one grid in two files may differ by this: headers hold float32, or text that is
# rounded. Other grids differ by more.
SAME_GRID_MM = 0.01


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Grid:
    """Where the voxels of a volume lie.

    Attributes
    ----------
    shape
        Slices, rows, columns.
    affine
        4 x 4, (i, j, k, 1) to RAS in mm.
    """

    shape: tuple[int, ...]
    affine: np.ndarray

    def corners_mm(self) -> np.ndarray:
        """Return the RAS positions of the centres of the corner voxels, [8, 3]."""
        last = np.array(self.shape[::-1]) - 1
        corners = np.array(list(np.ndindex(2, 2, 2))) * last
        positions: np.ndarray = corners @ self.affine[:3, :3].T + self.affine[:3, 3]
        return positions

    def same_as(self, other: Grid) -> bool:
        """Return whether voxel (k, j, i) lies at one place in both, within `SAME_GRID_MM`.

        Parameters
        ----------
        other
            Compared by shape and by its corners.

        Returns
        -------
        bool

        Examples
        --------
        >>> grid = Grid((3, 4, 5), np.diag([0.7, 0.7, 5.0, 1.0]))
        >>> grid.same_as(Grid((3, 4, 5), np.diag([0.7, 0.7, 5.001, 1.0])))
        True
        >>> grid.same_as(Grid((3, 4, 5), np.diag([0.7, 0.7, 5.01, 1.0])))
        False
        """
        return self.apart_mm(other) < SAME_GRID_MM

    def apart_mm(self, other: Grid) -> float:
        """Return the largest distance in mm between equal corners; infinite for another shape."""
        if tuple(self.shape) != tuple(other.shape):
            return float("inf")
        apart = np.linalg.norm(self.corners_mm() - other.corners_mm(), axis=1)
        return float(apart.max())


def cell_widths_mm(z_mm: np.ndarray) -> np.ndarray:
    """Return how much of the body's length each slice stands for.

    Parameters
    ----------
    z_mm
        RAS superior coordinate of each slice centre, [k], in any order.

    Returns
    -------
    numpy.ndarray
        Distance between the borders halfway to the neighbours in mm, [k]; 1 for a single slice.
    """
    if len(z_mm) < 2:
        return np.ones(len(z_mm))
    order = np.argsort(z_mm, kind="stable")
    widths = np.empty(len(z_mm))
    widths[order] = np.gradient(np.asarray(z_mm, dtype=float)[order])
    return widths
