"""How much of an organ lies at its surface, where a voxel shares material and dose with others."""

from __future__ import annotations

import numpy as np

from .voxels import Scores, Voxels


def surface_shares(voxels: Voxels, scores: Scores) -> np.ndarray:
    """Return the part of each score's volume within half a voxel of its surface, [score].

    Parameters
    ----------
    voxels
        Whose regions the scores gather.
    scores
        Groups of regions.

    Returns
    -------
    numpy.ndarray
        0 to 1; 1 for a score without voxels. A voxel counts half for each of its faces that lies
        at the surface, whichever way it looks.

    Examples
    --------
    A cube of 4 x 4 x 4 voxels has 96 of them:

    >>> region = np.zeros((6, 6, 6), np.uint16)
    >>> region[1:5, 1:5, 1:5] = 1
    >>> empty = np.zeros(region.shape, np.uint8), np.zeros(region.shape, np.float32)
    >>> cube = Voxels(*empty, region, (4, 4, 4), (0, 0, 0), (0, 0))
    >>> surface_shares(cube, Scores(("cube",), ((1,),)))
    array([0.75])
    """
    faces = _faces_between(voxels.region)
    size = len(faces)
    number = np.bincount(voxels.region.ravel(), minlength=size)
    shares = np.ones(len(scores))
    for score, members in enumerate(scores.members):
        own = np.zeros(size, dtype=bool)
        own[[region for region in members if region < size]] = True
        if count := number[own].sum():
            shares[score] = min(0.5 * faces[own][:, ~own].sum() / count, 1.0)
    return shares


def _faces_between(region: np.ndarray) -> np.ndarray:
    """Return the number of faces between every two regions, symmetric, [region, region].

    The outside of the grid is region 0.
    """
    padded = np.pad(region, 1)
    size = int(region.max()) + 1
    faces = np.zeros((size, size), np.int64)
    for axis in range(3):
        first = np.moveaxis(padded, axis, 0)
        low, high = first[:-1], first[1:]
        differ = low != high
        np.add.at(faces, (low[differ], high[differ]), 1)
    return faces + faces.T
