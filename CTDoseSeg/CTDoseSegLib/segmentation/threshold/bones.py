"""Bone on the coarse grid: dense, with a shell denser than what it holds.

Contrast in vessels, heart, kidneys and bowel can be as dense as bone. It is recognised by its
inside: contrast is densest in the middle, bone at its surface. What touches bone directly (an
enhanced aorta at the spine) may still be counted as bone.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..morphology import closed_by_disc, dilated_by_disc, eroded_by_disc, filled
from ..slice_threads import for_each_slice
from ..working_grid import Coarse

WEAK_HU, STRONG_HU = 170.0, 280.0
METAL_HU = 2000.0
SMALLEST_MM3 = 150.0
# Contrast agent is thick, most of it deep inside, and of one density. A child's bones are as dense
# inside as at their surface, but thin, and some denser than others.
THIN, RATHER_THIN, UNEVEN_HU = 0.08, 0.15, 100.0
MARROW_MM = 4.0
MARROW_MM2 = 2500.0
# A spinal canal looks like a marrow space, but holds cord and fluid.
CANAL_HU = (-20.0, 65.0)


def find_bone(coarse: Coarse, body: np.ndarray) -> np.ndarray:
    """Return cortical and spongious bone with its marrow.

    Parameters
    ----------
    coarse
        The slices.
    body
        Boolean [k, j, i], where bone can be.

    Returns
    -------
    numpy.ndarray
        Boolean [k, j, i]; marrow is filled slice by slice.
    """
    regions, n = ndimage.label(body & (coarse.hu > WEAK_HU))
    if n == 0:
        return np.zeros_like(body)
    voxel_mm3 = coarse.pixel_mm2 * coarse.spacing_mm[0]
    sizes = np.bincount(regions.ravel(), minlength=n + 1) * voxel_mm3
    keep = [
        index
        for index, window in enumerate(ndimage.find_objects(regions), start=1)
        if sizes[index] > SMALLEST_MM3 and _is_bone(coarse.hu[window], regions[window] == index)
    ]
    return _with_marrow(coarse, np.isin(regions, keep)) & body


def _is_bone(hu: np.ndarray, piece: np.ndarray) -> bool:
    """Return whether a dense piece has somewhere a strong voxel, and no denser middle."""
    if hu[piece].max() < STRONG_HU:
        return False
    # A prosthesis or a screw is denser than the bone that it lies in.
    piece = piece & ~dilated_by_disc(hu > METAL_HU, 1)
    if not piece.any():
        return False
    middle = eroded_by_disc(piece, 2)
    thick = middle.sum() / piece.sum()
    if thick < THIN or (thick < RATHER_THIN and hu[middle].std() > UNEVEN_HU):
        return True
    rim = piece & ~middle
    return bool(np.percentile(hu[rim], 85) > np.median(hu[middle]) + 30.0)


def _with_marrow(coarse: Coarse, bone: np.ndarray) -> np.ndarray:
    """Close the shell and fill what it encloses, but not the spinal canal nor the skull."""
    radius = coarse.radius_px(MARROW_MM)

    def fill(k: int) -> None:
        padded = np.pad(bone[k], radius)
        closed = closed_by_disc(padded, radius)[radius:-radius, radius:-radius]
        regions, _ = ndimage.label(filled(closed) & ~bone[k])
        for index, window in enumerate(ndimage.find_objects(regions), start=1):
            hole = regions[window] == index
            mean = coarse.hu[k][window][hole].mean()
            small = hole.sum() * coarse.pixel_mm2 < 60.0
            marrow = not CANAL_HU[0] < mean < CANAL_HU[1] and mean > -150.0
            if small or (marrow and hole.sum() * coarse.pixel_mm2 < MARROW_MM2):
                bone[k][window] |= hole

    for_each_slice(fill, np.flatnonzero(bone.any(axis=(1, 2))).tolist())
    return bone
