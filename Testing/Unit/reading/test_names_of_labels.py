"""Names of labels: from the file's own table, from a table beside it, or from the user."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from label_files import image_of, write_rtstruct, write_seg, write_slicer_segmentation

from CTDoseSegLib.cli.arguments import label_names
from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.organs import known_name, name_of, name_of_code
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.ct.volume_files import write_nifti
from CTDoseSegLib.errors import DependencyError, GeometryError, InputError, SegmentationError
from CTDoseSegLib.segmentation.user import read_labelmap

AFFINE = np.array([[-0.75, 0, 0, 180], [0, -0.75, 0, 150.5], [0, 0, 5, -420.25], [0, 0, 0, 1]])
SHAPE = (4, 6, 8)
LIVER, KIDNEY, LEFT = "10200004", "64033007", "7771000"
TERMINOLOGY = (
    "TerminologyEntry:list~SCT^123037004^Anatomical Structure~SCT^64033007^Kidney~SCT^7771000^Left"
    "~Anatomic codes~^^~^^"
)


def series(shape=SHAPE, affine=AFFINE) -> CTSeries:
    slices = tuple(SliceInfo(z_mm=float(affine[2, 3] + 5 * k)) for k in range(shape[0]))
    return CTSeries(np.zeros(shape, np.int16), affine, slices, Acquisition(), "test")


def two_organs() -> np.ndarray:
    """1 in 12 voxels of slice 1, 2 in 4 voxels of slice 2."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[1, 1:4, 1:5] = 1
    labels[2, 2:4, 5:7] = 2
    return labels


def names(labelmap) -> dict[int, str]:
    return {atom.value: atom.name for atom in labelmap.atoms}


def masks_of(labelmap) -> dict[str, int]:
    return {atom.name: int((labelmap.labels == atom.value).sum()) for atom in labelmap.atoms}


def test_slicers_names_are_read_from_the_header(tmp_path):
    segments = [
        {"Name": "Spleen", "LabelValue": 2, "Layer": 0},
        {"Name": "Liver", "LabelValue": 1, "Layer": 0},
    ]
    path = write_slicer_segmentation(tmp_path / "s.seg.nrrd", two_organs(), AFFINE, segments)
    read = read_labelmap(path, series())
    assert names(read) == {1: "liver", 2: "spleen"}
    assert read.flags == ()
    assert (read.labels == two_organs()).all()


def test_slicers_terminology_names_a_segment_whose_name_says_nothing(tmp_path):
    segments = [
        {"Name": "Segment_1", "LabelValue": 1, "Layer": 0, "Tags": f"a:b|{TERMINOLOGY}|"},
        {"Name": "my lesion", "LabelValue": 2, "Layer": 0},
    ]
    path = write_slicer_segmentation(tmp_path / "s.seg.nrrd", two_organs(), AFFINE, segments)
    assert names(read_labelmap(path, series())) == {1: "kidney_left", 2: "my lesion"}


@pytest.mark.parametrize("name", ["Segment_1", "Segment 2", "Label 3", "label_7"])
def test_a_number_is_no_name(tmp_path, name):
    segments = [
        {"Name": name, "LabelValue": 1, "Layer": 0},
        {"Name": "Spleen", "LabelValue": 2, "Layer": 0},
    ]
    path = write_slicer_segmentation(tmp_path / "s.seg.nrrd", two_organs(), AFFINE, segments)
    read = read_labelmap(path, series())
    assert names(read) == {1: name, 2: "spleen"}
    assert [f.code for f in read.flags] == ["unknown_labels"]
    assert name.removeprefix("label_") in read.flags[0].message
    assert "the header" in read.flags[0].message


def test_layers_of_slicer_become_one_label_map_and_overlap_is_flagged(tmp_path):
    """Both layers use the value 1; the smaller segment has the voxels of both."""
    layers = np.zeros((*SHAPE, 2), np.uint8)
    layers[1, 1:4, 1:5, 0] = 1
    layers[1, 2:3, 1:3, 1] = 1
    layers[2, 2:4, 5:7, 1] = 2
    segments = [
        {"Name": "Liver", "LabelValue": 1, "Layer": 0},
        {"Name": "gallbladder", "LabelValue": 1, "Layer": 1},
        {"Name": "Left Kidney", "LabelValue": 2, "Layer": 1},
    ]
    path = write_slicer_segmentation(tmp_path / "s.seg.nrrd", layers, AFFINE, segments)
    read = read_labelmap(path, series())
    assert masks_of(read) == {"liver": 10, "gallbladder": 2, "kidney_left": 4}
    assert [f.code for f in read.flags] == ["segments_overlap"]
    assert "2 voxels" in read.flags[0].message


def test_segments_of_old_slicers_have_a_layer_each(tmp_path):
    layers = np.stack([two_organs() == 1, two_organs() == 2], axis=-1).astype(np.uint8)
    segments = [{"Name": "Liver"}, {"Name": "Spleen"}]
    path = write_slicer_segmentation(tmp_path / "s.seg.nrrd", layers, AFFINE, segments)
    assert masks_of(read_labelmap(path, series())) == {"liver": 12, "spleen": 4}


def test_a_cropped_segmentation_of_slicer_is_put_in_its_place(tmp_path):
    part = two_organs()[1:3, 1:5, 1:7]
    affine = AFFINE.copy()
    affine[:3, 3] = (AFFINE @ (1, 1, 1, 1))[:3]
    segments = [
        {"Name": "Liver", "LabelValue": 1, "Layer": 0},
        {"Name": "Spleen", "LabelValue": 2, "Layer": 0},
    ]
    path = write_slicer_segmentation(tmp_path / "s.seg.nrrd", part, affine, segments)
    assert (read_labelmap(path, series()).labels == two_organs()).all()


@pytest.mark.parametrize("moved", [(0.4, 0, 0), (0, 0, 2.5)])
def test_a_segmentation_between_the_voxels_is_refused(tmp_path, moved):
    affine = AFFINE.copy()
    affine[:3, 3] += moved
    segments = [{"Name": "Liver", "LabelValue": 1, "Layer": 0}]
    path = write_slicer_segmentation(tmp_path / "s.seg.nrrd", two_organs(), affine, segments)
    with pytest.raises(GeometryError, match="not on the grid"):
        read_labelmap(path, series())


def test_a_segmentation_that_reaches_out_of_the_images_is_refused(tmp_path):
    affine = AFFINE.copy()
    affine[2, 3] += 10
    segments = [{"Name": "Liver", "LabelValue": 1, "Layer": 0}]
    path = write_slicer_segmentation(tmp_path / "s.seg.nrrd", two_organs(), affine, segments)
    with pytest.raises(GeometryError, match="4 labelled voxels outside"):
        read_labelmap(path, series())


def test_an_nrrd_without_segments_has_no_names(tmp_path):
    import SimpleITK as sitk

    sitk.WriteImage(image_of(two_organs(), AFFINE), str(tmp_path / "s.seg.nrrd"))
    read = read_labelmap(tmp_path / "s.seg.nrrd", series())
    assert names(read) == {1: "label_1", 2: "label_2"}
    assert [f.code for f in read.flags] == ["unnamed_labels"]


SEGMENTS = [("Segment 1", LIVER, ""), ("Kidney", KIDNEY, LEFT)]


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_a_dicom_seg_is_named_by_its_segments_and_put_on_the_grid(tmp_path, kind):
    pytest.importorskip("highdicom", reason="writes and reads DICOM SEG")
    masks = np.stack([two_organs() == 1, two_organs() == 2], axis=-1)
    pixels = {
        "BINARY": masks.astype(np.uint8),
        "FRACTIONAL": np.where(masks, 0.8, 0.2).astype(np.float32),
        "LABELMAP": two_organs(),
    }[kind]
    path = write_seg(tmp_path / "seg.dcm", pixels, AFFINE, SEGMENTS, kind)
    read = read_labelmap(path, series())
    assert names(read) == {1: "liver", 2: "kidney_left"}
    assert (read.labels == two_organs()).all()
    assert read.flags == ()


def test_segments_of_a_dicom_seg_may_overlap(tmp_path):
    pytest.importorskip("highdicom", reason="writes and reads DICOM SEG")
    masks = np.stack([two_organs() == 1] * 2, axis=-1).astype(np.uint8)
    masks[1, 2:, :, 1] = 0
    path = write_seg(tmp_path / "seg.dcm", masks, AFFINE, SEGMENTS)
    read = read_labelmap(path, series())
    assert masks_of(read) == {"liver": 8, "kidney_left": 4}
    assert [f.code for f in read.flags] == ["segments_overlap"]


def test_a_dicom_seg_of_one_slice_has_the_step_of_the_series(tmp_path):
    pytest.importorskip("highdicom", reason="writes and reads DICOM SEG")
    masks = (two_organs() == 2).astype(np.uint8)[..., None]
    path = write_seg(tmp_path / "seg.dcm", masks, AFFINE, SEGMENTS[:1])
    assert (read_labelmap(path, series()).labels == masks[..., 0]).all()


def test_a_dicom_seg_of_another_grid_is_put_onto_the_ct_and_flagged(tmp_path):
    pytest.importorskip("highdicom", reason="writes and reads DICOM SEG")
    coarser = AFFINE @ np.diag([1, 1, 2, 1])
    path = write_seg(tmp_path / "seg.dcm", two_organs(), coarser, SEGMENTS, "LABELMAP")
    read = read_labelmap(path, series())
    # Slice 1 of the label map lies at slice 2 of the CT; its neighbour of half the step is nearest
    # to an even slice of the label map.
    np.testing.assert_array_equal(read.labels[2], two_organs()[1])
    assert [f.code for f in read.flags] == ["labels_resampled"]
    assert "8 x 6 x" in read.flags[0].detail


def test_a_dicom_seg_of_another_place_is_refused(tmp_path):
    pytest.importorskip("highdicom", reason="writes and reads DICOM SEG")
    elsewhere = AFFINE.copy()
    elsewhere[:3, 3] += 500.25
    path = write_seg(tmp_path / "seg.dcm", two_organs(), elsewhere, SEGMENTS, "LABELMAP")
    with pytest.raises(GeometryError, match="not on the grid"):
        read_labelmap(path, series())


def test_without_highdicom_the_sentence_names_it(tmp_path, monkeypatch):
    pytest.importorskip("highdicom", reason="writes the file")
    path = write_seg(tmp_path / "seg.dcm", two_organs(), AFFINE, SEGMENTS, "LABELMAP")
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(DependencyError, match=r"highdicom.*ctdoseseg\[dicom\]"):
        read_labelmap(path, series())


def test_a_dicom_seg_without_what_the_standard_demands_is_refused(tmp_path):
    pydicom = pytest.importorskip("pydicom")
    pytest.importorskip("highdicom", reason="writes the file")
    path = write_seg(tmp_path / "seg.dcm", two_organs(), AFFINE, SEGMENTS, "LABELMAP")
    data = pydicom.dcmread(path)
    del data.SegmentSequence
    data.save_as(path)
    with pytest.raises(SegmentationError, match=r"seg\.dcm is a DICOM SEG that cannot be used"):
        read_labelmap(path, series())


def test_an_rtstruct_without_contours_is_refused_with_what_it_is(tmp_path):
    path = write_rtstruct(tmp_path / "x.dcm")
    with pytest.raises(SegmentationError, match=r"RTSTRUCT.*no closed contours") as caught:
        read_labelmap(path, series())
    assert "Doe" not in str(caught.value)


def test_an_image_is_no_label_map(tmp_path):
    from label_files import ct_slices

    (data, *_) = ct_slices(SHAPE, AFFINE)
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.save_as(tmp_path / "ct", enforce_file_format=True)
    with pytest.raises(SegmentationError, match=r"another kind \(CT\), not a segmentation"):
        read_labelmap(tmp_path / "ct", series())


TWO = {"background": 0, "liver": 1, "Left kidney": 2}


@pytest.mark.parametrize(
    "labels",
    [TWO, {str(v): n for n, v in TWO.items()}, {name: str(v) for name, v in TWO.items()}],
    ids=["nnU-Net 2", "Medical Decathlon", "values as text"],
)
@pytest.mark.parametrize("folder", ["", "labelsTr"])
def test_dataset_json_names_the_labels(tmp_path, labels, folder):
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels, "numTraining": 1}))
    (tmp_path / folder).mkdir(exist_ok=True)
    path = write_nifti(tmp_path / folder / "liver_0.nii.gz", two_organs(), AFFINE)
    read = read_labelmap(path, series())
    assert names(read) == {1: "liver", 2: "kidney_left"}
    assert read.flags == ()


def test_regions_of_nnunet_are_no_names_of_values(tmp_path):
    regions = {"background": 0, "whole": [1, 2], "core": [2]}
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": regions}))
    path = write_nifti(tmp_path / "x.nii.gz", two_organs(), AFFINE)
    assert [f.code for f in read_labelmap(path, series()).flags] == ["unnamed_labels"]


def test_the_files_own_names_go_before_those_of_a_data_set(tmp_path):
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": {"aorta": 1, "colon": 2}}))
    segments = [
        {"Name": "Liver", "LabelValue": 1, "Layer": 0},
        {"Name": "Spleen", "LabelValue": 2, "Layer": 0},
    ]
    path = write_slicer_segmentation(tmp_path / "s.seg.nrrd", two_organs(), AFFINE, segments)
    assert names(read_labelmap(path, series())) == {1: "liver", 2: "spleen"}


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("totalsegmentator-v2", {1: "spleen", 7: "pancreas"}),
        ("totalsegmentator-v1", {1: "spleen", 7: "aorta"}),
        ("lungmask", {1: "lung_right", 7: "label_7"}),
    ],
)
def test_the_user_states_which_names_they_are(tmp_path, labels, expected):
    values = np.where(two_organs() == 2, 7, two_organs()).astype(np.uint8)
    path = write_nifti(tmp_path / "x.nii.gz", values, AFFINE)
    read = read_labelmap(path, series(), labels=labels)
    assert names(read) == expected
    assert [f.code for f in read.flags] == (["unknown_labels"] if labels == "lungmask" else [])


def test_the_user_gives_a_table(tmp_path):
    (tmp_path / "tables").mkdir()
    table = tmp_path / "tables" / "mine.csv"
    table.write_text("value,name\n1,Liver\n2,tumor\n")
    path = write_nifti(tmp_path / "x.nii.gz", two_organs(), AFFINE)
    assert names(read_labelmap(path, series(), labels=table)) == {1: "liver", 2: "tumor"}


@pytest.mark.parametrize("labels", ["totalsegmentator-v3", "nowhere.csv"])
def test_another_table_is_refused(tmp_path, labels):
    path = write_nifti(tmp_path / "x.nii.gz", two_organs(), AFFINE)
    with pytest.raises(InputError, match="There is no table of labels"):
        read_labelmap(path, series(), labels=labels)


def test_the_command_takes_a_known_table_or_a_csv_file(tmp_path):
    assert label_names("lungmask") == "lungmask"
    assert label_names("mine.csv") == Path("mine.csv")
    with pytest.raises(argparse.ArgumentTypeError, match="totalsegmentator-v1, lungmask"):
        label_names("lungmasks")


def test_names_of_the_file_that_contradict_the_users_are_refused(tmp_path):
    (tmp_path / "labels.csv").write_text("value,name\n1,lung_right\n2,lung_left\n")
    path = write_nifti(tmp_path / "x.nii.gz", two_organs(), AFFINE)
    assert names(read_labelmap(path, series(), labels="lungmask"))[2] == "lung_left"
    with pytest.raises(InputError, match=r"value 1 is lung_right by labels\.csv, but spleen by"):
        read_labelmap(path, series(), labels="totalsegmentator-v2")


def test_label_n_in_a_table_is_no_name(tmp_path):
    (tmp_path / "labels.csv").write_text("value,name\n1,label_1\n2,liver\n")
    path = write_nifti(tmp_path / "x.nii.gz", two_organs(), AFFINE)
    assert [f.code for f in read_labelmap(path, series()).flags] == ["unknown_labels"]


def test_organs_are_known_by_what_people_call_them():
    assert known_name("LEFT Kidney") == "kidney_left"
    assert known_name("lung upper-lobe  left") == "lung_upper_lobe_left"
    assert known_name("vertebrae L1") == "vertebrae_L1"
    assert known_name("tumor") == ""


def test_the_more_exact_of_label_and_code_names_a_structure():
    assert name_of("Kidney", KIDNEY, LEFT) == "kidney_left"
    assert name_of("Liver", "78961009") == "liver"
    assert name_of("Segment 3", LIVER) == "liver"
    assert name_of("my  lesion") == "my lesion"
    assert name_of_code("39607008") == "lung"
    assert name_of_code("no code") == ""
