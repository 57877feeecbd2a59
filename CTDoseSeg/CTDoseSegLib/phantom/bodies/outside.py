"""The outside of a body: skin, fat and muscle of trunk, neck, head and limbs, and the cavities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..shapes import Both, Capsule, Column, Cradle, Shape
from .frame import AGES, Frame
from .head_outline import head_shapes
from .painter import Painter
from .person import Person

# z, half axis x, half axis y, centre x, centre y of the muscle layer's outside, mm.
MUSCLE = (
    (335, 54, 54, 0, -12),
    (290, 58, 57, 0, -14),
    (262, 84, 60, 0, -13),
    (236, 138, 74, 0, -9),
    (205, 160, 88, 0, -4),
    (170, 160, 97, 0, -1),
    (120, 154, 106, 0, -2),
    (40, 150, 107, 0, -3),
    (-60, 143, 104, 0, -5),
    (-130, 136, 98, 0, -6),
    (-220, 146, 100, 0, -11),
    (-290, 160, 104, 0, -12),
    (-360, 166, 98, 0, -10),
    (-430, 150, 84, 0, -8),
)
# The thoracic cavity, on which the ribs lie.
CHEST_CAVITY = (
    (246, 46, 38, 0, -4),
    (220, 84, 56, 0, -4),
    (185, 110, 70, 0, -2),
    (135, 125, 80, 0, 1),
    (80, 132, 84, 0, 1),
    (20, 134, 85, 0, 1),
    (-60, 130, 82, 0, 0),
    (-120, 120, 76, 0, 0),
)
# The least breadth of the rib cage over what the frame allows, by age: an infant's is round
# (judgement).
_NARROWEST_AGES, _NARROWEST = (0.0, 1.0, 5.0), (0.66, 0.74, 0.88)
_INFANT_WALL = 0.6  # of what an infant's rib cage is narrower, the skin is too
# The abdominal and pelvic cavity below the diaphragm.
BELLY_CAVITY = (
    (-40, 124, 76, 0, 4),
    (-90, 122, 74, 0, 6),
    (-140, 121, 70, 0, 6),
    (-220, 128, 71, 0, 6),
    (-290, 108, 67, 0, 3),
    (-350, 84, 62, 0, 2),
    (-410, 66, 52, 0, -2),
)
# Levels, and how thick the fat under the skin is there over the belly's.
_FAT_LEVELS = (-1276, -1000, -774, -450, -300, -120, 40, 150, 230, 262, 290)
_FAT_SHARES = {
    "male": (0.12, 0.25, 0.30, 0.55, 0.85, 1.0, 0.85, 0.65, 0.55, 0.35, 0.25),
    "female": (0.15, 0.40, 0.50, 0.95, 1.1, 1.0, 0.80, 0.65, 0.60, 0.40, 0.28),
    # Children's fat lies more evenly, until puberty.
    "child": (0.35, 0.65, 0.70, 0.90, 0.95, 1.0, 0.95, 0.80, 0.65, 0.55, 0.45),
}
# Share of the trunk's half axes that follows the muscle; the rest is bone and cavity.
TRUNK_SHARE = 0.13
CHILD_AGES, CHILD = (0.0, 6.0, 16.0), (1.0, 0.9, 0.0)


@dataclass(frozen=True)
class Build:
    """What is solved for the person's weight.

    Attributes
    ----------
    fat_mm
        Thickness of the fat under the skin of the belly.
    muscle
        Muscle over the reference's, 1 for the reference.
    skin
        Thickness of the skin over the reference's.
    visceral
        Millimetres by which the belly's wall is pushed out for each millimetre of `fat_mm`.
    womb_mm
        Millimetres by which a womb pushes the belly's wall out, besides the fat.
    """

    fat_mm: float = 14.0
    muscle: float = 1.0
    skin: float = 1.0
    visceral: float = 0.35
    womb_mm: float = 0.0

    @property
    def belly_mm(self) -> float:
        """How far the wall of the belly is pushed to the front by the fat behind it."""
        return self.visceral * max(self.fat_mm - 6.0, 0.0)

    def fat_at(self, z: float, person: Person) -> float:
        """Return the thickness, mm, of the fat under the skin at a level of the reference."""
        child = float(np.interp(person.age_y, CHILD_AGES, CHILD))
        adult, young = (
            float(np.interp(z, _FAT_LEVELS, _FAT_SHARES[who])) for who in (person.sex, "child")
        )
        return self.fat_mm * (child * young + (1 - child) * adult)


def _belly(z: float) -> float:
    """Return how much of the belly's bulge is at a level of the reference adult, 0 to 1."""
    return float(np.interp(z, (-400, -320, -220, -100, 0, 60), (0, 0.4, 1, 1, 0.3, 0)))


def trunk_knots(frame: Frame, build: Build, table: tuple, grow_share: float = 0.0) -> np.ndarray:
    """Return knots, in the person's mm, of one of this module's tables with belly and muscle.

    Parameters
    ----------
    frame, build
        Person and build.
    table
        `MUSCLE`, `CHEST_CAVITY` or `BELLY_CAVITY`.
    grow_share
        Of the half axes that follows the muscle.
    """
    # An infant's liver and bowel are large for the frame: the belly is round.
    infant = float(np.interp(frame.person.age_y, (0, 2, 8), (7.0, 6.0, 0.0)))
    rows = []
    for z, a, b, x, y in table:
        wide, deep, _ = frame.scale(z)
        grow = 1 + grow_share * (build.muscle - 1)
        bulge = (build.belly_mm + build.womb_mm + infant) * _belly(z)
        cx, cy, cz = frame.point(x, y, z)
        rows.append(
            (
                cz,
                a * wide * grow + 0.35 * bulge,
                b * deep * grow + 0.5 * bulge,
                cx,
                cy + 0.5 * bulge,
            )
        )
    return np.array(rows)


def _lost_mm(frame: Frame, build: Build, breath: float, levels: np.ndarray) -> np.ndarray:
    """Return by how much the rib cage is narrower on each side, mm, at the person's levels."""
    wide, narrow = (chest_knots(frame, build, of)[::-1] for of in (1.0, breath))
    return np.interp(levels, wide[:, 0], wide[:, 1] - narrow[:, 1])


def chest_knots(frame: Frame, build: Build, breath: float) -> np.ndarray:
    """Return knots, in the person's mm, of the inside of the rib cage.

    Parameters
    ----------
    frame, build
        Person and build.
    breath
        Breadth of the rib cage over what the frame allows. Above 1 only the diaphragm gives way,
        so that ribs stay in the wall. The costal margin keeps its place.
    """
    knots = trunk_knots(frame, build, CHEST_CAVITY)
    levels = [row[0] for row in CHEST_CAVITY]
    least = float(np.interp(frame.person.age_y, _NARROWEST_AGES, _NARROWEST))
    knots[:, 1] *= np.interp(levels, (-100.0, 20.0), (1.0, np.clip(breath, least, 1.0)))
    return knots


def outer_knots(frame: Frame, build: Build, inset: float) -> np.ndarray:
    """Return the knots of the trunk's skin, or of what lies `inset` mm below it."""
    knots = trunk_knots(frame, build, MUSCLE, TRUNK_SHARE)
    thick = np.array([build.fat_at(row[0], frame.person) for row in MUSCLE])
    skin = skin_mm(frame)
    knots[:, 1] += thick + skin - inset
    knots[:, 2] += 0.8 * thick + skin - inset
    knots[:, 4] += 0.12 * thick
    return knots


def skin_mm(frame: Frame) -> float:
    """Return the skin's thickness, mm.

    From the skin's mass with its blood (ICRP Publications 145 and 156) at 1.09 g/ml over the
    surface of these bodies, which have no fingers.
    """
    adult = 1.86 if frame.person.sex == "male" else 1.5
    table = (0.75, 0.72, 0.82, 0.84, 0.62 * adult + 0.1, adult)
    return frame.skin * float(np.interp(frame.person.age_y, AGES, table))


def couch_rim(frame: Frame, build: Build, side: float, pressed_mm: float) -> float:
    """Return the y, mm, of a couch under the midline of the chest and the hips.

    Parameters
    ----------
    frame, build
        Person and build.
    side
        -1 where the couch is posterior, +1 where it is anterior (prone).
    pressed_mm
        How far it flattens the body.
    """
    knots, table = outer_knots(frame, build, 0.0), np.array(MUSCLE, float)
    reach = knots[:, 2] + side * knots[:, 4]
    chest = (table[:, 0] > 0) & (table[:, 0] < 200)
    hips = (table[:, 0] < -200) & (table[:, 0] > -400)
    return side * (float(min(reach[chest].max(), reach[hips].max())) - pressed_mm)


def front_mm(frame: Frame, build: Build, x: float, z: float) -> float:
    """Return the y, mm, of the skin in front of a point (x, z) of the reference adult."""
    knots = outer_knots(frame, build, 0.0)[::-1]
    level, own_x = float(frame.z(z)), frame.point(x, 0.0, z)[0]
    a, b, cx, cy = (float(np.interp(level, knots[:, 0], knots[:, n])) for n in (1, 2, 3, 4))
    across = min(abs(own_x - cx) / a, 0.999)
    return cy + b * float((1 - across**2.3) ** (1 / 2.3))


def _chain(path: np.ndarray, radii: np.ndarray) -> list[Shape]:
    """Return the pieces of a tube."""
    return [
        Capsule(tuple(path[n]), tuple(path[n + 1]), float(radii[n]), float(radii[n + 1]))
        for n in range(len(path) - 1)
        if min(radii[n], radii[n + 1]) > 0.1
    ]


def paint_outside(b: Painter, build: Build, top: Cradle, limbs: list[tuple]) -> None:
    """Paint skin, fat and muscle.

    By layers and not by parts: where an arm meets the trunk, its skin does not go on inside.

    Parameters
    ----------
    b
        Paints.
    build
        Fat and muscle.
    top
        Hollow that the couch leaves for the body.
    limbs
        From `limbs.limb_paths`.
    """
    frame, skin = b.frame, skin_mm(b.frame)
    layers = (
        (b.material("skin", "skin", mass="skin"), 0.0),
        (b.material("subcutaneous_fat", "adipose", mass="adipose"), skin),
    )
    breath = float(b.sizes.get("breath", 1.0))
    infant = _INFANT_WALL * float(np.interp(frame.person.age_y, (0.0, 3.0), (1.0, 0.0)))
    for material, inset in layers:
        knots = outer_knots(frame, build, inset)
        knots[:, 1] -= infant * _lost_mm(frame, build, breath, knots[:, 0])
        shapes: list[Shape] = [Column.smooth(knots, 2.3, _trunk_ends(frame))]
        shapes += head_shapes(frame, inset)
        for path, lean, fat in limbs:
            shapes += _chain(path, lean + fat + skin - inset)
        _paint_all(b, shapes, material, top, inset)
    muscle = b.material("skeletal_muscle", "muscle", mass="muscle")
    # Around a narrow rib cage the muscle is no thicker.
    knots = trunk_knots(frame, build, MUSCLE, TRUNK_SHARE)
    knots[:, 1] -= _lost_mm(frame, build, breath, knots[:, 0])
    shapes = [Column.smooth(knots, 2.3, _trunk_ends(frame))]
    shapes += head_shapes(frame, skin + 3.0 * frame.head_scale)
    for path, lean, _ in limbs:
        shapes += _chain(path, lean)
    _paint_all(b, shapes, muscle, top, skin + 0.35 * build.fat_mm)


def _trunk_ends(frame: Frame) -> tuple[float, float]:
    return float(frame.z(-436.0)), float(frame.z(330.0))


def _paint_all(b: Painter, shapes: list[Shape], material: int, top: Cradle, inset: float) -> None:
    """Paint shapes, cut off where the couch is."""
    clip = Cradle(top.centre_xy, top.radius - inset)
    for shape in shapes:
        b.canvas.paint(Both(shape, clip), material)


def paint_belly(b: Painter, build: Build) -> int:
    """Paint the abdominal and pelvic cavity with visceral fat, and return the fat's material."""
    fat = b.material("torso_fat", "adipose", mass="adipose")
    knots = trunk_knots(b.frame, build, BELLY_CAVITY)
    ends = float(b.frame.z(-408.0)), float(b.frame.z(-40.0))
    b.canvas.paint(Column.smooth(knots, 2.4, ends), fat)
    return fat
