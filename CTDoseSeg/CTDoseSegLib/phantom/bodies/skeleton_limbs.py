"""Bones of arms and legs along the limbs' paths; radii are mm of the reference adult."""

from __future__ import annotations

import numpy as np

from ..shapes import Ellipsoid, Shape
from .frame import KNEE
from .skeleton_bone import Bone, Kit
from .skeleton_pelvis import HEAD_MM, SOCKET

Limb = tuple[np.ndarray, np.ndarray, np.ndarray]
_HAND_FROM_Y = 1.0  # carpal nuclei appear in the first year of life


def paint_limbs(kit: Kit, limbs: list[Limb]) -> None:
    """Paint the bones of both legs and arms.

    Parameters
    ----------
    kit
        Of the body's bones.
    limbs
        From `limbs.limb_paths`: leg and foot, right and left, then the right and left arm.
    """
    for side, name, leg, foot in (
        (1, "right", limbs[0][0], limbs[1][0]),
        (-1, "left", limbs[2][0], limbs[3][0]),
    ):
        _thigh(kit, side, name, leg)
        _shin(kit, side, name, leg)
        _foot(kit, side, name, foot)
    for side, name, arm in ((1, "right", limbs[4]), (-1, "left", limbs[5])):
        _arm(kit, side, name, arm)


def _level(path: np.ndarray, z: float) -> np.ndarray:
    """Return the point of a leg's path at a height in the person's mm."""
    down = path[::-1]
    return np.array([*(np.interp(z, down[:, 2], down[:, c]) for c in (0, 1)), z])


def _thigh(kit: Kit, side: int, name: str, path: np.ndarray) -> None:
    """Paint a femur with head, neck, trochanters, shaft and condyles, and the patella."""
    frame = kit.painter.frame
    bone = kit.bone(f"femur_{name}", "femora", -560.0)
    near = kit.part(-380.0)
    head = np.array(near.point(side * SOCKET[0], *SOCKET[1:]))
    big = np.array(near.point(side * 134, -14, -366))
    start = np.array(near.point(side * 124, -8, -412))
    knee = _level(path, float(frame.z(KNEE + 22)))
    knee[1] += 4 * frame.scale(KNEE)[1]
    unit = bone.part.mean
    bone.chain(np.array([head, 0.55 * head + 0.45 * big, big]), [18, 17, 18], shell=2.0)
    bone.chain(np.array([big, start]), [18, 18.5], shell=2.4)
    ways = np.linspace(0, 1, 9)[:, None]
    shaft = start + ways * (knee - start)
    shaft[:, 1] += 7 * unit * np.sin(np.pi * ways[:, 0])  # it is bowed to the front
    bone.shaft(
        shaft,
        [18.5, 16, 14.8, 14.5, 14.5, 14.8, 16, 19, 25],
        [0, 8.5, 7.0, 6.6, 6.6, 7.4, 9.5, 0, 0],
    )
    bone.part = kit.part(-380.0)
    bone.ball(head, HEAD_MM, shell=1.4)
    bone.part = kit.part(KNEE)
    low = _level(path, float(frame.z(KNEE + 20)))
    across = 20 * bone.part.mean * kit.girth
    for way in (-1, 1):
        bone.ball(low + _by(way * across, -4 * bone.part.mean, 0), 22)
        bone.ball(low + _by(0.5 * way * across, 0, 8 * bone.part.mean), 22)
    bone.paint()
    if frame.person.age_y >= 4.0:  # the kneecap is cartilage before
        cap = kit.bone(f"patella_{name}", "legs", KNEE)
        point = _level(path, float(frame.z(KNEE + 18)))
        cap.ball(point + _by(0, 29 * cap.part.mean, 4 * cap.part.mean), 14)
        cap.outer = [_flat(shape) for shape in cap.outer]
        cap.inner = [_flat(shape) for shape in cap.inner]
        cap.paint()


def _flat(ball: Shape) -> Shape:
    """Return a ball pressed to the front: broad and high, half as deep."""
    if not isinstance(ball, Ellipsoid):
        raise TypeError("Only a ball is pressed flat.")
    radius = 1.0 / float(ball.matrix[0, 0])
    return Ellipsoid.from_axes(ball.centre, (1.35 * radius, 0.7 * radius, 1.4 * radius))


def _shin(kit: Kit, side: int, name: str, path: np.ndarray) -> None:
    """Paint tibia and fibula."""
    frame = kit.painter.frame
    tibia = kit.bone(f"tibia_{name}", "legs", -900.0)
    unit = tibia.part.mean
    top, bottom = (float(frame.z(z)) for z in (KNEE - 20, -1180.0))
    ways = np.linspace(0, 1, 9)
    middle = np.array([_level(path, z) for z in top + ways * (bottom - top)])
    inside = np.array(middle)
    inside[:, 0] -= side * unit * np.interp(ways, (0, 0.3, 0.8, 1), (3, 8, 6, 4))
    inside[:, 1] += unit * np.interp(ways, (0, 0.3, 0.7, 1), (2, 12, 6, 2))
    tibia.shaft(
        inside,
        [27, 20, 15.5, 13.8, 13.3, 12.8, 12.6, 15, 21],
        [0, 0, 8, 7, 6.6, 6.4, 6.8, 0, 0],
    )
    across = 17 * unit * kit.girth
    for way in (-1, 1):
        tibia.ball(_level(path, top) + _by(way * across, -2 * unit, 0), 20)
        tibia.ball(_level(path, top) + _by(0.5 * way * across, 0, -3 * unit), 21)
    tibia.paint()
    fibula = kit.bone(f"fibula_{name}", "legs", -900.0)
    beside = np.array(middle)
    beside[:, 0] += side * unit * np.interp(ways, (0, 0.3, 0.8, 1), (33, 25, 20, 25))
    beside[:, 1] -= unit * np.interp(ways, (0, 0.4, 1), (14, 14, 6))
    fibula.shaft(
        beside,
        [9.5, 7, 6.5, 6.5, 6.5, 6.5, 7, 9],
        [0, 2.4, 2.4, 2.4, 2.4, 2.4, 2.4, 0],
    )
    fibula.paint()


def _foot(kit: Kit, side: int, name: str, path: np.ndarray) -> None:
    """Paint heel, ankle, instep and toes as one family."""
    bone = kit.bone(f"foot_bones_{name}", "legs", -1230.0)
    heel, arch, toes = path
    unit = bone.part.mean
    up = np.array([0, 0, unit])
    bone.ball(heel + _by(0, -4 * unit, -6 * unit), 19)
    bone.ball(heel + _by(0, 10 * unit, -2 * unit), 18)
    bone.ball(0.62 * heel + 0.38 * arch + 21 * up, 20)  # talus
    bone.ball(0.25 * heel + 0.75 * arch + 8 * up, 18)
    for way in (-1, 0, 1):
        start = arch + _by(way * 12 * unit, 6 * unit, 2 * unit)
        bone.ball(start, 13)
    for way in (-2, -1, 0, 1, 2):
        start = arch + _by(way * 7 * unit, 16 * unit, 0)
        end = toes + _by(way * 8.0 * unit, -abs(way + side) * 5 * unit, 0)
        thick = 8.5 if way == -2 * side else 6.0
        bone.chain(np.array([start, end]), [thick, thick * 0.75], shell=1.4)
    bone.paint()


def _arm(kit: Kit, side: int, name: str, arm: Limb) -> None:
    """Paint humerus, radius, ulna and the bones of the hand."""
    path = arm[0]
    humerus = kit.bone(f"humerus_{name}", "humeri", 200.0)
    unit = humerus.part.mean
    shoulder = np.array(kit.part(195.0).point(side * 151, -8, 194))
    elbow, wrist, hand = path[2], path[4], path[5]
    along = (elbow - path[1]) / np.linalg.norm(elbow - path[1])
    end = elbow - along * 12 * unit
    knots = np.array([shoulder, 0.5 * (path[1] + 0.5 * (shoulder + end)), end])
    ways = np.linspace(0, 1, 8)
    shaft = np.array([np.interp(ways, (0, 0.5, 1), knots[:, c]) for c in range(3)]).T
    humerus.shaft(
        shaft,
        [21, 15, 12.5, 11.8, 11.5, 11.5, 12.5, 15],
        [0, 0, 6.8, 6.0, 5.6, 5.6, 0, 0],
    )
    humerus.ball(shoulder, 23.5)
    across = side * _across(path)  # towards the thumb: the palm looks forward
    for way in (-1, 1):
        humerus.ball(end + way * 15 * unit * across, 13)
    humerus.paint()
    start = elbow + along * 10 * unit
    for atom, way, radii in (
        ("radius", 1, [10, 7.8, 8, 8, 8.5, 13]),
        ("ulna", -1, [14, 10.5, 8, 7.3, 6.5, 7.5]),
    ):
        bone = kit.bone(f"{atom}_{name}", "legs", 0.0)
        middle = path[3]
        points = np.array([start, middle, wrist - 6 * unit * _unit(wrist - middle)])
        ways = np.linspace(0, 1, 6)
        line = np.array([np.interp(ways, (0, 0.5, 1), points[:, c]) for c in range(3)]).T
        line += way * unit * np.outer([11, 11, 13, 13, 12, 11], across)
        bone.shaft(line, radii, [0, 3.2, 3.2, 3.0, 3.0, 0])
        bone.paint()
    _hand(kit, name, wrist, hand, across)


def _hand(kit: Kit, name: str, wrist: np.ndarray, hand: np.ndarray, across: np.ndarray) -> None:
    """Paint wrist, palm and fingers as one family."""
    bone: Bone = kit.bone(f"hand_bones_{name}", "legs", 0.0)
    unit, out = bone.part.mean, _unit(hand - wrist)
    length = float(np.linalg.norm(hand - wrist))
    if kit.painter.frame.person.age_y >= _HAND_FROM_Y:
        for way in (-1, 0, 1):
            for share in (0.05, 0.15):
                bone.ball(wrist + way * 11 * unit * across + share * length * out, 9.5)
    for way in (-2, -1, 0, 1, 2):
        start = wrist + way * 6 * unit * across + 0.22 * length * out
        for first, last, thick in ((0.0, 0.36, 4.8), (0.40, 0.62, 4.4), (0.65, 0.86, 3.6)):
            ends = [start + share * length * out for share in (first, last)]
            ends[1] = ends[1] + way * 2.0 * unit * across
            bone.chain(np.array(ends), [thick, thick * 0.9], shell=1.3)
    bone.paint()


def _by(x: float, y: float, z: float) -> np.ndarray:
    """Return a step in mm."""
    return np.array((x, y, z), float)


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.linalg.norm(v)


def _across(path: np.ndarray) -> np.ndarray:
    """Return the unit vector across a forearm: mostly along x, square to its path."""
    along = _unit(path[4] - path[2])
    side = np.array([1.0, 0.0, 0.0]) - along[0] * along
    return _unit(side)
