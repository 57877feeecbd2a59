"""Heads are as large as heads of their age."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from CTDoseSegLib.phantom.bodies.frame import Frame
from CTDoseSegLib.phantom.bodies.head_outline import braincase, head_shapes
from CTDoseSegLib.phantom.bodies.person import Person


def _inside(shapes, frame: Frame, z: float, mm: float = 1.0):
    x, y = np.arange(-110.0, 110.0, mm)[None, :], np.arange(-150.0, 150.0, mm)[:, None]
    level = np.full((1, 1), frame.head_point(0, 0, z)[2])
    hit = np.zeros((y.size, x.size), bool)
    for shape in shapes:
        hit |= shape.inside(x, y, level)
    return hit, np.argwhere(hit) * mm


# CDC 2000 (newborn, 1 year), UK90 (5 years), ANSUR II (adults); mm.
CIRCUMFERENCES = [
    (0, "male", 358),
    (1, "female", 450),
    (5, "male", 527),
    (30, "male", 574),
    (30, "female", 561),
]


@pytest.mark.parametrize(("age_y", "sex", "circumference"), CIRCUMFERENCES)
def test_the_circumference_is_the_published_median(age_y, sex, circumference):
    frame = Frame(Person.of(age_y, sex))
    _, points = _inside(braincase(frame, 0.0), frame, 8.0)
    assert ConvexHull(points).area == pytest.approx(circumference, rel=0.025)


def test_an_adults_head_is_as_long_and_wide_as_measured():
    frame = Frame(Person.of(30, "male"))
    _, points = _inside(braincase(frame, 0.0), frame, 8.0)
    length, breadth = np.ptp(points, axis=0)
    assert length == pytest.approx(200, abs=5)  # ANSUR II, men
    assert breadth == pytest.approx(154, abs=5)


@pytest.mark.parametrize("age_y", [0, 5, 30])
@pytest.mark.parametrize("z", [40, -20, -60, -100])
def test_each_layer_lies_inside_the_one_above(age_y, z):
    frame = Frame(Person.of(age_y, "female"))
    outer, _ = _inside(head_shapes(frame, 0.0), frame, z)
    inner, _ = _inside(head_shapes(frame, 4.0), frame, z)
    assert inner.any()
    assert not (inner & ~outer).any()
    assert outer.sum() > inner.sum()


def test_what_is_thinner_than_the_layers_is_left_out():
    frame = Frame(Person.of(0, "female"))
    assert len(head_shapes(frame, 6.0)) < len(head_shapes(frame, 0.0))


def test_the_nose_is_in_front_and_the_chin_below():
    frame = Frame(Person.of(30, "male"))
    boxes = np.array([shape.box for shape in head_shapes(frame, 0.0)])
    brain = np.array(frame.head_point(0, 0, 0))
    assert boxes[:, 1, 1].max() - brain[1] > 110
    assert brain[2] - boxes[:, 2, 0].min() == pytest.approx(122, abs=6)
