"""Implants in soft tissue: breast implants and a pacemaker with its lead.

Points are mm of the reference adult; an implant's own size is in mm and follows no person.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ...errors import InputError
from ..shapes import Ellipsoid, Superellipsoid
from .outside import Build, front_mm, skin_mm
from .painter import Painter, Point
from .person import Person

BREAST_IMPLANTS = {"breast_implant_right": 1.0, "breast_implant_left": -1.0}
SOFT_IMPLANTS = (*BREAST_IMPLANTS, "pacemaker")
_BREAST_FROM_Y, _PACEMAKER_FROM_Y = 18.0, 10.0
# Usual round implants (judgement): 150 to 400 ml, width over projection 2.6.
_VOLUME_ML = (150.0, 400.0)
_WIDTH_OVER_PROJECTION = 2.6
BREAST_X, BREAST_Z = 72.0, 62.0
# Half axes, mm, of a usual pacemaker's can: across, depth, height (judgement).
_CAN_HALF = (23.0, 4.0, 21.0)
_CAN_X, _CAN_Z = -96.0, 172.0
# From the can under the clavicle by the left subclavian and innominate veins and the superior
# vena cava to the right atrium, and through the valve to the apex of the right ventricle.
_VEIN: tuple[Point, ...] = (
    (-66, 26, 204), (-36, 16, 214), (-10, 24, 205), (25, 14, 198), (26, 20, 150), (21, 21, 90),
)  # fmt: skip
_HEART: tuple[Point, ...] = ((15, 30, 58), (-6, 44, 42), (-30, 54, 22))
_LEAD_MM = 1.2


def check_soft_implants(person: Person, names: Iterable[str]) -> None:
    """Refuse implants that are not known, or that such a person does not have.

    Raises
    ------
    InputError
        Naming the implant.
    """
    for name in names:
        if name not in SOFT_IMPLANTS:
            raise InputError(
                f"There is no implant {name!r} in soft tissue; there are "
                f"{', '.join(SOFT_IMPLANTS)}."
            )
        if name in BREAST_IMPLANTS and (person.sex != "female" or person.age_y < _BREAST_FROM_Y):
            raise InputError(f"{name} is for women from {_BREAST_FROM_Y:g} years.")
        if name == "pacemaker" and person.age_y < _PACEMAKER_FROM_Y:
            raise InputError(
                f"A pacemaker under the clavicle is for persons from {_PACEMAKER_FROM_Y:g} years; "
                "in smaller ones it does not fit there."
            )


def paint_soft_implants(b: Painter, build: Build, names: Iterable[str] = ()) -> dict[str, float]:
    """Paint implants; before the breasts, after the heart and its vessels.

    Parameters
    ----------
    b
        Paints.
    build
        Of the body.
    names
        Some of `SOFT_IMPLANTS`.

    Returns
    -------
    dict
        By how many mm the right and the left breast is pushed to the front: ``right``, ``left``.

    Raises
    ------
    InputError
        An unknown implant, or one that such a person does not have.
    """
    names = tuple(names)
    check_soft_implants(b.frame.person, names)
    forward = {
        name.rsplit("_", 1)[1]: _paint_breast_implant(b, build, name, side)
        for name, side in BREAST_IMPLANTS.items()
        if name in names
    }
    if "pacemaker" in names:
        _paint_pacemaker(b, build)
    return forward


def _paint_breast_implant(b: Painter, build: Build, name: str, side: float) -> float:
    """Paint a flat ellipsoid on the chest's muscle; return how far it pushes the breast."""
    frame = b.frame
    # Both are of about one size: they come in pairs.
    volume = float(b.rng("breast_implants").uniform(*_VOLUME_ML))
    volume *= float(np.exp(0.05 * b.variation * b.rng(name).standard_normal()))
    width = (volume * 1000 * 3 / (4 * np.pi) * _WIDTH_OVER_PROJECTION) ** (1 / 3)
    half = np.array([width, width / _WIDTH_OVER_PROJECTION, width])
    skin = front_mm(frame, build, side * BREAST_X, BREAST_Z)
    muscle = skin - skin_mm(frame) - 0.8 * build.fat_at(BREAST_Z, frame.person)
    x, _, z = frame.point(side * BREAST_X, 0.0, BREAST_Z)
    part = b.part(name, (side * BREAST_X, 0.0, BREAST_Z))
    # The chest slopes to the side, and the implant with it.
    turn = (0.0, 0.0, -side * 20.0)
    centre = np.array([x, muscle + 0.72 * half[1], z])
    skin_material = b.material("skin", "skin", mass="skin")
    fat = b.material("subcutaneous_fat", "adipose", mass="adipose")
    cover = skin_mm(frame) + 2.0
    part.paint(_ellipsoid(centre, half + cover, turn), skin_material, b.air())
    part.paint(_ellipsoid(centre, half + 2.0, turn), fat, (skin_material,))
    gel = b.material(name, "silicone")
    part.paint(_ellipsoid(centre, half, turn), gel, (fat, skin_material))
    return float(1.6 * half[1])


def _ellipsoid(centre: np.ndarray, half: np.ndarray, turn: Point) -> Ellipsoid:
    return Ellipsoid.from_axes(centre, half, turn)


def _paint_pacemaker(b: Painter, build: Build) -> None:
    """Paint the can in the fat under the left clavicle, with the skin over it, and its lead."""
    frame = b.frame
    part = b.part("pacemaker", (_CAN_X, 0.0, _CAN_Z), wander=3.0)
    x, _, z = part.point(_CAN_X, 0.0, _CAN_Z)
    skin_thick = skin_mm(frame)
    half = np.array(_CAN_HALF)
    surface = front_mm(frame, build, _CAN_X, _CAN_Z)
    fat_depth = 0.8 * build.fat_at(_CAN_Z, frame.person)
    y = surface - skin_thick - max(0.5 * fat_depth, half[1] - 2.0)
    skin = b.material("skin", "skin", mass="skin")
    fat = b.material("subcutaneous_fat", "adipose", mass="adipose")
    for material, grow, over in (
        (skin, skin_thick + 1.5, b.air()),
        (fat, 1.5, (skin, *b.of_atoms("skeletal_muscle"))),
    ):
        part.paint(_can((x, y, z), half + grow), material, over)
    metal = b.material("pacemaker", "titanium")
    part.paint(_can((x, y, z), half), metal, (fat,))
    lead = b.material("pacemaker_lead", "titanium")
    veins = b.part("vessels", (0.0, 0.0, 100.0), wander=1.5)
    heart = b.part("heart", (-24.0, 28.0, 46.0), b.goals["heart"].organs, wander=3.0)
    ends = [np.array([[x + half[0] - 4.0, y, z + half[2]]]), veins.points(_VEIN)]
    path = np.concatenate([*ends, heart.points(_HEART)])
    keep = [n for n in range(len(b.tissues)) if n not in (0, metal)]
    part.chain(lead, _smooth(path), 0.0, keep, grow=_LEAD_MM)


def _can(centre: Point, half: np.ndarray) -> Superellipsoid:
    return Superellipsoid(centre, tuple(half), float(half[2]), 3.0)


def _smooth(path: np.ndarray) -> np.ndarray:
    """Return a smooth curve through points [n, 3]."""
    from scipy.interpolate import CubicSpline

    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    return CubicSpline(length, path)(np.linspace(0, length[-1], 48))
