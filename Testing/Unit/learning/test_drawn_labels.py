"""Drawn labels: contrast is no bone, gas is the stomach's, doubt is undecided."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

TRAINING = Path(__file__).resolve().parents[2] / "Training"
sys.path.insert(0, str(TRAINING))

from drawn_labels import BODY, BONE, CLASSES, STOMACH, UNDECIDED, VALUES, draw, shape_masks  # noqa: E402

SIZE, HEART, AORTA, LIVER, LUNG = (40, 40), VALUES["heart"], VALUES["aorta"], 7, 3
CASES = json.loads((TRAINING / "drawn_labels.json").read_text(encoding="utf-8"))


def box(left, top, right, bottom):
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def body(slices=3):
    return np.full((slices, *SIZE), BODY, np.uint8), np.full((slices, *SIZE), 50, np.int16)


def test_polygons_grow_into_one_another_between_their_slices():
    masks = shape_masks({"0": box(15, 15, 25, 25), "4": box(5, 5, 35, 35)}, SIZE)
    areas = [int(masks[k].sum()) for k in range(5)]
    assert areas == sorted(areas)
    assert areas[0] == 121
    assert areas[4] == 31 * 31
    assert areas[0] < areas[2] < areas[4]


def test_ellipses_move_with_their_slices():
    masks = shape_masks({"2": [10, 10, 4, 4], "4": [20, 10, 4, 4]}, SIZE)
    assert sorted(masks) == [2, 3, 4]
    assert np.argwhere(masks[3]).mean(axis=0) == pytest.approx([10, 15])


def test_contrast_in_the_aorta_is_no_bone():
    labels, hu = body()
    hu[:, 10:20, 10:20] = 300
    labels[:, 10:20, 10:20] = BONE
    part = {
        "organ": "aorta",
        "shapes": {"0": [14.5, 14.5, 8, 8], "2": [14.5, 14.5, 8, 8]},
        "hu": [150, 600],
        "over": ["body_rest", "bone"],
    }
    made = draw(labels, hu, [part], pixel_mm=1.0)
    assert (made[:, 12:18, 12:18] == AORTA).all()
    assert not (made == BONE).any()


def test_what_no_contrast_parts_is_undecided_and_what_a_lung_bounds_is_not():
    labels, hu = body()
    labels[:, :, 20:] = LIVER
    labels[:, :10], hu[:, :10] = LUNG, -850
    part = {
        "organ": "heart",
        "shapes": {"0": box(5, 10, 19, 30), "2": box(5, 10, 19, 30)},
        "hu": [-30, 400],
        "doubt_mm": 4,
    }
    made = draw(labels, hu, [part], pixel_mm=1.0)
    assert (made[1, 18:22, 17:24] == UNDECIDED).any(axis=1).all()
    assert not ((made[1, 20, :-1] == HEART) & (made[1, 20, 1:] == LIVER)).any()
    assert (made[1, 12:26, 10:15] == HEART).all()
    assert (made[1, :9] == LUNG).all()


def test_a_bubble_in_the_stomach_is_stomach_and_one_in_the_bowel_is_not():
    labels, hu = body()
    labels[:, 5:20, 5:20] = STOMACH
    hu[:, 8:14, 8:14], labels[:, 8:14, 8:14] = -900, BODY
    hu[:, 30:35, 30:35] = -900
    made = draw(labels, hu, [], pixel_mm=1.0)
    assert (made[:, 9:13, 9:13] == STOMACH).all()
    assert (made[:, 30:35, 30:35] == BODY).all()


def test_a_missing_piece_of_bone_is_found_from_the_next_slice():
    labels, hu = body()
    hu[:, 10:16, 10:20] = 500
    labels[0, 10:16, 10:20] = BONE
    made = draw(labels, hu, [], pixel_mm=1.0)
    assert (made[:, 11:15, 11:19] == BONE).all()
    assert not (made[:, 20:] == BONE).any()


@pytest.mark.parametrize("case", CASES)
def test_every_case_names_classes_shapes_and_whom_it_is_for(case):
    held_out = case in ("lungdx_A0002_thorax", "example_ct_dicom")
    assert (CASES[case].get("for") == "judging") == held_out
    for part in CASES[case]["parts"]:
        assert {part["organ"], *part.get("over", [])} <= set(CLASSES.values())
        kinds = {np.ndim(shape) for shape in part["shapes"].values()}
        assert len(kinds) == 1, "polygons and ellipses are not interpolated into one another"
