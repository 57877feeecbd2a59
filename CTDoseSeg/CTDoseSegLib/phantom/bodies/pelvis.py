"""A body's urinary bladder and organs of reproduction.

Points and half axes are mm of the reference adult (`frame`). They are painted before the bowel,
which fills the room that they leave.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from ..shapes import Both, Ellipsoid, Shape
from .free_room import roomiest
from .gut import inner_size
from .limbs import limb_paths
from .outside import Build, skin_mm
from .painter import Painter, Part, Point
from .pregnancy import Womb

# Mass of the reference adult's organ at size 1, g: sets a child's first size.
_UTERUS_G, _PROSTATE_G, _OVARIES_G, _TESTES_G = 82.0, 17.6, 12.6, 37.2


# The bladder's middle and half axes.
_BLADDER: Point = (0.0, 26.0, -350.0)
_BLADDER_HALF = (42, 34, 36)
_BLADDER_DENSITY = 1.015
# A prostate's middle behind the bladder's neck, and how far the neck is in it: in its half axes.
_NECK_BEHIND, _NECK_IN = 0.8, 0.45
# What a bladder without room tries: flatter from above or from the back, more to the front, higher.
_FORMS = (
    (1.0, 1.0, 1.0),
    (1.2, 1.1, 0.75),
    (0.8, 1.0, 0.75),
    (0.75, 1.2, 0.7),
    (1.2, 0.7, 1.1),
    (1.4, 0.6, 1.0),
    (1.3, 0.45, 1.2),
)
_FORWARD, _HIGHER = (0.0, 10.0, 20.0), (0.0, 10.0, 20.0, 32.0, 48.0)
# Under a womb it lies lower, and further back.
_UNDER_WOMB = ((0.0, -8.0, -16.0), (-16.0, -24.0, -8.0))
# And an ovary: more to the side, to the back and higher.
_ASIDE, _BACK, _UP = (0.0, 10.0, -12.0), (0.0, -14.0, 14.0), (0.0, 20.0, 45.0, 75.0)
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
    half = np.array(_BLADDER_HALF, float)
    wanted = sum(b.masses_g.get(name, 0.0) for name in masses) * 1000 / _BLADDER_DENSITY
    if wanted > 0:
        half *= (wanted / (4 / 3 * np.pi * np.prod(half * b.frame.scale(_BLADDER[2])))) ** (1 / 3)
    # A child's bladder, large for the pelvis, stands up into the belly.
    bladder: Point = (0.0, min(_BLADDER[1], 60.0 - half[1]), max(_BLADDER[2], half[2] - 378.0))
    part = b.part("urinary_bladder", bladder, masses, wander=3.0)
    bladder, half = _with_room(part, bladder, half, free, womb)
    wall = part.material("urinary_bladder_wall", "bladder_wall")
    urine = part.material("urinary_bladder_contents", "urine", mass="urinary_bladder_contents")
    outside = part.ellipsoid(bladder, half)
    inside = part.ellipsoid(bladder, half * inner_size(b, "urinary_bladder", 3))
    part.paint(_beside(outside, womb, 1.02), wall, free)
    part.paint(_beside(inside, womb, 1.05), urine, (wall,))
    if b.frame.person.sex == "male":
        _paint_prostate(b, free, outside)
        _paint_testes(b, build)
        return
    if womb is None:
        _paint_uterus(b, free, min(-12.0, bladder[1] - half[1] - 6.0))
    _paint_ovaries(b, free, womb)


def _beside(shape: Shape, womb: Womb | None, size: float) -> Shape:
    """Return a shape, dented where a womb of a size over the womb's lies."""
    return shape if womb is None else Both(shape, womb.ellipsoid(size), without=True)


def _with_room(
    part: Part, at: Point, half: np.ndarray, free: tuple[int, ...], womb: Womb | None
) -> tuple[Point, np.ndarray]:
    """Return where the bladder is, and its half axes, so that neither bone nor womb cuts it."""
    choices = []
    forwards, levels = (_FORWARD, _HIGHER) if womb is None else _UNDER_WOMB
    for higher, forward, form in product(levels, forwards, _FORMS):
        place: Point = (at[0], at[1] + forward, at[2] + higher)
        own = half * form / np.prod(form) ** (1 / 3)
        choices.append(((place, own), part.ellipsoid(place, own)))
    without = None if womb is None else womb.ellipsoid(1.0)
    return roomiest(part.painter, choices, free, without)


def _first(b: Painter, organ: str, adult_g: float, part: Part) -> float:
    """Return the size over the template's that the organ's mass asks for, before it is solved."""
    wanted = b.masses_g.get(organ, adult_g) / adult_g
    wide, deep, tall = b.frame.scale(float(part.about[2]))
    return float((wanted / (wide * deep * tall)) ** (1 / 3))


def _paint_prostate(b: Painter, free: tuple[int, ...], bladder: Ellipsoid) -> None:
    """Paint the prostate, which holds the bladder's neck."""
    gland = b.part("prostate", (0.0, 0.0, -392.0), ("prostate",))
    first = _first(b, "prostate", _PROSTATE_G, gland)
    half = np.array([20, 14, 15]) * first * np.array(gland.local)
    tissue = gland.material("prostate", "prostate")
    # The neck: the lowest point of the bladder, which stands upright.
    x, y, _ = bladder.centre
    low = float(bladder.box[2, 0])
    at = (x, y - _NECK_BEHIND * half[1], low - (1 - _NECK_IN) * half[2])
    over = (*free, *b.of_atoms("skeletal_muscle"))
    gland.paint(Ellipsoid.from_axes(at, half), tissue, over)


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
    without = None if womb is None else womb.ellipsoid(1.0)
    for side, name in ((1, "right"), (-1, "left")):
        at: Point = (side * beside / wide, -8.0, _OVARY_LEVEL)
        part = b.part("ovaries", at, ("ovaries",), wander=4.0, place=f"ovary {name}")
        half = np.array([9, 9, 17]) * _first(b, "ovaries", _OVARIES_G, part)
        tissue = part.material(f"ovary_{name}", "ovary")
        places: list[Point] = [
            (at[0] + side * dx, at[1] + dy, at[2] + dz)
            for dz, dx, dy in product(_UP, _ASIDE, _BACK)
        ]
        choices = [(place, part.ellipsoid(place, half)) for place in places]
        place = roomiest(b, choices, free, without)
        part.blob(tissue, place, half, over=free)
