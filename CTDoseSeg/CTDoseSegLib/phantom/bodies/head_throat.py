"""Salivary glands, tongue, pharynx, larynx and thyroid gland."""

from __future__ import annotations

import numpy as np

from .head_face import jaw_lift
from .head_part import HeadPart, first_size, free_soft, soft_fat
from .masses import GLAND_SHARES
from .painter import Painter

_SALIVARY_G, _THYROID_G = 88.1, 23.4  # of the reference man, the template's at size 1
_GLAND_G_ML = 1.03
_SIDES = ((1, "right"), (-1, "left"))
# Middle and shape of each gland, mm from the brain's centre; volumes follow the shares.
_GLANDS = (
    ("parotid_gland", "parotid", (51.0, -6.0, -62.0), (0.72, 1.0, 1.35), (0, 0, 0)),
    ("submandibular_gland", "submandibular", (29.0, 30.0, -102.0), (0.75, 1.4, 1.0), (0, 0, 30)),
    ("sublingual_gland", "sublingual", (13.0, 58.0, -103.0), (0.6, 2.0, 0.9), (0, 0, 25)),
)


def paint_throat(b: Painter) -> None:
    """Paint what lies under and behind the face; the jaws are there."""
    _paint_neck_fat(b)
    _paint_tongue(b)
    _paint_airway(b)
    _paint_larynx(b)
    _paint_salivary(b)
    _paint_thyroid(b)


def _paint_neck_fat(b: Painter) -> None:
    """Paint fat along the great vessels and between the muscles of the nape."""
    part = b.part("neck_fat", (0.0, -20.0, 290.0))
    fat, free = soft_fat(b), b.of_atoms("skeletal_muscle")
    part.tube(fat, [(0, -60, 335), (0, -64, 262)], 2.2, free)
    for side, _ in _SIDES:
        part.tube(fat, [(side * 31, 2, 325), (side * 32, 2, 250)], [8, 10], free)
        part.tube(fat, [(side * 42, -16, 318), (side * 50, -26, 250)], [4, 8], free)
        for y in (-52, -57):
            sheet = [(side * 6, y - 2, 290), (side * 22, y, 290), (side * 36, y + 14, 290)]
            part.tube(fat, sheet, 1.2, free, step_mm=4)


def _paint_tongue(b: Painter) -> None:
    part = HeadPart.begin(b, "tongue", (0.0, 50.0, -84.0))
    muscle = b.material("tongue", "muscle", mass="muscle")
    free = free_soft(b)
    part.blob(soft_fat(b), (0, 56, -88), (22, 30, 21), over=free)
    part.blob(muscle, (0, 50, -85), (19, 29, 16), over=free)
    part.blob(muscle, (0, 44, -100), (9, 26, 10), over=free)
    for side, _ in _SIDES:
        # Fat of the cheek and beside the pharynx, by which CT tells the spaces apart.
        part.blob(soft_fat(b), (side * 38, 48, -66), (6, 15, 14), over=free)
        part.blob(soft_fat(b), (side * 30, 16, -68), (6, 8, 20), over=free)


def _paint_airway(b: Painter) -> None:
    """Paint the air from the back of the nose to the larynx, by a course in the person's mm."""
    part = HeadPart.begin(b, "pharynx", (0.0, 24.0, -70.0))
    air = b.material("pharynx", "air")
    over = (*free_soft(b), *b.of_atoms("tongue", "skull_*", "nasal_cavity"))
    high = part.points([(0, 30, -50), (0, 20, -58), (0, 17, -74)])
    low = np.array([b.frame.point(0.0, 7.0, z) for z in (306.0, 298.0)])
    part.chain(air, np.concatenate([high, low]), [9, 8, 7, 7.5, 7], over)


def _paint_larynx(b: Painter) -> None:
    """Paint cartilage, soft folds and air of the larynx onto the top of the windpipe."""
    part = b.part("larynx", (0.0, 9.0, 280.0))
    cartilage = b.material("connective_tissue", "cartilage", mass="cartilage")
    soft = b.material("connective_tissue", "soft")
    air = b.material("larynx", "air")
    free = (*free_soft(b), *b.of_atoms("trachea"))
    part.tube(cartilage, [(0, 9, 294), (0, 8, 266)], [14, 13.5], (*free, soft))
    part.tube(soft, [(0, 8, 299), (0, 7, 262)], [12, 11.5], (cartilage, *free))
    part.tube(cartilage, [(0, 7, 270), (0, 7, 264)], 11.5, (soft,))  # cricoid
    inner = (soft, cartilage, *free, *b.of_atoms("pharynx"))
    part.tube(air, [(0, 7, 301), (0, 9, 288)], [7, 4.5], inner, step_mm=4)
    part.blob(air, (0, 9, 282), (2.4, 8, 7), over=inner)
    part.tube(air, [(0, 8, 276), (0, 6, 262)], [5, 8.5], inner, step_mm=4)


def _paint_salivary(b: Painter) -> None:
    free, first = free_soft(b), first_size(b, "salivary_glands", _SALIVARY_G)
    jaw = jaw_lift(HeadPart.begin(b, "jaw", (0.0, 60.0, -50.0)))
    for atom, share, (x, y, z), shape, (rx, ry, rz) in _GLANDS:
        ml = GLAND_SHARES[share] * _SALIVARY_G / 2 / _GLAND_G_ML
        lift = 0.0 if share == "parotid" else jaw
        radius = (3000 * ml / (4 * np.pi * np.prod(shape))) ** (1 / 3)
        for side, name in _SIDES:
            part = HeadPart.begin(
                b,
                "salivary_glands",
                (side * x, y, z + lift),
                ("salivary_glands",),
                first=first,
                wander=1.0,
                place=f"{atom}_{name}",
            )
            tissue = part.material(f"{atom}_{name}", "salivary", blood="salivary_glands")
            half = radius * np.array(shape)
            part.blob(tissue, (side * x, y, z + lift), half, (rx, ry, side * rz), free)


def _paint_thyroid(b: Painter) -> None:
    """Paint two lobes beside the windpipe and the isthmus in front of it."""
    at = (0.0, 8.0, 268.0)
    wide, deep, tall = b.frame.scale(at[2])
    part = b.part("thyroid_gland", at, ("thyroid_gland",))
    grown = b.masses_g.get("thyroid_gland", _THYROID_G) / _THYROID_G
    first = (grown / (wide * deep * tall)) ** (1 / 3)
    gland = part.material("thyroid_gland", "thyroid", blood="thyroid_gland")
    free = free_soft(b)
    for side, _ in _SIDES:
        half = np.array([9.5, 11.5, 25]) * first
        part.blob(gland, (side * 18.5, 4, 268), half, (0, side * 6, 0), free)
    part.blob(gland, (0, 15, 258), np.array([15, 6, 8]) * first, over=free)
