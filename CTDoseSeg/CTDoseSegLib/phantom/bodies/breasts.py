"""A body's breasts: glandular tissue in fat, before the chest's muscle.

Half axes are mm of the reference woman; their size follows the mass.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .outside import Build, front_mm, skin_mm
from .painter import Goal, Painter

_REFERENCE_G = 512.0  # both breasts of ICRP's reference woman


def paint_breasts(b: Painter, build: Build, forward_mm: Mapping[str, float] | None = None) -> None:
    """Paint both breasts; they flatten where the body lies on its back.

    Parameters
    ----------
    b
        Paints.
    build
        Of the body.
    forward_mm
        By how many mm an implant pushes the ``right`` and the ``left`` breast to the front.
    """
    masses = ("breast_glandular", "breast_adipose")
    wanted = sum(b.masses_g.get(name, 0.0) for name in masses)
    if wanted < 0.1:
        return
    frame, skin_thick = b.frame, skin_mm(b.frame)
    wide, deep, tall = frame.scale(62.0)
    first = (wanted / _REFERENCE_G / (wide * deep * tall)) ** (1 / 3)
    half = np.array([64.0, 34.0, 59.0]) * first
    share = (b.masses_g.get("breast_glandular", 0.0) / wanted) ** (1 / 3)
    skin = b.material("skin", "skin", mass="skin")
    fat = b.of_atoms("subcutaneous_fat")
    for side, name in ((1, "right"), (-1, "left")):
        surface = (front_mm(frame, build, side * 72.0, 62.0) - frame.forward(62.0)) / deep
        surface += (forward_mm or {}).get(name, 0.0) / deep
        at = (side * 72.0, surface - 0.22 * half[1], 62.0)
        part = b.part("breasts", at, masses)
        part.blob(skin, at, half, over=b.air())
        around = part.material(f"breast_{name}_adipose", "adipose", mass="breast_adipose")
        part.blob(around, at, half, over=(skin, *fat), grow=-skin_thick)
        gland = part.material(f"breast_{name}_glandular", "breast_glandular")
        inner = b.part("breast_glandular", at, ("breast_glandular",))
        b.goals["breast_glandular"] = Goal(("breast_glandular",), of=masses)
        size = half * share * part.size
        inner.blob(gland, at, size, over=(around,), grow=-skin_thick)
