"""Braincase and brain: sizes, what encloses what, and what grows with age."""

from __future__ import annotations

import numpy as np
import pytest
from painted_heads import sampled_head, soft_head, touches

from CTDoseSegLib.phantom.bodies.frame import Frame
from CTDoseSegLib.phantom.bodies.head_skull import head_for_brain, vault_mm
from CTDoseSegLib.phantom.bodies.person import Person

BODIES = [(0, "male"), (1, "female"), (5, "male"), (30, "male"), (30, "female")]


@pytest.mark.parametrize(("age_y", "sex"), BODIES)
def test_the_brain_weighs_about_the_reference_before_it_is_solved(age_y, sex):
    head = sampled_head(age_y, sex)
    assert head.mass_g("brain") == pytest.approx(head.painter.masses_g["brain"], rel=0.12)


@pytest.mark.parametrize(("age_y", "sex"), [(5, "male"), (30, "male"), (30, "female")])
def test_bone_encloses_the_brain(age_y, sex):
    """Above the foramen magnum no brain or fluid touches muscle, fat, skin or air."""
    head = sampled_head(age_y, sex)
    frame = head.painter.frame
    start = int((frame.head_point(0, 0, 0)[2] - 28 * frame.head_scale - head.origin[2]) / head.mm)
    soft = head.of("skeletal_muscle", "subcutaneous_fat", "skin") | (head.index == 0)
    assert not touches(head.of("brain"), soft)[start:].any()


def test_the_brain_grows_into_the_fluid_and_leaves_the_bone():
    small, large = (sampled_head(30, "male", (("brain", size),)) for size in (0.97, 1.03))
    assert large.mass_g("brain") > 1.05 * small.mass_g("brain")
    for atom in ("skull_cortex", "skull_spongiosa"):
        assert np.array_equal(small.of(atom), large.of(atom))


def test_a_larger_brain_thins_the_vault():
    usual, large = soft_head(30, "male"), soft_head(30, "male")
    large.masses_g["brain"] *= 1.06
    assert 3.0 < vault_mm(large) < vault_mm(usual) - 1.0 < 7.0


def test_the_vault_thickens_with_age():
    thick = [vault_mm(soft_head(age, "male")) for age in (0, 5, 15, 30)]
    assert thick == sorted(thick)
    assert thick[0] < 2.5
    assert 5.5 < thick[-1] < 8.0


def test_the_fontanelle_is_open_at_birth_and_closed_in_a_child():
    def bone(age_y):
        head = sampled_head(age_y, "female")
        above = [head.atom_at(0, 30, z) or "" for z in np.arange(70, 100, 1.0)]
        return any(atom.startswith("skull") for atom in above)

    assert not bone(0)
    assert bone(5)


@pytest.mark.parametrize("age_y", [0, 5, 30])
def test_the_brainstem_reaches_the_cord_without_bone_between(age_y):
    head = sampled_head(age_y, "male")
    course = [head.atom_at(0, y, z) for y, z in ((-12, -20), (-16, -28), (-18, -32))]
    assert set(course) <= {"brain", "cerebrospinal_fluid"}


def test_mastoid_cells_are_absent_at_birth():
    def air(age_y):
        head = sampled_head(age_y, "male", mm=1.5)
        low = np.argwhere(head.of("air_sinuses")) * head.mm + head.origin[::-1]
        brain = head.painter.frame.head_point(0, 0, 0)
        s = head.painter.frame.head_scale
        return int(((low[:, 1] < brain[1] - 20 * s) & (low[:, 0] < brain[2] - 37 * s)).sum())

    assert air(0) == 0
    assert air(30) > 50


def test_the_old_have_more_fluid_in_the_head():
    young, old = sampled_head(30, "female"), sampled_head(85, "female")
    fluid, brain = ("cerebrospinal_fluid", "brain")
    shares = [h.of(fluid).sum() / h.of(fluid, brain).sum() for h in (young, old)]
    assert shares[1] > shares[0] + 0.02


@pytest.mark.parametrize(("age_y", "brain_g"), [(0.5, 600), (0, 396), (30, 1450)])
def test_a_brain_that_the_vault_cannot_hold_makes_the_head_larger(age_y, brain_g):
    frame = Frame(Person.of(age_y, "male"))
    usual, large = (head_for_brain(frame, brain_g * more) for more in (1.0, 1.35))
    assert 0.93 < usual < 1.07
    assert large > usual + 0.05


def test_the_tables_follow_the_cortical_mass():
    thin, thick = (sampled_head(0, "male", (("cortex", size),)) for size in (0.5, 1.0))
    assert thin.of("skull_cortex").sum() < 0.8 * thick.of("skull_cortex").sum()
    assert thin.of("skull_spongiosa").sum() > thick.of("skull_spongiosa").sum()


@pytest.mark.parametrize("age_y", [0, 30])
def test_grey_matter_lies_around_white(age_y):
    head = sampled_head(age_y, "male")
    grey, white = (
        np.isin(head.index, head.painter.of_tissues(f"brain_{name}")) for name in ("grey", "white")
    )
    assert 0.75 < grey.sum() / white.sum() < 1.6  # people: 1.1 to 1.3
    fluid = head.of("cerebrospinal_fluid")
    at = head.painter.frame.head_point(0, 0, 20)[2]
    above = slice(int((at - head.origin[2]) / head.mm), None)
    assert touches(grey, fluid)[above].sum() > 3 * touches(white, fluid)[above].sum()


@pytest.mark.parametrize("age_y", [0, 30])
def test_the_orbits_roof_rises_from_the_midline(age_y):
    head = sampled_head(age_y, "male")

    def floor(x: float) -> float:
        levels = np.arange(-16.0, 12.0, 1.0)
        inside = [head.atom_at(x, 48, z) in ("brain", "cerebrospinal_fluid") for z in levels]
        return float(levels[int(np.argmax(inside))])

    assert floor(30) >= floor(2) + 4 <= floor(-30) + 0.1


def test_sutures_end_where_the_brain_begins():
    head = sampled_head(0, "male")
    atoms = {head.atom_at(0, -20 + y, 40) for y in range(-20, 20)}
    atoms |= {head.atom_at(x, 26, 40) for x in range(10, 40)}
    assert "connective_tissue" not in atoms
