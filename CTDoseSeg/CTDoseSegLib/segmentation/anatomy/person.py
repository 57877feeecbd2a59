"""Whether what was scanned can be a person."""

from __future__ import annotations

from .sampled import Sampled

# Part of a body as dense as bone: from 2.1 % (an upper abdomen) to 29 % (a head).
# Plastics that stand for soft tissue have up to 140 HU.
BONE_HU, LEAST_BONE, MOST_BONE = 200.0, 0.002, 0.6
# In the lungs, in the bowel or around the body there is air, as light as this.
AIR_HU = -300.0
# The largest section of a newborn's trunk has 110 cm2; at a third of its weight about half.
LEAST_TRUNK_CM2 = 40.0
# Less of a body is not judged.
LEAST_BODY_ML = 50.0


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
    largest_cm2 = body.sum(axis=(1, 2)).max() * points.point_mm2 / 100.0
    trunk = points.mask("lung", "liver", "heart")
    if trunk.sum() * points.point_ml > 10.0 and largest_cm2 < LEAST_TRUNK_CM2:
        return f"the largest section of the trunk has {largest_cm2:.0f} cm2"
    return ""
