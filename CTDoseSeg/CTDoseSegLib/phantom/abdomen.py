"""The phantom's diaphragm, solid abdominal organs and bowel, in mm of a reference adult."""

from __future__ import annotations

import numpy as np

from .builder import Builder, Point
from .shapes import Both, Ellipsoid, HalfSpace


def paint_cavity(b: Builder) -> None:
    """Paint the diaphragm with the visceral fat under it."""
    muscle, fat = b.material("body_rest", 48), b.material("body_rest", -98)
    domes = ((62, 4, -84, 66, 70, 104), (-62, 2, -84, 62, 64, 88))
    for material, grow in ((muscle, 3.0), (fat, 0.0)):
        for x, y, z, *axes in domes:
            b.blob(material, (x, y, z), np.array(axes) + grow)
    below = [
        (-60, 118, 66, 0, 8),
        (-120, 121, 70, 0, 10),
        (-220, 131, 74, 0, 10),
        (-300, 112, 70, 0, 6),
        (-380, 90, 64, 0, 0),
    ]
    b.canvas.paint(b.column(below, power=2.4, z_range=(-390, -84)), fat)


def paint_abdomen(b: Builder, enhanced: bool) -> None:
    """Paint the solid organs and the stomach."""
    liver = b.material("liver", 108 if enhanced else 58)
    right = Ellipsoid.from_axes(b.point(62, 4, -84), np.array([63, 67, 101]) * b.scale)
    for centre, axes, turn in (
        ((66, 2, -58), (64, 66, 84), (0, -12, 0)),
        ((4, 36, -42), (54, 30, 36), (0, -18, -12)),
    ):
        shape = Ellipsoid.from_axes(b.point(*centre), np.array(axes) * b.scale, turn)
        inside = (
            right
            if centre[0] > 50
            else Ellipsoid.from_axes(b.point(0, 6, -84), np.array([112, 68, 92]) * b.scale)
        )
        b.canvas.paint(Both(shape, inside), liver)
    b.blob(
        b.material("spleen", 118 if enhanced else 48),
        (-94, -28, -46),
        (22, 38, 48),
        (25, 10, 20),
        jitter=2,
    )
    for name, x, z in (("kidney_left", -54, -112), ("kidney_right", 54, -124)):
        kidney = b.material(name, 165 if enhanced else 33)
        b.blob(kidney, (x, -34, z), (26, 23, 52), (0, np.sign(x) * -10, np.sign(x) * 30), jitter=2)
        b.blob(b.material("body_rest", -70), (x * 0.8, -28, z), (10, 8, 22), over=(kidney,))
    for name, x in (("adrenal_gland_left", -34), ("adrenal_gland_right", 30)):
        gland = b.material(name, 40)
        b.tube(gland, [(x, -26, -58), (x * 1.15, -34, -78)], 3.5, step=5)
        b.tube(gland, [(x, -26, -58), (x * 0.85, -36, -76)], 3.0, step=5)
    pancreas = b.material("pancreas", 88 if enhanced else 40)
    b.tube(
        pancreas,
        [(34, 16, -116), (22, 22, -98), (-6, 26, -88), (-46, 2, -76), (-76, -14, -66)],
        [14, 13, 10, 9, 7],
    )
    b.blob(b.material("gallbladder", 9), (52, 44, -104), (13, 17, 27), (20, 0, 0), jitter=2)
    stomach = b.material("stomach", float(b.rng.uniform(0, 45)))
    path_points = [
        (-52, 8, -18),
        (-66, 6, -40),
        (-62, 30, -72),
        (-34, 46, -100),
        (6, 44, -104),
        (30, 34, -100),
    ]
    b.tube(stomach, path_points, [26, 30, 27, 22, 17, 12])
    b.tube(
        b.material("stomach", -960),
        path_points[:4],
        [20, 21, 19, 13],
        over=(stomach,),
        clip=HalfSpace((0.0, -b.up, 0.0), -26 * b.up * b.scale[1]),
    )
    b.blob(b.material("urinary_bladder", 8), (0, 24, -352), (44, 36, 34), jitter=3)


def paint_bowel(b: Builder) -> None:
    """Paint the colon around the small bowel, both with gas in places."""
    rng = b.rng
    wall, gas = b.material("colon", 34), b.material("colon", -970)
    filling = b.material("colon", -20)
    path_points = [
        (84, 8, -262), (94, -4, -200), (94, -8, -150), (76, 26, -128), (30, 54, -142),
        (-34, 56, -136), (-82, 24, -104), (-100, -2, -118), (-98, -10, -180), (-92, -4, -238),
        (-56, 8, -286), (-10, -8, -296), (0, -34, -330), (0, -44, -390),
    ]  # fmt: skip
    path = b.curve(path_points, 7.0)
    haustra = 20 + 4 * np.sin(np.arange(len(path)) * 1.3) + rng.normal(0, 1, len(path))
    b.chain(wall, path, haustra)
    fill = rng.random(len(path)) < 0.5
    for n in np.flatnonzero(fill[:-1]):
        b.chain(filling, path[n : n + 2], haustra[n] - 4, over=(wall,))
    for start in rng.choice(len(path) - 8, 7, replace=False):
        lifted = path[start : start + 7] + np.array([0.0, 5.0 * b.up, 0.0])
        b.chain(gas, lifted, [5, 12, 13, 12, 5], over=(wall, filling))
    bowel, inner = b.material("small_bowel", 40), b.material("small_bowel", -965)
    b.tube(
        b.material("duodenum", 38),
        [(32, 34, -100), (50, 18, -112), (46, 8, -150), (4, 6, -156), (-24, 20, -140)],
        12,
    )
    turns: list[Point] = []
    for z in (-178, -206, -234, -262):
        for y, direction in ((44, 1), (14, -1)):
            for x in (-56, -18, 20, 56):
                at = direction * x + rng.normal(0, 5), y + rng.normal(0, 4), z + rng.normal(0, 4)
                turns.append(at)
    loop = b.curve(turns, 8.0)
    b.chain(bowel, loop, 13, over=_not(b, wall, gas, filling))
    for start in rng.choice(len(loop) - 5, 8, replace=False):
        b.chain(
            inner,
            loop[start : start + 4] + np.array([0.0, 3.0 * b.up, 0.0]),
            [3, 7, 7, 3],
            over=(bowel,),
        )


def _not(b: Builder, *materials: int) -> list[int]:
    """Return all materials so far but these."""
    return [n for n in range(1, len(b.canvas.materials)) if n not in materials]
