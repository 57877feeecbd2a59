"""Whether what was scanned can be a person, and one person."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .sampled import Sampled

# Part of a body as dense as bone: from 2.1 % (an upper abdomen) to 29 % (a head).
# Plastics that stand for soft tissue have up to 140 HU.
BONE_HU, LEAST_BONE, MOST_BONE = 200.0, 0.002, 0.6
# Skin, fat, muscle and bone differ: no person has this much of one density, by means of 9 points.
ONE_DENSITY, ALIKE_HU = 0.8, 30.0
# In the lungs, in the bowel or around the body there is air, as light as this.
AIR_HU = -300.0
# The largest section of a newborn's trunk has 110 cm2; at a third of its weight about half.
LEAST_TRUNK_CM2 = 40.0
# Less of a body is not judged.
LEAST_BODY_ML = 50.0
# Where two bodies touch, a slice is narrower between them than this part of its greatest depth; an
# arm is less deep. A trunk with its breasts or its back's furrow is not narrowed so far.
NECK, OTHER_BODY = 0.7, 0.5
# Thighs touch below one pelvis, so that this part of all slices must show it.
MOST_SLICES = 0.7
SLICES_MM = 10.0


def no_person(points: Sampled) -> str:
    """Return why the body cannot be a person's; empty where it can.

    Parameters
    ----------
    points
        Label map with a body and its HU.

    Returns
    -------
    str
        Part of a sentence.
    """
    body = points.body
    if body.sum() * points.point_ml < LEAST_BODY_ML:
        return ""
    if not (points.hu < AIR_HU).any():
        return "nothing in the images is as light as air"
    bone = (points.hu[body] > BONE_HU).mean()
    if bone < LEAST_BONE:
        return "nothing in the body is as dense as bone"
    if bone > MOST_BONE:
        return f"{100 * bone:.0f} % of the body is as dense as bone"
    if (share := _of_one_density(points)) > ONE_DENSITY:
        return f"{100 * share:.0f} % of the body is of one density"
    largest_cm2 = body.sum(axis=(1, 2)).max() * points.point_mm2 / 100.0
    trunk = points.mask("lung", "liver", "heart")
    if trunk.sum() * points.point_ml > 10.0 and largest_cm2 < LEAST_TRUNK_CM2:
        return f"the largest section of the trunk has {largest_cm2:.0f} cm2"
    return ""


def _of_one_density(points: Sampled) -> float:
    """Return the largest part of the body's inside that is of one density within `ALIKE_HU`."""
    hu = points.hu[ndimage.binary_erosion(points.body, np.ones((1, 3, 3)))]
    counts, _ = np.histogram(hu, bins=np.arange(-1000.0, 1001.0, 5.0))
    alike = np.convolve(counts, np.ones(2 * round(ALIKE_HU / 5.0)), "same")
    return float(alike.max() / max(1, hu.size))


def bodies_touch(points: Sampled) -> bool:
    """Return whether most slices of the body are two that touch each other, of about one size."""
    step = max(1, round(SLICES_MM / points.spacing_mm[0]))
    judged = [_parted(points, image) for image in points.body[::step] if image.any()]
    return bool(judged) and sum(judged) > MOST_SLICES * len(judged)


def _parted(points: Sampled, image: np.ndarray) -> bool:
    """Return whether the inside of a slice of the body, [j, i], is in two pieces."""
    # The image's edge is no surface of a body that it cuts.
    depth = ndimage.distance_transform_edt(image, sampling=points.spacing_mm[1:])
    pieces, count = ndimage.label(depth > NECK * depth.max())
    areas = np.sort(np.bincount(pieces.ravel(), minlength=count + 1)[1:])
    return count > 1 and bool(areas[-2] > OTHER_BODY * areas[-1])
