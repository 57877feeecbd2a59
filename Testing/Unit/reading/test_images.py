"""CT and MR stacks of a folder for a network: which can be read, and with which pixels."""

from __future__ import annotations

import shutil

import numpy as np
import pydicom
import pytest
from unlabelled_images import SHAPE, SPACING_MM, changed, ct_folder, mr_folder

from CTDoseSegLib.errors import InputError
from CTDoseSegLib.reading.images import FieldOfView, image_groups, read_stack, sentences
from CTDoseSegLib.reading.reader import read_series

ROWS, COLUMNS, SLICES = SHAPE


@pytest.fixture(scope="module")
def mr(tmp_path_factory):
    return mr_folder(tmp_path_factory.mktemp("mr"))


@pytest.fixture(scope="module")
def ct(tmp_path_factory):
    return ct_folder(tmp_path_factory.mktemp("ct"))


def test_a_ct_has_its_hu_and_place_but_no_exposure(ct):
    (group,) = image_groups(ct)
    stack, series = read_stack(group), read_series(ct)
    assert stack.modality == "CT"
    assert np.array_equal(stack.series.hu, series.hu)
    assert np.allclose(stack.series.affine, series.affine)
    assert stack.series.acquisition.kvp_kV is None
    assert series.acquisition.kvp_kV is not None


def test_an_mr_may_have_a_slope(mr, tmp_path):
    images = shutil.copytree(mr, tmp_path / "images")
    changed(images, lambda data: data.update({"RescaleSlope": "0.5", "RescaleIntercept": "3"}))
    plain, scaled = (read_stack(image_groups(folder)[0]).series.hu for folder in (mr, images))
    assert np.allclose(scaled, plain * 0.5 + 3)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Modality": "PT"}, "it is PET"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "it is a localizer"),
        ({"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}, "its images are not axial"),
        ({"NumberOfFrames": 2}, "it is a multi-frame MR"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "it is a picture"),
    ],
)
def test_what_no_network_can_take_is_left_out_with_its_reason(mr, tmp_path, change, reason):
    images = shutil.copytree(mr, tmp_path / "images")
    changed(images, lambda data: data.update(change))
    (sentence,) = set(sentences(image_groups(images)))
    assert "was left out: " + reason in sentence


def test_a_field_of_view_gives_square_pixels_where_none_are_stated(mr, tmp_path):
    images = shutil.copytree(mr, tmp_path / "images")
    changed(images, lambda data: delattr(data, "PixelSpacing"))
    (group,) = image_groups(images)
    assert "--fov" in group.unusable
    (group,) = image_groups(images, view=FieldOfView(3.0 * COLUMNS, COLUMNS))
    assert read_stack(group).series.spacing_mm[:2] == (3.0, 3.0)


def test_a_field_of_view_that_agrees_with_the_images_changes_nothing(mr):
    (group,) = image_groups(mr, view=FieldOfView(COLUMNS * SPACING_MM[1]))
    assert read_stack(group).series.spacing_mm[:2] == (SPACING_MM[1], SPACING_MM[0])
    with pytest.raises(InputError, match="correct it to"):
        image_groups(mr, view=FieldOfView(COLUMNS * SPACING_MM[1] * 1.1))


def test_a_series_is_chosen_by_the_end_of_its_uid(ct, mr, tmp_path):
    shutil.copytree(ct, tmp_path / "images" / "a")
    shutil.copytree(mr, tmp_path / "images" / "b")
    uid = pydicom.dcmread(next(mr.glob("*.dcm"))).SeriesInstanceUID
    assert [group.modality for group in image_groups(tmp_path / "images")] == ["CT", "MR"]
    assert [group.modality for group in image_groups(tmp_path / "images", uid[-8:])] == ["MR"]
