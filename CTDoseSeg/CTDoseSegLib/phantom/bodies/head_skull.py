"""Braincase and brain: tables and diploe, fontanelles, base, cerebrospinal fluid, ventricles.

Points are mm from the brain's centre in the reference adult's head; the shapes follow atlases of
CT by eye.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

import numpy as np

from ..shapes import Both, Ellipsoid, HalfSpace, Shape, Superellipsoid
from .frame import Frame
from .head_outline import BRAINCASE, BRAINCASE_POWER
from .head_part import HeadPart, by_age, cortex_share, free_soft
from .outside import skin_mm
from .painter import Painter

_AGES = (0.0, 1.0, 5.0, 10.0, 15.0, 20.0)
# Thickness of the vault, mm, and share of it that each table takes. Adults: 6 to 7 mm, tables
# about 2 mm (CT series); children: judgement between 1 to 2 mm at birth and the adult's.
_VAULT_MM = (1.6, 2.3, 3.7, 4.8, 5.8, 6.5)
_TABLE_SHARE = (0.36, 0.34, 0.31, 0.30, 0.28, 0.27)
# Part of the cavity that is fluid around and in the brain. About a tenth in adults, more in the
# old, whose brain shrinks, less in children (judgement, from MRI volumetry).
_FLUID_AGES, _FLUID = (0.0, 1.0, 5.0, 20.0, 50.0, 90.0), (0.11, 0.07, 0.07, 0.10, 0.12, 0.20)
# Petrous bones, sphenoid and clivus reach into the cavity (measured on the painted head).
_BONE_IN_CAVITY = 0.05
_BRAIN_G_ML = 1.04
_RIBBON_MM = 5.5  # cortex; in people 2.5, but these sulci are few
_ABOUT = (0.0, -6.0, 24.0)


# Range of the vault's thickness over the age's: where a brain needs more, the head is larger.
_THIN, _THICK, _THINNEST = 0.75, 1.12, 0.62


def scalp_mm(frame: Frame) -> float:
    """Return the thickness of skin, fat and aponeurosis over the vault, mm."""
    return skin_mm(frame) + 3.4 * frame.head_scale


def vault_mm(b: Painter) -> float:
    """Return the vault's thickness, mm: the age's, but so that the brain has its room."""
    tried = float(np.interp(b.frame.person.age_y, _AGES, _VAULT_MM)) * np.linspace(
        _THINNEST, _THICK, 5
    )
    room = [_room_ml(b.frame, t) for t in tried]
    wanted = _wanted_ml(b.frame, b.masses_g.get("brain", 1450.0))
    return float(np.interp(wanted, room[::-1], tried[::-1]))


def head_for_brain(frame: Frame, brain_g: float) -> float:
    """Return the head's size over the usual one that gives a brain its room.

    1 where a vault of 0.75 to 1.12 times the age's thickness does it.
    """
    usual = float(np.interp(frame.person.age_y, _AGES, _VAULT_MM))
    sizes = np.linspace(0.88, 1.16, 15)
    heads = [replace(frame, head=float(size)) for size in sizes]
    wanted, head = _wanted_ml(frame, brain_g), 1.0
    least = float(np.interp(wanted, [_room_ml(h, _THIN * usual) for h in heads], sizes))
    most = float(np.interp(wanted, [_room_ml(h, _THICK * usual) for h in heads], sizes))
    return float(np.clip(head, least, most))


def _wanted_ml(frame: Frame, brain_g: float) -> float:
    """Return the volume of the cavity that holds a brain, its fluid and the base's bones."""
    fluid = float(np.interp(frame.person.age_y, _FLUID_AGES, _FLUID))
    return brain_g / _BRAIN_G_ML / ((1 - fluid) * (1 - _BONE_IN_CAVITY))


def _room_ml(frame: Frame, thick_mm: float) -> float:
    """Return the volume of the cavity under a vault."""
    s = frame.head_scale
    return s**3 * _template_ml(round((scalp_mm(frame) + thick_mm) / s, 2))


@lru_cache(maxsize=256)
def _template_ml(inset: float) -> float:
    """Return the volume of the reference adult's cavity, `inset` mm under the skin, ml."""
    step = 3.0
    x, y = np.arange(-80.0, 80.0, step)[None, :], np.arange(-102.0, 102.0, step)[:, None]
    shapes = _shapes(lambda *p: p, np.ones(3), inset, 0.0)
    points = 0
    for level in np.arange(-64.0, 104.0, step):
        plane = np.zeros((y.size, x.size), bool)
        for shape in shapes:
            plane |= shape.inside(x, y, np.full((1, 1), level))
        points += int(plane.sum())
    return points * step**3 / 1000


def _shapes(point, scale: np.ndarray, inset_mm: float, drop_mm: float) -> list[Shape]:
    """Return the cavity: under the vault and above the three steps of the base.

    Parameters
    ----------
    point
        Carries a point of the head to the person.
    scale
        Over the reference adult's, along x, y and z.
    inset_mm, drop_mm
        Under the skin, and below the base's inner surface, own mm.
    """
    vaults = []
    for centre, half, below in BRAINCASE:
        a, b, c, d = np.array([*half, below]) * scale[[0, 1, 2, 2]] - inset_mm
        vaults.append(Superellipsoid(point(*centre), (a, b, c), d, BRAINCASE_POWER))

    def above(y: float, z: float, slope: float) -> HalfSpace:
        _, py, pz = point(0.0, y, z)
        return HalfSpace((0.0, slope, -1.0), slope * py - pz + drop_mm)

    back = HalfSpace((0.0, 1.0, 0.0), point(0.0, 15.0, 0.0)[1] + drop_mm)
    front: list[Shape] = [Both(v, above(24.0, -11.5, 0.24)) for v in vaults]
    middle: list[Shape] = [Both(Both(v, back), above(0.0, -35.0, 0.0)) for v in vaults]
    for x in (-40.0, 40.0):  # temporal poles, beside the orbits' apices
        pole = Ellipsoid.from_axes(point(x, 3, -16), np.array([25, 31, 21]) * scale + drop_mm)
        middle.append(Both(pole, vaults[0]))
    # Behind the foramen magnum the base falls to the cerebellum.
    behind = HalfSpace((0.0, 1.0, 0.0), point(0.0, -30.0, 0.0)[1] + drop_mm)
    bowl = Ellipsoid.from_axes(point(0, -46, -18), np.array([58, 46, 31]) * scale + drop_mm)
    return [*front, *middle, Both(Both(vaults[0], bowl), behind)]


def cavity(part: HeadPart, inset_mm: float, drop_mm: float = 0.0) -> list[Shape]:
    """Return the shapes of the cranial cavity, `inset_mm` under the skin, of a part's size."""
    return _shapes(part.point, np.array(part.local), inset_mm, drop_mm)


def _paint_all(part: HeadPart, shapes: Iterable[Shape], material: int, over: Iterable[int]) -> None:
    for shape in shapes:
        part.paint(shape, material, over)


def paint_braincase(b: Painter) -> None:
    """Paint skull, fluid, brain and the bones of the base."""
    part = HeadPart.begin(b, "braincase", _ABOUT, braincase=True)
    free = free_soft(b)
    bone = b.material("skull_cortex", "cortical_bone", mass="bone_cortical")
    diploe = b.material("skull_spongiosa", "spongiosa_cranium", mass="bone_spongiosa")
    fluid = b.material("cerebrospinal_fluid", "csf")
    scalp, thick = scalp_mm(b.frame), vault_mm(b)
    table = min(by_age(b, _AGES, _TABLE_SHARE) * cortex_share(b), 0.46) * thick
    base = 0.55 * thick + 0.8 * b.frame.head_scale
    _paint_all(part, cavity(part, scalp, base), bone, free)
    _paint_all(part, cavity(part, scalp + table, base - table), diploe, (bone,))
    _paint_all(part, cavity(part, scalp + thick - table, min(table, base)), bone, (bone, diploe))
    _paint_fontanelles(b, part, (bone, diploe))
    _paint_all(
        part,
        cavity(part, scalp + thick),
        fluid,
        (bone, diploe, *free, *b.of_atoms("connective_tissue")),
    )
    _paint_base(b, part, bone, diploe, (fluid, *free))
    _paint_brain(b, scalp + thick, fluid)


def _paint_fontanelles(b: Painter, part: HeadPart, bones: tuple[int, ...]) -> None:
    """Paint the gaps of an infant's vault: the sutures, and the fontanelle until 18 months."""
    soft = b.material("connective_tissue", "soft")
    wide = by_age(b, (0.0, 0.5, 1.5), (22.0, 20.0, 0.0))
    if wide > 1:
        part.blob(soft, (0, 30, 90), (wide, 1.2 * wide, 30), (-12, 0, 0), bones)
    gap = by_age(b, (0.0, 0.5, 1.0), (1.6, 1.0, 0.0))
    if gap > 0.3:
        part.blob(soft, (0, -20, 62), (gap, 110, 60), (0, 0, 0), bones)
        for side in (1, -1):
            part.blob(soft, (side * 40, 26, 52), (52, gap, 62), (-6, 0, side * 14), bones)
            part.blob(soft, (side * 36, -74, 30), (60, gap, 44), (20, 0, -side * 36), bones)


def _paint_base(b: Painter, part: HeadPart, bone: int, marrow: int, over: tuple[int, ...]) -> None:
    """Paint petrous and mastoid bones, sphenoid, clivus and the occipital condyles."""
    both = (bone, *over)
    for material, grow in ((bone, 0.0), (marrow, -1.6 * b.frame.head_scale * cortex_share(b))):
        where = both if material == bone else (bone,)
        part.blob(material, (0, 16, -27), (17, 15, 14), over=where, grow=grow)  # sphenoid
        part.tube(material, [(0, 6, -18), (0, -8, -33)], [7, 5.5], where, grow=grow)  # clivus
        for side in (1, -1):
            mastoid = by_age(b, (0.0, 1.0, 5.0, 15.0), (0.55, 0.7, 0.9, 1.0))
            part.tube(
                material, [(side * 57, -23, -34), (side * 15, 4, -27)], [9.5, 7], where, grow=grow
            )
            half = np.array([11, 14, 18]) * mastoid
            part.blob(material, (side * 55, -27, -32 - 12 * mastoid), half, over=where, grow=grow)
            wing = [(side * 12, 26, -13), (side * 36, 36, -13), (side * 58, 32, 0)]
            part.tube(material, wing, [4, 3.5, 3], where, grow=grow)
            part.tube(material, [(side * 20, 10, -32), (side * 54, 10, -31)], 3, where, grow=grow)
            condyle = [(side * 15, -16, -34), (side * 13, -6, -36)]
            part.tube(material, condyle, 6, where, grow=grow)
    for side in (1, -1):  # the roof of the orbit bulges into the cavity
        part.blob(bone, (side * 30, 47, -9), (21, 31, 11), (14, 0, side * 8), over=over)
    _paint_mastoid_cells(b, part, (bone, marrow))
    _paint_inner_sinuses(b, part, bone, over)


def _paint_inner_sinuses(b: Painter, part: HeadPart, bone: int, over: tuple[int, ...]) -> None:
    """Paint the frontal and sphenoid sinuses, which open from three to sixteen years."""
    air = b.material("air_sinuses", "air")
    grown = by_age(b, (4.0, 8.0, 16.0), (0.0, 0.5, 1.0))
    if grown > 0.1:
        for side in (1, -1):
            part.blob(bone, (side * 11, 86, 2), np.array([13, 9, 13]) * grown, over=over)
            part.blob(air, (side * 11, 88, 2), np.array([10, 5, 10]) * grown, over=(bone,))
    grown = by_age(b, (2.0, 8.0, 16.0), (0.0, 0.7, 1.0))
    if grown > 0.1:
        for side in (1, -1):
            half = np.array([6, 10, 8]) * grown
            part.blob(air, (side * 7, 17, -26), half, over=b.of_atoms("skull_*"))


def _paint_mastoid_cells(b: Painter, part: HeadPart, bones: tuple[int, ...]) -> None:
    """Paint the middle ears, and the mastoid's air cells, which form from the first year on."""
    air = b.material("air_sinuses", "air")
    count = round(by_age(b, (0.8, 3.0, 15.0), (0, 10, 28)))
    rng = part.rng
    cells = rng.normal(0, 1, (2, 28, 3)), rng.uniform(1.2, 3.2, (2, 28))
    for n, side in enumerate((1, -1)):
        part.blob(air, (side * 52, -12, -33), (2.5, 5, 5), over=bones)
        part.tube(air, [(side * 54, -12, -33), (side * 64, -13, -33)], 2.6, free_soft(b) + bones)
        for shift, radius in zip(cells[0][n][:count], cells[1][n], strict=False):
            x, y, z = np.array([56, -26, -42]) + np.clip(shift, -1.6, 1.6) * (4, 6, 8)
            part.blob(air, (side * x, y, z), np.full(3, radius), over=bones)


def brain_part(b: Painter) -> HeadPart:
    """Begin the brain, whose size changes the fluid around it."""
    return HeadPart.begin(b, "brain", _ABOUT, ("brain",), braincase=True)


def _paint_brain(b: Painter, inset_mm: float, fluid: int) -> None:
    """Paint cerebrum, cerebellum and brainstem into the fluid, then fissures and ventricles."""
    part = brain_part(b)
    s = b.frame.head_scale
    grey = part.material("brain", "brain_grey", blood="brain")
    white = part.material("brain", "brain_white", blood="brain")
    gap, ribbon = 2.2 * s, _RIBBON_MM * s
    _paint_all(part, cavity(part, inset_mm + gap, -0.7 * gap), grey, (fluid,))
    _paint_all(part, cavity(part, inset_mm + gap + ribbon, -0.7 * gap - ribbon), white, (grey,))
    thin = by_age(b, (0.0, 20.0, 50.0, 90.0), (0.8, 0.8, 1.0, 1.6))
    inside = (grey, white)
    for material, over, wider in ((grey, (white,), ribbon), (fluid, inside, 0.0)):
        # Between the hemispheres, then the fissures of Sylvius; cortex lines them.
        part.blob(material, (0, 0, 42), (0.9 * thin, 96, 56), over=over, grow=wider)
        for side in (1, -1):
            sylvian = [(side * 34, 24, -10), (side * 52, 14, 0), (side * 58, -18, 14)]
            radii = np.array([2.5, 2.2, 1.5]) * thin
            part.tube(material, sylvian, radii, over, grow=wider)
        _paint_sulci(part, material, over, thin, wider)
    for side in (1, -1):  # thalamus, lentiform nucleus
        part.blob(grey, (side * 10, -8, 13), (8, 14, 9), (0, 0, -side * 20), (white,))
        part.blob(grey, (side * 25, 8, 8), (6, 17, 9), (0, 0, -side * 12), (white,))
    part.blob(fluid, (0, -52, -20), (52, 36, 26), (0, 0, 0), inside, grow=1.2 * thin * s)
    part.blob(fluid, (0, -8, -14), (17, 18, 16), over=inside)  # basal cisterns
    part.blob(grey, (0, -52, -20), (52, 36, 26), (0, 0, 0), (fluid,))  # cerebellum
    for side in (1, -1):
        part.blob(white, (side * 20, -46, -20), (19, 15, 8), (0, 0, side * 25), (grey,))
    stem = [(0, -10, 6), (0, -9, -10), (0, -13, -22), (0, -19, -36)]
    part.tube(white, stem, [13, 12, 11, 6], (fluid,), step_mm=4)
    _paint_ventricles(part, fluid, inside, thin)


def _paint_sulci(
    part: HeadPart, material: int, over: tuple[int, ...], thin: float, wider_mm: float
) -> None:
    """Paint sulci as thin discs that go in from the surface, each a little askew."""
    rng = part.rng
    for side in (1, -1):
        for up, places, half in (
            (68, (56, 44, 31, 19, 6, -8, -21, -34, -48, -62), (13, 1.0, 15)),
            (38, (60, 46, 30, 13, -4, -20, -37, -54, -68), (13, 1.0, 15)),
            (8, (58, 40, 22, -12, -30, -48, -66), (12, 1.0, 14)),
        ):
            for y in places:
                reach = (1 - ((y + 4) / 92) ** 2) ** 0.5
                angle = np.deg2rad(up)
                x, z = 67 * reach * np.cos(angle), 8 + 78 * reach * np.sin(angle)
                tilt, turn = rng.normal(0, 9, 2)
                bend = side * (-np.sign(y) * 40 * (1 - reach) + turn)
                size = np.array(half) * (1, thin, 1)
                turns = (tilt, -side * up, bend)
                part.blob(material, (side * x, y, z), size, turns, over, grow=wider_mm)


def _paint_ventricles(part: HeadPart, fluid: int, inside: tuple[int, ...], wide: float) -> None:
    for side in (1, -1):
        horn = [(side * 7, 36, 12), (side * 6, 14, 24), (side * 9, -12, 28), (side * 24, -38, 18)]
        part.tube(fluid, horn, np.array([4.5, 4.5, 4.5, 6.0]) * wide, inside, step_mm=4)
        part.tube(fluid, [(side * 24, -38, 18), (side * 26, -62, 14)], [5 * wide, 2], inside)
        part.tube(fluid, [(side * 24, -38, 18), (side * 34, -6, -10)], [4 * wide, 2], inside)
    part.blob(fluid, (0, 2, 8), (1.8 * wide, 14, 10), over=inside)  # third ventricle
    part.blob(fluid, (0, -28, -20), (7 * wide, 5 * wide, 9), over=inside)  # fourth
