"""Where a network is not sure of what it drew, in voxels as coarse as those that it sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Value of a voxel that is drawn with a probability of 0.
WHOLLY = 255


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class DoubtMap:
    """One minus the probability of what is drawn, voxel by voxel.

    Attributes
    ----------
    values
        uint8 [k, j, i] along the axes of the CT, from 0 (sure) to 255.
    affine
        4 x 4, (i, j, k, 1) to RAS in mm. The outer edges are those of the CT.

    Examples
    --------
    >>> doubt = DoubtMap.of(np.zeros((4, 50, 50), np.uint8), (4, 100, 100), np.eye(4))
    >>> doubt.affine[:3, 3].tolist()  # the first voxel's centre lies between two of the CT's
    [0.5, 0.5, 0.0]
    """

    values: np.ndarray
    affine: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, shape: tuple[int, ...], affine: np.ndarray) -> DoubtMap:
        """Place values on a CT with the same outer edges.

        Parameters
        ----------
        values
            uint8 [k, j, i] along the axes of the CT.
        shape
            Of the CT, [k, j, i].
        affine
            Of the CT.
        """
        step = np.array(shape[::-1]) / np.array(values.shape[::-1])
        onto = np.diag([*step, 1.0])
        onto[:3, 3] = (step - 1.0) / 2.0
        return cls(values, affine @ onto)

    def copy(self) -> DoubtMap:
        """Return one with values of its own."""
        return DoubtMap(self.values.copy(), self.affine)

    def forget(self, k: int, drawn: np.ndarray, slices: int) -> None:
        """Set to 0, in place, where somebody else drew.

        Parameters
        ----------
        k
            Slice of the CT.
        drawn
            Boolean [j, i] of that slice.
        slices
            Number of the CT's slices.
        """
        j, i = np.nonzero(drawn)
        at = (np.array([k]), j, i)
        sizes = zip(at, (slices, *drawn.shape), self.values.shape, strict=True)
        self.values[tuple(((n + 0.5) * few / many).astype(int) for n, many, few in sizes)] = 0
