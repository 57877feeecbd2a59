"""An image as it is in a file: voxels, affine, and what its header leaves in doubt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..flags import Flag

# Two voxel sizes that differ by less than this are one that was rounded.
SAME_SIZE = 0.01


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Image:
    """An image of any number of axes.

    Attributes
    ----------
    voxels
        [..., k, j, i], with the values of a voxel in a last axis where there are several.
    affine
        4 x 4, (i, j, k, 1) to RAS in mm; of the first three axes.
    axes
        How many the image has.
    values_per_voxel
        1 but for colours and vectors.
    flags
        What the header leaves in doubt.
    """

    voxels: np.ndarray
    affine: np.ndarray
    axes: int
    values_per_voxel: int
    flags: tuple[Flag, ...] = ()


def two_sizes(one_mm: np.ndarray, other_mm: np.ndarray, one: str, other: str) -> str:
    """Return what two voxel sizes of one header mean; empty where they agree within 1 %.

    Parameters
    ----------
    one_mm, other_mm
        Voxel size along i, j and k in mm.
    one, other
        Where each stands.

    Returns
    -------
    str
        Both sizes and the factors that they mean: WED is twice the root of an area over pi (AAPM
        Report 220), so it grows with the root of the area of a pixel.

    Examples
    --------
    >>> two_sizes(np.array([1.0, 1, 5]), np.array([2.0, 2, 5]), "sform", "pixdim")
    '1 x 1 x 5 mm (sform) and 2 x 2 x 5 mm (pixdim), a factor of 2 in WED and 4 in volumes'
    """
    if np.allclose(one_mm, other_mm, rtol=SAME_SIZE, atol=0):
        return ""
    ratio = np.asarray(other_mm, float) / one_mm
    wed, volume = np.sqrt(ratio[0] * ratio[1]), ratio.prod()
    return (
        f"{size_words(one_mm)} ({one}) and {size_words(other_mm)} ({other}), a factor of "
        f"{wed:.3g} in WED and {volume:.3g} in volumes"
    )


def size_words(size_mm: np.ndarray) -> str:
    """Return a voxel size as text."""
    return " x ".join(f"{length:.4g}" for length in size_mm) + " mm"
