"""Whether what was scanned can be a person."""

from __future__ import annotations

from .sampled import Sampled

# A person shows bone: 3.6 % of the body's points are as dense in an obese woman, the least of all.
BONE_HU, LEAST_BONE = 130.0, 0.002
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
    bone = (points.hu[body] > BONE_HU).mean()
    if bone < LEAST_BONE:
        return "nothing in the body is as dense as bone"
    largest_cm2 = body.sum(axis=(1, 2)).max() * points.point_mm2 / 100.0
    trunk = points.mask("lung", "liver", "heart")
    if trunk.sum() * points.point_ml > 10.0 and largest_cm2 < LEAST_TRUNK_CM2:
        return f"the largest section of the trunk has {largest_cm2:.0f} cm2"
    return ""
