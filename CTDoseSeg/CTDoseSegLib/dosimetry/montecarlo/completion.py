"""Anatomy that the images lack: the body beyond their ends, and beyond the field of view.

Photons scatter there and are absorbed there. What is added is tissue that no organ is scored in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ...measurement.size import SizeProfile
from ...measurement.truncation import error_range
from .materials import index_of
from .tissue_laws import NO_AIR_G_CM3

# Beyond this much tissue hardly any scatter comes back: it is 0.48 of the plateau at an end.
REPEATED_MM = 100.0
# A slab with less body than this ends the body.
LEAST_BODY_MM2 = 500.0
# Mean of fat and muscle beyond the field of view.
FILLED_G_CM3 = 1.0
MOST_PADDING_MM = 160.0
# A larger grid is cut to what is not air: a map takes 160 bytes for each voxel in 20 batches.
LARGE_VOXELS = 1_500_000
_MATTER_G_CM3 = 0.02


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Anatomy:
    """Voxels of the patient; all arrays are [k, j, i].

    Attributes
    ----------
    material, density_g_cm3, region
        As `Voxels` has them.
    body
        True for the body.
    completed
        True for what the images do not show: tissue, and the air beside it.
    spacing_mm, corner_mm
        (x, y, z) of a voxel, and of the outer corner of the first one.
    """

    material: np.ndarray
    density_g_cm3: np.ndarray
    region: np.ndarray
    body: np.ndarray
    completed: np.ndarray
    spacing_mm: tuple[float, float, float]
    corner_mm: tuple[float, float, float]


def missing_area_mm2(size: SizeProfile) -> np.ndarray:
    """Return the water-equivalent area that the field of view cuts off each slice, [k].

    Up to the corrected diameter; where no correction is valid, up to the middle of the range that
    whole bodies, cropped as far, had been found in.
    """
    low, high = error_range(size.truncated_fraction, size.asymmetry)
    middle = size.wed_mm / (1.0 + (low + high) / 2)
    whole = np.where(np.isfinite(size.wed_corrected_mm), size.wed_corrected_mm, middle)
    area = math.pi / 4 * (whole**2 - size.wed_mm**2)
    cut = np.nan_to_num(size.truncated_fraction) > 0
    return np.where(cut & np.isfinite(area), np.maximum(area, 0.0), 0.0)


def complete_field(anatomy: Anatomy, seen: np.ndarray, missing_mm2: np.ndarray) -> Anatomy:
    """Return the anatomy with soft tissue beyond the field of view that cuts it.

    Parameters
    ----------
    anatomy
        As the images show it.
    seen
        Boolean [j, i]: the field of view.
    missing_mm2
        Area to add to each slab, [k].

    Returns
    -------
    Anatomy
        On a wider grid where the tissue needs it.

    Notes
    -----
    The body goes on where it meets the border of the field, farthest where it meets it in the
    middle of its cut: a segment of a circle, as a convex body lacks.
    """
    cut_slabs = np.flatnonzero(missing_mm2 > 0)
    if not cut_slabs.size:
        return anatomy
    dx, dy, _ = anatomy.spacing_mm
    padding = _padding_mm(anatomy, seen, missing_mm2)
    pad = (math.ceil(padding / dx), math.ceil(padding / dy))
    wide = _padded(anatomy, pad)
    open_field = np.pad(~seen, ((pad[1],) * 2, (pad[0],) * 2), constant_values=True)
    material, density = wide.material.copy(), wide.density_g_cm3.copy()
    completed, region = wide.completed.copy(), wide.region.copy()
    for k in cut_slabs:
        share = _filled(wide.body[k], open_field, float(missing_mm2[k]), (dy, dx))
        filled = share > 0
        material[k][filled] = index_of("soft_tissue")
        density[k][filled] = FILLED_G_CM3 * share[filled]
        completed[k] |= filled
        region[k][filled] = 0
    return replace(
        wide, material=material, density_g_cm3=density, region=region, completed=completed
    )


def repeat_ends(anatomy: Anatomy, low_mm: float, high_mm: float) -> Anatomy:
    """Return the anatomy with its end slabs repeated.

    Parameters
    ----------
    anatomy
        As the images show it.
    low_mm, high_mm
        Lengths to add at the foot and at the head; rounded up to whole slabs.
    """
    dz = anatomy.spacing_mm[2]
    low, high = (math.ceil(length / dz - 1e-6) for length in (low_mm, high_mm))
    if not (low or high):
        return anatomy

    def grown(array: np.ndarray) -> np.ndarray:
        return np.concatenate((array[:1].repeat(low, 0), array, array[-1:].repeat(high, 0)))

    region, completed = grown(anatomy.region), grown(anatomy.completed)
    for part, count in ((slice(0, low), low), (slice(len(region) - high, None), high)):
        if count:
            region[part] = 0
            completed[part] = True
    x, y, z = anatomy.corner_mm
    return replace(
        anatomy,
        material=grown(anatomy.material),
        density_g_cm3=grown(anatomy.density_g_cm3),
        region=region,
        body=grown(anatomy.body),
        completed=completed,
        corner_mm=(x, y, z - low * dz),
    )


def without_air_around(anatomy: Anatomy) -> Anatomy:
    """Return the anatomy without rows and columns of air at its sides, where its grid is large.

    Outside a grid nothing absorbs either.
    """
    matter = anatomy.body | (anatomy.density_g_cm3 > _MATTER_G_CM3)
    if matter.size <= LARGE_VOXELS or not matter.any():
        return anatomy
    rows, columns = (np.flatnonzero(matter.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    kept = (slice(None), slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    x, y, z = anatomy.corner_mm
    dx, dy, _ = anatomy.spacing_mm
    return replace(
        anatomy,
        material=np.ascontiguousarray(anatomy.material[kept]),
        density_g_cm3=np.ascontiguousarray(anatomy.density_g_cm3[kept]),
        region=np.ascontiguousarray(anatomy.region[kept]),
        body=anatomy.body[kept],
        completed=anatomy.completed[kept],
        corner_mm=(x + float(columns[0] * dx), y + float(rows[0] * dy), z),
    )


def goes_on(body: np.ndarray, pixel_mm2: float) -> tuple[bool, bool]:
    """Return whether the body goes on below the lowest slab and above the highest."""
    low, high = (float(body[k].sum()) * pixel_mm2 >= LEAST_BODY_MM2 for k in (0, -1))
    return bool(low), bool(high)


def lengths_beyond(
    images_mm: tuple[float, float], beam_mm: tuple[float, float], body_goes_on: tuple[bool, bool]
) -> tuple[float, float]:
    """Return how far the body is repeated below and above the images.

    Where the beam ends well inside the images they hold what scatters; where it ends near them or
    is not known to end, tissue goes on for `REPEATED_MM` at most.

    Examples
    --------
    >>> lengths_beyond((0.0, 300.0), (40.0, 500.0), (True, True))
    (60.0, 100.0)
    """
    needed = (images_mm[0] - beam_mm[0] + REPEATED_MM, beam_mm[1] + REPEATED_MM - images_mm[1])
    low, high = (
        min(max(length, 0.0), REPEATED_MM) if on else 0.0
        for length, on in zip(needed, body_goes_on, strict=True)
    )
    return low, high


def _padding_mm(anatomy: Anatomy, seen: np.ndarray, missing_mm2: np.ndarray) -> float:
    """Return how far beyond the grid tissue may reach: a segment's height is 1.5 of its mean."""
    dx, dy, _ = anatomy.spacing_mm
    padding = 0.0
    for k in np.flatnonzero(missing_mm2 > 0):
        length = int(_at_border(anatomy.body[k], ~seen).sum()) * math.sqrt(dx * dy)
        if length:
            padding = max(padding, 2.0 * float(missing_mm2[k]) / length)
    return min(padding + 2.0 * max(dx, dy), MOST_PADDING_MM)


def _at_border(body: np.ndarray, open_field: np.ndarray) -> np.ndarray:
    """Return where the body meets the border of the field, or of the image, [j, i]."""
    beside = np.pad(open_field, 1, constant_values=True)
    met = beside[2:, 1:-1] | beside[:-2, 1:-1] | beside[1:-1, 2:] | beside[1:-1, :-2]
    return body & met & ~open_field


def _filled(
    body: np.ndarray, open_field: np.ndarray, area_mm2: float, spacing_mm: tuple[float, float]
) -> np.ndarray:
    """Return the part of each voxel of a slab that is filled, 0 to 1, [j, i]."""
    from scipy import ndimage

    share = np.zeros(body.shape, np.float32)
    border = _at_border(body, open_field)
    if not border.any():
        return share
    away, nearest = ndimage.distance_transform_edt(
        ~border, sampling=spacing_mm, return_indices=True
    )
    # How far from the end of its cut each voxel of the border is: from the air beside the body.
    beside = ~body & ~open_field
    inward = ndimage.distance_transform_edt(~beside, sampling=spacing_mm)
    inward = np.where(border, inward, 0.0)
    half = max(float(inward.max()), 1e-3)
    height = (inward * (2 * half - inward) / half**2)[tuple(nearest)]
    order = np.where(open_field & ~body, away / np.maximum(height, 0.05), np.inf).ravel()
    ranked = np.argsort(order, kind="stable")
    wanted = area_mm2 / (spacing_mm[0] * spacing_mm[1]) / FILLED_G_CM3
    count = min(int(wanted), int(np.isfinite(order).sum()))
    flat = share.reshape(-1)
    flat[ranked[:count]] = 1.0
    if count < len(ranked) and np.isfinite(order[ranked[count]]):
        flat[ranked[count]] = min(wanted - count, 1.0)
    return share


def _padded(anatomy: Anatomy, pad: tuple[int, int]) -> Anatomy:
    """Return the anatomy with empty voxels around it: `pad` along x and y on each side."""
    across = ((0, 0), (pad[1],) * 2, (pad[0],) * 2)
    x, y, z = anatomy.corner_mm
    dx, dy, _ = anatomy.spacing_mm
    return replace(
        anatomy,
        material=np.pad(anatomy.material, across, constant_values=index_of("air")),
        density_g_cm3=np.pad(anatomy.density_g_cm3, across, constant_values=NO_AIR_G_CM3),
        region=np.pad(anatomy.region, across),
        body=np.pad(anatomy.body, across),
        completed=np.pad(anatomy.completed, across),
        corner_mm=(x - pad[0] * dx, y - pad[1] * dy, z),
    )
