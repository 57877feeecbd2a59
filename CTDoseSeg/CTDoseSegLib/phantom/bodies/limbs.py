"""Where the limbs of a body run, and how thick they are."""

from __future__ import annotations

import numpy as np

from .frame import KNEE, Frame
from .outside import CHILD, CHILD_AGES, MUSCLE, Build, outer_knots

# z and lean radius of a leg, and the distance of its axis from the midline.
_LEG = (
    (-392, 86, 84),
    (-470, 82, 86),
    (-600, 68, 84),
    (-774, 52, 80),
    (-890, 53, 80),
    (-1050, 40, 78),
    (-1196, 32, 76),
)
# Fat of an arm over the belly's, from shoulder to hand.
_ARM_FAT = np.array([0.45, 0.45, 0.35, 0.25, 0.15, 0.1])
_CHILD_ARM_FAT = np.array([0.85, 0.85, 0.75, 0.65, 0.4, 0.2])
_LIMB_BONE = 0.35  # share of a limb's lean radius that does not follow the muscle


def limb_paths(frame: Frame, build: Build, arms: tuple[str, str], rim: float) -> list[tuple]:
    """Return path [n, 3], lean radii and fat (mm, own) of each leg and each arm."""
    limbs = []
    strength = _LIMB_BONE + (1 - _LIMB_BONE) * build.muscle**0.5
    for side in (1, -1):
        rows = np.array(_LEG, float)
        path = np.array([frame.point(side * x, -8.0, z) for z, _, x in rows])
        lean = np.array([r * frame.scale(z)[0] * strength for z, r, _ in rows])
        # Where thighs would overlap in the midline they lie beside each other.
        fat = np.array([build.fat_at(z, frame.person) * 0.85 for z, _, _ in rows])
        path[:, 0] = side * np.maximum(
            np.abs(path[:, 0]),
            (lean + fat) * np.interp(rows[:, 0], (-774, -470, -392), (1.02, 0.98, 0.8)),
        )
        limbs.append((path, lean, fat))
        foot = np.array(
            [
                path[-1] + (0, y * frame.scale(-1200)[1], dz * frame.scale(-1200)[2])
                for y, dz in ((-28, -40), (40, -42), (120, -56))
            ]
        )
        radii = np.array([32, 30, 20]) * frame.scale(-1200)[0]
        limbs.append((foot, radii, np.full(3, 2.0)))
    for side, pose in ((1, arms[0]), (-1, arms[1])):
        limbs.append(_arm(frame, build, side, pose, rim, strength))
    return limbs


def _arm(frame: Frame, build: Build, side: int, pose: str, rim: float, strength: float) -> tuple:
    """Return path, lean radii and fat of an arm from the shoulder to the hand."""
    wide = frame.scale(200.0)[0]
    length = (
        frame.person.height_mm
        / 1760.0
        * float(np.interp(frame.person.age_y, (0, 1, 5, 15), (0.85, 0.88, 0.95, 1.0)))
    )
    girth = 0.5 * (frame.scale(KNEE)[0] + wide) * strength
    lean = np.array([47, 42, 38, 36, 27, 26]) * girth
    child = float(np.interp(frame.person.age_y, CHILD_AGES, CHILD))
    fat = build.fat_mm * (child * _CHILD_ARM_FAT + (1 - child) * _ARM_FAT)
    shoulder = np.array(frame.point(side * 160, -6, 196))
    if pose == "up":
        points = [
            (0, 0, 0),
            (6, 4, 120),
            (-4, 6, 300),
            (-40, 20, 420),
            (-92, 36, 500),
            (-104, 40, 560),
        ]
        path = shoulder + np.array(points) * (side * length, length, length)
    else:
        outer = outer_knots(frame, build, 0.0)
        widest = float((outer[:, 1])[np.array(MUSCLE)[:, 0] < 100].max())
        away = max(widest, shoulder[0] * side) + lean[2] + fat[2] + 8 * wide
        low = rim + lean[3] + fat[3]
        points = [
            (shoulder[0] * side, shoulder[1], 0),
            (0.5 * (away + shoulder[0] * side), 0.5 * (shoulder[1] + low), -150),
            (away, low, -315),
            (away, low + 8, -420),
            (away, low + 20, -575),
            (away, low + 24, -745),
        ]
        path = np.array([(side * x, y, shoulder[2] + z * length) for x, y, z in points])
    return path, lean, fat
