"""Names of labels in both versions of TotalSegmentator's task total, and the file's own table."""

from __future__ import annotations

import csv
from importlib import resources

import numpy as np
import pytest

from CTDoseSegLib.ct import organs
from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.ct.volume_files import write_nifti
from CTDoseSegLib.errors import InputError
from CTDoseSegLib.segmentation.totalsegmentator.plan import dose_organs
from CTDoseSegLib.segmentation.user import read_labelmap

AFFINE = np.diag([1.5, 1.5, 3.0, 1.0])
# Not label values of `total`: made by other tasks or by us, or merged from others.
NOT_IN_VERSION_1 = {"thyroid_gland", "prostate", "spinal_cord", "superior_vena_cava"}
OTHER_TASKS = {"lung", "skin", "lung_vessels"}


def series(shape) -> CTSeries:
    slices = tuple(SliceInfo(z_mm=float(k)) for k in range(shape[0]))
    return CTSeries(np.zeros(shape, np.int16), AFFINE, slices, Acquisition(), "test")


def every_label(path, count: int):
    """A map in which each label has one voxel."""
    labels = np.arange(count + 1, dtype=np.uint8)[None, None]
    return write_nifti(path, labels, AFFINE), series(labels.shape)


def test_each_of_the_117_labels_gets_its_name_code_and_colour(tmp_path):
    maps = pytest.importorskip("totalsegmentator.map_to_binary", reason="its own table of names")
    path, ct = every_label(tmp_path / "seg.nii.gz", 117)
    read = read_labelmap(path, ct, labels="totalsegmentator-v2")
    assert {a.value: a.name for a in read.atoms} == maps.class_map["total"]
    assert all(a.snomed_code.isdigit() for a in read.atoms)
    assert len({a.color for a in read.atoms}) == 117
    assert read.flags == ()


def test_the_codes_are_those_of_totalsegmentators_own_table():
    pytest.importorskip("totalsegmentator", reason="its own table of codes")
    text = resources.files("totalsegmentator").joinpath(
        "resources/totalsegmentator_snomed_mapping.csv"
    )
    rows = csv.DictReader(text.read_text(encoding="utf-8-sig").splitlines())
    column = "SegmentedPropertyTypeCodeSequence.CodeValue"
    theirs = {row["Structure"]: row[column] for row in rows}
    names = set(organs.total_names(2).values()) & set(theirs)
    assert len(names) > 100
    assert {n: organs.organ(n).snomed_code for n in names} == {n: theirs[n] for n in names}


@pytest.mark.parametrize(("version", "count"), [(1, 104), (2, 117)])
def test_all_organs_with_a_dose_model_are_found_under_both_versions(tmp_path, version, count):
    path, ct = every_label(tmp_path / "seg.nii.gz", count)
    names = organs.total_names(version)
    rows = "".join(f"{value},{name}\n" for value, name in names.items())
    (tmp_path / "labels.csv").write_text("value,name\n" + rows)
    read = read_labelmap(path, ct)
    chambers = {n for n in dose_organs() if n.startswith(("heart_", "pulmonary_artery"))}
    # Version 2 moved the chambers to a task of their own.
    expected = dose_organs() - OTHER_TASKS - (chambers if version == 2 else set())
    if version == 1:
        expected -= NOT_IN_VERSION_1
    assert expected <= set(read.groups)
    assert "lung" in read.groups


def table_in_header(path, names: dict[int, str]):
    """A file as TotalSegmentator writes it."""
    nib = pytest.importorskip("nibabel", reason="writes NIfTI with TotalSegmentator's own code")
    header = pytest.importorskip("totalsegmentator.nifti_ext_header", reason="as above")
    image = nib.Nifti1Image(np.arange(118, dtype=np.uint8).reshape(118, 1, 1), AFFINE)
    nib.save(header.add_label_map_to_nifti(image, names), path)
    return path, series((1, 1, 118))


@pytest.mark.parametrize("name", ["seg.nii", "seg.nii.gz"])
def test_the_table_in_the_header_tells_version_1_from_version_2(tmp_path, name):
    pytest.importorskip("totalsegmentator", reason="writes the file")
    names = {**organs.total_names(1), **{n: f"x{n}" for n in range(105, 118)}}
    path, ct = table_in_header(tmp_path / name, names)
    read = read_labelmap(path, ct)
    assert {a.value: a.name for a in read.atoms}[7] == "aorta"  # pancreas in version 2
    assert read.flags == ()


def test_a_table_beside_the_file_goes_before_the_one_in_it(tmp_path):
    pytest.importorskip("totalsegmentator", reason="writes the file")
    path, ct = table_in_header(tmp_path / "seg.nii.gz", dict(organs.total_names(2)))
    (tmp_path / "labels.csv").write_text("value,name\n5,my_liver\n")
    assert {a.value: a.name for a in read_labelmap(path, ct).atoms}[5] == "my_liver"


def test_a_table_in_the_header_with_one_name_twice_is_refused(tmp_path):
    pytest.importorskip("totalsegmentator", reason="writes the file")
    path, ct = table_in_header(tmp_path / "seg.nii.gz", {1: "liver", 2: "liver"})
    with pytest.raises(InputError, match=r"header has the row value='2', name='liver'"):
        read_labelmap(path, ct)


@pytest.mark.parametrize("name", ["example_seg.nii.gz", "example_seg_dicom.nii.gz"])
def test_reference_maps_give_the_organs_with_a_dose_model(data_dir, tmp_path, name):
    """Standing in for an inference: once as they are, once with version 1's values and names."""
    import SimpleITK as sitk

    from CTDoseSegLib.reading.reader import read_series

    folder = data_dir / "ct" / "totalsegmentator_reference"
    is_dicom = "dicom" in name
    ct = read_series(folder / ("example_ct_dicom" if is_dicom else "example_ct_sm.nii.gz"))
    new = read_labelmap(folder / name, ct)
    named_organs = (dose_organs() & set(new.groups)) - NOT_IN_VERSION_1
    assert {"liver", "spleen", "aorta", "stomach", "kidney_left"} & named_organs

    image = sitk.ReadImage(str(folder / name))
    values = sitk.GetArrayFromImage(image)
    lookup = np.zeros(256, np.uint8)
    version_1 = {n: v for v, n in organs.total_names(1).items()}
    for value, organ in organs.total_names(2).items():
        lookup[value] = version_1.get(organ, 0)
    old = sitk.GetImageFromArray(lookup[values.astype(np.uint8)])
    old.CopyInformation(image)
    sitk.WriteImage(old, str(tmp_path / "seg.nii.gz"))
    rows = "".join(f"{v},{n}\n" for v, n in organs.total_names(1).items())
    (tmp_path / "labels.csv").write_text("value,name\n" + rows)
    again = read_labelmap(tmp_path / "seg.nii.gz", ct)
    for organ in sorted(named_organs):
        assert (again.mask(organ) == new.mask(organ)).all(), organ
