"""Shapes of the phantom: closed sets in patient coordinates (RAS, mm) with a bounding box."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

Box = np.ndarray  # [3, 2], lower and upper RAS corner in mm
EVERYWHERE = 1e4
SMALL, BAND = 8192, 16  # points up to which a shape is simply computed; rows taken together
ENDLESS = (-EVERYWHERE, EVERYWHERE)


class Shape(Protocol):
    """A closed set of points with its bounding box."""

    @property
    def box(self) -> Box: ...

    def inside(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Return a boolean array of the broadcast shape of the coordinates (mm)."""
        ...


def _box(centre: ArrayLike, half: ArrayLike) -> Box:
    middle, reach = np.asarray(centre, float), np.asarray(half, float)
    return np.stack([middle - reach, middle + reach], axis=1)


def _at_most(terms: tuple[np.ndarray, ...], limit: float | np.floating) -> np.ndarray:
    """Return ``sum(terms) <= limit``, computed only where it is not known beforehand.

    A rounded sum rises with each term. So in a band of rows a column whose largest terms sum to no
    more than the limit is inside, and one whose smallest do not is outside, to the bit.
    """
    shape = np.broadcast_shapes(*(t.shape for t in terms))
    bands = shape[0] // BAND
    if bands < 2 or shape[0] * shape[1] < SMALL or any(t.shape == shape for t in terms):
        return _sum(terms) <= limit
    stop = bands * BAND
    lines = [t[:stop].reshape(bands, BAND) if len(t) > 1 else t for t in terms]
    largest = [t.max(axis=1, keepdims=True) if len(t) > 1 else t for t in lines]
    smallest = [t.min(axis=1, keepdims=True) if len(t) > 1 else t for t in lines]
    inside = _sum(largest) <= limit
    band, column = np.nonzero(inside != (_sum(smallest) <= limit))
    mask = np.empty(shape, bool)
    parts = mask[:stop].reshape(bands, BAND, shape[1])
    parts[:] = inside[:, None]
    parts[band, :, column] = _sum([_picked(t, band, column) for t in lines]) <= limit
    mask[stop:] = _sum([t[stop:] if len(t) > 1 else t for t in terms]) <= limit
    return mask


def _picked(term: np.ndarray, band: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Return a term, in bands of rows if it varies along them, of some columns of some bands."""
    if len(term) > 1:
        return term[band]
    return term[0, column, None] if term.size > 1 else term


def _sum(terms: Sequence[np.ndarray]) -> np.ndarray:
    total = terms[0] + terms[1]
    for term in terms[2:]:
        total = total + term
    return total


def cut(coordinate: np.ndarray, rows: slice, columns: slice) -> np.ndarray:
    """Return a part of a coordinate that may be constant along rows or columns."""
    every = slice(None)
    return coordinate[
        rows if coordinate.shape[0] > 1 else every, columns if coordinate.shape[1] > 1 else every
    ]


@dataclass(frozen=True)
class Ellipsoid:
    """A rotated ellipsoid: ``|matrix (p - centre)| <= 1``."""

    centre: tuple[float, float, float]
    matrix: np.ndarray

    @classmethod
    def from_axes(
        cls,
        centre: Iterable[float],
        half_axes: ArrayLike,
        rotation_deg: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> Ellipsoid:
        """Make it of half axes along x, y, z, turned about x, y and z in this order."""
        rx, ry, rz = np.deg2rad(rotation_deg)
        about_x = [[1, 0, 0], [0, np.cos(rx), -np.sin(rx)], [0, np.sin(rx), np.cos(rx)]]
        about_y = [[np.cos(ry), 0, np.sin(ry)], [0, 1, 0], [-np.sin(ry), 0, np.cos(ry)]]
        about_z = [[np.cos(rz), -np.sin(rz), 0], [np.sin(rz), np.cos(rz), 0], [0, 0, 1]]
        turn = np.array(about_z) @ np.array(about_y) @ np.array(about_x)
        x, y, z = map(float, centre)
        return cls((x, y, z), np.diag(1.0 / np.asarray(half_axes, float)) @ turn.T)

    @property
    def box(self) -> Box:
        return _box(self.centre, np.linalg.norm(np.linalg.inv(self.matrix), axis=1))

    def inside(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        x, y, z = (v - np.float32(c) for v, c in zip((x, y, z), self.centre, strict=True))
        m = self.matrix.astype(np.float32)
        if np.count_nonzero(m) == 3 and np.diag(m).all():  # not turned: terms keep small axes
            return _at_most(((m[0, 0] * x) ** 2, (m[1, 1] * y) ** 2, (m[2, 2] * z) ** 2), 1)
        return sum((row[0] * x + row[1] * y + row[2] * z) ** 2 for row in m) <= 1


@dataclass(frozen=True)
class Superellipsoid:
    """``sum |(p - centre) / half_axes| ** power <= 1``; another half axis below."""

    centre: tuple[float, float, float]
    half_axes: tuple[float, float, float]
    half_axis_below: float
    power: float

    @property
    def box(self) -> Box:
        low = np.array([*self.half_axes[:2], self.half_axis_below])
        centre = np.array(self.centre)
        return np.stack([centre - low, centre + np.array(self.half_axes)], axis=1)

    def inside(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        x, y, z = (v - np.float32(c) for v, c in zip((x, y, z), self.centre, strict=True))
        half_z = np.where(z < 0, np.float32(self.half_axis_below), np.float32(self.half_axes[2]))
        p = np.float32(self.power)
        a, b = np.float32(self.half_axes[0]), np.float32(self.half_axes[1])
        return _at_most((np.abs(x / a) ** p, np.abs(y / b) ** p, np.abs(z / half_z) ** p), 1)


@dataclass(frozen=True)
class Column:
    """A stack of superellipses: half axes and centre follow z smoothly; constant beyond the ends.

    `knots` is [n, 5]: z, half axis in x, half axis in y, centre x, centre y (mm).
    """

    knots: np.ndarray
    power: float = 2.0
    z_range: tuple[float, float] = ENDLESS
    extra: float = 0.0

    @classmethod
    def smooth(
        cls,
        knots: Iterable[Iterable[float]],
        power: float = 2.0,
        z_range: tuple[float, float] = ENDLESS,
        extra: float = 0.0,
    ) -> Column:
        """Draw a column through a few knots, without overshoot (piecewise cubic Hermite)."""
        from scipy.interpolate import PchipInterpolator

        rising = np.array(sorted(map(tuple, knots)), float)
        z = np.linspace(rising[0, 0], rising[-1, 0], 96)
        between = PchipInterpolator(rising[:, 0], rising[:, 1:])(z)
        return cls(np.column_stack([z, between]), power, z_range, extra)

    @property
    def box(self) -> Box:
        k = self.knots
        low = (k[:, 3:5] - k[:, 1:3]).min(axis=0) - self.extra
        high = (k[:, 3:5] + k[:, 1:3]).max(axis=0) + self.extra
        return np.array([[low[0], high[0]], [low[1], high[1]], list(self.z_range)])

    def at(self, z: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return half axes a, b and centre x, y at z."""
        k = self.knots
        a, b, x, y = (np.interp(z, k[:, 0], k[:, c]).astype(np.float32) for c in (1, 2, 3, 4))
        return a + np.float32(self.extra), b + np.float32(self.extra), x, y

    def inside(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        a, b, cx, cy = self.at(z)
        p = np.float32(self.power)
        in_range = (z >= self.z_range[0]) & (z <= self.z_range[1])
        if not in_range.any():
            return in_range
        hit = _at_most((np.abs((x - cx) / a) ** p, np.abs((y - cy) / b) ** p), 1)
        return hit if in_range.all() else hit & in_range


@dataclass(frozen=True)
class Capsule:
    """A straight piece of tube with round ends; its radius goes linearly from one to the other."""

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    start_radius: float
    end_radius: float

    @property
    def box(self) -> Box:
        r, q = self.start_radius, self.end_radius
        pairs = zip(self.start, self.end, strict=True)
        return np.array([(min(a - r, b - q), max(a + r, b + q)) for a, b in pairs])

    def inside(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        start = np.array(self.start, np.float32)
        along = np.array(self.end, np.float32) - start
        x, y, z = x - start[0], y - start[1], z - start[2]
        length2 = max(float(along @ along), 1e-6)
        t = x * along[0] + y * along[1] + z * along[2]
        t /= np.float32(length2)
        np.minimum(np.maximum(t, 0, out=t), 1, out=t)
        radius = t * np.float32(self.end_radius - self.start_radius)
        radius += np.float32(self.start_radius)
        radius *= radius
        distance2, term = np.empty_like(t), np.empty_like(t)
        np.subtract(x, np.multiply(t, along[0], out=distance2), out=distance2)
        distance2 *= distance2
        for v, a in ((y, along[1]), (z, along[2])):
            np.subtract(v, np.multiply(t, a, out=term), out=term)
            term *= term
            distance2 += term
        return distance2 <= radius


@dataclass(frozen=True)
class Cradle:
    """Everything within `radius` of a line along z: the hollow that a couch leaves for the body."""

    centre_xy: tuple[float, float]
    radius: float

    @property
    def box(self) -> Box:
        return _box((*self.centre_xy, 0.0), (self.radius, self.radius, EVERYWHERE))

    def inside(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        # float64: the radius of a nearly flat couch is metres, and 0.01 mm matters at its rim.
        x = np.asarray(x, np.float64) - self.centre_xy[0]
        y = np.asarray(y, np.float64) - self.centre_xy[1]
        return _at_most((x**2, y**2), self.radius**2)


@dataclass(frozen=True)
class HalfSpace:
    """``normal . p <= offset``."""

    normal: tuple[float, float, float]
    offset: float

    @property
    def box(self) -> Box:
        return _box((0, 0, 0), (EVERYWHERE,) * 3)

    def inside(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        n = np.array(self.normal, np.float32)
        return _at_most((n[0] * x, n[1] * y, n[2] * z), np.float32(self.offset))


@dataclass(frozen=True)
class Both:
    """Intersection of shapes, or of the first with what lies outside the second (`without`)."""

    first: Shape
    second: Shape
    without: bool = False

    @property
    def box(self) -> Box:
        if self.without:
            return self.first.box
        a, b = self.first.box, self.second.box
        return np.stack([np.maximum(a[:, 0], b[:, 0]), np.minimum(a[:, 1], b[:, 1])], axis=1)

    def inside(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        first = self.first.inside(x, y, z)
        hit = np.flatnonzero(first.any(axis=1))
        if hit.size == 0:
            return first
        rows = slice(int(hit[0]), int(hit[-1]) + 1)
        second = self.second.inside(*(cut(v, rows, slice(None)) for v in (x, y, z)))
        both = cut(first, rows, slice(None)) & (~second if self.without else second)
        if first.shape[0] == 1 or hit[-1] - hit[0] + 1 == len(first):
            return both
        mask = np.zeros((len(first), both.shape[1]), bool)
        mask[rows] = both
        return mask
