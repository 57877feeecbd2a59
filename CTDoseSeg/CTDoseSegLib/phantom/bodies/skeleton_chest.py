"""Ribs with their cartilages, sternum, clavicles and scapulae; mm of the reference adult."""

from __future__ import annotations

import numpy as np

from ..shapes import Column
from .outside import Build, chest_knots
from .skeleton_bone import Kit
from .skeleton_spine import body_size, spine_y, vertebra_levels

# Each rib's angle in front, degrees from the side (90: the midline), and how far it has fallen
# there; height where its cartilage meets the sternum or the cartilage above, and how far out.
_END = (48, 58, 63, 65, 65, 63, 60, 56, 50, 42, 14, -22)
_FALL = (46, 54, 62, 70, 78, 86, 92, 96, 98, 98, 66, 44)
_JOIN_Z = (168, 142, 120, 100, 82, 64, 46, 22, -4, -34)
_JOIN_X = (22, 20, 19, 19, 20, 21, 22, 46, 64, 80)
_RIB_MM = 5.6  # half a rib's height


def paint_chest(kit: Kit, arms: tuple[str, str], build: Build) -> None:
    """Paint ribs, costal cartilages, sternum, clavicles and scapulae.

    Parameters
    ----------
    kit
        Of the body's bones.
    arms
        ``up`` or ``down`` for the right and the left arm: the scapula turns with it.
    build
        The ribs lie on the chest's cavity of this build.
    """
    for n in range(12):
        for side, name in ((1, "right"), (-1, "left")):
            _rib(kit, n, side, name, build)
    _sternum(kit, build)
    for side, name, pose in ((1, "right", arms[0]), (-1, "left", arms[1])):
        _clavicle(kit, side, name, pose)
        _scapula(kit, side, name, pose)


def on_cavity(
    kit: Kit, build: Build, angle_deg: np.ndarray, z: np.ndarray, out: float
) -> np.ndarray:
    """Return points [n, 3] in the person's mm at angles about the chest's cavity.

    Parameters
    ----------
    kit, build
        Of the body.
    angle_deg
        0: the right side, 90: in front.
    z
        Levels of the reference adult.
    out
        Distance from the cavity, mm of the reference adult.
    """
    frame = kit.painter.frame
    cavity = kit.columns("chest", lambda kit: _cavity(kit, build))
    own = frame.z(z)
    # Where the cavity narrows upward, the widest level that a rib's height reaches counts.
    half = _RIB_MM * frame.scale(float(np.mean(z)))[2]
    levels = [cavity.at(own + step * half) for step in (-1.0, 0.0, 1.0)]
    a, c = (np.max([level[n] for level in levels], axis=0) for n in (0, 1))
    x, y = levels[1][2:]
    more = out * np.array([frame.scale(float(level))[0] for level in z])
    cos, sin = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    power = 2 / 2.2  # the cavity is a little fuller than an ellipse
    across = np.sign(cos) * np.abs(cos) ** power * (a + more)
    ahead = np.sign(sin) * np.abs(sin) ** power * (c + more)
    return np.column_stack([x + across, y + ahead, own])


def _cavity(kit: Kit, build: Build) -> Column:
    """Return the chest's cavity as the lungs fill it."""
    breath = float(kit.painter.sizes.get("breath", 1.0))
    return Column.smooth(chest_knots(kit.painter.frame, build, breath))


def _rib(kit: Kit, n: int, side: int, name: str, build: Build) -> None:
    """Paint a rib from its head beside the spine to its cartilage."""
    top = vertebra_levels()[f"T{n + 1}"][0]
    start = top - (2.0 if n else 8.0)
    frame = kit.painter.frame
    part = np.linspace(0, 1, 11)
    angle = -68 + (_END[n] + 68) * part
    z = start - 8 * np.minimum(part / 0.15, 1) - (_FALL[n] - 8) * part**1.15
    path = on_cavity(kit, build, angle, z, _RIB_MM + 1.0)
    path[:, 0] *= side
    wide = body_size(start)[0]
    head = np.array(frame.point(side * (wide + 3) * kit.girth, spine_y(start) - 10, start))
    neck = 0.5 * (head + path[0])
    neck[1] -= 2.0 * frame.scale(start)[1]
    bone = kit.bone(f"rib_{name}_{n + 1}", "ribs", float(z.mean()))
    radii = np.array([4.2, 4.4, 5.4, 5.8, 5.6, 5.6, 5.4]) * (0.85 if n in (0, 11) else 1.0)
    cartilage = kit.painter.material("costal_cartilages", "cartilage", mass="cartilage")
    if n < 10:
        meets = on_cavity(kit, build, np.array([90.0]), np.array([float(_JOIN_Z[n])]), 7.0)[0]
        own_wide = frame.scale(float(_JOIN_Z[n]))[0]
        meets = meets + np.array([side * _JOIN_X[n] * own_wide, 0, 0])
        meets[1] = _front(kit, build, abs(meets[0]), _JOIN_Z[n])
        shaft = path[-1]
        middle = 0.5 * (shaft + meets)
        middle[1:] += (2.0 * own_wide, -0.15 * abs(meets[2] - shaft[2]))
        bone.part.chain(cartilage, np.array([shaft, middle, meets]), 5.2 * kit.girth, over=kit.free)
    bone.chain(np.vstack([head, neck, path]), radii, shell=1.0)
    bone.paint()


def _front(kit: Kit, build: Build, x: float, z: float) -> float:
    """Return y of the middle of the wall in front, in the person's mm, at x beside the midline."""
    angles = np.linspace(20, 90, 60)
    wall = on_cavity(kit, build, angles, np.full(60, float(z)), 7.0)
    return float(np.interp(x, wall[::-1, 0], wall[::-1, 1]))


def _sternum(kit: Kit, build: Build) -> None:
    """Paint manubrium, body and xiphoid process, and the joints with clavicles and ribs."""
    bone = kit.bone("sternum", "sternum", 100.0)
    frame, rows = kit.painter.frame, []
    for z, half in ((180, 24), (165, 29), (146, 18), (138, 16), (100, 17), (50, 21), (24, 15)):
        wide, deep, _ = frame.scale(float(z))
        y = _front(kit, build, 0.0, z) + 1.0 * deep
        rows.append((float(frame.z(z)), half * wide, 6.2 * deep * kit.girth, 0.0, y))
    less = bone.thick(1.0)
    ends = float(frame.z(20)), float(frame.z(178))
    plate = Column.smooth(rows, 2.6, ends)
    bone.add(plate, Column(plate.knots, 2.6, (ends[0] + less, ends[1] - less), -less))
    xiphoid = np.array(
        [
            (0.0, _front(kit, build, 0.0, z) - 0.5 * frame.scale(float(z))[1], float(frame.z(z)))
            for z in (16, -14)
        ]
    )
    if kit.ossified > 0.8:
        bone.chain(xiphoid, [5.5, 3.0])
    else:
        bone.part.chain(kit.cartilage, xiphoid, [5.5, 3.0], over=kit.free)
    bone.paint(kit.painter.of_atoms("costal_cartilages"))


def _clavicle(kit: Kit, side: int, name: str, pose: str) -> None:
    """Paint a clavicle: an S from the manubrium to the acromion."""
    bone = kit.bone(f"clavicula_{name}", "clavicles", 205.0)
    end = (side * 130, -12, 228) if pose == "up" else (side * 136, -12, 216)
    points = [
        (side * 25, 62, 186),
        (side * 58, 60, 200),
        (side * 96, 26, 212),
        end,
    ]
    bone.tube(points, [7.2, 5.6, 5.6, 6.2], shell=1.9, step_mm=14)
    bone.paint()


def _scapula(kit: Kit, side: int, name: str, pose: str) -> None:
    """Paint a scapula: blade behind the ribs, spine with acromion, neck with the socket."""
    bone = kit.bone(f"scapula_{name}", "scapulae", 160.0)
    up = pose == "up"
    tilt = side * (24.0 if up else 4.0)
    out = 8 if up else 0
    blade = (side * (99 + out), -76 + out, 148)
    bone.blob(blade, (38, 3.6, 64), (-6.0, tilt, side * 27.0), shell=1.5)
    bone.tube(
        [
            (side * (116 + out), -60, 168),
            (side * 126, -40, 186),
            (side * 131, -16, 195),
        ],
        [6, 7.5, 11],
        shell=1.4,
        step_mm=12,
    )
    high = 10 if up else 0
    bone.tube(
        [
            (side * 74, -87, 176),
            (side * 108, -78, 196 + 0.5 * high),
            (side * 140, -48, 216 + high),
            (side * 150, -20, 222 + high),
        ],
        [3.5, 5, 6.5, 7],
        shell=1.4,
        step_mm=14,
    )
    bone.tube([(side * 124, -24, 205), (side * 126, 10, 206)], [5, 5])  # coracoid process
    bone.paint()
