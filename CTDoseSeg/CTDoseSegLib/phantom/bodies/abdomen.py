"""A body's abdominal organs: vessels, kidneys, liver, spleen, pancreas, stomach and bowel.

Points, half axes and radii are mm of the reference adult (`frame`). Every organ is painted over
fat alone: what is there stays, and the organ's size makes up for what it lost.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..shapes import HalfSpace
from .painter import Goal, Painter, Part, Point

Aside = Callable[[np.ndarray], np.ndarray]


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
    fat = b.material("torso_fat", "adipose", mass="adipose")
    free = (fat,)
    _paint_vessels(b, free)
    _paint_kidneys(b, free)
    _paint_pancreas(b, free)
    _paint_gallbladder(b, free)
    spleen = b.part("spleen", (-92.0, -28.0, -44.0), ("spleen",), wander=5.0)
    tissue = spleen.material("spleen", "spleen")
    spleen.blob(tissue, (-94, -28, -44), (24, 38, 50), (25, 10, 20), free)
    _paint_liver(b, free)
    _paint_stomach(b, free, up)
    _paint_colon(b, free, up, aside)
    _paint_small_bowel(b, free, up, aside)


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


def _paint_kidneys(b: Painter, free: tuple[int, ...]) -> None:
    for side, name, z in ((-1, "left", -112.0), (1, "right", -122.0)):
        at = (side * 56.0, -34.0, z)
        kidney = b.part("kidneys", at, ("kidneys",), wander=5.0, place=f"kidney {name}")
        tissue = kidney.material(f"kidney_{name}", "kidney")
        # The fat round a kidney is a material of its own: liver and spleen stay off it.
        around = b.material("torso_fat", "adipose", mass="adipose", blood="perirenal fat")
        turn = (0.0, side * -10.0, side * 30.0)
        kidney.blob(around, at, (26, 24, 53), turn, free, grow=4.0 * kidney.local[1])
        kidney.blob(tissue, at, (26, 24, 53), turn, (*free, around))
        urine = kidney.material(f"renal_pelvis_{name}", "urine", mass="", blood="renal_pelvis")
        fat = b.material("torso_fat", "adipose", mass="adipose")
        kidney.blob(fat, (side * 44, -28, z), (11, 9, 24), over=(tissue,))
        kidney.blob(urine, (side * 46, -29, z), (7, 5, 13), over=(fat,))
        top = (side * 36.0, -30.0, z + 56.0)
        gland = b.part("adrenal_glands", top, ("adrenal_glands",), wander=2.0,
                       place=f"kidney {name}")  # fmt: skip
        adrenal = gland.material(f"adrenal_gland_{name}", "adrenal")
        for dx in (3, -6):
            leg = [top, (top[0] + side * dx, -40.0, top[2] - 20.0)]
            gland.tube(adrenal, leg, [6.5, 4.6], (*free, around), step_mm=5)


def _paint_pancreas(b: Painter, free: tuple[int, ...]) -> None:
    part = b.part("pancreas", (-14.0, 10.0, -90.0), ("pancreas",), wander=4.0, power=2)
    gland = part.material("pancreas", "pancreas")
    course = [(36, 14, -118), (24, 22, -100), (-6, 27, -90), (-46, 4, -78), (-74, -12, -68)]
    part.tube(gland, course, [15, 13, 10, 9, 7], free)


def _paint_gallbladder(b: Painter, free: tuple[int, ...]) -> None:
    masses = ("gallbladder_wall", "gallbladder_contents")
    part = b.part("gallbladder", (52.0, 44.0, -100.0), masses, wander=4.0)
    wall = part.material("gallbladder_wall", "gallbladder_wall")
    bile = part.material("gallbladder_contents", "bile", mass="gallbladder_contents")
    inner = inner_size(b, "gallbladder", 3)
    half = np.array([14, 18, 28])
    part.blob(wall, (52, 46, -100), half, (20, 0, 0), free)
    part.blob(bile, (52, 46, -100), half * inner, (20, 0, 0), over=(wall,))


def inner_size(b: Painter, organ: str, power: float) -> float:
    """Return the size of what is in a hollow organ over the organ's own.

    It begins with the contents' share of the mass and is solved: gas takes room without mass.

    Parameters
    ----------
    b
        Paints.
    organ
        With masses ``ORGAN_wall`` and ``ORGAN_contents``.
    power
        3 for a bag, 2 for a tube.
    """
    wall, contents = (b.masses_g.get(f"{organ}_{part}", 1.0) for part in ("wall", "contents"))
    first = (contents / (wall + contents)) ** (1 / power)
    whole = (f"{organ}_wall", f"{organ}_contents")
    b.goals[f"{organ}_inside"] = Goal(whole[1:], power, of=whole)
    return float(np.clip(first * b.sizes.get(f"{organ}_inside", 1.0), 0.2, 0.985))


def _paint_liver(b: Painter, free: tuple[int, ...]) -> None:
    part = b.part("liver", (62.0, 4.0, -62.0), ("liver",), wander=3.0)
    tissue = part.material("liver", "liver")
    part.blob(tissue, (66, 2, -58), (66, 70, 88), (0, -12, 0), free)
    part.blob(tissue, (6, 36, -42), (60, 32, 40), (0, -18, -12), free)


def _paint_stomach(b: Painter, free: tuple[int, ...], up: float) -> None:
    part = b.part(
        "stomach", (-46.0, 26.0, -62.0), ("stomach_wall", "stomach_contents"), wander=4.0, power=2
    )
    course = [(-48, 4, -18), (-68, 6, -42), (-64, 30, -74), (-34, 46, -102), (6, 44, -106),
              (30, 34, -102)]  # fmt: skip
    radii = np.array([31, 37, 33, 26, 19, 13])
    _paint_gut(part, "stomach", "stomach_wall", part.curve(course), radii, free)
    filling = b.of_atoms("stomach_contents")
    if part.rng.random() < 0.75:
        gas = part.material("stomach_contents", "air", mass="")
        level = part.point(-60, 20, -40)[1]
        part.tube(gas, course[:4], radii[:4] * 0.7, filling,
                  clip=HalfSpace((0.0, -up, 0.0), -up * level))  # fmt: skip


def _paint_gut(
    part: Part,
    organ: str,
    tissue: str,
    path: np.ndarray,
    radii: np.ndarray,
    free: tuple[int, ...],
) -> tuple[int, int]:
    """Paint a gut's wall and what is in it, and return both materials."""
    wall = part.material(f"{organ}_wall", tissue, mass=f"{organ}_wall")
    filling = part.material(f"{organ}_contents", "gut_contents", mass=f"{organ}_contents")
    part.chain(wall, path, radii, free)
    part.chain(filling, path, radii * inner_size(part.painter, organ, 2), over=(wall,))
    return wall, filling


def _paint_colon(b: Painter, free: tuple[int, ...], up: float, aside: Aside | None) -> None:
    part = b.part("colon", (0.0, 0.0, -220.0), ("colon_wall", "colon_contents"), power=2)
    rng = part.rng
    course: list[Point] = [
        (84, 12, -262), (94, -2, -200), (96, -6, -150), (76, 28, -130), (30, 56, -144),
        (-34, 58, -138), (-84, 24, -104), (-102, -2, -120), (-100, -8, -180), (-94, -2, -238),
        (-56, 10, -286), (-10, -8, -296), (0, -36, -330), (0, -44, -400),
    ]  # fmt: skip
    shake = 4.0 * b.variation * rng.standard_normal((len(course), 3))
    path = part.curve([tuple(p) for p in np.array(course) + shake], 7.0)
    path = path if aside is None else aside(path)
    haustra = 20 + 4 * np.sin(np.arange(len(path)) * 1.3) + rng.normal(0, 1, len(path))
    wall, filling = _paint_gut(part, "colon", "gut_wall", path, haustra, free)
    gas = part.material("colon_contents", "air", mass="")
    lift = np.array([0.0, 4.0 * up * part.local[1], 0.0])
    for start in rng.choice(len(path) - 8, 6, replace=False):
        part.chain(gas, path[start : start + 7] + lift, [4, 10, 12, 10, 4], over=(wall, filling))


def _paint_small_bowel(b: Painter, free: tuple[int, ...], up: float, aside: Aside | None) -> None:
    masses = ("small_bowel_wall", "small_bowel_contents")
    part = b.part("small_bowel", (0.0, 10.0, -220.0), masses, power=2)
    rng = part.rng
    loop = [(32, 34, -102), (52, 18, -114), (46, 6, -150), (4, 4, -158), (-26, 20, -142)]
    duodenum = part.material("duodenum", "gut_wall", mass="small_bowel_wall")
    inside = part.material("duodenum", "gut_contents", mass="small_bowel_contents")
    part.tube(duodenum, loop, 12, free)
    inner = inner_size(b, "small_bowel", 2)
    part.tube(inside, loop, 12 * inner, over=(duodenum,))
    turns: list[Point] = []
    levels = (-172, -194, -216, -238, -260, -284, -308)
    for n, z in enumerate(levels):
        for y, direction in ((50, 1), (24, -1), (-4, 1)) if n % 2 else ((-4, 1), (24, -1), (50, 1)):
            for x in (-62, -24, 16, 58):
                narrow = 1.0 if z > -280 else 0.7
                at = rng.normal(0, 4, 3) * max(b.variation, 0.5)
                turns.append((direction * x * narrow + at[0], y + at[1], z + at[2]))
    path = part.curve(turns, 8.0)
    path = path if aside is None else aside(path)
    radii = np.full(len(path), 12.0)
    wall, filling = _paint_gut(part, "small_bowel", "gut_wall", path, radii, free)
    gas = part.material("small_bowel_contents", "air", mass="")
    lift = np.array([0.0, 3.0 * up * part.local[1], 0.0])
    for start in rng.choice(len(path) - 5, 8, replace=False):
        part.chain(gas, path[start : start + 4] + lift, [3, 6, 6, 3], over=(wall, filling))
