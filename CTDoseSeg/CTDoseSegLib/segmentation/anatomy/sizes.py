"""An organ's volume against the body around it.

What of a section is not fat grows with a person, from the newborn to the obese, as the organs in it
do: an organ's volume in ml, over the mean lean area of its slices in cm2 to the power of 1.5, is of
one size at any age. Limits are a third of the least and three times the most of the bodies of
Testing/Bodies/segmentation_of_bodies.py, whose organs have the masses of ICRP Publications 89, 145
and 156 with their spread, and of real kidneys; six times the most for the spleen, which disease
enlarges most. What has not even a fifth of the lower limit is no such organ: a tumour in the lung
has been drawn as 5 ml of kidney.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from .findings import Doubt, Taken
from .sampled import Sampled

LEAN_HU = -20.0
# Organ to its least and most ratio. Of the bodies: liver 0.218 to 0.669, spleen 0.016 to 0.058,
# kidneys 0.021 to 0.047, heart 0.141 to 0.244, brain 0.474 to 0.662, pancreas 0.010 to 0.041.
LIMITS: Mapping[str, tuple[float, float]] = {
    "liver": (0.07, 2.0),
    "spleen": (0.005, 0.35),
    "kidney_left": (0.007, 0.14),
    "kidney_right": (0.007, 0.14),
    "heart": (0.047, 0.73),
    "brain": (0.16, 2.0),
    "pancreas": (0.003, 0.12),
}


TINY = 0.2


def odd_sizes(points: Sampled, gone: Mapping[str, np.ndarray]) -> Iterator[Taken | Doubt]:
    """Yield organs that lie wholly in the images and are far too small or too large for the body.

    Parameters
    ----------
    points
        Label map and HU.
    gone
        Organ to points that were taken away from it.

    Yields
    ------
    Taken or Doubt
    """
    lean = points.body & (points.hu > LEAN_HU)
    for organ, (least, most) in LIMITS.items():
        mask = points.mask(organ)
        if organ in gone:
            mask = mask & ~gone[organ]
        slices = np.flatnonzero(mask.any(axis=(1, 2)))
        if not slices.size or slices[0] == 0 or slices[-1] == len(mask) - 1:
            continue
        area_cm2 = lean[slices].sum(axis=(1, 2)).mean() * points.point_mm2 / 100.0
        ml_of_one = max(area_cm2, 1.0) ** 1.5
        volume_ml = mask.sum() * points.point_ml
        if not least * ml_of_one <= volume_ml <= most * ml_of_one:
            usual = f"{3 * least * ml_of_one:.0f} ml or more"
            if volume_ml > most * ml_of_one:
                usual = f"up to {most * ml_of_one / 3:.0f} ml"
            if volume_ml < TINY * least * ml_of_one:
                yield Taken(organ, mask, f"a body of this size has {usual}")
                continue
            yield Doubt(organ, f"{volume_ml:.0f} ml where a body of this size has {usual}", mask)
