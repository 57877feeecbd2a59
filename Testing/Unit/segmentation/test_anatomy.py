"""A label map is checked against anatomy: what cannot be is taken away or flagged, nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from torso_in_boxes import (
    AFFINE,
    LIVER,
    NAMES,
    VALUE,
    Torso,
    box,
    found,
    scan,
    with_heart_as_liver,
)

from CTDoseSegLib.flags import flag
from CTDoseSegLib.flags.summary import summarize
from CTDoseSegLib.segmentation.anatomy.check import check_anatomy
from CTDoseSegLib.segmentation.doubt import unsure_flag
from CTDoseSegLib.segmentation.segmenting import segment


def test_a_torso_as_it_is_raises_nothing_and_keeps_its_voxels():
    series, labelmap = Torso().scan()
    checked = check_anatomy(series, labelmap)
    assert checked.flags == ()
    assert checked.labels is labelmap.labels


@pytest.mark.parametrize(
    ("transpose", "columns"),
    [((1, 0, 2), (0, 2, 1)), ((0, 2, 1), (1, 0, 2)), ((2, 1, 0), (2, 1, 0))],
)
def test_a_torso_along_other_axes_raises_nothing(transpose, columns):
    turned = AFFINE[:, [*columns, 3]]
    series, labelmap = Torso().scan(turned, transpose)
    assert check_anatomy(series, labelmap).flags == ()


def test_a_heart_drawn_as_liver_is_taken_away_and_the_dome_stays():
    torso = with_heart_as_liver()
    series, labelmap = torso.scan()
    checked = check_anatomy(series, labelmap)
    taken = (labelmap.labels == VALUE["liver"]) & (checked.labels == VALUE["body_rest"])
    assert taken[24:30, 10:34, 38:56].mean() > 0.95
    assert taken[20:24, 10:34, 46:56].mean() > 0.95
    assert not taken[:20].any()
    assert not taken[:, :, :36].any()
    assert ("organ_corrected", LIVER) in found(checked)
    assert "slices 20-29" in checked.flags[0].detail


def test_what_was_corrected_and_stays_in_doubt_is_one_notice_with_organs_and_one_consequence():
    flags = check_anatomy(*with_heart_as_liver().scan()).flags
    assert {one.code for one in flags} == {"organ_corrected", "organ_doubtful"}
    (notice,) = summarize(flags)
    assert notice.findings == (
        "What is drawn contradicts anatomy: liver (slices 20-29), 19 % of it had to be taken away: "
        "it is heart, between the lungs and left of the dome.",
    )
    assert notice.consequences == ("volume, HU and dose are those of what is drawn now",)


def test_where_a_heart_is_drawn_a_left_lobe_that_grows_again_stays():
    torso = with_heart_as_liver()
    series, labelmap = torso.scan()
    labels = labelmap.labels.copy()
    labels[32:36, 20:30, 40:50] = len(NAMES) + 1
    series, labelmap = scan(series.hu, labels, names=(*NAMES, "heart"))
    checked = check_anatomy(series, labelmap)
    assert (checked.labels == VALUE["liver"]).sum() == (labels == VALUE["liver"]).sum()


def test_a_kidney_of_a_few_ml_in_a_lung_is_none_and_has_no_flag_of_doubt():
    torso = Torso()
    torso.labels[28:30, 30:33, 60:63] = len(NAMES) + 1
    torso.hu[28:30, 30:33, 60:63] = 40
    series, labelmap = torso.scan()
    series, labelmap = scan(series.hu, labelmap.labels, names=(*NAMES, "kidney_left"))
    checked = check_anatomy(series, replace(labelmap, flags=(unsure_flag("kidney_left", 0.9),)))
    assert "kidney_left" not in checked.groups
    assert found(checked) == [("organ_corrected", "organ kidney_left")]
    assert "a body of this size has" in checked.flags[0].detail


def test_of_an_organ_that_is_taken_away_no_voxel_between_points_is_left():
    torso = Torso()
    series, labelmap = torso.scan()
    fine = np.diag([1 / 4, 1 / 4, 1 / 2, 1.0])
    hu = series.hu.repeat(2, 0).repeat(4, 1).repeat(4, 2)
    labels = labelmap.labels.repeat(2, 0).repeat(4, 1).repeat(4, 2)
    labels[57:60, 121:130, 241:250] = labels[61, 140, 260] = len(NAMES) + 1
    hu[57:60, 121:130, 241:250] = 40
    series, labelmap = scan(hu, labels, AFFINE @ fine, names=(*NAMES, "kidney_left"))
    checked = check_anatomy(series, labelmap)
    assert not (checked.labels == len(NAMES) + 1).any()


def test_what_goes_on_above_the_dome_is_taken_away():
    torso = Torso()
    heart = box((23, 27), (20, 26), (38, 44))  # too little to have grown again, near the dome
    torso.put("liver", heart, 60)
    checked = check_anatomy(*torso.scan())
    assert (checked.labels[24:27, 20:26, 38:44] == VALUE["body_rest"]).all()
    assert (checked.labels[20:24, 12:36, 16:36] == VALUE["liver"]).all()


def test_the_liver_does_not_begin_again_above_the_heart():
    torso = with_heart_as_liver()
    atrium = box((30, 33), (14, 34), (26, 36))
    torso.put("liver", atrium, 60)
    checked = check_anatomy(*torso.scan())
    assert (checked.labels[atrium] == VALUE["body_rest"]).all()


def test_an_organ_of_the_users_on_a_body_of_an_engine_stays_as_it_is():
    series, labelmap = with_heart_as_liver().scan()
    checked = check_anatomy(series, labelmap, keep={"liver"})
    assert checked.labels is labelmap.labels
    assert found(checked) == [("organ_doubtful", LIVER)]


def test_the_users_organs_are_flagged_and_never_changed():
    series, labelmap = with_heart_as_liver().scan()
    checked = segment(series, "auto", user_segmentation=labelmap)
    assert checked.labels is labelmap.labels
    assert found(checked) == [("organ_doubtful", LIVER)]


def test_a_kidney_drawn_as_liver_is_taken_away_by_its_density():
    torso = Torso()
    torso.put("liver", box((4, 12), (36, 46), (22, 32)), 170)
    series, labelmap = torso.scan()
    checked = check_anatomy(series, labelmap)
    assert found(checked) == [("organ_corrected", LIVER)]
    kidney = checked.labels[5:11, 38:46, 23:31]
    assert (kidney == VALUE["body_rest"]).mean() > 0.95
    assert (checked.labels[4:20, 10:34, 10:50] == VALUE["liver"]).all()


@pytest.mark.parametrize(("hu", "flags"), [(170, []), (300, [("organ_doubtful", LIVER)])])
def test_what_the_liver_encloses_stays_and_is_flagged_over_200_hu(hu, flags):
    torso = Torso()
    torso.put("liver", box((8, 12), (18, 28), (22, 32)), hu)
    series, labelmap = torso.scan()
    checked = check_anatomy(series, labelmap)
    assert found(checked) == flags
    assert checked.labels is labelmap.labels


def test_a_vessel_full_of_contrast_is_no_bone():
    torso = Torso()
    vessel = box((20, 34), (24, 36), (40, 52))
    torso.put("bone", vessel, 300)
    series, labelmap = torso.scan(np.diag([0.45, 0.45, 0.75, 1.0]) @ AFFINE)
    checked = check_anatomy(series, labelmap)
    place = "organ bone"  # in doubt as well, as much of it had to be taken away
    assert found(checked) == [("organ_corrected", place), ("organ_doubtful", place)]
    assert (checked.labels[vessel] == VALUE["body_rest"]).mean() > 0.9
    spine = box((0, 40), (43, 53), (40, 50))
    assert (checked.labels[spine] == VALUE["bone"]).all()


def test_coarse_images_show_no_cortex_so_that_nothing_is_taken_for_contrast_there():
    torso = Torso()
    torso.put("bone", box((20, 34), (24, 36), (40, 52)), 300)
    assert check_anatomy(*torso.scan()).flags == ()


def test_what_has_a_cortex_is_bone_though_its_inside_is_of_one_density():
    torso = Torso()
    torso.put("bone", box((18, 36), (21, 39), (37, 55)), 570)
    torso.put("bone", box((20, 34), (24, 36), (40, 52)), 470)
    assert check_anatomy(*torso.scan()).flags == ()


def test_values_that_are_no_hu_are_not_judged_by_hu():
    torso = Torso()
    torso.put("bone", box((20, 34), (24, 36), (40, 52)), 300)
    series, labelmap = torso.scan()
    series = replace(series, flags=(flag("not_hu", "test"),))
    assert check_anatomy(series, labelmap).flags == ()


def test_a_small_piece_far_away_is_taken_away_and_a_large_one_is_flagged():
    torso = Torso()
    torso.put("liver", box((12, 16), (44, 48), (74, 78)), 55)
    series, labelmap = torso.scan()
    checked = check_anatomy(series, labelmap)
    assert found(checked) == [("organ_corrected", LIVER)]
    assert not (checked.labels[:, 44:48, 74:78] == VALUE["liver"]).any()
    torso.put("spleen", box((24, 30), (48, 54), (60, 76)), 50)
    checked = check_anatomy(*torso.scan())
    assert ("organ_doubtful", "organ spleen") in found(checked)


def test_a_piece_cut_by_the_last_slice_is_not_judged():
    torso = Torso()
    torso.put("spleen", box((36, 40), (48, 54), (60, 76)), 50)
    assert check_anatomy(*torso.scan()).flags == ()


def test_gas_inside_the_stomach_is_given_to_it():
    torso = Torso()
    gas = box((12, 16), (14, 22), (62, 68))
    torso.put("body_rest", gas, -900)
    beside = box((12, 16), (12, 20), (70, 76))
    torso.put("body_rest", beside, -900)
    checked = check_anatomy(*torso.scan())
    assert (checked.labels[gas] == VALUE["stomach"]).all()
    assert (checked.labels[beside] == VALUE["body_rest"]).all()
    assert found(checked) == [("organ_corrected", "organ stomach")]


def test_a_liver_far_too_small_for_the_body_is_flagged():
    torso = Torso()
    torso.labels[torso.labels == VALUE["liver"]] = VALUE["body_rest"]
    torso.put("liver", box((10, 18), (14, 28), (16, 36)), 60)
    flags = check_anatomy(*torso.scan()).flags
    assert [(one.code, one.place) for one in flags] == [("organ_doubtful", LIVER)]
    assert flags[0].detail.startswith("liver (slices 10-17), 287 ml where a body of this size has ")
