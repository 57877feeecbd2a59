"""The canvas and its sampler: what is left out for speed changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from CTDoseSegLib.phantom.builder import Builder
from CTDoseSegLib.phantom.canvas import Canvas, Sampler
from CTDoseSegLib.phantom.shapes import (
    Both,
    Capsule,
    Column,
    Cradle,
    Ellipsoid,
    HalfSpace,
    Superellipsoid,
)

BARREL = Column.smooth(
    [(-60, 40, 30, 0, 5), (0, 70, 50, 3, 0), (60, 50, 45, -4, 0)], 2.35, (-55, 70)
)
SHAPES = (
    BARREL,
    Cradle((3.0, 20.0), 61.0),
    Ellipsoid.from_axes((5, -3, 2), (60, 45, 50)),
    Ellipsoid.from_axes((-5, 3, 2), (70, 25, 50), (20, 10, 35)),
    Superellipsoid((0.0, 0.0, -5.0), (50.0, 64.0, 40.0), 60.0, 2.4),
    HalfSpace((0.3, -1.0, 0.2), 7.0),
    Capsule((-40.0, -20.0, -30.0), (45.0, 30.0, 35.0), 21.0, 9.0),
    Both(BARREL, Cradle((0.0, 30.0), 60.0)),
    Both(Cradle((0.0, 0.0), 66.0), Cradle((0.0, 0.0), 50.0), without=True),
    Both(HalfSpace((0.0, 1.0, 0.0), 10.0), Column(np.array([[0.0, 60.0, 40.0, 0.0, 0.0]]), 16.0)),
)
TILTED = np.array(
    [[0.8, 0.1, 0.3, -70], [0.0, 0.7, -0.5, -55], [-0.4, 0.3, 4.0, -20], [0, 0, 0, 1]]
)
AXIAL = np.array([[-0.8, 0, 0, 75], [0, -0.7, 0, 65], [0, 0, 4.0, -20], [0, 0, 0, 1]])
CORONAL = np.array([[0.8, 0, 0, -75], [0, 0, 4.0, -20], [0, -0.7, 0, 65], [0, 0, 0, 1]])
GRIDS = {"axial": AXIAL, "coronal": CORONAL, "tilted": TILTED}
COLUMNS, ROWS = np.arange(187.0), np.arange(191.0)


def coordinates(affine, k):
    """Coordinates of every point of a plane, rounded as the sampler rounds them."""
    i, j = np.meshgrid(COLUMNS, ROWS)
    return [
        (a[2] * k + a[3] + a[0] * i + a[1] * j).astype(np.float32)[..., None] for a in affine[:3]
    ]


def painted_plainly(canvas, affine, k):
    """Every shape at every point, one row at a time."""
    out = np.zeros((ROWS.size, COLUMNS.size), int)
    x, y, z = coordinates(affine, k)
    for shape, fill, table in zip(canvas.shapes, canvas.fills, canvas.tables, strict=True):
        mask = np.array([shape.inside(*row)[:, 0] for row in zip(x, y, z, strict=True)])
        whole = np.arange(len(canvas.materials)) if table is not None else None
        if whole is not None:
            whole[: len(table)] = table
        out = np.where(mask, fill if whole is None else whole[out], out)
    return out


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: type(s).__name__)
def test_a_shape_is_the_same_at_once_and_row_by_row(shape, grid):
    affine = GRIDS[grid]
    canvas = Canvas()
    canvas.paint(shape, canvas.material("one", 0))
    sampler = Sampler(canvas, affine)
    plane = sampler.plane(COLUMNS, ROWS, 5.3)
    assert np.array_equal(plane, painted_plainly(canvas, affine, 5.3))
    assert 0 < np.count_nonzero(plane) < plane.size


@pytest.mark.parametrize("grid", GRIDS)
def test_paint_over_some_materials_changes_these_alone(grid):
    canvas = Canvas()
    body, organ, gas, wall = (canvas.material(name, 0) for name in ("body", "organ", "gas", "wall"))
    canvas.paint(SHAPES[3], gas, over=(organ,))  # none there yet
    canvas.paint(SHAPES[2], body)
    canvas.paint(SHAPES[6], organ)
    canvas.paint(SHAPES[4], gas, over=(organ,))
    canvas.paint(SHAPES[5], wall, over=(0, gas))
    canvas.repaint(SHAPES[7], np.array([0, organ, body, gas, wall]))  # two change places
    plane = Sampler(canvas, GRIDS[grid]).plane(COLUMNS, ROWS, 5.3)
    assert np.array_equal(plane, painted_plainly(canvas, GRIDS[grid], 5.3))
    assert set(np.unique(plane)) == {0, body, organ, gas, wall}


@pytest.mark.parametrize(("count", "kind"), [(255, np.uint8), (256, np.uint16), (700, np.uint16)])
def test_planes_hold_as_many_materials_as_there_are(count, kind):
    canvas = Canvas()
    first, *_, last = [canvas.material(f"m{n}", n) for n in range(count)]
    canvas.paint(SHAPES[2], last)
    canvas.paint(SHAPES[6], first, over=(last,))
    canvas.repaint(SHAPES[5], np.array([0, last]))  # says nothing of later materials: they stay
    plane = Sampler(canvas, AXIAL).plane(COLUMNS, ROWS, 5.0)
    assert plane.dtype == kind
    assert set(np.unique(plane)) == {0, first, last}
    assert np.array_equal(plane, painted_plainly(canvas, AXIAL, 5.0))


def test_the_65_536th_material_is_refused():
    canvas = Canvas()
    for n in range(65_535):
        canvas.material("many", n)
    with pytest.raises(ValueError, match="65535"):
        canvas.material("one more", 0)


def test_an_ellipsoid_whose_axes_change_places_is_turned():
    about_y = np.array([[0.0, 0.0, 1 / 10], [0.0, 1 / 20, 0.0], [-1 / 30, 0.0, 0.0]])
    whole = Ellipsoid((0.0, 0.0, 0.0), about_y)
    assert whole.box[:, 1] == pytest.approx([30, 20, 10])
    points = np.array([(29, 0, 0), (31, 0, 0), (0, 19, 0), (0, 21, 0), (0, 0, 9), (0, 0, 11)])
    x, y, z = points.astype(np.float32).T[:, :, None]
    assert whole.inside(x, y, z)[:, 0].tolist() == [True, False] * 3


def test_a_curve_through_three_points_is_the_spline_to_the_bit():
    from scipy.interpolate import CubicSpline

    rng = np.random.default_rng(7)
    builder = Builder(rng, (1.1, 0.9, 1.05))
    for points in rng.normal(0, 90, (20, 3, 3)):
        curve = builder.curve(points.tolist())
        knots = np.array([builder.point(*p) for p in points])
        steps = np.linalg.norm(np.diff(knots, axis=0), axis=1)
        length = np.concatenate([[0], np.cumsum(steps)])
        spline = CubicSpline(length, knots)
        assert np.array_equal(curve, spline(np.linspace(0, length[-1], len(curve))))
