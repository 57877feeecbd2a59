"""Implants of bone: hip prosthesis, spinal screws with rods, cement in a vertebra."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from ...errors import InputError
from .frame import KNEE
from .painter import Painter
from .person import Person
from .skeleton_bone import Kit
from .skeleton_pelvis import HEAD_MM, SOCKET
from .skeleton_spine import body_size, spine_y, vertebra_levels

_SCREWED = ("L3", "L4", "L5")
_CEMENTED = "L1"
_FROM_Y = 10.0  # judgement: younger bones are too small for them


def check_bone_implants(person: Person, names: Iterable[str]) -> None:
    """Refuse implants of bone in young children.

    Raises
    ------
    InputError
        Naming the implant.
    """
    for name in names:
        if person.age_y < _FROM_Y:
            raise InputError(
                f"{name} is for persons from {_FROM_Y:g} years, not for one of "
                f"{person.age_y:g} years."
            )


def paint_bone_implants(b: Painter, names: Iterable[str]) -> None:
    """Paint implants into the skeleton, before the organs.

    Parameters
    ----------
    b
        Painter of a body with its skeleton.
    names
        Of `BONE_IMPLANTS`.

    Raises
    ------
    InputError
        If there is no such implant.
    """
    kit = Kit(b)
    for name in names:
        if name not in BONE_IMPLANTS:
            raise InputError(
                f"There is no implant {name!r} of bone; choose {', '.join(BONE_IMPLANTS)}."
            )
        BONE_IMPLANTS[name](kit)


def _hip(kit: Kit, side: int, name: str) -> None:
    """Paint a metal cup with a head, and a stem down the shaft of the femur."""
    b = kit.painter
    bone = b.of_atoms(f"femur_{name}*", f"hip_{name}*", "cartilage")
    titanium = b.material(f"hip_prosthesis_{name}", "titanium")
    cobalt = b.material(f"hip_prosthesis_{name}", "cobalt_chrome")
    near, femur = kit.part(SOCKET[2]), kit.part(-560.0)
    head = near.point(side * SOCKET[0], *SOCKET[1:])
    start = np.array(near.point(side * 121, -9, -376))
    # The stem follows the cavity that is there, whose axis goes to the knee.
    path = np.array([head, start, _down_the_shaft(kit, side)])
    near.blob(titanium, (side * SOCKET[0], *SOCKET[1:]), np.full(3, HEAD_MM + 1.5), over=bone)
    near.blob(cobalt, (side * SOCKET[0], *SOCKET[1:]), np.full(3, 16.0), over=[*bone, titanium])
    over = [*bone, *b.of_tissues("muscle", "adipose")]
    femur.chain(titanium, path[:2], [7.0, 8.0], over=over)
    femur.chain(titanium, path[1:], [8.5, 5.5], over=over)


def _down_the_shaft(kit: Kit, side: int) -> np.ndarray:
    """Return the point of the femur's axis 130 mm below the neck, from what is painted."""
    name = "right" if side > 0 else "left"
    hollow = kit.painter.of_atoms(f"femur_{name}_medullary")
    canvas = kit.painter.canvas
    found = np.flatnonzero(np.isin(canvas.paints(), hollow))
    pieces = [canvas.shapes[n] for n in found]
    level = float(kit.painter.frame.z(-520.0))
    if not pieces:  # a femur without a cavity
        return np.array(kit.part(KNEE).point(side * 100, -2, -520.0))
    middles = np.array([shape.box.mean(axis=1) for shape in pieces])
    rising = middles[np.argsort(middles[:, 2])]
    return np.array([*(np.interp(level, rising[:, 2], rising[:, c]) for c in (0, 1)), level])


def _screws(kit: Kit) -> None:
    """Paint two screws through the pedicles of L3 to L5 and a rod on each side."""
    b = kit.painter
    metal = b.material("spinal_screws", "titanium")
    levels = vertebra_levels()
    over = [
        *b.of_atoms("vertebrae_*", "sacrum*", "intervertebral_discs"),
        *b.of_tissues("muscle", "adipose"),
    ]
    for side in (1, -1):
        heads = []
        for name in _SCREWED:
            top, bottom = levels[name]
            z = top - 0.3 * (top - bottom)
            _, deep, canal, back = body_size(z)
            y = spine_y(z)
            head = (side * (canal + 7.0), y - deep - 2 * back - 3.0, z)
            tip = (side * 10.0, y + 0.35 * deep, z - 1.0)
            heads.append(head)
            kit.part(z).tube(metal, [head, tip], 2.9, over=over)
            kit.part(z).blob(metal, head, (5.5, 5.5, 6.0), over=over)
        kit.part(heads[1][2]).tube(metal, heads, 2.8, over=over)


def _cement(kit: Kit) -> None:
    """Paint cement into the body of L1."""
    b = kit.painter
    top, bottom = vertebra_levels()[_CEMENTED]
    z = 0.6 * top + 0.4 * bottom
    wide, deep, *_ = body_size(z)
    cement = b.material("bone_cement", "bone_cement")
    for side in (1, -1):
        kit.part(z).blob(
            cement,
            (side * 0.32 * wide, spine_y(z) + 1.0, z),
            (0.45 * wide, 0.55 * deep, 8.0),
            over=b.of_atoms(f"vertebrae_{_CEMENTED}_spongiosa"),
        )


BONE_IMPLANTS: dict[str, Callable[[Kit], None]] = {
    "hip_prosthesis_right": lambda kit: _hip(kit, 1, "right"),
    "hip_prosthesis_left": lambda kit: _hip(kit, -1, "left"),
    "spinal_screws": _screws,
    "bone_cement": _cement,
}
