"""What a body lies on and under: couch and blanket."""

from __future__ import annotations

import numpy as np

from ..shapes import Both, Column, Cradle, HalfSpace
from .frame import Frame
from .outside import MUSCLE, Build, outer_knots
from .painter import Painter

_SHELL_MM = 2.0


def paint_couch(b: Painter, top: Cradle, side: float) -> None:
    """Paint a foam core in a shell of carbon fibre.

    Parameters
    ----------
    b
        Paints.
    top
        Hollow that the couch leaves for the body.
    side
        -1 where the couch is posterior, +1 where it is anterior (prone).
    """
    rng = b.rng("couch size")
    half_width, thickness = float(rng.uniform(205, 265)), float(rng.uniform(14, 45))
    shell = b.material("couch", "carbon_fibre")
    core = b.material("couch", "foam", density_g_ml=float(rng.uniform(0.03, 0.1)))
    cx, cy = top.centre_xy
    bottom = cy + side * (top.radius + thickness / 2)
    for material, skin in ((shell, 0.0), (core, _SHELL_MM)):
        outer = Cradle((cx, cy), top.radius + thickness - skin)
        hollow = Cradle((cx, cy), top.radius + skin)
        # A wide flat box keeps only the part of the ring that lies under the body.
        slab = Column(np.array([[0.0, half_width - skin, 120.0, cx, bottom]]), power=16.0)
        b.canvas.paint(Both(Both(outer, hollow, without=True), slab), material)


def paint_blanket(b: Painter, frame: Frame, build: Build, side: float) -> None:
    """Paint a folded cloth on the body: it touches here and stands off there."""
    rng = b.rng("blanket")
    cloth = b.material("blanket", "cotton", density_g_ml=float(rng.uniform(0.3, 0.9)))
    thick = float(rng.uniform(3, 7))
    levels = np.array(MUSCLE, float)[::-1, 0]
    knots = outer_knots(frame, build, 0.0)[::-1]
    z = np.linspace(-425, 190, 40)
    own = np.column_stack([frame.z(z), *(np.interp(z, levels, knots[:, c]) for c in range(1, 5))])
    own[:, 1] += 4 + 3 * np.cos(z / 31)
    own[:, 2] += 2 + 3 * np.sin(z / 23)
    ends = float(frame.z(-420.0)), float(frame.z(130.0))
    outer = Column.smooth(own, 2.3, ends, thick)
    inner = Column.smooth(own, 2.3)
    upper_half = HalfSpace((0.0, -side, 0.0), 25.0)
    b.canvas.paint(Both(Both(outer, inner, without=True), upper_half), cloth)
