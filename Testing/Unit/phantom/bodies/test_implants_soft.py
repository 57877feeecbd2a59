"""Breast implants and a pacemaker lie where they belong, under skin."""

from __future__ import annotations

import pytest
from body_organs import around, painted

from CTDoseSegLib.errors import InputError
from CTDoseSegLib.phantom.bodies.body import Body
from CTDoseSegLib.phantom.bodies.implants_soft import SOFT_IMPLANTS
from CTDoseSegLib.phantom.bodies.person import Person

SIDES = ("right", "left")
BOTH = tuple(f"breast_implant_{side}" for side in SIDES)
WOMEN = [(30, 17.0, 4.0), (30, None, None), (60, 42.0, 60.0)]


@pytest.mark.parametrize(("age", "bmi", "fat_mm"), WOMEN)
@pytest.mark.parametrize("side", SIDES)
def test_a_breast_implant_lies_behind_the_gland_under_the_skin(age, bmi, fat_mm, side):
    painter = painted(age, "female", bmi=bmi, fat_mm=fat_mm, implants=BOTH)
    name, gland = f"breast_implant_{side}", f"breast_{side}_glandular"
    sampled = around(painter, name, gland)
    assert 140 < sampled.ml(name) < 410
    implant, breast = sampled.middle(name), sampled.middle(gland)
    assert (implant[0] > 20) == (side == "right")
    assert breast[1] > implant[1] + 10
    assert "" not in sampled.beside(name)
    assert not {n for n in sampled.beside(name) if "lung" in n}


@pytest.mark.parametrize(("age", "bmi", "fat_mm"), WOMEN[:2])
def test_the_gland_keeps_its_mass_before_an_implant(age, bmi, fat_mm):
    have = [
        around(
            painted(age, "female", bmi=bmi, fat_mm=fat_mm, implants=names),
            "breast_left_glandular",
        ).ml("breast_left_glandular")
        for names in ((), BOTH)
    ]
    assert have[1] == pytest.approx(have[0], rel=0.25)


@pytest.mark.parametrize(
    ("age", "sex", "bmi", "fat_mm"),
    [(12, "female", None, 8.0), (60, "male", 17.0, 3.0), (70, "male", 40.0, 55.0)],
)
def test_a_pacemaker_lies_under_the_left_clavicle_with_its_lead_in_the_right_ventricle(
    age, sex, bmi, fat_mm
):
    painter = painted(age, sex, bmi=bmi, fat_mm=fat_mm, implants=("pacemaker",))
    can = around(painter, "pacemaker")
    assert can.middle("pacemaker")[0] < -40
    assert can.ml("pacemaker") == pytest.approx(12, abs=3)
    assert "" not in can.beside("pacemaker")
    assert not {n for n in can.beside("pacemaker") if "lung" in n}
    lead = around(painter, "pacemaker_lead", points=90)
    touched = lead.beside("pacemaker_lead")
    assert "" not in touched
    assert {"superior_vena_cava", "heart_ventricle_right"} <= touched


def test_a_body_without_implants_has_none():
    painter = painted(30, "female")
    assert not painter.of_atoms(*SOFT_IMPLANTS, "pacemaker_lead")


@pytest.mark.parametrize(
    ("age", "sex", "name", "message"),
    [
        (30, "male", "breast_implant_left", "women"),
        (12, "female", "breast_implant_left", "women"),
        (2, "male", "pacemaker", "10 years"),
        (40, "male", "earring", "'earring'"),
    ],
)
def test_implants_that_such_a_person_has_not_are_refused(age, sex, name, message):
    with pytest.raises(InputError, match=message):
        Body(person=Person.of(age, sex), implants=(name,))
