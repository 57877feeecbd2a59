"""The head's outline: braincase, face, nose and ears, in layers from the skin down."""

from __future__ import annotations

import numpy as np

from ..shapes import Ellipsoid, Shape, Superellipsoid
from .frame import Frame, Point
from .head_part import cranial_point, face_depth, face_point

# The braincase, wider behind than in front: centre, half axes, half axis below, mm from the
# brain's centre. Length 200, breadth 156 and circumference 574 mm are those of ANSUR II (men).
BRAINCASE = (
    ((0, -14, 8), (78, 86, 93), 72),
    ((0, 13, 8), (74.5, 87, 91), 46),
)
BRAINCASE_POWER = 2.2
# Centre and half axes, turn about x in degrees: shaped after the face in CT (judgement).
_FACE = (
    ((0, 25, -43), (69, 55, 35), 0.0),  # cheekbones
    ((0, 48, -68), (42, 48, 44), 0.0),  # upper jaw and lips
    ((0, 34, -84), (52, 50, 40), -14.0),  # lower jaw
    ((0, 75, -106), (24, 21, 17), 0.0),  # chin
    ((0, 72, -92), (26, 26, 16), 0.0),  # lower lip
    ((0, 82, -28), (15, 18, 24), 12.0),  # bridge of the nose
    ((0, 98, -48), (15, 16, 22), 22.0),  # nose
    ((0, 108, -56), (12, 10, 9), 0.0),  # tip of the nose
    ((0, -34, -50), (56, 46, 40), 0.0),  # nape
)
_SIDES = (
    ((44, 26, -76), (18, 39, 36), 0.0),  # muscles of mastication
    ((31, 70, -21), (22, 20, 20), 0.0),  # lids
    ((33, 58, -47), (26, 30, 28), 0.0),  # cheeks
    ((25, 49, -98), (27, 38, 24), 0.0),  # under the jaw
    ((45, -2, -60), (22, 32, 38), 0.0),  # parotid glands and neck below the ears
)
_MASTOID = ((54, -26, -40), (19, 24, 26))  # below the ears, with the braincase
_EAR = ((80, -14, -28), (7, 14, 28))


def braincase(frame: Frame, inset_mm: float) -> list[Superellipsoid]:
    """Return the shapes of the braincase `inset_mm` under the skin, in the person's mm."""
    shapes = []
    for centre, half, below in BRAINCASE:
        a, b, c, d = np.array([*half, below]) * frame.head_scale - inset_mm
        at = cranial_point(frame, *centre)
        shapes.append(Superellipsoid(at, (a, b, c), d, BRAINCASE_POWER))
    return shapes


def head_shapes(frame: Frame, inset_mm: float) -> list[Shape]:
    """Return the shapes of the head `inset_mm` under its skin.

    Parameters
    ----------
    frame
        Of the person.
    inset_mm
        0 for the skin's outside.

    Returns
    -------
    list of Shape
        In the person's mm; what is thinner than the inset is left out.
    """
    shapes: list[Shape] = list(braincase(frame, inset_mm))
    for centre, half, turn in _FACE:
        shapes += _ellipsoid(frame, centre, half, (turn, 0, 0), inset_mm)
    for side in (1, -1):
        for (x, y, z), half, turn in _SIDES:
            shapes += _ellipsoid(frame, (side * x, y, z), half, (turn, 0, 0), inset_mm)
        (x, y, z), half = _MASTOID
        grown = frame.face_scale / frame.head_scale
        axes = np.array(half) * frame.head_scale * (1, 1, 0.3 + 0.7 * grown) - inset_mm
        at = cranial_point(frame, side * x, y, z + 4 * (1 - grown))
        shapes.append(Ellipsoid.from_axes(at, axes))
        (x, y, z), half = _EAR
        shapes += _ellipsoid(frame, (side * x, y, z), half, (-12, 0, side * 12), inset_mm)
    return shapes


def _ellipsoid(
    frame: Frame, centre: Point, half: Point, turn: Point, inset_mm: float
) -> list[Ellipsoid]:
    """Return the ellipsoid under `inset_mm`, or none where it is too thin."""
    s, low = frame.head_scale, frame.face_scale
    deep = face_depth(frame) if centre[1] > 40 else 1.0
    axes = np.array(half) * (s, s * deep, low if centre[2] < -22 else s) - inset_mm
    if axes.min() <= 0.5:
        return []
    return [Ellipsoid.from_axes(face_point(frame, *centre), axes, turn)]
