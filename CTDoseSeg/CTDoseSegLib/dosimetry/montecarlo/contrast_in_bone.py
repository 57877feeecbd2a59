"""Contrast agent that a label map takes for bone: smooth, of 150 to 500 HU, without a cortex.

A threshold cannot tell an enhanced heart from a vertebra by HU. A bone's spongiosa lies inside a
cortex, thin as that may be; an enhanced vessel or chamber has only soft tissue around it.
"""

from __future__ import annotations

import numpy as np

from .blocks import Blocks

CONTRAST_HU = (150.0, 500.0)
# In contrast agent the brightest pixel of a voxel is above its mean by noise alone.
SMOOTH_HU = 150.0
# A voxel at the edge of a region holds cortex where its brightest pixel is this much brighter than
# those of the core. Of the edges of spongiosa in three scans and a phantom 30 to 74 % do; of a
# heart that was labelled with ribs that touch it, these.
CORTEX_ABOVE_HU, MOST_CORTEX = 60.0, 0.15
LEAST_ML, LEAST_SLABS = 5.0, 2
# What is left of a region without the voxels at its edge in the plane: ribs, which are two or
# three voxels thick, have next to none. Its voxels are alike.
LEAST_CORE_ML, CORE_SD_HU = 2.0, 40.0
_AROUND = np.ones((3, 3, 3), bool)
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
    voxel_ml = float(np.prod(blocks.spacing_mm)) / 1000.0
    regions, count = ndimage.label(candidates)
    sizes = np.bincount(regions.ravel(), minlength=count + 1) * voxel_ml
    for number, box in enumerate(ndimage.find_objects(regions), start=1):
        if sizes[number] < LEAST_ML or box is None or box[0].stop - box[0].start < LEAST_SLABS:
            continue
        wide = tuple(slice(max(0, b.start - 1), b.stop + 1) for b in box)
        region = regions[wide] == number
        core = ndimage.binary_erosion(region, _IN_PLANE)
        thick = core.sum() * voxel_ml >= LEAST_CORE_ML
        if not thick or blocks.hu[wide][core].std() > CORE_SD_HU:
            continue
        brightest = blocks.brightest_hu[wide]
        limit = float(np.median(brightest[core])) + CORTEX_ABOVE_HU
        edge = ndimage.binary_dilation(region, _AROUND) & ~core & bone[wide]
        if (brightest[edge] > limit).mean() <= MOST_CORTEX:
            # With its edge, which partial volume darkens.
            found[wide] |= region | (edge & (brightest <= limit))
    return found
