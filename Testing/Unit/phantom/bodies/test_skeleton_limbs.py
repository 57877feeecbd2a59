"""Bones of arms and legs."""

from __future__ import annotations

import pytest
from body_skeletons import body


def test_bones_of_a_leg_follow_each_other_down():
    sampled = body(30, "female")
    names = ("femur_left_*", "patella_left_*", "tibia_left_*", "foot_bones_left_*")
    heights = [sampled.middle(name)[2] for name in names]
    assert heights == sorted(heights, reverse=True)
    assert abs(sampled.middle("fibula_left_*")[0]) > abs(sampled.middle("tibia_left_*")[0]) + 10
    assert sampled.middle("patella_left_*")[1] > sampled.middle("tibia_left_*")[1]


@pytest.mark.parametrize("arms", ["up", "down"])
def test_bones_of_an_arm_follow_each_other(arms):
    sampled = body(30, "male", arms=arms, z_range=(-600.0, 780.0))
    names = ("humerus_right_*", "ulna_right_*", "hand_bones_right_*")
    heights = [sampled.middle(name)[2] for name in names]
    assert heights == sorted(heights, reverse=arms == "down")


@pytest.mark.parametrize(("age", "tissue"), [(5, "spongiosa_femora"), (30, "yellow_marrow")])
def test_the_cavity_of_a_shaft_is_fat_in_adults_only(age, tissue):
    sampled = body(age, "male")
    (cavity,) = sampled.painter.of_atoms("femur_right_medullary")
    assert sampled.painter.tissues[cavity][0] == tissue
    assert sampled.ml("femur_right_medullary") > 0


def test_a_newborn_has_no_kneecap_and_soft_wrists():
    newborn = body(0, "female").painter
    assert newborn.of_atoms("patella_*") == []
    assert newborn.of_atoms("hand_bones_left_cortex")
    assert body(10, "female").painter.of_atoms("patella_left_cortex")


def test_a_femur_is_as_heavy_as_a_femur():
    # Volume of a man's femur with its marrow: about 500 ml (ICRP 110: 1.0 kg for both and more).
    assert 380 < body(30, "male").ml("femur_right_*") < 650
