"""Hip bones with the symphysis; mm of the reference adult."""

from __future__ import annotations

import numpy as np

from ..shapes import HalfSpace
from .skeleton_bone import Kit, triple

SOCKET = (88.0, -6.0, -352.0)  # middle of the right hip joint
HEAD_MM = 23.5
# Wing of the ilium: middle, half axes, turns about x, y and z of the right one in degrees.
_WING = ((92.0, -20.0, -276.0), (6.0, 74.0, 61.0), (0.0, 18.0, -33.0))


def paint_hips(kit: Kit) -> None:
    """Paint both hip bones and the cartilage between the pubic bones."""
    for side, name in ((1, "right"), (-1, "left")):
        _hip(kit, side, name)
    part = kit.part(-392.0)
    part.blob(kit.cartilage, (0, 40, -396), (4.5, 10, 19), (-25, 0, 0), over=kit.free)


def _hip(kit: Kit, side: int, name: str) -> None:
    """Paint a hip bone: wing with its crest, socket, ischium and pubis."""
    bone = kit.bone(f"hip_{name}", "pelvis", -310.0)
    centre, half, (_, about_y, about_z) = _WING
    turn = (0.0, side * about_y, side * about_z)
    bone.blob((side * centre[0], *centre[1:]), half, turn, shell=1.7)
    bone.tube(_crest(side), [6.5, 7.5, 9, 8, 9], shell=1.7, step_mm=16)
    x, y, z = SOCKET
    bone.tube(
        [(side * 84, -38, -300), (side * 80, -22, -326), (side * (x - 6), y - 8, z + 14)],
        [14, 18, 22],
        shell=1.8,
        step_mm=14,
    )
    # The socket looks outward, downward and forward; what lies beyond its rim is open.
    open_to = np.array([side * 0.72, 0.28, -0.63])
    middle = np.array(bone.part.point(side * x, y, z))
    rim = HalfSpace(triple(open_to), float(open_to @ middle) + 5.0 * bone.part.mean)
    bone.blob((side * x, y, z), (31, 31, 31), shell=1.8, clip=rim)
    bone.tube(
        [(side * 80, -24, -372), (side * 68, -36, -398), (side * 60, -34, -418)],
        [15, 13, 14],
        shell=1.7,
        step_mm=14,
    )
    bone.tube(
        [(side * 58, -26, -424), (side * 42, 6, -426), (side * 18, 34, -412)],
        [9, 6.5, 6.5],
        shell=1.7,
        step_mm=14,
    )
    bone.tube(
        [(side * 78, 14, -356), (side * 48, 38, -372), (side * 16, 42, -388)],
        [12, 8, 8.5],
        shell=1.7,
        step_mm=14,
    )
    bone.tube([(side * 14, 42, -388), (side * 13, 36, -408)], [9, 8], shell=1.7)
    bone.paint()
    if kit.ossified < 0.9:
        # The three bones of a child's socket meet in cartilage.
        part = bone.part
        own = kit.painter.of_atoms(f"hip_{name}*")
        part.blob(kit.cartilage, (side * x, y, z), (29, 29, 29), over=own, clip=rim)
    # The joint's space, into which the head of the femur is painted.
    bone.part.blob(
        kit.cartilage,
        (side * x, y, z),
        np.full(3, HEAD_MM + 2.2) * kit.girth,
        over=[*kit.free, *kit.painter.of_atoms(f"hip_{name}*")],
    )


def _crest(side: int) -> list[tuple[float, float, float]]:
    """Return the upper edge of the wing from front to back."""
    centre, half, (_, about_y, about_z) = _WING
    y_turn, z_turn = np.deg2rad(about_y), np.deg2rad(about_z)
    points = []
    for angle in np.deg2rad((2.0, 45.0, 90.0, 135.0, 172.0)):
        ahead, above = half[1] * np.cos(angle), half[2] * np.sin(angle)
        across, z = above * np.sin(y_turn), above * np.cos(y_turn)
        x = across * np.cos(z_turn) - ahead * np.sin(z_turn)
        y = across * np.sin(z_turn) + ahead * np.cos(z_turn)
        points.append((side * (centre[0] + x), centre[1] + y, centre[2] + z))
    return points
