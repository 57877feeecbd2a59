"""Puts organs, in millimetres of a reference adult, on the phantom's canvas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from .canvas import Canvas
from .shapes import ENDLESS, Both, Capsule, Column, Cradle, Ellipsoid, Shape

Point = tuple[float, float, float]


class Builder:
    """Scales, jitters and paints.

    Parameters
    ----------
    rng
        Source of all randomness of the anatomy.
    scale
        Of the reference adult along x, y and z.
    hu_jitter
        Standard deviation by which a material's HU differs from the reference.
    up
        Where gas rises to: +1 anterior, -1 posterior (prone).
    """

    def __init__(
        self, rng: np.random.Generator, scale: Point, hu_jitter: float = 4.0, up: float = 1.0
    ) -> None:
        self.rng, self.scale, self.canvas, self.up = rng, np.array(scale, float), Canvas(), up
        self._mean = float(self.scale.mean())
        self._hu_jitter = hu_jitter

    def material(self, atom: str | None, hu: float) -> int:
        """Add a material with its HU jittered a little, and return its index."""
        return self.canvas.material(atom, hu + self._hu_jitter * self.rng.standard_normal())

    def point(self, x: float, y: float, z: float) -> Point:
        """Return a point of the reference adult in this one."""
        px, py, pz = (float(v) for v in np.array([x, y, z]) * self.scale)
        return px, py, pz

    def length(self, value: float) -> float:
        """Return a length of the reference adult, without direction, in this one."""
        return value * self._mean

    def column(
        self,
        knots: ArrayLike,
        grow: float = 0.0,
        *,
        power: float = 2.0,
        z_range: tuple[float, float] | None = None,
    ) -> Column:
        """Return a column through knots (z, half axes x and y, centre x and y).

        Knots and `z_range` are of the reference adult, `grow` is in real mm.
        """
        sx, sy, sz = self.scale
        scaled = np.array(knots, float) * np.array([sz, sx, sy, sx, sy])
        ends = ENDLESS if z_range is None else (z_range[0] * sz, z_range[1] * sz)
        return Column.smooth(scaled, power, ends, grow)

    def blob(
        self,
        material: int,
        centre: Iterable[float],
        half_axes: ArrayLike,
        turn: tuple[float, float, float] = (0.0, 0.0, 0.0),
        over: Iterable[int] | None = None,
        jitter: float = 0.0,
    ) -> Ellipsoid:
        """Paint an ellipsoid; `jitter` is the SD of its centre in mm and, in %, of its size."""
        middle = np.array(self.point(*centre)) + jitter * self.rng.standard_normal(3)
        grow = 1 + 0.01 * jitter * self.rng.standard_normal()
        shape = Ellipsoid.from_axes(middle, np.array(half_axes) * self.scale * grow, turn)
        self.canvas.paint(shape, material, over)
        return shape

    def curve(self, points: Sequence[Point], step: float = 8.0) -> np.ndarray:
        """Return a smooth curve through points of the reference adult, [n, 3] mm in this one."""
        from scipy.interpolate import CubicSpline

        knots = np.array([self.point(*p) for p in points])
        length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(knots, axis=0), axis=1))])
        at = np.linspace(0, length[-1], max(3, int(length[-1] / step)))
        if len(knots) == 2:
            return np.linspace(knots[0], knots[1], len(at))
        if len(knots) == 3:
            return _parabola(length, knots)(at)
        return CubicSpline(length, knots)(at)

    def tube(
        self,
        material: int,
        points: Sequence[Point],
        radii: ArrayLike,
        over: Iterable[int] | None = None,
        step: float = 8.0,
        clip: Shape | None = None,
    ) -> None:
        """Paint a tube along a smooth curve; `radii` are at equal distances along it."""
        self.chain(material, self.curve(points, step), radii, over, clip)

    def chain(
        self,
        material: int,
        path: np.ndarray,
        radii: ArrayLike,
        over: Iterable[int] | None = None,
        clip: Shape | None = None,
    ) -> None:
        """Paint a tube along a path [n, 3] that is already in this adult's mm."""
        scaled = np.atleast_1d(np.asarray(radii, float)) * self._mean
        radius = np.interp(np.linspace(0, 1, len(path)), np.linspace(0, 1, len(scaled)), scaled)
        ends = zip(map(tuple, path.tolist()), radius.tolist(), strict=True)
        for (start, start_radius), (end, end_radius) in pairwise(ends):
            piece = Capsule(start, end, start_radius, end_radius)
            self.canvas.paint(Both(piece, clip) if clip else piece, material, over)


def _parabola(length: np.ndarray, knots: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return the one through three knots, as `CubicSpline` makes it.

    That one solves its three equations by SciPy's LAPACK, whose threads take a hundred times as
    long over them as NumPy's.
    """
    from scipy.interpolate import CubicHermiteSpline

    first, last = np.diff(length)
    slopes = np.diff(knots, axis=0) / np.diff(length)[:, None]
    equations = np.array([[1, 1, 0], [last, 2 * (first + last), first], [0, 1, 1]])
    right = [2 * slopes[0], 3 * (first * slopes[1] + last * slopes[0]), 2 * slopes[1]]
    return CubicHermiteSpline(length, knots, np.linalg.solve(equations, np.array(right)))


def couch(builder: Builder, top: Cradle, side: float, half_width: float, thickness: float) -> None:
    """Paint a foam core in a carbon shell of 2 mm.

    Parameters
    ----------
    builder
        Paints.
    top
        Hollow that the couch leaves for the body.
    side
        -1 where the couch is posterior, +1 where it is anterior (prone).
    half_width, thickness
        In mm.
    """
    shell = builder.material("couch", float(builder.rng.uniform(-150, 120)))
    core = builder.material("couch", float(builder.rng.uniform(-960, -880)))
    cx, cy = top.centre_xy
    for material, skin in ((shell, 0.0), (core, 2.0)):
        outer = Cradle((cx, cy), top.radius + thickness - skin)
        hollow = Cradle((cx, cy), top.radius + skin)
        # A wide flat box keeps only the part of the ring that lies under the body.
        bottom = cy + side * (top.radius + thickness / 2)
        slab = Column(
            np.array([[0.0, half_width - skin, 120.0, cx, bottom]]),
            power=16.0,
        )
        builder.canvas.paint(Both(Both(outer, hollow, without=True), slab), material)
