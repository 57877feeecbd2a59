"""The phantom's head, in mm of a reference adult.

Origin: midline, centre of the brain. x to the patient's right, y anterior, z superior.
"""

from __future__ import annotations

import numpy as np

from .builder import Builder
from .canvas import Canvas
from .shapes import Both, Column, Cradle, Ellipsoid


def paint_head(rng: np.random.Generator, *, couch: bool, scale: float | None) -> Canvas:
    """Paint all of the head on a new canvas.

    Parameters
    ----------
    rng
        Source of all randomness.
    couch
        Whether there is a headrest, which touches the head.
    scale
        Size relative to the reference adult; None: at random.

    Returns
    -------
    Canvas
    """
    size = rng.uniform(0.92, 1.08) if scale is None else scale
    b = Builder(rng, tuple(size * (1 + 0.02 * rng.standard_normal(3))))
    radius = float(rng.uniform(98, 125))
    rim = -98 * b.scale[1]
    hollow = Cradle((0.0, rim + radius), radius)
    if couch:
        _paint_headrest(b, hollow)
    _paint_soft(b, hollow)
    _paint_skull(b)
    _paint_face(b)
    return b.canvas


def _paint_headrest(b: Builder, hollow: Cradle) -> None:
    """Paint a curved shell with foam inside, up to half the height of the head."""
    x, y = hollow.centre_xy
    shell = b.material("headrest", float(b.rng.uniform(-100, 150)))
    foam = b.material("headrest", float(b.rng.uniform(-960, -880)))
    for material, skin in ((shell, 0.0), (foam, 2.0)):
        ring = Both(
            Cradle((x, y), hollow.radius + 22 - skin),
            Cradle((x, y), hollow.radius + skin),
            without=True,
        )
        low = Column(
            np.array([[0.0, 150.0, hollow.radius - skin, x, y - hollow.radius - 12]]),
            power=16.0,
            z_range=(-400.0, (95.0 - skin) * b.scale[2]),
        )
        b.canvas.paint(Both(ring, low), material)


def _paint_soft(b: Builder, hollow: Cradle) -> None:
    """Paint scalp, face and neck as skin, fat and muscle."""
    skin, fat = b.material("skin", 15), b.material("body_rest", -90)
    muscle = b.material("body_rest", 45)
    for material, less in ((skin, 0.0), (fat, 2.0), (muscle, 5.0)):
        clip = Cradle(hollow.centre_xy, hollow.radius - less)
        sizes = (
            ((0, 0, 8), (79, 101, 94), (0, 0, 0)),  # cranium
            ((0, 34, -52), (58, 62, 78), (12, 0, 0)),  # face
            ((0, 98, -46), (11, 18, 22), (25, 0, 0)),  # nose
        )
        for centre, axes, turn in sizes:
            half = np.array(axes) * b.scale - less
            if min(half) > 1:
                shape = Ellipsoid.from_axes(b.point(*centre), half, turn)
                b.canvas.paint(Both(shape, clip), material)
        neck = b.column([(-260, 58, 60, 0, -18), (-60, 56, 62, 0, -18)], -less, z_range=(-400, -40))
        b.canvas.paint(Both(neck, clip), material)
        for left in (-1, 1):
            if less < 3:
                shape = Ellipsoid.from_axes(b.point(left * 80, -10, -30), (7 - less, 16 - less, 28))
                b.canvas.paint(shape, material)


def _paint_skull(b: Builder) -> None:
    """Paint calvaria with diploe, brain with ventricles, cervical spine with cord."""
    dense = float(b.rng.uniform(900, 1400))
    bone, diploe = b.material("skull", dense), b.material("skull", 450)
    centre = (0, -2, 10)
    b.blob(bone, centre, (72, 92, 85))
    b.blob(diploe, centre, (70, 90, 83))
    b.blob(bone, centre, (67.5, 87.5, 80))
    b.blob(b.material("brain", 12), centre, (66, 86, 78.5))  # fluid around the brain
    b.blob(b.material("brain", 33), centre, (63, 83, 75.5))
    grey = b.material("brain", 40)
    for x in (-22, 22):
        b.blob(grey, (x, 4, 6), (9, 18, 12))
    fluid = b.material("brain", 6)
    for x in (-9, 9):
        b.tube(fluid, [(x, 34, 10), (x, 0, 22), (x * 2.2, -34, 8)], [4, 6, 5])
    base = b.material("skull", dense * 0.8)
    for left in (-1, 1):
        b.tube(base, [(left * 62, -22, -44), (left * 14, 8, -40)], [15, 8])  # petrous bone
    shell, marrow = b.material("spine", 0.6 * dense), b.material("spine", 220)
    for z in np.arange(-250, -62, 21.0):
        for material, less in ((shell, 0.0), (marrow, 2.0)):
            part = b.column(
                [(-260, 12, 10, 0, -22), (-60, 12, 10, 0, -18)],
                -less,
                z_range=(z + less, z + 17 - less),
            )
            b.canvas.paint(part, material)
    for material, radius in ((shell, 14.0), (b.material("body_rest", 10), 10.0)):
        ring = [(-260, radius, radius, 0, -44), (-55, radius, radius, 0, -40)]
        b.canvas.paint(b.column(ring, z_range=(-260, -55)), material)
    cord = [(-260, 6, 6, 0, -44), (-50, 7, 7, 0, -40)]
    b.canvas.paint(b.column(cord, z_range=(-260, -50)), b.material("spinal_cord", 35))


def _paint_face(b: Builder) -> None:
    """Paint facial bones, teeth, eyes, and the air of sinuses, nose, mastoids and throat."""
    bone, eye = b.material("skull", float(b.rng.uniform(500, 800))), b.material("body_rest", 12)
    tooth, fat = b.material("skull", 2200), b.material("body_rest", -90)
    # The face lies under the front of the brain, which the ellipsoid of the skull does not know.
    b.blob(b.material("body_rest", 45), (0, 52, -64), (52, 44, 38))
    air = b.material("air_sinuses", -990)
    for left in (-1, 1):
        jaw = [(left * 50, 10, -55), (left * 46, 24, -98), (left * 8, 78, -112)]
        b.tube(bone, jaw, [7, 8, 9])
        b.tube(bone, [(left * 62, 16, -40), (left * 44, 72, -42)], [4, 6])  # zygoma
        b.tube(
            tooth, [(left * 26, 44, -88), (left * 20, 70, -90), (left * 4, 80, -90)], 4.5, step=5
        )
        b.blob(bone, (left * 25, 58, -54), (17, 21, 20))
        b.blob(air, (left * 25, 58, -54), (15, 19, 18))
        b.blob(bone, (left * 31, 66, -22), (19, 21, 18))
        b.blob(fat, (left * 31, 70, -22), (16.5, 21, 15.5))
        b.blob(eye, (left * 31, 77, -22), (12, 12, 12))
        b.blob(bone, (left * 14, 82, 16), (15, 9, 14))
        b.blob(air, (left * 14, 82, 16), (12, 6.5, 11))
        for _ in range(14):
            cell = np.array([left * 62, -26, -52]) + b.rng.normal(0, 6, 3)
            b.blob(air, cell, np.full(3, b.rng.uniform(1.5, 4)))
        b.blob(air, (left * 7, 56, -26), (5, 20, 11))
    b.blob(air, (0, 66, -56), (7, 30, 16))
    b.tube(b.material("trachea", -985), [(0, 30, -62), (0, 20, -110), (0, 18, -260)], [10, 8, 8])
    b.blob(b.material("body_rest", 55), (0, 48, -92), (24, 30, 14))
