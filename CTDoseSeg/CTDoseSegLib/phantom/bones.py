"""The phantom's skeleton of the trunk: a dense shell around marrow."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from .builder import Builder
from .shapes import Column

# z, x and y of the middle of the vertebrae.
SPINE = (
    *((300, 0, -30), (230, 0, -48), (150, 0, -62), (40, 0, -60)),
    *((-80, 0, -54), (-180, 0, -50), (-260, 0, -56)),
)


def paint_bones(b: Builder, cavity: tuple, arms: str) -> None:
    """Paint spine with cord, ribs, sternum, scapulae, clavicles, sacrum and pelvis.

    Parameters
    ----------
    b
        Paints.
    cavity
        Rows of z, half axis x, half axis y, centre x, centre y of the cavity that the ribs lie on.
    arms
        ``up`` or ``down``.
    """
    dense = float(b.rng.uniform(480, 800))
    _spine(b, dense)
    _ribs(b, cavity, dense)
    _girdles(b, dense, arms)


def _spine(b: Builder, dense: float) -> None:
    """Paint vertebrae with discs between them; the canal holds the cord."""
    disc = b.material("body_rest", 85)
    shell, marrow = b.material("spine", dense), b.material("spine", 190)
    at = np.array(SPINE, float)
    z = np.linspace(-265, 300, 80)
    x, y = (np.interp(z, at[::-1, 0], at[::-1, c]) for c in (1, 2))
    y = np.interp(z, at[::-1, 0], at[::-1, 2])
    wide = np.interp(z, [-265, -100, 150, 300], [24, 22, 16, 11])
    deep = np.interp(z, [-265, -100, 150, 300], [18, 17, 14, 9])
    knots = np.column_stack([z, wide, deep, 0 * x, y])
    b.canvas.paint(b.column(knots, z_range=(-265, 300)), disc)
    edges = np.linspace(-265, 300, 22)  # L5 to C6
    for low, high in pairwise(edges):
        body = b.column(knots, z_range=(low + 2.5, high - 2.5))
        marrow_part = b.column(knots, -2.0, z_range=(low + 4.5, high - 4.5))
        b.canvas.paint(body, shell)
        b.canvas.paint(marrow_part, marrow)
        level = (low + high) / 2
        back = float(np.interp(level, at[::-1, 0], at[::-1, 2]))
        b.tube(shell, [(0, back - 34, level), (0, back - 46, level - 10)], [5, 3.5], step=6)
        for left in (-1, 1):
            b.tube(shell, [(left * 12, back - 24, level), (left * 34, back - 30, level)], [5, 3.5])
    ring = knots.copy()
    ring[:, 1:3], ring[:, 4] = 15, y - 27
    for material, inner in ((shell, 15.0), (b.material("body_rest", -20), 11.0)):
        ring[:, 1:3] = inner
        b.canvas.paint(b.column(ring, z_range=(-265, 300)), material)
    ring[:, 1:3] = 6.5
    b.canvas.paint(b.column(ring, z_range=(-100, 300)), b.material("spinal_cord", 35))


def _ribs(b: Builder, cavity: tuple, dense: float) -> None:
    """Paint twelve pairs along the thoracic cavity, falling towards the front."""
    shell, marrow = b.material("ribs", dense), b.material("ribs", 160)
    cartilage = b.material("body_rest", 115)
    table = np.array(cavity, float)[::-1]
    for left in (-1, 1):
        for n in range(12):
            end = (64, 66, 68, 70, 70, 68, 66, 62, 56, 50, 20, -15)[n]
            angle = np.deg2rad(np.linspace(-76, end, 26))
            part = np.linspace(0, 1, 26)
            z = 236 - 25.5 * n - (30 + 6.5 * min(n, 8)) * part**1.1
            a, c = (np.interp(z, table[:, 0], table[:, m]) for m in (1, 2))
            path = np.column_stack([left * (a + 6) * np.cos(angle), (c + 6) * np.sin(angle), z])
            path = path * b.scale
            bone = 21 if n < 10 else 26
            b.chain(cartilage, path[bone - 1 :], 5.5)
            b.chain(shell, path[:bone], [5, 6.2, 6.2, 5.5])
            b.chain(marrow, path[:bone], [3, 4.2, 4.2, 3.5])


def _girdles(b: Builder, dense: float, arms: str) -> None:
    """Paint sternum, scapulae, clavicles, sacrum, pelvis and femoral heads."""
    shell, marrow = b.material("bone_rest", 0.8 * dense), b.material("bone_rest", 180)
    flat = b.column([(165, 22, 7, 0, 80), (60, 17, 6, 0, 92), (5, 11, 4, 0, 90)], z_range=(5, 168))
    b.canvas.paint(flat, shell)
    inner = Column(flat.knots, flat.power, (flat.z_range[0] + 2, flat.z_range[1] - 2), -2.0)
    b.canvas.paint(inner, marrow)
    soft = [n for n, m in enumerate(b.canvas.materials) if m.atom == "body_rest"]
    lift = 8 if arms == "up" else 0
    for left in (-1, 1):
        turn = (0.0, left * (25.0 if arms == "up" else 6.0), left * -32.0)
        b.blob(shell, (left * (104 + lift), -68, 150), (29, 4.5, 50), turn, over=soft)
        b.tube(shell, [(left * 14, 62, 182), (left * 70, 50, 204), (left * 138, 4, 222)], 5.5)
        b.tube(marrow, [(left * 14, 62, 182), (left * 70, 50, 204), (left * 138, 4, 222)], 3)
        wing = (left * 92, -16, -270)
        b.blob(shell, wing, (10, 58, 58), (0, 0, left * 28))
        b.blob(marrow, wing, (6.5, 54, 54), (0, 0, left * 28))
        b.blob(shell, (left * 88, -6, -352), (26, 26, 26))
        b.blob(marrow, (left * 88, -6, -352), (22, 22, 22))
    b.blob(shell, (0, -62, -300), (46, 20, 52), (18, 0, 0))
    b.blob(marrow, (0, -62, -300), (42, 16, 48), (18, 0, 0))
