"""Spine: vertebrae, discs, canal with the cord, and the sacrum; mm of the reference adult."""

from __future__ import annotations

import numpy as np

from ..shapes import Both, Column, HalfSpace, Shape
from .frame import C1_TOP, L1_TOP, PROMONTORY, T1_TOP
from .outside import MUSCLE
from .painter import Goal, Painter
from .skeleton_bone import Bone, Kit, triple

# z and y of the middle of the vertebral bodies.
SPINE = (
    *((349, -12), (340, -14), (300, -30), (240, -46), (150, -62), (40, -60)),
    *((-80, -54), (-180, -50), (-260, -56)),
)
# z, half width and half depth of the bodies, half width and half depth of the canal: rounded
# from the usual ranges of the anatomy textbooks.
_SIZES = (
    (349, 9, 7, 13, 9),
    (330, 9, 7.5, 12.5, 8.5),
    (300, 10, 8, 12.5, 7.5),
    (250, 13.5, 8.5, 11, 7.2),
    (215, 14, 10.5, 8.5, 7.2),
    (140, 14.5, 13.5, 8, 7.5),
    (60, 16.5, 15, 8, 7.5),
    (-40, 20.5, 16, 9.5, 7.8),
    (-100, 22, 16.5, 11, 7.8),
    (-170, 23.5, 17, 11.5, 7.5),
    (-250, 25.5, 16.5, 12.5, 7.5),
)
_REGIONS = {"C": "cervical", "T": "thoracic", "L": "lumbar"}
# Height of the disc over that of body and disc; half of a newborn's spine is cartilage.
_DISC = {"C": 0.26, "T": 0.18, "L": 0.24}
_DISC_AT_BIRTH = 1.5
CONUS = L1_TOP - 0.95 * (L1_TOP - PROMONTORY) / 5  # the cord ends at the disc L1/L2
_IN_FAT_MM = 2.0  # how far spinous processes stand out of the muscle at most
THECA = -292.0  # the dural sac ends at S2


def vertebra_levels() -> dict[str, tuple[float, float]]:
    """Return top and bottom of each vertebra with the disc below it, C1 to L5."""
    levels = {}
    for letter, count, top, bottom in (
        ("C", 7, C1_TOP, T1_TOP),
        ("T", 12, T1_TOP, L1_TOP),
        ("L", 5, L1_TOP, PROMONTORY),
    ):
        edges = np.linspace(top, bottom, count + 1)
        for n in range(count):
            levels[f"{letter}{n + 1}"] = (float(edges[n]), float(edges[n + 1]))
    return levels


def spine_y(z: float) -> float:
    """Return y of the middle of the vertebral bodies at a level."""
    rows = np.array(SPINE, float)[::-1]
    return float(np.interp(z, rows[:, 0], rows[:, 1]))


def body_size(z: float) -> tuple[float, float, float, float]:
    """Return half width and half depth of the body and of the canal at a level."""
    rows = np.array(_SIZES, float)[::-1]
    a, b, c, d = (float(np.interp(z, rows[:, 0], rows[:, n])) for n in (1, 2, 3, 4))
    return a, b, c, d


def paint_spine(kit: Kit) -> None:
    """Paint discs, vertebrae, sacrum, and the canal with what is in it."""
    b = kit.painter
    disc = b.material("intervertebral_discs", "cartilage", mass="cartilage")
    levels = vertebra_levels()
    ends = float(b.frame.z(PROMONTORY - 5)), float(b.frame.z(levels["C2"][1] + 3))
    bodies = kit.columns("bodies", _bodies)
    b.canvas.paint(Column(bodies.knots, 2.0, ends, -0.6 * b.frame.scale(0.0)[0]), disc, kit.free)
    for name, (top, bottom) in levels.items():
        _vertebra(kit, name, top, bottom, disc)
    _sacrum(kit, disc)
    _canal(kit)


def _bodies(kit: Kit) -> Column:
    """Return the column of the vertebral bodies."""
    part = kit.part(0.0)
    rows = []
    for z in np.linspace(PROMONTORY - 15, C1_TOP, 41):
        wide, deep = body_size(z)[:2]
        rows.append((z, wide * kit.girth, deep * kit.girth, 0.0, spine_y(z)))
    return part.column(rows)


def _canal_columns(kit: Kit, grow: float, name: str = "canal") -> Column:
    """Return the canal (`grow` mm of the reference wider), the sac or the cord."""
    frame, part, rows = kit.painter.frame, kit.part(0.0), []
    # A child's canal and cord are nearer to the adult's than its vertebrae are.
    early = frame.scale(0.0)[1] ** -0.3
    for z in np.linspace(THECA - 20, C1_TOP + 8, 45):
        wide, deep = body_size(z)[2:]
        y = canal_y(kit, z)
        if name == "cord":
            size = float(kit.painter.sizes.get("spinal_cord", 1.0))
            swell = np.interp(z, (CONUS, CONUS + 60, 40, 230, 270, 349), (0.45, 1, 0.85, 1, 1.2, 1))
            wide, deep = 5.7 * swell * size, 4.7 * swell * size
        elif name == "sac":
            wide, deep = wide - 1.6, deep - 1.4
        rows.append((z, (wide + grow) * early, (deep + grow) * early, 0.0, y))
    return part.column(rows)


def canal_y(kit: Kit, z: float) -> float:
    """Return y of the middle of the canal at a level."""
    early = kit.painter.frame.scale(0.0)[1] ** -0.3
    _, deep, _, canal = body_size(z)
    y = spine_y(max(z, PROMONTORY)) - deep * kit.girth - canal * early - 0.8
    return y + float(np.interp(z, (THECA, PROMONTORY), (-14.0, 0.0)))


def _vertebra(kit: Kit, name: str, top: float, bottom: float, disc: int) -> None:
    """Paint a vertebra: body between tilted plates, arch, processes."""
    letter, number = name[0], int(name[1:])
    middle = 0.5 * (top + bottom)
    bone = kit.bone(f"vertebrae_{name}", _REGIONS[letter], middle)
    if name == "C1":
        _atlas(bone, middle)
    else:
        gap = _DISC[letter] * (1 + (_DISC_AT_BIRTH - 1) * (1 - kit.ossified) / 0.75)
        low = bottom + gap * (top - bottom)
        bone.add(*_body(kit, bone, top, low))
        if name == "C2":
            bone.tube(
                [(0, spine_y(top), top - 3), (0, spine_y(C1_TOP), C1_TOP - 3)], [6, 5], shell=0.8
            )
    _arch(kit, bone, letter, number, top, bottom)
    bone.paint((disc,))


def _body(kit: Kit, bone: Bone, top: float, low: float) -> tuple[Shape, Shape]:
    """Return a vertebral body and its spongiosa: its plates stand across the spine's curve."""
    bodies, part = kit.columns("bodies", _bodies), bone.part
    thick = bone.thick(0.6)
    shapes: list[Shape] = []
    for less in (0.0, thick):
        planes: list[HalfSpace] = []
        reach = []
        for z, way in ((top, 1.0), (low, -1.0)):
            at = np.array(part.point(0, spine_y(z), z))
            along = np.array(part.point(0, spine_y(z + 8), z + 8)) - part.point(
                0, spine_y(z - 8), z - 8
            )
            along *= way / np.linalg.norm(along)
            planes.append(HalfSpace(triple(along), float(along @ at) - less))
            tilt = abs(along[1] / along[2]) * body_size(z)[1] * kit.girth * part.local[1]
            reach.append(float(at[2]) + way * (tilt + 0.1))
        column = Column(bodies.knots, 2.2, (reach[1], reach[0]), -less)
        shapes.append(Both(Both(column, planes[0]), planes[1]))
    return shapes[0], shapes[1]


def _atlas(bone: Bone, z: float) -> None:
    """Add the anterior arch and the lateral masses of C1."""
    y = spine_y(z)
    bone.tube([(-15, y + 2, z), (0, y + 10, z), (15, y + 2, z)], [4, 3.5, 4], step_mm=8)
    for side in (1, -1):
        bone.blob((side * 18, y - 3, z), (7.5, 9, 8))


def _arch(kit: Kit, bone: Bone, letter: str, number: int, top: float, bottom: float) -> None:
    """Add pedicles and laminae, articular, transverse and spinous processes."""
    height, middle = top - bottom, 0.5 * (top + bottom)
    thick = {"C": 3.2, "T": 3.5, "L": 4.2}[letter] * kit.girth
    frame = kit.painter.frame
    span = float(frame.z(bottom + 0.22 * height)), float(frame.z(top - 0.05 * height))
    ring = kit.columns(f"arch {letter}", lambda kit: _canal_columns(kit, thick))
    less = bone.thick(1.5)
    bone.add(
        Column(ring.knots, 2.0, span),
        Column(ring.knots, 2.0, (span[0] + less, span[1] - less), -less),
    )
    canal = body_size(middle)[2:]
    y = canal_y(kit, middle)
    pillar = {"C": (18, 5.0), "T": (14, 4.2), "L": (18, 6.0)}[letter]
    for side in (1, -1):
        ends = (middle + 0.32 * height, middle - 0.42 * height)
        bone.tube([(side * pillar[0], y - 1, z) for z in ends], pillar[1] * 0.95)
        reach, back, up = {"C": (24, 6, 0), "T": (32, -7, 3), "L": (40, 6, 2)}[letter]
        start = (side * (canal[0] + 2), y + 3, middle)
        bone.tube([start, (side * reach, y + back, middle + up)], [5, 3.5], shell=1.3)
    if (letter, number) == ("C", 1):
        return  # C1 has no spinous process
    behind = y - canal[1]
    length, drop = _spinous(letter, number)
    tip = max(behind - length, _muscle_back(middle) - _IN_FAT_MM)
    if letter == "L":
        depth = max(0.5 * (behind - tip) + 2, 3.0)
        bone.blob((0, behind - depth + 2, middle - 4), (3.2, depth, 10))
    else:
        bone.tube([(0, behind - 1, middle), (0, tip, middle - drop)], [3.6, 3.0])


def _spinous(letter: str, number: int) -> tuple[float, float]:
    """Return how far a spinous process reaches behind the canal and how far it falls."""
    if letter == "C":
        return (26.0, 10.0) if number == 7 else (16.0, 6.0)
    if letter == "T":
        fall = float(np.interp(number, (1, 6, 9, 12), (14, 30, 24, 8)))
        return 24.0, fall
    return 26.0, 4.0


def _muscle_back(z: float) -> float:
    """Return y of the back of the muscle layer in the midline."""
    rows = np.array(MUSCLE, float)[::-1]
    return float(np.interp(z, rows[:, 0], rows[:, 4] - rows[:, 2]))


def _sacrum(kit: Kit, disc: int) -> None:
    """Paint the sacrum with the coccyx: a wedge that leans back and curves forward."""
    bone = kit.bone("sacrum", "sacrum", -300.0)
    bone.blob((0, -62, -264), (26, 17, 15), (28, 0, 0), shell=0.9)
    for side in (1, -1):
        bone.blob((side * 33, -72, -274), (24, 14, 20), (25, 0, side * -14), shell=1.1)
    for z, y, half in (
        (-288, -77, (42, 14, 17)),
        (-310, -86, (31, 11, 17)),
        (-332, -90, (23, 8.5, 15)),
        (-350, -90, (16, 7, 11)),
    ):
        bone.blob((0, y, z), half, (float(np.interp(z, (-350, -290), (-8, 25))), 0, 0), shell=1.1)
    bone.tube([(0, -89, -358), (0, -84, -372), (0, -76, -382)], [6, 5, 3.5], step_mm=8)
    bone.paint((disc,))


def _canal(kit: Kit) -> None:
    """Paint the canal: fat, the sac with its fluid, and the cord down to L1/L2."""
    b = kit.painter
    b.goals["spinal_cord"] = Goal(("spinal_cord",), 2.0)
    fat = b.material("torso_fat", "adipose", mass="adipose")
    fluid = b.material("cerebrospinal_fluid", "csf")
    cord = b.material("spinal_cord", "spinal_cord", mass="spinal_cord")
    # The canal's top joins the head, whose painter goes on from there.
    for material, name, low in (
        (fat, "canal", THECA),
        (fluid, "sac", THECA + 8),
        (cord, "cord", CONUS),
    ):
        column = _canal_columns(kit, 0.0, name)
        ends = _ends(b, low, C1_TOP)
        b.canvas.paint(Column(column.knots, 2.0, ends), material)


def _ends(b: Painter, low: float, high: float) -> tuple[float, float]:
    return float(b.frame.z(low)), float(b.frame.z(high))
