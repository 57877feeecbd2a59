"""What a scan shows against anatomy as a whole: sides, order, metal, whether it is one person."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage
from torso_in_boxes import (
    AFFINE,
    LIVER,
    NAMES,
    NO_BONE,
    SHAPE,
    VALUE,
    Torso,
    box,
    found,
    scan,
    with_heart_as_liver,
)

from CTDoseSegLib.analysis import analyze
from CTDoseSegLib.flags import codes, flag
from CTDoseSegLib.segmentation.anatomy.check import check_anatomy


def test_a_mirrored_volume_is_flagged():
    torso = Torso()
    torso.hu, torso.labels = torso.hu[:, :, ::-1], torso.labels[:, :, ::-1]
    assert ("mirrored", "scan") in found(check_anatomy(*torso.scan()))


def test_left_is_the_patients_left_however_the_voxels_lie():
    torso = Torso()
    torso.hu, torso.labels = torso.hu[:, :, ::-1], torso.labels[:, :, ::-1]
    reversed_i = AFFINE @ np.array([[-1, 0, 0, 89], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    assert check_anatomy(*torso.scan(reversed_i)).flags == ()


def test_a_volume_with_its_slices_in_reverse_is_flagged():
    """The dome and the heart are then not where they are looked for."""
    torso = with_heart_as_liver()
    torso.put("liver", box((30, 32), (20, 24), (48, 52)), 45)
    torso.hu, torso.labels = torso.hu[::-1], torso.labels[::-1]
    series, labelmap = torso.scan()
    checked = check_anatomy(series, labelmap)
    assert found(checked) == [("upside_down", "scan")]
    assert checked.labels is labelmap.labels


def test_an_airway_below_lungs_and_liver_is_gas_of_the_bowel_and_turns_nothing_round():
    torso = Torso()
    names = (*NAMES, "trachea")
    torso.labels[box((0, 3), (10, 20), (60, 70))] = len(names)
    torso.hu[box((0, 3), (10, 20), (60, 70))] = -900
    series, labelmap = torso.scan()
    series, labelmap = scan(series.hu, labelmap.labels, names=names)
    checked = check_anatomy(series, labelmap)
    assert found(checked) == [("organ_doubtful", "organ trachea")]
    assert "below the lung" in checked.flags[0].detail


def test_a_cylinder_with_rods_of_bone_lung_and_fat_is_no_person():
    labels = np.zeros(SHAPE, np.uint8)
    labels[:, 10:50, 20:70] = 1
    hu = np.where(labels, 20, -1000).astype(np.int16)
    for n, value in enumerate((900, -800, -100)):
        hu[:, 20:25, 25 + 12 * n : 30 + 12 * n] = value
    (one,) = check_anatomy(*scan(hu, labels, names=("body_rest",))).flags
    assert one.code == "no_person"
    assert "of one density" in one.detail


def test_lungs_that_nobody_drew_are_flagged():
    series, labelmap = Torso().scan()
    lungs = (VALUE["lung_left"], VALUE["lung_right"])
    none = np.where(np.isin(labelmap.labels, lungs), VALUE["body_rest"], labelmap.labels)
    checked = check_anatomy(*scan(series.hu, none.astype(np.uint8)))
    assert ("organ_left_out", "organ lung") in found(checked)
    one_side = np.where(labelmap.labels == lungs[0], VALUE["body_rest"], labelmap.labels)
    checked = check_anatomy(*scan(series.hu, one_side.astype(np.uint8)))
    assert ("organ_left_out", "organ lung") not in found(checked)


def test_bone_that_nobody_drew_is_flagged_and_an_enhanced_vessel_beside_bone_is_not():
    series, labelmap = Torso().scan()
    none = np.where(labelmap.labels == VALUE["bone"], VALUE["body_rest"], labelmap.labels)
    checked = check_anatomy(*scan(series.hu, none.astype(np.uint8)))
    assert found(checked) == [("organ_left_out", "organ bone")]
    without = scan(series.hu, np.where(none > 1, none - 1, none).astype(np.uint8), names=NO_BONE)
    assert [one.code for one in check_anatomy(*without).flags] == ["organ_left_out"]
    assert check_anatomy(*without, keep=NO_BONE).flags == ()
    torso = Torso()
    torso.put("body_rest", box((20, 34), (24, 36), (40, 50)), 400)
    assert check_anatomy(*torso.scan()).flags == ()


def test_metal_is_flagged_with_its_slices():
    torso = Torso()
    torso.hu[box((4, 9), (30, 34), (70, 74))] = 8000
    (one,) = check_anatomy(*torso.scan()).flags
    assert (one.code, one.place) == ("metal", "scan")
    assert one.detail == "10 ml in slices 4-8"


def test_a_cylinder_of_plastic_is_no_person():
    labels = np.zeros(SHAPE, np.uint8)
    labels[:, 10:50, 20:70] = 1
    hu = np.where(labels, 120, -1000).astype(np.int16)
    checked = check_anatomy(*scan(hu, labels, names=("body_rest",)))
    assert found(checked) == [("no_person", "scan")]


@pytest.mark.parametrize(
    ("lowest", "added", "why"), [(-200, 0, "light as air"), (-1000, 300, "dense as bone")]
)
def test_values_that_are_no_hu_are_no_person(lowest, added, why):
    """As of MR given as CT, and of values with another offset."""
    series, labelmap = Torso().scan()
    hu = (np.maximum(series.hu, lowest) + added).astype(np.int16)
    flags = check_anatomy(*scan(hu, labelmap.labels)).flags
    assert [one.detail for one in flags if one.code == "no_person" and why in one.detail]


def test_a_trunk_smaller_than_a_newborns_is_no_person():
    tiny = AFFINE @ np.diag([0.24, 0.24, 0.24, 1])
    series, labelmap = Torso().scan(tiny)
    details = [f.detail for f in check_anatomy(series, labelmap).flags if f.code == "no_person"]
    assert details == ["the largest section of the trunk has 39 cm2"]


def two_round_bodies(apart):
    j, i = np.ogrid[: SHAPE[1], : SHAPE[2]]
    hu, labels = np.full(SHAPE, -1000, np.int16), np.zeros(SHAPE, np.uint8)
    for middle in (45 - apart / 2, 45 + apart / 2):
        labels[:, (j - 30) ** 2 / 22**2 + (i - middle) ** 2 / 17**2 < 1] = 1
        hu[:, (j - 40) ** 2 + (i - middle) ** 2 < 9] = 700
    inner = ndimage.binary_erosion(labels > 0, np.ones((1, 7, 7)))
    hu[(labels > 0) & (hu < 0)] = -100
    hu[inner & (hu < 0)] = 30
    labels[hu == 700] = 2
    return hu, labels


@pytest.mark.parametrize(("apart", "flags"), [(33, ["several_bodies"]), (20, []), (0, [])])
def test_two_bodies_that_touch_are_several_and_a_wide_one_is_not(apart, flags):
    series, labelmap = scan(*two_round_bodies(apart), names=("body_rest", "bone"))
    assert [one.code for one in check_anatomy(series, labelmap).flags] == flags


def test_two_bodies_beside_each_other_are_not_mirrored():
    torso = Torso()
    torso.hu, torso.labels = torso.hu[:, :, ::-1], torso.labels[:, :, ::-1]
    series, labelmap = torso.scan()
    several = replace(labelmap, flags=(flag("several_bodies"),))
    assert [one.code for one in check_anatomy(series, several).flags] == ["several_bodies"]


@pytest.mark.parametrize("k", [2, 12, 22, 39])
def test_one_slice_raises_nothing(k):
    series, labelmap = Torso().scan()
    one = slice(k, k + 1)
    assert check_anatomy(*scan(series.hu[one], labelmap.labels[one])).flags == ()


def test_slices_20_mm_apart_raise_nothing():
    series, labelmap = Torso().scan()
    thick = AFFINE @ np.diag([1, 1, 2.5, 1])
    few = slice(0, None, 2)
    assert check_anatomy(*scan(series.hu[few], labelmap.labels[few], thick)).flags == ()


def test_a_label_map_without_a_body_is_returned_as_it_is():
    series, labelmap = Torso().scan()
    empty = replace(labelmap, labels=np.zeros_like(labelmap.labels))
    assert check_anatomy(series, empty) is empty


def test_an_organ_at_the_edge_of_the_field_of_view_is_cut_and_its_coverage_unknown():
    series, labelmap = Torso().scan()
    part = slice(14, None)  # the liver begins at column 10
    start = AFFINE @ np.array([14, 0, 0, 1.0])
    affine = np.column_stack([AFFINE[:, :3], start])
    series, labelmap = scan(series.hu[:, :, part], labelmap.labels[:, :, part], affine)
    checked = check_anatomy(series, labelmap)
    assert ("organ_cut_by_field", LIVER) in found(checked)
    organs = {organ.organ: organ for organ in analyze(series, checked).doses.organs}
    assert organs["liver"].coverage is None
    assert "organ_cut_by_field" in codes(organs["liver"].flags)
    assert "organ_cut;" not in codes(organs["liver"].flags) + ";"
    assert organs["spleen"].coverage == 1.0
