"""The phantom's trunk: where its organs are, in mm of a reference adult.

Origin: midline, mid-coronal plane, level of the xiphoid. x to the patient's right, y anterior,
z superior. Later paint covers earlier paint.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .abdomen import paint_abdomen, paint_bowel, paint_cavity
from .bones import paint_bones
from .builder import Builder, couch
from .canvas import Canvas
from .chest import paint_lung_trees, paint_lungs, paint_mediastinum, paint_vessels
from .shapes import Both, Cradle, Ellipsoid, HalfSpace

# z, half axis x, half axis y, centre x, centre y of the muscle layer's outside.
MUSCLE = (
    (340, 56, 58, 0, -12),
    (285, 60, 60, 0, -16),
    (250, 105, 66, 0, -12),
    (222, 156, 82, 0, -6),
    (190, 166, 96, 0, -2),
    (120, 160, 106, 0, 0),
    (40, 154, 105, 0, 0),
    (-60, 145, 99, 0, 0),
    (-130, 138, 94, 0, 0),
    (-220, 151, 98, 0, -4),
    (-290, 166, 103, 0, -5),
    (-360, 164, 100, 0, -5),
)
# The same for the thoracic cavity, on which the ribs lie.
CAVITY = (
    (245, 46, 40, 0, -4),
    (220, 84, 56, 0, -4),
    (185, 112, 70, 0, -2),
    (135, 127, 80, 0, 1),
    (80, 134, 84, 0, 1),
    (20, 136, 85, 0, 1),
    (-60, 131, 82, 0, 0),
    (-120, 120, 76, 0, 0),
)


@dataclass(frozen=True)
class TrunkOptions:
    """What of the trunk is a choice, not a matter of chance."""

    arms: str
    blanket: bool
    couch: bool
    prone: bool
    scale: float | None
    fat_mm: float | None


def paint_trunk(rng: np.random.Generator, options: TrunkOptions) -> Canvas:
    """Paint all of the trunk on a new canvas.

    Parameters
    ----------
    rng
        Source of all randomness.
    options
        What is not left to chance.

    Returns
    -------
    Canvas
    """
    size = rng.uniform(0.88, 1.13) if options.scale is None else options.scale
    stretch = 1 + 0.03 * rng.standard_normal(3)
    b = Builder(rng, tuple(size * stretch), up=-1.0 if options.prone else 1.0)
    fat_mm = float(rng.uniform(7, 38)) if options.fat_mm is None else options.fat_mm
    enhanced = bool(rng.random() < 0.45)
    blood_hu = (175 if enhanced else 42) + 4 * float(rng.standard_normal())
    _paint_outside(b, options, fat_mm)
    lobes = paint_lungs(b)
    paint_cavity(b)
    paint_mediastinum(b, blood_hu)
    paint_bones(b, CAVITY, options.arms)
    paint_abdomen(b, enhanced)
    paint_bowel(b)
    paint_vessels(b, blood_hu)
    paint_lung_trees(b, lobes, blood_hu)
    return b.canvas


def _paint_outside(b: Builder, options: TrunkOptions, fat_mm: float) -> None:
    """Paint couch, blanket, and the body down to its muscle."""
    sy, side = b.scale[1], -b.up
    # The belly grows to the front; what is subcutaneous is thinner at the neck.
    knots = np.array(MUSCLE, float)
    thick = fat_mm * np.interp(knots[:, 0], [-300, -120, 100, 230, 285], [1, 1, 0.75, 0.6, 0.25])
    outer = knots + np.column_stack(
        [0 * thick, thick / b.scale[0], 0.8 * thick / sy, 0 * thick, 0.12 * thick / sy]
    )
    reach = (outer[:, 2] + side * outer[:, 4]) * sy
    chest, hips = (outer[:, 0] > 0) & (outer[:, 0] < 200), outer[:, 0] < -200
    pressed = b.rng.uniform(4, 10)  # how far the couch flattens chest and hips
    rim = side * (float(min(reach[chest].max(), reach[hips].max())) - pressed)
    radius = float(b.rng.choice([420.0, 700.0, 20000.0]))
    top = Cradle((0.0, rim - side * radius), radius)
    if options.couch:
        couch(b, top, side, float(b.rng.uniform(205, 265)), float(b.rng.uniform(14, 45)))
    if options.blanket:
        _paint_blanket(b, fat_mm, side)
    arms = _arm_paths(b, options, fat_mm, rim, side)
    _paint_layers(b, outer, arms, top, fat_mm)
    for path, _ in arms:
        b.chain(b.material("bone_rest", 620), path, [16, 12, 11, 12, 11])
        b.chain(b.material("bone_rest", 190), path, [12, 7, 6, 7, 6])


def _paint_layers(b: Builder, outer: np.ndarray, arms: list, top: Cradle, fat_mm: float) -> None:
    """Paint skin, fat and muscle of trunk, arms and breasts, lying in the hollow `top`.

    By layers and not by parts: where an arm meets the trunk, its skin does not go on inside.
    """
    skin_mm = 2.2
    skin, fat = b.material("skin", 12), b.material("body_rest", -104)
    muscle = b.material("body_rest", 52)
    layers = (
        (skin, outer, 0.0, 0.0),
        (fat, outer, skin_mm, skin_mm),
        (muscle, np.array(MUSCLE, float), 0.0, skin_mm + 0.35 * fat_mm),
    )
    breasts = b.rng.random() < 0.45
    for material, column, less, inset in layers:
        clip = Cradle(top.centre_xy, top.radius - inset)
        b.canvas.paint(Both(b.column(column, -less, power=2.35), clip), material)
        for path, radii in arms:
            thinner = skin_mm + 5.0 if material == muscle else less
            b.chain(material, path, np.array(radii) - thinner, clip=clip)
        if breasts and material != muscle:
            for x in (-72, 72):
                half = np.array([58, 48, 52]) + fat_mm - inset
                shape = Ellipsoid.from_axes(b.point(x, 82, 60), half)
                b.canvas.paint(Both(shape, clip), material)


def _arm_paths(
    b: Builder, options: TrunkOptions, fat_mm: float, rim: float, side: float
) -> list[tuple[np.ndarray, list[float]]]:
    """Return paths [n, 3] and radii (mm) of both arms; those that are down rest on the couch."""
    paths = []
    for left in (-1, 1):
        if options.arms == "up":
            points = [(left * 148, -4, 205), (left * 150, 2, 270), (left * 128, 12, 400)]
            radii = [46 + 0.35 * fat_mm, 42 + 0.3 * fat_mm, 36]
            path = b.curve(points, 16)
        else:
            radii = [44 + 0.35 * fat_mm, 42 + 0.3 * fat_mm, 40, 36, 30]
            away = 166 * b.scale[0] + fat_mm + float(b.rng.uniform(26, 44))
            low = rim - side * (b.length(45) + 0.2 * fat_mm) if options.couch else -20.0
            shoulder = np.array(b.point(left * 158, -6, 200))
            elbow = np.array([left * away, low, -90 * b.scale[2]])
            hand = np.array([left * (away - 8), low * 0.6, -340 * b.scale[2]])
            upper = np.linspace(shoulder, elbow, 14)
            path = np.vstack([upper, np.linspace(elbow, hand, 12)[1:]])
        paths.append((path, radii))
    return paths


def _paint_blanket(b: Builder, fat_mm: float, side: float) -> None:
    """Paint a folded cloth on the body: it touches here and stands off there."""
    rng = b.rng
    cloth = b.material("blanket", float(rng.uniform(-650, -120)))
    thick = float(rng.uniform(3, 7))
    z = np.linspace(-420, 190, 40)
    knots = np.array(MUSCLE[::-1], float)
    column = np.column_stack([z, *(np.interp(z, knots[:, 0], knots[:, c]) for c in range(1, 5))])
    column[:, 1] += (fat_mm + 4 + 3 * np.cos(z / 31)) / b.scale[0]
    column[:, 2] += (0.8 * fat_mm + 2 + 3 * np.sin(z / 23)) / b.scale[1]
    column[:, 4] -= side * 0.12 * fat_mm / b.scale[1]
    outer = b.column(column, thick, power=2.2, z_range=(-420, 130))
    inner = b.column(column, 0.0, power=2.2)
    upper_half = HalfSpace((0.0, side, 0.0), 25.0)
    b.canvas.paint(Both(Both(outer, inner, without=True), upper_half), cloth)
