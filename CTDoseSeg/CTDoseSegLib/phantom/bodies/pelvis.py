"""A body's urinary bladder and organs of reproduction.

Points and half axes are mm of the reference adult (`frame`). They are painted before the bowel,
which fills the room that they leave.
"""

from __future__ import annotations

import numpy as np

from .gut import inner_size
from .limbs import limb_paths
from .outside import Build, skin_mm
from .painter import Painter, Part, Point
from .pregnancy import Womb

# Mass of the reference adult's organ at size 1, g: sets a child's first size.
_UTERUS_G, _PROSTATE_G, _OVARIES_G, _TESTES_G = 82.0, 17.6, 12.6, 37.2


# The bladder's middle and half axes; a womb presses it down and to the front.
_BLADDER: Point = (0.0, 26.0, -350.0)
_BLADDER_HALF = (42, 34, 36)
_PRESSED: Point = (0.0, 12.0, -380.0)
_PRESSED_HALF = (56, 34, 22)
_BLADDER_DENSITY = 1.015
_OVARY_LEVEL = -318.0
_TESTIS_X, _SCROTUM_Z = 16.0, -464.0


def paint_pelvis(b: Painter, build: Build, womb: Womb | None = None) -> None:
    """Paint bladder, prostate and testes, or uterus and ovaries.

    Parameters
    ----------
    b
        Paints.
    build
        Of the body: the scrotum lies before the thighs.
    womb
        Of a pregnancy, which is painted afterwards instead of the uterus.
    """
    free = (b.material("torso_fat", "adipose", mass="adipose"),)
    masses = ("urinary_bladder_wall", "urinary_bladder_contents")
    bladder = _BLADDER if womb is None else _PRESSED
    half = np.array(_BLADDER_HALF if womb is None else _PRESSED_HALF, float)
    wanted = sum(b.masses_g.get(name, 0.0) for name in masses) * 1000 / _BLADDER_DENSITY
    if wanted > 0:
        half *= (wanted / (4 / 3 * np.pi * np.prod(half * b.frame.scale(bladder[2])))) ** (1 / 3)
    if womb is None:
        # A child's bladder, large for the pelvis, stands up into the belly.
        bladder = (0.0, min(_BLADDER[1], 60.0 - half[1]), max(_BLADDER[2], half[2] - 378.0))
    part = b.part("urinary_bladder", bladder, masses, wander=3.0)
    wall = part.material("urinary_bladder_wall", "bladder_wall")
    urine = part.material("urinary_bladder_contents", "urine", mass="urinary_bladder_contents")
    part.blob(wall, bladder, half, over=free)
    part.blob(urine, bladder, half * inner_size(b, "urinary_bladder", 3), over=(wall,))
    if b.frame.person.sex == "male":
        _paint_prostate(b, free)
        _paint_testes(b, build)
        return
    if womb is None:
        _paint_uterus(b, free, min(-12.0, bladder[1] - half[1] - 6.0))
    _paint_ovaries(b, free, womb)


def _first(b: Painter, organ: str, adult_g: float, part: Part) -> float:
    """Return the size over the template's that the organ's mass asks for, before it is solved."""
    wanted = b.masses_g.get(organ, adult_g) / adult_g
    wide, deep, tall = b.frame.scale(float(part.about[2]))
    return float((wanted / (wide * deep * tall)) ** (1 / 3))


def _paint_prostate(b: Painter, free: tuple[int, ...]) -> None:
    at: Point = (0.0, 2.0, -392.0)
    gland = b.part("prostate", at, ("prostate",), wander=1.0)
    first = _first(b, "prostate", _PROSTATE_G, gland)
    tissue = gland.material("prostate", "prostate")
    over = (*free, *b.of_atoms("skeletal_muscle"))
    gland.blob(tissue, at, np.array([20, 14, 15]) * first, over=over)


def _scrotum_y(b: Painter, build: Build) -> float:
    """Return the y of the reference adult where the thighs leave room before them."""
    frame = b.frame
    path, lean, fat = limb_paths(frame, build, ("up", "up"), 0.0)[0]
    level, deep = float(frame.z(_SCROTUM_Z)), frame.scale(_SCROTUM_Z)[1]
    radius = float(np.interp(-level, -path[:, 2], lean + fat)) + skin_mm(frame)
    axis_x, axis_y = (float(np.interp(-level, -path[:, 2], path[:, n])) for n in (0, 1))
    beside = axis_x - 1.6 * _TESTIS_X * frame.scale(_SCROTUM_Z)[0]
    return (axis_y + max(radius**2 - beside**2, 0.0) ** 0.5) / deep


def _paint_testes(b: Painter, build: Build) -> None:
    skin = b.material("skin", "skin", mass="skin")
    y = _scrotum_y(b, build)
    for side, name in ((1, "right"), (-1, "left")):
        part = b.part("testes", (side * _TESTIS_X, y, _SCROTUM_Z), ("testes",))
        half = np.array([14, 15, 21]) * _first(b, "testes", _TESTES_G, part)
        place: Point = (side * max(_TESTIS_X, half[0] + 2.0), y + 0.9 * half[1], _SCROTUM_Z)
        part.blob(skin, place, half, over=b.air(), grow=2.5)
        tissue = part.material(f"testis_{name}", "testis")
        part.blob(tissue, place, half, over=(skin, *b.of_atoms("subcutaneous_fat")))


def _paint_uterus(b: Painter, free: tuple[int, ...], y: float) -> None:
    """Paint the uterus, leant to the front over the bladder."""
    at: Point = (0.0, y, -308.0)
    womb = b.part("uterus", at, ("uterus",), wander=3.0)
    first = _first(b, "uterus", _UTERUS_G, womb)
    tissue = womb.material("uterus", "uterus")
    womb.blob(tissue, at, np.array([24, 18, 40]) * first, (-30, 0, 0), free)


def _paint_ovaries(b: Painter, free: tuple[int, ...], womb: Womb | None) -> None:
    wide = b.frame.scale(_OVARY_LEVEL)[0]
    beside = 48.0 * wide
    if womb is not None:
        up = (float(b.frame.z(_OVARY_LEVEL)) - womb.centre[2]) / womb.half_axes[2]
        beside = max(beside, womb.half_axes[0] * (1 - min(up**2, 1.0)) ** 0.5 + 15.0)
    for side, name in ((1, "right"), (-1, "left")):
        place: Point = (side * beside / wide, -8.0, _OVARY_LEVEL)
        part = b.part("ovaries", place, ("ovaries",), wander=4.0, place=f"ovary {name}")
        first = _first(b, "ovaries", _OVARIES_G, part)
        tissue = part.material(f"ovary_{name}", "ovary")
        part.blob(tissue, place, np.array([9, 9, 17]) * first, over=free)
