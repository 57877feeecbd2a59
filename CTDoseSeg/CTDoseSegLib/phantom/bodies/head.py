"""A body's head and throat: what lies under the skin that `outside` painted."""

from __future__ import annotations

import numpy as np

from ..shapes import Both, Column, Cradle
from .head_face import paint_dental_fillings, paint_face
from .head_skull import paint_braincase
from .head_throat import paint_throat
from .painter import Painter

__all__ = ["paint_dental_fillings", "paint_head", "paint_headrest"]


def paint_head(b: Painter) -> None:
    """Paint braincase with brain, face and throat; the spine up to C1 is there.

    Parameters
    ----------
    b
        Paints; skin, fat and muscle, spine and neck vessels are there.
    """
    paint_braincase(b)
    paint_face(b)
    paint_throat(b)


def paint_headrest(b: Painter, rim: float, side: float = -1.0) -> None:
    """Paint a curved shell with foam inside, up to half the height of the head.

    Before the body's outside, which then lies in it.

    Parameters
    ----------
    b
        Paints.
    rim
        y of the couch under the midline, mm.
    side
        -1 where the couch is posterior, +1 where it is anterior (prone).
    """
    frame = b.frame
    s = frame.head_scale
    part = b.part("headrest", (0.0, 0.0, 400.0))
    # The head's own lowest point: a thick trunk lifts it off the couch's plane.
    head = frame.head_point(0.0, 100.0 * side, 0.0)[1] - side
    low = side * max(side * rim, side * head)
    radius = s * (float(part.rng.uniform(98, 125)) if b.variation else 110.0)
    x, y = 0.0, low - side * radius
    ends = frame.head_point(0.0, 0.0, -62.0)[2], frame.head_point(0.0, 0.0, 100.0)[2]
    for name, skin in (("carbon_fibre", 0.0), ("foam", 2.0)):
        ring = Both(
            Cradle((x, y), radius + 22 * s - skin), Cradle((x, y), radius + skin), without=True
        )
        half = Column(
            np.array([[0.0, 150.0 * s, radius - skin, x, y + side * (radius + 12)]]),
            power=16.0,
            z_range=(ends[0], ends[1] - skin),
        )
        b.canvas.paint(Both(ring, half), b.material("headrest", name))
