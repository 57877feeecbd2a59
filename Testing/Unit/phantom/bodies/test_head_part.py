"""Points of the head go where a child's head and face are."""

from __future__ import annotations

import pytest

from CTDoseSegLib.phantom.bodies.frame import Frame
from CTDoseSegLib.phantom.bodies.head_part import (
    HeadPart,
    cranial_point,
    face_depth,
    face_point,
    free_soft,
)
from CTDoseSegLib.phantom.bodies.painter import Painter
from CTDoseSegLib.phantom.bodies.person import Person


def _frame(age_y: float) -> Frame:
    return Frame(Person.of(age_y, "male"))


def test_the_reference_adult_is_the_template():
    frame = _frame(30)
    assert face_depth(frame) == pytest.approx(1.0)
    # The frame's own levels differ from the reference's by up to 2 mm.
    assert face_point(frame, 10, 90, -60) == pytest.approx((10, 80, 382 - 60), abs=2)


def test_an_infants_face_is_low_and_flat_and_its_braincase_keeps_its_shape():
    frame = _frame(0)
    s = frame.head_scale
    brain, chin = cranial_point(frame, 0, 0, 0), face_point(frame, 0, 80, -110)
    assert brain[2] - chin[2] < 0.65 * 110 * s
    assert chin[1] - brain[1] < 0.92 * 80 * s
    base = cranial_point(frame, 0, -40, -46)
    assert brain[2] - base[2] == pytest.approx(46 * s)


def test_the_forehead_is_not_flattened():
    frame = _frame(0)
    assert face_point(frame, 0, 95, 10) == pytest.approx(cranial_point(frame, 0, 95, 10))


def test_a_part_grows_about_its_own_middle():
    b = Painter(_frame(30), {}, {"gland": 2.0}, variation=0.0)
    part = HeadPart.begin(b, "gland", (50.0, 0.0, -60.0))
    assert part.point(50, 0, -60) == pytest.approx(face_point(b.frame, 50, 0, -60))
    assert part.point(60, 0, -60)[0] == pytest.approx(70)
    assert part.local == pytest.approx((2, 2, 2), abs=0.01)


def test_bone_and_skin_are_not_free():
    b = Painter(_frame(30), {}, variation=0.0)
    skin, bone = b.material("skin", "skin"), b.material("skull_cortex", "cortical_bone")
    muscle = b.material("skeletal_muscle", "muscle")
    assert muscle in free_soft(b)
    assert not {skin, bone} & set(free_soft(b))
