"""Organ masses are ICRP's at its ages, follow size, and add up to the person's weight."""

from __future__ import annotations

import numpy as np
import pytest

from CTDoseSegLib.errors import InputError
from CTDoseSegLib.phantom.bodies.masses import (
    GLAND_SHARES,
    marrow_shares,
    organ_masses_g,
    reference_mass_g,
)
from CTDoseSegLib.phantom.bodies.person import Person

INSIDE_OTHERS = {"eye_lenses", "active_marrow", "cartilage"}


# ICRP 145 (adults) and 156 (children), organs with their blood.
@pytest.mark.parametrize(
    ("organ", "age", "sex", "mass_g"),
    [
        ("liver", 40, "male", 2360),
        ("liver", 0, "female", 167),
        ("brain", 5, "male", 1374),
        ("kidneys", 10, "female", 234),
        ("lungs", 15, "female", 750),
        ("heart_blood", 70, "female", 370),
        ("colon_wall", 40, "male", 493),
        ("colon_contents", 1, "male", 80.02),
        ("breast_adipose", 40, "female", 307),
        ("uterus", 15, "female", 31.1),
        ("prostate", 40, "male", 17.6),
        ("muscle", 5, "female", 5727),
        ("adipose", 40, "male", 18212),
        ("adipose", 1, "female", 4294),
        ("bone_cortical", 40, "female", 3232),
        ("active_marrow", 5, "male", 340),  # ICRP 89
    ],
)
def test_the_reference_person_has_the_reference_masses(organ, age, sex, mass_g):
    assert reference_mass_g(organ, Person.of(age, sex)) == pytest.approx(mass_g, rel=1e-3)


def test_between_the_ages_masses_lie_between():
    for organ in ("liver", "brain", "spleen", "muscle", "ovaries"):
        masses = [reference_mass_g(organ, Person.of(age, "female")) for age in (5, 6, 8, 9.5, 10)]
        assert np.all(np.diff(masses) > 0)
    # Half a year after birth the brain weighs about 0.7 kg (Dekaban and Sadowsky 1978).
    assert reference_mass_g("brain", Person.of(0.5, "male")) == pytest.approx(720, abs=80)


def test_masses_follow_the_height():
    tall = Person.of(30, "male", height_cm=190)
    ratio = 190 / 176
    for organ, exponent in {"brain": 0, "liver": 0.75, "bone_cortical": 2, "skin": 1.6}.items():
        reference = reference_mass_g(organ, Person.of(30, "male"))
        assert reference_mass_g(organ, tall) / reference == pytest.approx(ratio**exponent)


def test_fat_and_muscle_follow_the_build():
    lean, usual, obese = (Person.of(45, "female", bmi=bmi) for bmi in (16, 22.58, 45))
    fat = [reference_mass_g("adipose", p) / p.weight_kg / 1000 for p in (lean, usual, obese)]
    muscle = [reference_mass_g("muscle", p) for p in (lean, usual, obese)]
    assert 0.15 < fat[0] < 0.3 < fat[1] < 0.4 < 0.5 < fat[2] < 0.7
    assert muscle[0] < muscle[1] < muscle[2] < 2 * muscle[1]
    assert reference_mass_g("brain", obese) == pytest.approx(reference_mass_g("brain", usual))


def test_each_sex_has_its_own_organs():
    man, woman = Person.of(30, "male"), Person.of(30, "female")
    assert set(organ_masses_g(woman)) - set(organ_masses_g(man)) == {"uterus", "ovaries"}
    assert set(organ_masses_g(man)) - set(organ_masses_g(woman)) == {"prostate", "testes"}
    with pytest.raises(InputError, match="male body has no organ 'uterus'"):
        reference_mass_g("uterus", man)
    with pytest.raises(InputError, match="no organ 'livre'"):
        reference_mass_g("livre", man)


@pytest.mark.parametrize("seed", range(40))
def test_the_parts_of_any_body_add_up_to_its_weight(seed):
    """But for small parts without a name: up to 5 % in newborns, 1 to 2 % later."""
    rng = np.random.default_rng(seed)
    person = Person.drawn(rng)
    masses = organ_masses_g(person, rng)
    parts = sum(mass for organ, mass in masses.items() if organ not in INSIDE_OTHERS)
    assert 0.95 < parts / person.weight_kg / 1000 < 1.0
    assert all(mass > 0 for mass in masses.values())
    assert masses["adipose"] >= 0.0399 * 1000 * person.weight_kg
    assert masses["active_marrow"] < masses["bone_spongiosa"]
    assert masses["eye_lenses"] < masses["eyes"]


def test_the_leanest_body_keeps_fat_at_the_cost_of_muscle():
    """Short and thin, with organs heavier than usual: still no more parts than weight."""
    person = Person.of(30, "male", height_cm=150, bmi=16)
    rng = np.random.default_rng(4)
    drawn = [organ_masses_g(person, rng) for _ in range(30)]
    least = 0.04 * 1000 * person.weight_kg
    assert any(masses["adipose"] == pytest.approx(least) for masses in drawn)
    for masses in drawn:
        parts = sum(mass for organ, mass in masses.items() if organ not in INSIDE_OTHERS)
        assert parts < 1000 * person.weight_kg
        assert masses["adipose"] >= least * (1 - 1e-9)
        assert masses["muscle"] > 0.25 * 1000 * person.weight_kg


def test_drawn_masses_spread_as_published():
    """Coefficients of variation of Willmann 2007 (pancreas) and of MRI (kidneys)."""
    rng = np.random.default_rng(3)
    person = Person.of(30, "male")
    drawn = [organ_masses_g(person, rng) for _ in range(400)]
    for organ, width in {"pancreas": 0.27, "kidneys": 0.185, "brain": 0.07}.items():
        ratios = np.array([masses[organ] for masses in drawn]) / reference_mass_g(organ, person)
        assert np.median(ratios) == pytest.approx(1, abs=0.05)
        assert np.std(np.log(ratios)) == pytest.approx(width, rel=0.15)
    lens = [masses["eye_lenses"] / masses["eyes"] for masses in drawn]
    assert np.ptp(lens) < 1e-9


def test_shares_add_up():
    assert sum(GLAND_SHARES.values()) == pytest.approx(1)
    for age, sex in ((0, "female"), (7, "male"), (12.5, "female"), (60, "male")):
        assert sum(marrow_shares(age, sex).values()) == pytest.approx(1)


def test_marrow_leaves_the_skull_and_the_limbs_with_age():
    infant, adult = marrow_shares(1, "female"), marrow_shares(40, "female")
    assert infant["skull"] == pytest.approx(0.327, abs=0.003)
    assert adult["skull"] == pytest.approx(0.069, abs=0.001)
    assert infant["lower_legs"] > 0.02 > adult["lower_legs"]
    assert marrow_shares(15, "male")["hips"] == pytest.approx(0.22, abs=0.002)
