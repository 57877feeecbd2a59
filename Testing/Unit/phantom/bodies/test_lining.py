"""Hollow organs of a body keep their wall where others press on them."""

from __future__ import annotations

import numpy as np
import pytest
from belly_grid import bare_share, reference_man

from CTDoseSegLib.phantom.bodies.frame import Frame
from CTDoseSegLib.phantom.bodies.lining import grown, line
from CTDoseSegLib.phantom.bodies.painter import Painter
from CTDoseSegLib.phantom.bodies.person import Person
from CTDoseSegLib.phantom.canvas import Sampler
from CTDoseSegLib.phantom.shapes import (
    Both,
    Capsule,
    Column,
    Cradle,
    Ellipsoid,
    HalfSpace,
    Superellipsoid,
)

BALL = Ellipsoid.from_axes((0, 0, 0), (10, 10, 10))
SHAPES = (
    BALL,
    Capsule((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 10.0, 10.0),
    Superellipsoid((0.0, 0.0, 0.0), (10.0, 10.0, 10.0), 10.0, 2.0),
    Column(np.array([(-50.0, 10, 10, 0, 0), (50.0, 10, 10, 0, 0)])),
    HalfSpace((2.0, 0.0, 0.0), 20.0),
    Cradle((0.0, 0.0), 10.0),
    Both(BALL, HalfSpace((1.0, 0.0, 0.0), 10.0)),
    Both(BALL, Ellipsoid.from_axes((0, 0, 40), (10, 10, 10)), without=True),
)


def holds(shape, x: float, y: float = 0.0, z: float = 0.0) -> bool:
    return bool(shape.inside(*(np.full((1, 1), v, np.float32) for v in (x, y, z)))[0, 0])


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: type(s).__name__)
def test_a_grown_shape_reaches_as_much_further(shape):
    assert holds(grown(shape, 2.0), 11.9)
    assert not holds(grown(shape, 2.0), 12.1)
    assert holds(grown(shape, -2.0), 7.9)
    assert not holds(grown(shape, -2.0), 8.1)


def test_what_is_cut_out_of_a_grown_shape_shrinks():
    shape = Both(BALL, Ellipsoid.from_axes((0, 0, 0), (5, 5, 5)), without=True)
    assert holds(grown(shape, 2.0), 4.0)
    assert not holds(shape, 4.0)


@pytest.mark.parametrize("shape", SHAPES[:3], ids=lambda s: type(s).__name__)
def test_nothing_is_left_of_a_shape_shrunk_by_more_than_its_size(shape):
    assert grown(shape, -10.0) is None


def test_an_unknown_shape_is_refused():
    with pytest.raises(TypeError, match="int cannot grow"):
        grown(3, 1.0)


def test_the_inside_keeps_off_a_neighbour_and_off_the_room_s_end():
    b = Painter(Frame(Person.of(30, "male")), {})
    fat, liver = b.material("torso_fat", "adipose"), b.material("liver", "liver")
    wall, core = (b.material("stomach_wall", "gut_wall", layer=n) for n in ("", "core"))
    inside = b.material("stomach_contents", "gut_contents")
    b.canvas.paint(Ellipsoid.from_axes((0, 0, 0), (40, 40, 40)), fat)
    b.canvas.paint(Ellipsoid.from_axes((20, 0, 0), (10, 30, 30)), liver, over=(fat,))
    start = len(b.canvas.shapes)
    b.canvas.paint(Ellipsoid.from_axes((-20, 0, 0), (35, 20, 20)), wall, over=(fat,))
    b.canvas.paint(Ellipsoid.from_axes((-20, 0, 0), (34, 19, 19)), core, over=(wall,))
    line(b, start, core, inside, (fat,), mm=3.0)
    affine = np.diag([0.5, 1.0, 1.0, 1.0])
    affine[0, 3] = -60.0
    row = Sampler(b.canvas, affine).plane(np.arange(240), np.arange(1), 0)[0]
    at = 0.5 * np.flatnonzero(row == inside) - 60.0
    assert at.min() == pytest.approx(-37.0, abs=0.6)  # the fat ends at -40
    assert at.max() == pytest.approx(7.0, abs=0.6)  # the liver begins at 10


@pytest.mark.parametrize(
    ("wall", "inside", "may_touch"),
    [
        ("stomach_wall", ("stomach_contents",), ()),
        ("duodenum_wall", ("duodenum_contents",), ()),
        ("colon_wall", ("colon_contents",), ()),
        ("small_bowel_wall", ("small_bowel_contents",), ()),
        (
            "heart_myocardium",
            ("heart_atrium_left", "heart_atrium_right", "heart_ventricle_left",
             "heart_ventricle_right"),
            ("aorta", "pulmonary_artery", "superior_vena_cava", "inferior_vena_cava"),
        ),
    ],
)  # fmt: skip
def test_what_is_in_an_organ_touches_its_wall_alone(wall, inside, may_touch):
    grid = reference_man(5)
    assert bare_share(grid, inside, (wall, *inside, *may_touch)) < 0.01
