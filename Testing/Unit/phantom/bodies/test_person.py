"""A person is the reference where nothing else is given, and nobody is outside the limits."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from CTDoseSegLib.errors import InputError
from CTDoseSegLib.phantom.bodies.growth import bmi_limits, reference_weight_kg, value_at, z_score
from CTDoseSegLib.phantom.bodies.person import Person

# ICRP 89, table 2.9: age, sex, cm, kg.
ICRP = [
    (0, "female", 51, 3.5),
    (1, "male", 76, 10),
    (5, "female", 109, 19),
    (10, "male", 138, 32),
    (15, "female", 161, 53),
    (15, "male", 167, 56),
    (20, "female", 163, 60),
    (85, "male", 176, 73),
]


@pytest.mark.parametrize(("age", "sex", "height_cm", "weight_kg"), ICRP)
def test_without_a_size_it_is_the_reference_person(age, sex, height_cm, weight_kg):
    person = Person.of(age, sex)
    assert person.height_mm == pytest.approx(10 * height_cm, abs=0.01)
    assert person.weight_kg == pytest.approx(weight_kg, abs=1e-4)


def test_between_the_reference_ages_growth_is_that_of_children():
    """Half a year after birth a child has come most of the way, as in the growth charts."""
    half = Person.of(0.5, "male")
    assert half.height_mm == pytest.approx(670, abs=15)  # CDC: median 67.0 cm, 7.9 kg
    assert half.weight_kg == pytest.approx(7.9, abs=0.3)
    weights = [reference_weight_kg(age, "female") for age in np.linspace(0, 90, 400)]
    assert np.all(np.diff(weights) > -1e-9)


# Percentiles printed by the CDC (children) and of NHANES 2015-2016 (adults, 20 to 39 years).
@pytest.mark.parametrize(
    ("measure", "age", "sex", "percentile", "value", "within"),
    [
        ("height", 0, "male", 3, 44.9, 0.05),
        ("height", 5, "male", 97, 117.5, 0.05),
        ("height", 12, "female", 10, 141.7, 0.05),
        ("weight", 2, "female", 97, 15.0, 0.05),
        ("weight", 10, "male", 3, 24.1, 0.05),
        ("weight", 30, "male", 97, 143.9, 0.1),
        ("weight", 30, "female", 10, 53.4, 1.0),
        ("height", 30, "male", 3, 161.3, 1.0),
        ("bmi", 30, "female", 90, 39.7, 2.0),
    ],
)
def test_percentiles_are_the_published_ones(measure, age, sex, percentile, value, within):
    z = {3: -1.88079, 10: -1.28155, 90: 1.28155, 97: 1.88079}[percentile]
    assert value_at(measure, z, age, sex) == pytest.approx(value, abs=within)


def test_percentiles_there_and_back():
    person = Person.of(8, "female", height_percentile=75, weight_percentile=20)
    height = z_score("height", person.height_mm / 10, 8, "female")
    weight = z_score("weight", person.weight_kg, 8, "female")
    assert (height, weight) == pytest.approx((0.67449, -0.84162), abs=0.0003)


def test_the_weight_follows_the_height():
    tall = Person.of(40, "female", height_cm=180)
    assert tall.bmi == pytest.approx(Person.of(40, "female").bmi, rel=1e-4)
    assert Person.of(40, "female", height_cm=180, bmi=31).bmi == pytest.approx(31)
    assert Person.of(40, "female", weight_kg=81.5).weight_kg == 81.5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weight_kg": 70, "bmi": 24}, "weight_kg and bmi contradict"),
        ({"bmi": 24, "weight_percentile": 50}, "bmi and weight_percentile contradict"),
        ({"height_cm": 170, "height_percentile": 50}, "height_cm and height_percentile"),
        ({"height_cm": 220}, "149.5 to 202.5 cm"),
        ({"height_cm": 17.5}, "149.5 to 202.5 cm"),
        ({"height_cm": float("nan")}, "149.5 to 202.5 cm"),
        ({"bmi": 15.5}, "16.0 to 50.0"),
        ({"bmi": 51}, "16.0 to 50.0"),
        ({"weight_kg": -70}, "16.0 to 50.0"),
        ({"weight_kg": float("inf")}, "16.0 to 50.0"),
        ({"height_percentile": 0}, "between 0 and 100"),
        ({"weight_percentile": 100}, "between 0 and 100"),
        ({"height_percentile": float("nan")}, "between 0 and 100"),
    ],
)
def test_what_cannot_be_is_refused_with_the_limit(options, words):
    with pytest.raises(InputError, match=words):
        Person.of(35, "male", **options)


@pytest.mark.parametrize("age", [-0.1, 90.5, float("nan")])
def test_an_age_outside_is_refused(age):
    with pytest.raises(InputError, match="0 to 90 years"):
        Person.of(age, "female")


def test_a_sex_that_is_not_in_the_tables_is_refused():
    with pytest.raises(InputError, match="female or male"):
        Person.of(35, "F")


def test_no_person_outside_the_limits_exists():
    """Also when built directly."""
    with pytest.raises(InputError, match=r"body mass index must be 11\.0 to 29\.0"):
        Person(age_y=5, sex="male", height_mm=1090, weight_kg=70)
    with pytest.raises(InputError, match="cm"):
        Person(age_y=5, sex="male", height_mm=1760, weight_kg=73)


@pytest.mark.parametrize("sex", ["female", "male"])
@pytest.mark.parametrize("age", [0, 0.25, 1, 2, 5, 8, 10, 13, 15, 18])
def test_the_limits_hold_all_usual_weights_of_children(age, sex):
    """From the 3rd to the 97th percentile at the median height, and beyond."""
    square = (value_at("height", 0, age, sex) / 100) ** 2
    low, high = bmi_limits(age)
    assert low < value_at("weight", -1.88, age, sex) / square
    assert high > 1.1 * value_at("weight", 1.88, age, sex) / square


def test_drawn_people_are_of_all_ages_and_builds():
    rng = np.random.default_rng(5)
    people = [Person.drawn(rng) for _ in range(400)]
    ages = np.array([person.age_y for person in people])
    assert (ages < 1).any()
    assert (ages > 85).any()
    assert 0.33 < np.mean(ages < 20) < 0.47
    assert {person.sex for person in people} == {"female", "male"}
    adults = np.array([person.bmi for person in people if person.age_y >= 30])
    assert np.median(adults) == pytest.approx(28.4, abs=1.0)  # NHANES: 28.1 and 28.4
    assert np.mean(adults) > np.median(adults)
    heights = [z_score("height", p.height_mm / 10, p.age_y, p.sex) for p in people]
    assert np.mean([NormalDist().cdf(z) for z in heights]) == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize(("age", "sex"), [(1, "male"), (8, "female"), (15, "male"), (50, "female")])
def test_weights_of_those_drawn_are_the_published_ones(age, sex):
    """Height and body mass index are drawn; weight was published on its own."""
    rng = np.random.default_rng(11)
    weights = [Person.drawn(rng, age, sex).weight_kg for _ in range(1000)]
    published = [value_at("weight", z, age, sex) for z in (-1.28155, 0, 1.28155)]
    assert np.percentile(weights, [10, 50, 90]) == pytest.approx(published, rel=0.06)


def test_drawing_keeps_what_is_given_and_repeats():
    person = Person.drawn(np.random.default_rng(7), age_y=4, sex="male")
    assert (person.age_y, person.sex) == (4, "male")
    assert person == Person.drawn(np.random.default_rng(7), age_y=4, sex="male")
