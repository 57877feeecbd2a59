"""Which voxels become air without couch or headrest, and how air is stored."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset

from CTDoseSegLib.errors import InputError, PixelDataError, SegmentationError
from CTDoseSegLib.outputs import dicom_without
from CTDoseSegLib.outputs.couch_mask import MadeAir, mask_without
from CTDoseSegLib.segmentation.atoms import groups_of, named_atom
from CTDoseSegLib.segmentation.labelmap import Labelmap

BODY, BESIDE = 1, 2


def labelmap(name: str = "couch") -> Labelmap:
    """A body on a shell with a hollow in it, and a piece of skin that was drawn as couch."""
    labels = np.zeros((3, 40, 40), np.uint8)
    labels[:, 5:20, 10:30] = BODY
    labels[:, 26:34, 4:36] = BESIDE
    labels[:, 28:32, 8:32] = 0
    labels[1, 4, 15:18] = BESIDE
    atoms = (named_atom(BODY, "body_rest", "test"), named_atom(BESIDE, name, "test"))
    groups = groups_of(atom.name for atom in atoms)
    return Labelmap(labels, np.diag([1.0, 1, 5, 1]), atoms, groups, "test")


def test_the_shell_goes_with_what_it_encloses_and_a_rim():
    mask = mask_without(labelmap(), "couch")
    assert mask[:, 26:34, 4:36].all()
    assert mask[:, 24, 10].all()
    assert not mask[:, :24].any()


def test_no_rim_is_taken_where_the_body_is_near():
    close = labelmap()
    close.labels[:, 20:24, 10:30] = BODY
    mask = mask_without(close, "couch")
    assert not mask[:, 24:26, 15].any()
    assert mask[:, 26, 15].all()


def test_a_piece_of_skin_on_the_body_stays():
    assert not mask_without(labelmap(), "couch")[1, 4].any()


def test_the_headrest_goes_by_either_name():
    assert np.array_equal(
        mask_without(labelmap("headrest"), "couch"), mask_without(labelmap(), "couch")
    )
    with pytest.raises(SegmentationError, match="write --without couch"):
        mask_without(labelmap(), "headrest")


def test_a_few_pixels_of_a_label_are_no_headrest():
    few = labelmap("headrest")
    few.labels[few.labels == BESIDE] = BODY
    few.labels[2, 30, 20] = BESIDE
    with pytest.raises(SegmentationError, match=r"Only 0.005 ml .* headrest"):
        mask_without(few, "headrest")


def test_what_became_air_is_measured_in_ml_and_slices():
    mask = np.zeros((3, 40, 40), bool)
    mask[1:, :10, :20] = True
    made = MadeAir.of(mask, np.diag([-1.0, -1, 5, 1]))
    assert (made.ml, made.slices) == (pytest.approx(2.0), 2)


def image(**values) -> FileDataset:
    data = FileDataset("", {}, file_meta=FileMetaDataset())
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    usual = {"BitsAllocated": 16, "BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0}
    for keyword, value in (usual | {"RescaleSlope": 1, "RescaleIntercept": -1024} | values).items():
        setattr(data, keyword, value)
    return data


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({}, 24),
        ({"PixelRepresentation": 1, "RescaleIntercept": 0}, (1 << 12) - 1000),
        ({"HighBit": 15}, 24 << 4),
        ({"RescaleSlope": 2, "RescaleIntercept": -1024}, 12),
    ],
)
def test_air_is_stored_as_the_file_stores_its_values(values, word):
    data = image(**values)
    stored = np.full((4, 4), 0x0ABC, "<u2")
    data.PixelData = stored.tobytes()
    mask = np.eye(4, dtype=bool)
    dicom_without._replace_pixels(data, mask, "a.dcm")
    words = np.frombuffer(data.PixelData, "<u2").reshape(4, 4)
    assert (words[mask] == word).all()
    assert (words[~mask] == 0x0ABC).all()


def test_air_that_a_file_cannot_store_is_refused():
    data = image(RescaleIntercept=0)
    data.PixelData = bytes(32)
    with pytest.raises(PixelDataError, match="cannot hold air"):
        dicom_without._replace_pixels(data, np.ones((4, 4), bool), "a.dcm")


def test_a_multi_frame_image_is_refused(tmp_path):
    data = image(SOPClassUID="1.2.840.10008.5.1.4.1.1.2.1", SOPInstanceUID="1.2.3")
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.PerFrameFunctionalGroupsSequence = [pydicom.Dataset()]
    data.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    with pytest.raises(InputError, match="multi-frame"):
        dicom_without._read(str(tmp_path / "a.dcm"))
