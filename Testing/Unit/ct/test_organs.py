"""The table of organ names."""

from __future__ import annotations

import re
from collections import Counter
from importlib.resources import files

import pytest

from CTDoseSegLib.ct import organs
from CTDoseSegLib.segmentation.atoms import groups_of


def test_version_2_has_117_classes_numbered_without_gaps():
    assert list(organs.total_names(2)) == list(range(1, 118))


def test_version_1_has_104_classes_numbered_without_gaps():
    assert list(organs.total_names(1)) == list(range(1, 105))


@pytest.mark.parametrize(
    ("version", "value", "name"),
    [
        (2, 1, "spleen"),
        (2, 5, "liver"),
        (2, 10, "lung_upper_lobe_left"),
        (2, 51, "heart"),
        (2, 117, "costal_cartilages"),
        (1, 7, "aorta"),
        (1, 13, "lung_upper_lobe_left"),
        (1, 49, "pulmonary_artery"),
        (1, 104, "urinary_bladder"),
    ],
)
def test_values_are_totalsegmentators(version, value, name):
    assert organs.total_names(version)[value] == name


def test_every_name_stands_in_one_row():
    table = files("CTDoseSegLib.ct").joinpath("organs.csv").read_text(encoding="utf-8")
    names = [line.partition(",")[0] for line in table.splitlines()]
    assert [name for name, rows in Counter(names).items() if rows > 1] == []


def test_every_color_is_used_once():
    colors = [row.color for row in organs.organs().values()]
    assert len(set(colors)) == len(colors)
    assert all(re.fullmatch("#[0-9a-f]{6}", color) for color in colors)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("lung", "39607008"),
        ("heart", "80891009"),
        ("esophagus", "32849002"),
        ("liver", "10200004"),
        ("kidney_left", "64033007"),
        ("adrenal_gland_right", "23451007"),
        ("skin", "39937001"),
        ("pulmonary_artery", "81040000"),
        ("lung_trachea_bronchia", "110726009"),
        ("couch", ""),
    ],
)
def test_codes_are_snomed(name, code):
    assert organs.organ(name).snomed_code == code


def test_every_organ_of_the_dose_models_is_in_the_table():
    chest = {f"heart_{part}" for part in ("myocardium", "atrium_left", "atrium_right")}
    chest |= {"heart_ventricle_left", "heart_ventricle_right", "lung_vessels", "skin", "lung"}
    chest |= {"aorta", "esophagus", "lung_trachea_bronchia", "pulmonary_artery"}
    abdomen = {"colon", "gallbladder", "pancreas", "small_bowel", "stomach", "urinary_bladder"}
    assert chest | abdomen | set(organs.LUNG_LOBES) <= set(organs.organs())


def test_a_name_outside_the_table_gets_a_color_that_stays():
    first, second = organs.organ("label_200"), organs.organ("label_200")
    assert first == second
    assert re.fullmatch("#[0-9a-f]{6}", first.color)
    assert first.snomed_code == ""


def test_body_is_everything_but_the_couch():
    groups = groups_of(["body_rest", "skin", "couch", "liver"])
    assert groups["body"] == ("body_rest", "skin", "liver")
    assert groups["couch"] == ("couch",)


def test_lung_is_its_lobes_with_the_vessels_inside_them():
    groups = groups_of([*organs.LUNG_LOBES, "lung_vessels", "trachea"])
    assert set(groups["lung"]) == {*organs.LUNG_LOBES, "lung_vessels"}
    assert set(groups["lung_left"]) == {"lung_upper_lobe_left", "lung_lower_lobe_left"}


def test_vessels_alone_are_no_lung():
    assert "lung" not in groups_of(["lung_vessels"])


def test_heart_is_its_chambers():
    names = ["heart_myocardium", "heart_atrium_left", "aorta"]
    assert groups_of(names)["heart"] == ("heart_myocardium", "heart_atrium_left")


@pytest.mark.parametrize("name", ["vertebrae_L1", "rib_left_3", "sternum", "hip_left", "bone"])
def test_bones_are_bone(name):
    assert organs.is_bone(name)


@pytest.mark.parametrize("part", ["cortex", "spongiosa"])
@pytest.mark.parametrize("bone", ["skull", "mandible", "sacrum", "sternum", "vertebrae_C1"])
def test_a_part_of_a_bone_is_bone_and_in_its_group(bone, part):
    name = f"{bone}_{part}"
    assert organs.is_bone(name)
    assert groups_of([name, "brain"])["bone"] == (name,)


@pytest.mark.parametrize(
    "name", ["costal_cartilages", "spinal_cord", "liver", "kidney_left_cortex", "teeth"]
)
def test_cartilage_and_cord_are_not(name):
    assert not organs.is_bone(name)
