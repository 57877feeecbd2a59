"""The lower heart drawn as liver: where it lies says so, with contrast agent or without.

Between the lungs the liver is its dome, which lies on the right and shrinks towards the head; its
left part shrinks as well and ends lower. What grows again on the left, or goes on there above the
dome, is the heart on the diaphragm.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .findings import Taken
from .sampled import Sampled

LIVER = "liver"
# The lungs' part of the body's section from which on a slice lies at the diaphragm or above.
LUNG_SHARE = 0.12
# The left part of a true liver never grows again by both of these on the way up: of the least area
# below, and of the body's section.
GROWTH, GROWTH_OF_BODY = 1.25, 0.012
# A section of the dome has its middle or its end so far right of the spine, in parts of the body's
# width: the dome's tip, and the dome where the heart adjoins it.
DOME_MIDDLE, DOME_END = 0.05, 0.17
# Sections that only touch each other are parted at a neck narrower than this part of it.
NECK = 0.06


def heart_as_liver(points: Sampled) -> Taken | None:
    """Return the points of the liver that must be heart; None where there are none.

    Who draws a heart tells it from the liver, and a left lobe may grow again: nothing is sure then.

    Parameters
    ----------
    points
        Label map with liver, lungs and body.

    Returns
    -------
    Taken or None
    """
    if points.mask("heart").any():
        return None
    liver = points.mask(LIVER)
    lungs = points.mask("lung")
    area = np.maximum(1, points.body.sum(axis=(1, 2)))
    levels = np.flatnonzero((lungs.sum(axis=(1, 2)) > LUNG_SHARE * area) & liver.any(axis=(1, 2)))
    column = np.arange(liver.shape[2])
    left = column > points.middle[:, None]  # [k, i]
    if not len(levels) or (liver & left[:, None]).sum() > 0.5 * liver.sum():
        return None  # on the left as a whole: the volume is mirrored, or the person
    # Slices at which the lungs begin and end again are not those of one diaphragm.
    run = levels[: 1 + int(np.argmax(np.append(np.diff(levels), 2) > 1))]
    parts = [_sections(points, liver[k], int(k)) for k in run]
    domes = [k for k, section in zip(run, parts, strict=True) if any(right for _, right in section)]
    if not domes:
        return None
    gone = np.zeros_like(liver)
    least = np.inf
    above = ended = False
    for k, section in zip(run, parts, strict=True):
        on_left = int((liver[k] & left[k]).sum())
        above |= on_left > GROWTH * least and on_left - least > GROWTH_OF_BODY * area[k]
        least = min(least, on_left)
        for part, right in section:
            if ended or k > domes[-1] or (above and not right):
                gone[k] |= part
            elif above:
                gone[k] |= part & left[k]
        ended |= bool((gone[k] == liver[k]).all())  # the liver does not begin again
    higher = levels[levels > run[-1]]
    gone[higher] = liver[higher]
    if not gone.any():
        return None
    return Taken(LIVER, gone, "it is heart, between the lungs and left of the dome")


def _sections(points: Sampled, liver: np.ndarray, k: int) -> list[tuple[np.ndarray, bool]]:
    """Return the liver's sections in a slice, and whether each lies on the right as the dome does.

    Sections that touch each other at a neck are parted there.
    """
    size = points.spacing_mm[1:]
    width = np.ptp(np.flatnonzero(points.body[k].any(axis=0))) + 1
    core = ndimage.distance_transform_edt(liver, sampling=size) > 0.5 * NECK * width * size[1]
    regions, count = ndimage.label(core)
    if count > 1:
        _, (j, i) = ndimage.distance_transform_edt(regions == 0, return_indices=True)
        regions = np.where(liver, regions[j, i], 0)
    else:
        regions, count = ndimage.label(liver)
    sections = []
    for value in range(1, count + 1):
        part = regions == value
        columns = (points.middle[k] - np.nonzero(part)[1]) / width
        right = columns.mean() > DOME_MIDDLE or np.percentile(columns, 90) > DOME_END
        sections.append((part, bool(right)))
    return sections
