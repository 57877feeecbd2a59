"""Contrast agent that a label map takes for bone: smooth, of 150 to 500 HU, without a cortex.

A threshold cannot tell an enhanced heart from a vertebra by HU. A bone's spongiosa lies inside a
cortex, thin as that may be; an enhanced vessel or chamber has only soft tissue around it.
"""

from __future__ import annotations

import numpy as np

from .blocks import Blocks

CONTRAST_HU = (150.0, 500.0)
# The brightest pixel of a voxel with cortex, this far above contrast agent and its noise.
CORTEX_HU = 600.0
# In contrast agent the brightest pixel of a voxel is above its mean by noise alone.
SMOOTH_HU = 150.0
# Of the voxels around a region, the part that may hold cortex: a rib that touches a heart does.
MOST_CORTEX = 0.15
LEAST_ML = 5.0
# What is left of a region without the voxels at its edge in the plane: ribs, which are two or
# three voxels thick, have next to none. Its voxels are alike.
LEAST_CORE_ML, CORE_SD_HU = 2.0, 40.0
_IN_PLANE = np.array([[[0, 1, 0], [1, 1, 1], [0, 1, 0]]], bool)


def contrast_in_bone(blocks: Blocks, is_bone: np.ndarray) -> np.ndarray:
    """Return where a bone's label lies on contrast agent.

    Parameters
    ----------
    blocks
        With HU, labels and the brightest pixel of bone labels.
    is_bone
        True for labels of bone, [label].

    Returns
    -------
    numpy.ndarray
        Boolean [k, j, i].
    """
    from scipy import ndimage

    bone = is_bone[blocks.label]
    found = np.zeros_like(bone)
    low, high = CONTRAST_HU
    smooth = blocks.brightest_hu - blocks.hu < SMOOTH_HU
    candidates = bone & (blocks.hu >= low) & (blocks.hu <= high) & smooth
    if not candidates.any():
        return found
    cortex = blocks.brightest_hu >= CORTEX_HU
    voxel_ml = float(np.prod(blocks.spacing_mm)) / 1000.0
    regions, count = ndimage.label(candidates)
    sizes = np.bincount(regions.ravel(), minlength=count + 1) * voxel_ml
    around = np.ones((3, 3, 3), bool)
    for number, box in enumerate(ndimage.find_objects(regions), start=1):
        if sizes[number] < LEAST_ML or box is None:
            continue
        wide = tuple(slice(max(0, b.start - 1), b.stop + 1) for b in box)
        region = regions[wide] == number
        ring = ndimage.binary_dilation(region, around) & ~region
        core = ndimage.binary_erosion(region, _IN_PLANE)
        thick = core.sum() * voxel_ml >= LEAST_CORE_ML
        if not thick or blocks.hu[wide][core].std() > CORE_SD_HU:
            continue
        if cortex[wide][ring].mean() <= MOST_CORTEX:
            found[wide] |= region
    if found.any():  # its edge, which partial volume darkens
        found |= ndimage.binary_dilation(found, around) & bone & ~cortex
    return found
