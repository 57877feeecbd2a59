"""The head's outline: cranium, face, nose and ears, in layers from the skin down."""

from __future__ import annotations

import numpy as np

from ..shapes import Ellipsoid, Shape
from .frame import Frame

# Centre and half axes in mm from the brain's centre, turn about x in degrees.
_PARTS = (
    ((0, 0, 8), (78, 100, 93), 0.0),  # cranium
    ((0, 36, -56), (56, 58, 70), 12.0),  # face
    ((0, 96, -48), (12, 17, 21), 25.0),  # nose
)


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
    s, low = frame.head_scale, frame.face_scale
    shapes: list[Shape] = []
    for centre, half, turn in _PARTS:
        height = low if centre[2] < -22 else s
        axes = np.array(half) * (s, s, height) - inset_mm
        if axes.min() > 0.5:
            shapes.append(Ellipsoid.from_axes(frame.head_point(*centre), axes, (turn, 0, 0)))
    for side in (1, -1):
        axes = np.array([8, 15, 27]) * s - inset_mm
        if axes.min() > 0.5:
            shapes.append(Ellipsoid.from_axes(frame.head_point(side * 79, -10, -28), axes))
    return shapes
