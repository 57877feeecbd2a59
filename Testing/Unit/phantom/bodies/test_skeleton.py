"""The skeleton as a whole: all bones, inside the skin, with masses that can be solved for."""

from __future__ import annotations

import numpy as np
import pytest
from body_skeletons import body

from CTDoseSegLib.phantom.bodies.groups import is_body_bone, stem
from CTDoseSegLib.phantom.bodies.painter import Goal

SPINE = [f"C{n}" for n in range(1, 8)] + [f"T{n}" for n in range(1, 13)]
SPINE += [f"L{n}" for n in range(1, 6)]
ONE = ["sacrum", "sternum", *(f"vertebrae_{name}" for name in SPINE)]
PAIRED = [f"rib_{{}}_{n}" for n in range(1, 13)] + [
    f"{name}_{{}}"
    for name in (
        *("clavicula", "scapula", "humerus", "radius", "ulna", "hand_bones"),
        *("hip", "femur", "patella", "tibia", "fibula", "foot_bones"),
    )
]


@pytest.mark.parametrize("sex", ["male", "female"])
def test_an_adult_has_every_bone(sex):
    sampled = body(30, sex)
    there = {
        stem(sampled.painter.canvas.materials[n].atom or "") for n in np.unique(sampled.labels)
    }
    wanted = {*ONE, *(p.format(s) for p in PAIRED for s in ("left", "right"))}
    assert wanted - there == set()


@pytest.mark.parametrize("name", PAIRED)
def test_right_bones_are_on_the_right_and_mirror_the_left(name):
    sampled = body(30, "male")
    right, left = (sampled.middle(f"{name.format(side)}_*") for side in ("right", "left"))
    if "rib" in name:
        right, left = (
            sampled.middle(f"{name.format(side)}_cortex", f"{name.format(side)}_spongiosa")
            for side in ("right", "left")
        )
    assert right[0] > 5
    assert np.allclose(right, left * (-1, 1, 1), atol=4)


@pytest.mark.parametrize(
    ("age", "sex", "fat_mm"), [(0, "female", None), (5, "male", None), (30, "female", 5.0)]
)
def test_bones_leave_skin_and_air_as_they_are(age, sex, fat_mm):
    with_bones, without = body(age, sex, fat_mm=fat_mm), body(age, sex, fat_mm=fat_mm, bones=False)
    skin = without.mask("skin") | (without.labels == 0)
    assert (with_bones.mask("skin") | (with_bones.labels == 0))[skin].all()
    bone = [m.atom for m in with_bones.painter.canvas.materials if m.atom and is_body_bone(m.atom)]
    assert not (with_bones.mask(*bone) & skin).any()


def test_masses_are_registered_for_the_loop_that_solves_sizes():
    parts = body(30, "male").painter.goals
    assert parts["bones"] == Goal(("bone_spongiosa",), 2.0)
    assert parts["cortex"] == Goal(("bone_cortical",), 1.0)
    assert parts["spinal_cord"] == Goal(("spinal_cord",), 2.0)


def _tissue_ml(sampled, mass: str) -> float:
    wanted = [n for n, (_, _, key) in enumerate(sampled.painter.tissues) if key == mass]
    return float(np.isin(sampled.labels, wanted).sum()) * sampled.step_mm**3 / 1000


def test_cortex_and_girth_change_the_two_masses():
    usual = body(30, "male")
    thick = body(30, "male", sizes=(("cortex", 1.4),))
    wide = body(30, "male", sizes=(("bones", 1.15),))
    cortical, inside = (_tissue_ml(usual, f"bone_{k}") for k in ("cortical", "spongiosa"))
    assert 1.2 < _tissue_ml(thick, "bone_cortical") / cortical < 1.5
    whole = _tissue_ml(thick, "bone_cortical") + _tissue_ml(thick, "bone_spongiosa")
    assert whole == pytest.approx(cortical + inside, rel=0.03)
    assert _tissue_ml(wide, "bone_spongiosa") / inside == pytest.approx(1.15**2, rel=0.12)


@pytest.mark.parametrize(
    # ICRP 145 and 156 with blood, less about 15 % (a third at birth) for the skull.
    ("age", "sex", "cortical_g", "spongiosa_g", "density"),
    [
        (30, "male", 3750, 4800, 1.92),
        (30, "female", 2700, 3500, 1.92),
        (5, "male", 560, 980, 1.70),
        (0, "male", 55, 140, 1.65),
    ],
)
def test_masses_at_size_1_are_near_the_references(age, sex, cortical_g, spongiosa_g, density):
    sampled = body(age, sex)
    assert _tissue_ml(sampled, "bone_cortical") * density == pytest.approx(cortical_g, rel=0.2)
    assert _tissue_ml(sampled, "bone_spongiosa") * 1.12 == pytest.approx(spongiosa_g, rel=0.3)


def test_fat_does_not_change_the_bones():
    lean, obese = body(30, "female", fat_mm=5.0), body(30, "female", fat_mm=60.0)
    for atom in ("femur_right_*", "hip_left_*", "vertebrae_L3_*", "sternum_*"):
        assert obese.ml(atom) == pytest.approx(lean.ml(atom), rel=0.1)
