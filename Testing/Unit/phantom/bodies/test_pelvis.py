"""Bladder and organs of reproduction: there in each sex, inside, and none cut into another."""

from __future__ import annotations

import numpy as np
import pytest
from body_organs import around, painted

from CTDoseSegLib.phantom.bodies.body import Body, Pose
from CTDoseSegLib.phantom.bodies.outside import Build
from CTDoseSegLib.phantom.bodies.person import Person

AGES = [0, 5, 10, 15, 30]


def middle(painter, atom):
    return around(painter, atom).middle(atom)


@pytest.mark.parametrize("age", AGES)
@pytest.mark.parametrize("sex", ["male", "female"])
def test_bladder_and_organs_have_about_their_masses(age, sex):
    painter = painted(age, sex)
    organs = {
        "urinary_bladder_contents": ("urinary_bladder_wall",),
        "urinary_bladder_wall": ("urinary_bladder_wall",),
    }
    if sex == "male":
        organs |= {"prostate": ("prostate",), "testes": ("testis_left", "testis_right")}
    else:
        organs |= {"uterus": ("uterus",), "ovaries": ("ovary_left", "ovary_right")}
    for organ, atoms in organs.items():
        have = around(painter, *atoms, points=64).grams(organ)
        assert have == pytest.approx(painter.masses_g[organ], rel=0.25), organ


@pytest.mark.parametrize("age", AGES)
def test_each_sex_has_its_own_organs(age):
    man, woman = painted(age, "male"), painted(age, "female")
    assert not man.of_atoms("uterus", "ovary_left", "ovary_right")
    assert not woman.of_atoms("prostate", "testis_left", "testis_right")


@pytest.mark.parametrize(
    ("age", "bmi", "fat_mm"), [(0, None, None), (10, None, None), (30, 17.0, 3.0), (50, 42.0, 60.0)]
)
def test_testes_lie_in_their_skin_before_the_thighs(age, bmi, fat_mm):
    painter = painted(age, "male", bmi=bmi, fat_mm=fat_mm)
    right, left = middle(painter, "testis_right"), middle(painter, "testis_left")
    assert right[0] > 0 > left[0]
    assert np.allclose(right, left * (-1, 1, 1), atol=1.5)
    sampled = around(painter, "testis_left", "testis_right")
    touched = sampled.beside("testis_left", "testis_right")
    assert touched <= {"skin", "subcutaneous_fat"}
    assert right[2] < middle(painter, "prostate")[2]


@pytest.mark.parametrize("age", AGES)
def test_the_bladder_lies_over_the_prostate_and_before_the_uterus(age):
    man, woman = painted(age, "male"), painted(age, "female")
    assert middle(man, "urinary_bladder_contents")[2] > middle(man, "prostate")[2]
    assert middle(woman, "urinary_bladder_contents")[1] > middle(woman, "uterus")[1]


@pytest.mark.parametrize("age", AGES)
def test_ovaries_lie_beside_the_uterus(age):
    woman = painted(age, "female")
    right, left = middle(woman, "ovary_right"), middle(woman, "ovary_left")
    assert right[0] > middle(woman, "uterus")[0] + 5 > left[0] + 10


@pytest.mark.parametrize("age", AGES)
@pytest.mark.parametrize("sex", ["male", "female"])
def test_the_bladder_is_closed_by_its_wall(age, sex):
    sampled = around(painted(age, sex), "urinary_bladder_contents", points=64)
    atoms = [m.atom for m in sampled.painter.canvas.materials]
    beside = [atoms[n] for n in sampled.labels[sampled.rim("urinary_bladder_contents")]]
    share = np.mean([atom == "urinary_bladder_wall" for atom in beside])
    assert share == 1


@pytest.mark.parametrize("age", AGES)
def test_the_prostate_holds_the_neck_of_the_bladder(age):
    sampled = around(painted(age, "male"), "prostate", points=48)
    beside = sampled.rim("prostate")
    neck = beside & sampled.mask("urinary_bladder_wall")
    assert neck.sum() > 0.04 * beside.sum()
    top = np.flatnonzero(neck.any(axis=(1, 2))).mean()
    assert top > np.flatnonzero(sampled.mask("prostate").any(axis=(1, 2))).mean()


@pytest.mark.parametrize("seed", [2, 73])
def test_ovaries_are_there_where_a_drawn_pelvis_is_narrow(seed):
    person = Person.drawn(np.random.default_rng([seed, 200]), sex=None)
    body = Body(person=person, seed=seed)
    painter = body._paint({}, Build(fat_mm=6.0), Pose(couch=False))
    for name in ("ovary_right", "ovary_left"):
        sampled = around(painter, name, points=40)
        assert sampled.grams("ovaries") > 0.4 * painter.masses_g["ovaries"], name
