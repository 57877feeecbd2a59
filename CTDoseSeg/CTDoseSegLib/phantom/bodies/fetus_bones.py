"""The bones of a fetus below its skull: spine, ribs, pelvis, shoulders and limbs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ..shapes import Capsule
from .fetus_shapes import LIMBS, FetusBody

# Front and up of the vertebral bodies, in trunk radii and lengths, from neck to sacrum.
_SPINE = ((-0.12, 0.56), (-0.35, 0.4), (-0.6, 0.2), (-0.62, -0.05), (-0.5, -0.25), (-0.55, -0.42))
_RIBS = 11  # pairs that are drawn, from the upper chest to below its middle
_RIBS_UP = (0.36, 0.02)
# Radii in mm at term (judgement).
_SPINE_MM, _RIB_MM, _LIMB_MM, _FLAT_MM = 5.5, 1.5, 3.5, 2.2


def paint_fetus_bones(body: FetusBody, bone: int, over: tuple[int, ...]) -> None:
    """Paint all bones but the skull, where the fetus' soft tissue is.

    Parameters
    ----------
    body
        Placed in the womb; its soft tissue is painted.
    bone
        Material.
    over
        Materials that bone replaces.
    """

    def chain(points: list[tuple[float, float, float]], radius_mm: float) -> None:
        radius = radius_mm * body.sizes.small
        for a, c in pairwise(tuple(body.at(*p)) for p in points):
            body.part.paint(body.room.cut(Capsule(a, c, radius, radius)), bone, over)

    chain([(0.0, front, up) for front, up in _SPINE], _SPINE_MM)
    for side in (-1, 1):
        for up in np.linspace(*_RIBS_UP, _RIBS):
            chain(_rib(side, float(up)), _RIB_MM)
        # Clavicle, scapula, and the hip bone: ilium, and ischium with pubis.
        chain([(side * 0.08, 0.45, 0.4), (side * 0.6, 0.2, 0.42)], _RIB_MM)
        chain([(side * 0.45, -0.62, 0.4), (side * 0.4, -0.66, 0.24)], _FLAT_MM)
        chain([(side * 0.2, -0.5, -0.3), (side * 0.5, -0.15, -0.24), (side * 0.42, 0.1, -0.3),
               (side * 0.2, 0.3, -0.34)], _FLAT_MM)  # fmt: skip
        _paint_limb_bones(body, bone, over, side)


def _rib(side: int, up: float) -> list[tuple[float, float, float]]:
    """Return a rib's course round the chest; it falls towards the front."""
    turns = np.deg2rad((-68.0, -30.0, 10.0, 50.0))
    # The chest narrows upwards.
    wide = 0.74 * float(np.interp(up, (0.1, 0.36), (1.0, 0.8)))
    return [(side * wide * np.cos(t), wide * np.sin(t), up - 0.03 * n)
            for n, t in enumerate(turns)]  # fmt: skip


def _paint_limb_bones(body: FetusBody, bone: int, over: tuple[int, ...], side: int) -> None:
    """Paint the long bones, the femur as long as ultrasound measures it."""
    radius = _LIMB_MM * body.sizes.small
    for limb in (limb for limb in LIMBS if limb.bone):
        start, end = (body.at(side * p[0], p[1], p[2]) for p in limb.ends)
        a, c = bone_ends(start, end, limb.bone * body.fetus.femur_mm, radius)
        thin = radius * (1.0 if limb.radii[0] > 20 else 0.75)
        piece = Capsule(tuple(a), tuple(c), thin, thin)
        body.part.paint(body.room.cut(piece), bone, over)


def bone_ends(
    start: np.ndarray, end: np.ndarray, length_mm: float, radius_mm: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return where the round ends of a bone of a length are centred, midway in its limb."""
    along = (end - start) / np.linalg.norm(end - start)
    reach = max(0.5 * length_mm - radius_mm, 0.1) * along
    middle = 0.5 * (start + end)
    return middle - reach, middle + reach
