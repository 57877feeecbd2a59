"""Face: eyes and lenses of the reference mass, teeth and sinuses of the age."""

from __future__ import annotations

import numpy as np
import pytest
from painted_heads import painted_head, sampled, sampled_head, soft_head, touches

from CTDoseSegLib.phantom.bodies.head import paint_head
from CTDoseSegLib.phantom.bodies.head_face import paint_dental_fillings

BODIES = [(0, "female"), (5, "male"), (30, "female"), (30, "male")]


@pytest.mark.parametrize(("age_y", "sex"), BODIES)
def test_eyes_and_lenses_weigh_what_the_references_say(age_y, sex):
    b = painted_head(age_y, sex)
    s, centre = b.frame.head_scale, np.array(b.frame.head_point(0, 66, -20))
    reach = np.array([48, 24, 17]) * s
    near = sampled(b, 0.5, centre - reach, centre + reach)
    lenses = near.mass_g("eye_lenses")
    assert lenses == pytest.approx(b.masses_g["eye_lenses"], rel=0.05)
    assert near.mass_g("eyes") + lenses == pytest.approx(b.masses_g["eyes"], rel=0.03)


@pytest.mark.parametrize(("age_y", "sex"), BODIES)
def test_eyes_lie_in_front_on_their_sides_under_the_lids(age_y, sex):
    head = sampled_head(age_y, sex, mm=1.5)
    for side, name in ((1, "right"), (-1, "left")):
        x, y, z = head.middle(f"eye_{name}")
        assert side * x > 0
        assert y > 50 * head.painter.frame.head_scale
        assert z < 0
        assert head.middle(f"eye_lens_{name}")[1] > y
    eyes = head.of("eye_left", "eye_right")
    assert not touches(eyes, head.index == 0).any()
    assert not touches(eyes, head.of("brain", "cerebrospinal_fluid", "air_sinuses")).any()


def test_teeth_come_with_age():
    masses = [int(sampled_head(age, "male").of("teeth").sum()) for age in (0, 1, 5, 30)]
    assert masses[0] == 0
    assert masses == sorted(masses)
    assert masses[1] < 0.4 * masses[2]


def test_a_filling_takes_the_place_of_teeth_alone():
    b = soft_head(30, "male")
    paint_head(b)
    s, centre = b.frame.head_scale, np.array(b.frame.head_point(0, 60, -83))
    reach = np.array([36, 36, 22]) * s
    before = sampled(b, 1.0, centre - reach, centre + reach)
    paint_dental_fillings(b)
    after = sampled(b, 1.0, centre - reach, centre + reach)
    changed = before.index != after.index
    assert 8 < changed.sum() < 400
    assert before.of("teeth")[changed].all()
    assert after.of("dental_fillings")[changed].all()


def test_who_has_no_back_teeth_has_no_fillings():
    b = soft_head(0, "male")
    paint_dental_fillings(b)
    assert not b.of_atoms("dental_fillings")


def test_the_frontal_sinus_opens_after_infancy():
    def air(age_y):
        head = sampled_head(age_y, "male")
        return {head.atom_at(x, 88, 2) for x in (-11, 11)} == {"air_sinuses"}

    assert not air(1)
    assert air(30)


def test_the_lower_jaw_is_below_the_upper_and_symmetric():
    head = sampled_head(30, "female")
    jaw = head.middle("mandible_*")
    assert abs(jaw[0]) < 1
    assert jaw[2] < head.middle("teeth")[2] + 3
    assert head.of("mandible_spongiosa").sum() > 0.2 * head.of("mandible_cortex").sum()
