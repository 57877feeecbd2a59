"""Groups of a body's atoms."""

from __future__ import annotations

import pytest
from body_skeletons import body

from CTDoseSegLib.ct.organs import LUNG_LOBES, organs
from CTDoseSegLib.phantom.bodies.body import Body, Pose
from CTDoseSegLib.phantom.bodies.groups import groups_of, is_body_bone, stem
from CTDoseSegLib.phantom.bodies.outside import Build
from CTDoseSegLib.phantom.bodies.person import Person

VESSELS = tuple(lobe.replace("lung_", "lung_vessels_") for lobe in LUNG_LOBES)


def test_the_body_is_all_but_what_lies_around_it():
    groups = groups_of(("skin", "liver", "couch", "headrest", "blanket"))
    assert groups["body"] == ("skin", "liver")
    assert groups["couch"] == ("couch",)


@pytest.mark.parametrize(
    ("atoms", "group"),
    [
        (("stomach_wall", "stomach_contents"), "stomach"),
        (("vertebrae_L1_cortex", "vertebrae_L1_spongiosa"), "vertebrae_L1"),
        (("femur_left_cortex", "femur_left_spongiosa", "femur_left_medullary"), "femur_left"),
        (("breast_left_glandular", "breast_left_adipose"), "breast_left"),
        (("heart_myocardium", "heart_atrium_left"), "heart"),
        (("kidney_left", "kidney_right"), "kidney"),
        (("adrenal_gland_left", "adrenal_gland_right"), "adrenal_gland"),
        (("eye_left", "eye_right"), "eye"),
        (("eye_lens_left", "eye_lens_right"), "eye_lens"),
        (("parotid_gland_left", "sublingual_glands"), "salivary_glands"),
        (("trachea", "bronchi"), "lung_trachea_bronchia"),
        (("rib_left_1_cortex", "rib_right_12_spongiosa"), "ribs"),
        (("vertebrae_C1_cortex", "sacrum_spongiosa"), "spine"),
        (("tibia_left_cortex", "skull_cortex", "mandible_spongiosa", "hip_left_cortex"), "bone"),
    ],
)
def test_a_group_is_its_atoms(atoms, group):
    assert groups_of((*atoms, "skin"))[group] == atoms


def test_an_organ_in_two_breasts_is_one_group():
    atoms = ("breast_left_glandular", "breast_right_adipose")
    assert groups_of(atoms)["breast"] == atoms


def test_lungs_are_lobes_with_the_vessels_inside_them():
    groups = groups_of((*LUNG_LOBES, *VESSELS))
    assert set(groups["lung"]) == {*LUNG_LOBES, *VESSELS}
    assert groups["lung_upper_lobe_left"] == (
        "lung_upper_lobe_left",
        "lung_vessels_upper_lobe_left",
    )
    assert all("_left" in name for name in groups["lung_left"])
    assert groups["lung_vessels"] == VESSELS


@pytest.mark.parametrize("atom", ["hip_prosthesis_left", "spinal_cord", "costal_cartilages"])
def test_metal_cord_and_cartilage_are_no_bone(atom):
    assert not is_body_bone(atom)
    assert "bone" not in groups_of((atom, "skin"))


def test_groups_without_atoms_are_left_out():
    assert set(groups_of(("skin",))) == {"body", "skin"}


def test_every_group_of_a_skeleton_is_in_the_table_of_organs():
    atoms = tuple({m.atom: None for m in body(30, "male").painter.canvas.materials if m.atom})
    whole = {stem(atom) for atom in atoms} | (set(groups_of(atoms)) - set(atoms))
    assert whole - set(organs()) == set()


@pytest.mark.parametrize(
    "body",
    [
        Body(person=Person.of(30, "male"), implants=("hip_prosthesis_left", "pacemaker")),
        Body(
            person=Person.of(30, "female"),
            pregnancy_week=30.0,
            implants=("breast_implant_left", "spinal_screws", "bone_cement", "dental_fillings"),
        ),
        Body(person=Person.of(0, "female")),
    ],
    ids=["man", "pregnant", "newborn"],
)
def test_every_label_of_a_body_is_in_the_table_of_organs(body):
    painter = body._paint({}, Build(), Pose(blanket=True))
    atoms = tuple(dict.fromkeys(m.atom for m in painter.canvas.materials if m.atom))
    assert len(atoms) > 240
    assert {stem(name) for name in (*atoms, *groups_of(atoms))} - set(organs()) == set()
