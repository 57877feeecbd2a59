"""The skin: the outer shell of the body, by depth and density."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..morphology import dilated_by
from ..working_grid import box_around

# The shell that the published dose models' skin was measured on: TotalSegmentator's skin is the
# body's outer voxels from -200 to 250 HU. Its mean HU there is -54 (chest) and -47 (abdomen), its
# SD 62-65. Nine scans (0.65-1.6 mm pixels) have, at 5.0 mm, slice medians of -27 to -94 HU with a
# mean of -50 (chest -51, abdomen -50) and an SD of 55-75 (noisy ones to 115).
SKIN_MM = 5.0
SKIN_HU = (-200.0, 250.0)


def air_around(body: np.ndarray) -> np.ndarray:
    """Return what is not the body and goes on to a side of the slices.

    Air that a slice encloses may be that between arm and flank, which other slices show open, or
    gas of the bowel that was left out of the body.

    Parameters
    ----------
    body
        Boolean [k, j, i]; a coarse grid is enough.

    Returns
    -------
    numpy.ndarray
        Boolean [k, j, i].
    """
    regions, count = ndimage.label(~body)
    open_ones = np.zeros(count + 1, bool)
    open_ones[regions[:, [0, -1]]] = True
    open_ones[regions[:, :, [0, -1]]] = True
    open_ones[0] = False
    return open_ones[regions]


def skin_shell(
    body: np.ndarray,
    hu: np.ndarray,
    seen: np.ndarray,
    air: np.ndarray,
    spacing_mm: tuple[float, float],
) -> np.ndarray:
    """Return the pixels of the body that are skin: its outer shell, where as dense as skin.

    Parameters
    ----------
    body
        Boolean [j, i].
    hu
        [j, i].
    seen
        Boolean [j, i], the field of view: where that cuts the body there is no skin.
    air
        Boolean [j, i], the air around the body: beside gas in it there is no skin.
    spacing_mm
        Along j and i.

    Returns
    -------
    numpy.ndarray
        Boolean [j, i].
    """
    skin = np.zeros_like(body)
    if not body.any():
        return skin
    # As far as the shell goes beyond the body, whatever is air there is air around it.
    box = box_around(body, round(2 * SKIN_MM / min(spacing_mm)) + 2)
    solid = body[box] | ~seen[box]
    shell = body[box] & outer_shell(solid | enclosed(~solid, air[box]), spacing_mm, SKIN_MM)
    skin[box] = shell & (hu[box] > SKIN_HU[0]) & (hu[box] < SKIN_HU[1])
    return skin


def enclosed(holes: np.ndarray, air: np.ndarray) -> np.ndarray:
    """Return the pieces of `holes` [j, i] that neither meet the air nor a side of the image."""
    regions, count = ndimage.label(holes)
    within = np.ones(count + 1, bool)
    for met in (regions[air], regions[[0, -1]], regions[:, [0, -1]]):
        within[met] = False
    within[0] = False
    return within[regions]


def outer_shell(solid: np.ndarray, spacing_mm: tuple[float, float], depth_mm: float) -> np.ndarray:
    """Return the pixels of `solid` [j, i] within `depth_mm` of the air around it.

    The distance is to the centre of the nearest pixel of air, half a pixel beyond the surface.
    """
    shell = np.zeros_like(solid)
    if solid.all() or not solid.any():
        return shell
    # Where nothing is solid there is nothing to measure: about it, one pixel of air is enough.
    box = tuple(
        slice(max(0, lines[0] - 1), lines[-1] + 2)
        for lines in (np.flatnonzero(solid.any(axis=axis)) for axis in (1, 0))
    )
    inside = solid[box]
    air = ~inside
    reach = int((depth_mm + 0.5 * max(spacing_mm)) / spacing_mm[0]) + 1
    columns = np.arange(air.shape[1])
    rows = {}
    for row in range(reach + 1):
        depth = np.sqrt((row * spacing_mm[0]) ** 2 + (columns * spacing_mm[1]) ** 2)
        within = np.flatnonzero(depth - 0.5 * max(spacing_mm) < depth_mm)
        if within.size:
            rows[0, row] = rows[0, -row] = int(within[-1])
    shell[box] = inside & dilated_by(air[None], rows)[0]
    return shell
