"""A body's abdominal organs beside the gut: vessels, psoas, kidneys, liver, spleen, pancreas.

Points, half axes and radii are mm of the reference adult (`frame`). Every organ is painted over
fat alone: what is there stays, and the organ's size makes up for what it lost. So hollow organs
come before the solid ones that are moulded on them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..shapes import HalfSpace
from .gut import (
    Aside,
    inner_size,
    paint_colon,
    paint_duodenum,
    paint_small_bowel,
    paint_stomach,
)
from .lining import line
from .painter import Goal, Painter, Part, Point

# The lower faces of the liver's lobes: a point, and the normal, which points into the liver.
_FACE: Point = (66.0, 44.0, -112.0)
_FACE_NORMAL = (0.7, 0.35, 1.0)
_LEFT_FACE: Point = (20.0, 40.0, -90.0)
_LEFT_NORMAL = (0.1, 0.35, 1.0)
_LOWEST = 2.8  # size from which a larger liver's face falls no further
_GALLBLADDER = np.array([14.0, 24.0, 15.0])  # half axes


def paint_abdomen(b: Painter, up: float = 1.0, aside: Aside | None = None) -> None:
    """Paint the organs below the diaphragm down to the rectum.

    Parameters
    ----------
    b
        Paints.
    up
        Where gas rises to: +1 anterior, -1 posterior (prone).
    aside
        Pushes paths [n, 3] of the gut, mm, out of a womb's way.
    """
    free = (b.material("torso_fat", "adipose", mass="adipose"),)
    _paint_vessels(b, free)
    _paint_psoas(b, free)
    _paint_kidneys(b, free)
    spleen = b.part("spleen", (-92.0, -28.0, -44.0), ("spleen",), wander=5.0)
    tissue = spleen.material("spleen", "spleen")
    spleen.blob(tissue, (-94, -28, -44), (24, 38, 50), (25, 10, 20), free)
    paint_stomach(b, free, up)
    paint_duodenum(b, free)
    liver = b.part("liver", (62.0, 4.0, -62.0), ("liver",), wander=3.0)
    b.goals["liver"] = Goal(("liver",), 2.0)  # hemmed in, it gains less than a cube
    _paint_gallbladder(b, liver, free)
    paint_colon(b, free, up, aside, 45.0 * float(np.clip(liver.size - 1.3, 0.0, 1.3)))
    _paint_pancreas(b, free)
    _paint_liver(liver, free)
    paint_small_bowel(b, free, up, aside)


def _paint_vessels(b: Painter, free: tuple[int, ...]) -> None:
    part = b.part("vessels", (0.0, 0.0, 100.0), wander=1.5)
    for side, name in ((1, "right"), (-1, "left")):
        course = [(-4, -28, -205), (side * 24, -28, -250), (side * 54, -2, -330),
                  (side * 72, 40, -392)]  # fmt: skip
        artery = b.material(
            f"iliac_artery_{name}", "blood", mass="large_vessel_blood", blood="aorta"
        )
        part.tube(artery, course, [6, 5.5, 5, 4.5], free)
        vein = b.material(f"iliac_vena_{name}", "blood", mass="large_vessel_blood", blood="veins")
        beside = [(16, -26, -210), (side * 26 + 4, -38, -252), (side * 60, -12, -330),
                  (side * 74, 28, -392)]  # fmt: skip
        part.tube(vein, beside, [8, 7, 6, 5.5], free)
    portal = b.material(
        "portal_vein_and_splenic_vein", "blood", mass="large_vessel_blood", blood="portal_vein"
    )
    part.tube(portal, [(34, 12, -70), (14, 14, -86), (-20, 6, -84), (-70, -16, -60)],
              [7, 7, 5, 4], free)  # fmt: skip


def _paint_psoas(b: Painter, free: tuple[int, ...]) -> None:
    """Paint the muscle beside the lumbar spine from L1 to the inguinal ligament."""
    part = b.part("iliopsoas", (0.0, -30.0, -220.0))
    over = (*free, *b.of_atoms("skeletal_muscle"))
    for side, name in ((1, "right"), (-1, "left")):
        muscle = b.material(f"iliopsoas_{name}", "muscle", mass="muscle")
        course = [(side * 27, -58, -74), (side * 35, -52, -120), (side * 43, -46, -180),
                  (side * 51, -40, -240), (side * 66, -22, -300), (side * 82, 4, -350),
                  (side * 90, 18, -388)]  # fmt: skip
        part.tube(muscle, course, [7, 12, 17, 19, 17, 14, 11], over)


def _paint_kidneys(b: Painter, free: tuple[int, ...]) -> None:
    # The fat round a kidney is a material of its own: liver and spleen stay off it.
    around = b.material("torso_fat", "adipose", mass="adipose", blood="perirenal fat")
    # The right adrenal lies behind the caval vein, the left one beside the aorta.
    for side, name, z, top in (
        (-1, "left", -112.0, (-36.0, -30.0, -56.0)),
        (1, "right", -122.0, (29.0, -38.0, -58.0)),
    ):
        _paint_adrenal(b, name, top, side, around, free)
        at = (side * 56.0, -34.0, z)
        kidney = b.part("kidneys", at, ("kidneys",), wander=5.0, place=f"kidney {name}")
        tissue = kidney.material(f"kidney_{name}", "kidney")
        turn = (0.0, side * -10.0, side * 30.0)
        kidney.blob(around, at, (26, 24, 53), turn, free, grow=4.0 * kidney.local[1])
        kidney.blob(tissue, at, (26, 24, 53), turn, (*free, around))
        urine = kidney.material(f"renal_pelvis_{name}", "urine", mass="", blood="renal_pelvis")
        fat = b.material("torso_fat", "adipose", mass="adipose")
        kidney.blob(fat, (side * 44, -28, z), (11, 9, 24), over=(tissue,))
        kidney.blob(urine, (side * 46, -29, z), (7, 5, 13), over=(fat,))


def _paint_adrenal(
    b: Painter, name: str, top: Point, side: int, around: int, free: tuple[int, ...]
) -> None:
    """Paint an adrenal gland of two legs, with the fat behind it that no other organ takes."""
    gland = b.part("adrenal_glands", top, ("adrenal_glands",), wander=2.0,
                   place=f"kidney {name}")  # fmt: skip
    adrenal = gland.material(f"adrenal_gland_{name}", "adrenal")
    bed = b.part("adrenal_bed", top)
    x, y, z = top
    bed.blob(around, (x + 4 * side, y - 16, z - 8), (17, 24, 24), over=free)
    for dx in (3, -6):
        leg: list[Point] = [top, (x + side * dx, y - 10.0, z - 20.0)]
        gland.tube(adrenal, leg, [6.5, 4.6], (*free, around), step_mm=5)


def _paint_pancreas(b: Painter, free: tuple[int, ...]) -> None:
    part = b.part("pancreas", (-14.0, 10.0, -90.0), ("pancreas",), wander=2.0, power=2)
    gland = part.material("pancreas", "pancreas")
    course = [(36, 12, -138), (32, 16, -122), (14, 18, -104), (-14, 16, -96), (-48, 8, -82),
              (-76, -10, -66)]  # fmt: skip
    part.tube(gland, course, [14, 17, 12, 11, 10.5, 9], free)


def _paint_gallbladder(b: Painter, liver: Part, free: tuple[int, ...]) -> None:
    """Paint the gallbladder under the liver's lower face, a little sunk into it."""
    masses = ("gallbladder_wall", "gallbladder_contents")
    part = b.part("gallbladder", _FACE, masses)
    wall, core = (
        part.material("gallbladder_wall", "gallbladder_wall", layer=layer) for layer in ("", "core")
    )
    bile = part.material("gallbladder_contents", "bile", mass="gallbladder_contents")
    x, y, z = _of_face(liver, _FACE)
    at, turn = (x, y, z - 0.7 * _GALLBLADDER[2] * part.size), (-18.0, 0.0, 0.0)
    part = replace(part, about=np.array(at))
    inner, start = inner_size(b, "gallbladder", 3), len(b.canvas.shapes)
    part.blob(wall, at, _GALLBLADDER, turn, free)
    part.blob(core, at, _GALLBLADDER * inner, turn, over=(wall,))
    thin = (1 - inner) * float(_GALLBLADDER[0]) * part.mean
    line(b, start, core, bile, free, mm=thin)


def _paint_liver(part: Part, free: tuple[int, ...]) -> None:
    """Paint both lobes above the lower face, which falls to the right and to the front."""
    tissue = part.material("liver", "liver")
    for lobe, half, turn, face, normal in (
        ((66, 2, -58), (66, 70, 88), (0, -12, 0), _FACE, _FACE_NORMAL),
        ((6, 36, -42), (60, 32, 40), (0, -18, -12), _LEFT_FACE, _LEFT_NORMAL),
    ):
        up = np.array(normal) / np.array(part.local)
        on = part.painter.frame.point(*_of_face(part, face))
        clip = HalfSpace(tuple(-up), -float(up @ np.array(on)))
        part.blob(tissue, lobe, half, turn, free, clip=clip)


def _of_face(liver: Part, point: Point) -> Point:
    """Return where a point of the liver's lower face lies, mm of the reference adult."""
    size = min(liver.size, _LOWEST)
    level = liver.about[2] + size * (point[2] - liver.about[2]) + liver.shift[2]
    # It falls with the liver's size, but stays where it is across the body.
    return point[0], point[1], float(level)
