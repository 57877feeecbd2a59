"""A pregnancy: masses by week, the womb inside the belly, a fetus that can be dosed."""

from __future__ import annotations

import numpy as np
import pytest
from body_organs import Around, around, painted

from CTDoseSegLib.errors import InputError
from CTDoseSegLib.phantom.bodies.body import Body
from CTDoseSegLib.phantom.bodies.fetus_shapes import Pose
from CTDoseSegLib.phantom.bodies.frame import Frame
from CTDoseSegLib.phantom.bodies.outside import Build, front_mm
from CTDoseSegLib.phantom.bodies.person import Person
from CTDoseSegLib.phantom.bodies.pregnancy import (
    build_with_womb,
    check_pregnancy,
    fetus_of,
    pregnancy_masses_g,
    womb_of,
)

WOMAN = Person.of(30, "female")
# Osei and Faulkner (215 women): least and largest depth of the fetus' midline below the skin.
DEPTH_RANGE_MM = (47.0, 139.0)
FETUS = ("fetus", "fetus_bone", "fetus_brain")


def pregnant(week: float, **more) -> Around:
    return around(painted(30, "female", week=week, **more), "uterus", points=60)


@pytest.mark.parametrize("week", [10, 16, 24, 32])
def test_masses_are_near_the_weeks_before_they_are_solved(week):
    sampled = pregnant(week)
    wanted = pregnancy_masses_g(week)
    assert sampled.grams("fetus") == pytest.approx(fetus_of(week).weight_g, rel=0.15)
    for organ in ("uterus", "placenta"):
        assert sampled.grams(organ) == pytest.approx(wanted[organ], rel=0.15)


def test_at_term_the_womb_holds_fetus_placenta_and_fluid():
    sampled = pregnant(39)
    wanted = pregnancy_masses_g(39)
    inside = ("placenta", "amniotic_fluid", "fetus")
    whole = sum(sampled.grams(organ) for organ in inside)
    assert whole == pytest.approx(sum(wanted[organ] for organ in inside), rel=0.05)
    assert sampled.grams("fetus") == pytest.approx(wanted["fetus"], rel=0.2)


@pytest.mark.parametrize("week", [6, 12, 20, 39])
def test_the_fetus_lies_in_the_womb(week):
    """Only where muscle or a vessel presses the wall away does anything else touch it."""
    sampled = pregnant(week)
    inside = (*FETUS, "placenta", "amniotic_fluid")
    around_it = sampled.rim(*inside)
    wall = around_it & sampled.mask("uterus")
    assert wall.sum() > 0.95 * around_it.sum()
    outside = ("", "skin", "subcutaneous_fat", "urinary_bladder_contents", "liver")
    assert not set(outside) & sampled.beside(*inside)


@pytest.mark.parametrize(("bmi", "fat_mm"), [(17.0, 4.0), (None, None), (45.0, 70.0)])
@pytest.mark.parametrize("week", [12, 28, 41])
def test_the_womb_stays_under_the_muscle_of_the_belly(bmi, fat_mm, week):
    sampled = pregnant(week, bmi=bmi, fat_mm=fat_mm)
    assert not {"", "skin", "subcutaneous_fat"} & sampled.beside("uterus")


@pytest.mark.parametrize("week", [10, 20, 30, 38])
@pytest.mark.parametrize("seed", [0, 1])
def test_fluid_or_placenta_is_all_round_the_fetus(week, seed):
    sampled = around(
        painted(30, "female", week=week, seed=seed, variation=1.0), "amniotic_fluid", points=130
    )
    around_it = sampled.rim(*FETUS)
    # The film of fluid of the last weeks is thinner than a step of this grid.
    least = 1.0 if week < 30 else 0.95
    free = (around_it & sampled.mask("amniotic_fluid", "placenta")).sum()
    assert free >= least * around_it.sum()
    assert sampled.beside(*FETUS) <= {"amniotic_fluid", "placenta", "uterus"}
    if week > 12:
        skull = sampled.rim("fetus_brain")
        assert (skull & sampled.mask("fetus_bone", "fetus")).sum() > 0.98 * skull.sum()


@pytest.mark.parametrize("week", [12, 20, 30, 39])
def test_the_bladder_of_a_pregnant_woman_is_cut_by_nothing(week):
    sampled = around(painted(30, "female", week=week), "urinary_bladder_contents", points=64)
    rim = sampled.rim("urinary_bladder_contents")
    assert (rim & sampled.mask("urinary_bladder_wall")).sum() > 0.97 * rim.sum()
    assert (rim & sampled.mask("hip_*", "amniotic_fluid", "fetus*")).sum() < 0.005 * rim.sum()


@pytest.mark.parametrize("week", [8, 20, 30, 40])
def test_the_depth_of_the_fetus_is_within_what_was_seen(week):
    frame = Frame(WOMAN)
    build = build_with_womb(frame, Build(), week)
    womb = womb_of(frame, build, week)
    levels = np.linspace(-400, 0, 81)
    own = np.interp(womb.centre[2], frame.z(levels), levels)
    depth = front_mm(frame, build, 0.0, float(own)) - womb.centre[1]
    assert DEPTH_RANGE_MM[0] < depth < DEPTH_RANGE_MM[1]


def test_the_belly_grows_with_the_weeks():
    frame = Frame(WOMAN)
    bulge = [build_with_womb(frame, Build(), week).womb_mm for week in (8, 20, 30, 40)]
    assert bulge[0] == 0
    assert np.all(np.diff(bulge) > 10)


@pytest.mark.parametrize("seed", range(2))
def test_the_head_is_down_from_32_weeks(seed):
    sampled = pregnant(36, seed=seed, variation=1.0)
    assert sampled.middle("fetus_brain")[2] < sampled.middle("fetus")[2] - 60


def test_earlier_the_lie_is_drawn():
    rngs = [np.random.default_rng(seed) for seed in range(12)]
    heads = {tuple(Pose.draw(rng, 22, 1.0, head_down=False).axes[:, 2]) for rng in rngs}
    assert {(0.0, 0.0, -1.0), (0.0, 0.0, 1.0)} < heads


def test_the_womb_does_not_cut_the_bladder_and_the_ovaries_lie_beside_it():
    sampled = around(painted(30, "female", week=39), "uterus", "ovary_left", "ovary_right")
    right, left = sampled.middle("ovary_right"), sampled.middle("ovary_left")
    assert right[0] > 40
    assert left[0] < -40
    bladder = around(painted(30, "female", week=39), "urinary_bladder_wall")
    wanted = bladder.painter.masses_g["urinary_bladder_contents"]
    assert bladder.grams("urinary_bladder_contents") == pytest.approx(wanted, rel=0.1)
    assert bladder.middle("urinary_bladder_contents")[2] < sampled.middle("uterus")[2]


def test_the_bowel_gives_way_and_is_not_lost():
    """Loops of the mid-belly go to the womb's sides: none of their course stays in it."""
    frame = Frame(WOMAN)
    womb = womb_of(frame, build_with_womb(frame, Build(), 39), 39)
    inside = np.array(womb.centre) + np.random.default_rng(1).uniform(-40, 40, (200, 3))
    pushed = womb.aside(inside)
    assert (womb.ellipsoid(1.0).inside(*inside.T)).all()
    assert not (womb.ellipsoid(1.0).inside(*pushed.T)).any()
    far = np.add(womb.centre, [[0.0, 0.0, 400.0]])
    assert womb.aside(far) == pytest.approx(far)


def test_womb_and_fetus_come_on_top_of_the_weight():
    gained = Body(person=WOMAN, pregnancy_week=40.0).gained_kg
    assert gained == pytest.approx(5.7, abs=0.3)
    assert Body(person=WOMAN).gained_kg == 0


@pytest.mark.parametrize(
    ("person", "week", "message"),
    [
        (Person.of(30, "male"), 20, "male body of 30 years"),
        (Person.of(10, "female"), 20, "10 years"),
        (Person.of(60, "female"), 20, "15 to 50"),
        (WOMAN, 4.9, "5 to 41 weeks"),
        (WOMAN, 41.1, "5 to 41 weeks"),
        (WOMAN, float("nan"), "5 to 41 weeks"),
    ],
)
def test_what_is_no_pregnancy_is_refused(person, week, message):
    with pytest.raises(InputError, match=message):
        check_pregnancy(person, week)
    with pytest.raises(InputError, match=message):
        Body(person=person, pregnancy_week=week)
