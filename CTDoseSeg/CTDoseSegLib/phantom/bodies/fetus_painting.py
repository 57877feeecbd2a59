"""A fetus painted into its fluid: soft tissue, skull and brain, bones."""

from __future__ import annotations

import numpy as np

from .fetus import Fetus
from .fetus_bones import paint_fetus_bones
from .fetus_shapes import FetusBody, FetusSizes, Pose, Room, ellipsoid
from .painter import Part

_EMBRYO_BEFORE_WEEK = 12.0


def paint_fetus(
    part: Part, fetus: Fetus, pose: Pose, room: Room, lean_deg: float, fluid: int
) -> None:
    """Paint a fetus into the amniotic fluid; an embryo is one ellipsoid.

    Parameters
    ----------
    part
        The fetus, whose size is solved for its mass.
    fetus
        Its sizes.
    pose
        How it lies.
    room
        For it; what of trunk and limbs has no room is pressed flat, the head stays whole.
    lean_deg
        Of the womb.
    fluid
        Material that it is painted over.
    """
    soft = part.material("fetus", "fetus_soft", mass="fetus")
    axes = pose.leant(lean_deg)
    if fetus.week < _EMBRYO_BEFORE_WEEK:
        volume = fetus.weight_g * 1000 / 1.03 * part.size**3
        longest = (volume / (4 / 3 * np.pi * 0.65 * 0.75)) ** (1 / 3)
        half = longest * np.array([0.65, 0.75, 1.0])
        part.paint(room.cut(ellipsoid(room.middle, axes, half)), soft, (fluid,))
        return
    sizes = FetusSizes.of(fetus, part.size)
    body = FetusBody(part, axes, np.asarray(room.middle), sizes, fetus, room)
    placed = body.placed()
    paint_fetus_bones(placed, placed.paint(soft, fluid), (soft,))
