"""The steps of whoever takes headrests out of head CT, on a small head: read, find, check, write.

A document of such a project clusters the values, keeps what is not connected with the head, trains
a network on that, and gives accuracies. Thresholds do the first here, and the bundled network the
second; what is new is that the images are written without the headrest.
"""

from __future__ import annotations

import csv
import hashlib
import shutil
from dataclasses import replace

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from CTDoseSegLib.cli import command_line
from CTDoseSegLib.cli.export import _doubts, export_command
from CTDoseSegLib.flags import flag, organ_place
from CTDoseSegLib.learning.unet.metrics import dice
from CTDoseSegLib.phantom.dicom_files import write_dicom
from CTDoseSegLib.phantom.phantom import Phantom
from CTDoseSegLib.reading.image_file import read_image
from CTDoseSegLib.reading.reader import read_series
from CTDoseSegLib.segmentation.threshold.engine import segment
from CTDoseSegLib.tasks.progress import Collected, Progress

pytestmark = pytest.mark.slow

SMALL = {"shape": (160, 160, 14), "spacing_mm": (1.8, 1.8, 12.0), "seed": 2}
AIR_HU = -1000


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    """A head on its headrest, as a CT with a dose report and its truth."""
    folder = tmp_path_factory.mktemp("head")
    write_dicom(Phantom(variant="head", **SMALL), folder)
    return folder


@pytest.fixture(scope="module")
def segmented(head, tmp_path_factory):
    folder = tmp_path_factory.mktemp("segmented")
    assert run("segment", head / "dicom", "--engine", "threshold", "--output", folder) == 0
    return folder


@pytest.fixture(scope="module")
def without(head, tmp_path_factory):
    folder = tmp_path_factory.mktemp("without")
    assert export(head / "dicom", folder) == 0
    return folder


def run(command, *arguments) -> int:
    return command_line.main([command, *map(str, arguments), "--events", "none"])


def export(images, folder, name="headrest", *options) -> int:
    arguments = (images, "--engine", "threshold", "--without", name, "--output", folder, *options)
    return run("export", *arguments)


def column(path, name: str) -> list[str]:
    with path.open(encoding="utf-8", newline="") as stream:
        return [row[name] for row in csv.DictReader(stream)]


def true_headrest(head) -> np.ndarray:
    return true_labels(head) == true_value(head)


def true_body(head) -> np.ndarray:
    labels = true_labels(head)
    return (labels > 0) & (labels != true_value(head))


def true_labels(head) -> np.ndarray:
    return np.asarray(read_image(head / "truth" / "segmentation.nii.gz").voxels)


def true_value(head) -> int:
    names, values = (column(head / "truth" / "labels.csv", one) for one in ("name", "value"))
    return int(values[names.index("headrest")])


def images_of(folder) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(path) for path in sorted(folder.glob("*.dcm"))]


def test_the_images_are_read_with_slope_and_intercept_of_their_headers(head):
    series = read_series(head / "dicom")
    first = min(images_of(head / "dicom"), key=lambda data: data.ImagePositionPatient[2])
    hu = first.pixel_array * float(first.RescaleSlope) + float(first.RescaleIntercept)
    assert np.array_equal(series.hu[0], hu)


def test_the_headrest_has_its_own_name_and_is_no_part_of_the_body(segmented):
    names = column(segmented / "labels.csv", "name")
    assert "headrest" in names
    assert "couch" not in names
    groups, atoms = (column(segmented / "groups.csv", one) for one in ("group", "atom"))
    pairs = set(zip(groups, atoms, strict=True))
    assert ("headrest", "headrest") in pairs
    assert ("body", "headrest") not in pairs
    assert {atom for group, atom in pairs if group == "body"} == {*names} - {"headrest"}


def test_thresholds_and_pieces_do_what_the_clusters_did(head, segmented):
    names, values = (column(segmented / "labels.csv", one) for one in ("name", "value"))
    labels = read_image(segmented / "segmentation.nii.gz").voxels
    drawn = labels == int(values[names.index("headrest")])
    dense = read_series(head / "dicom").hu > -500  # the foam in its shell is no denser than air
    true = true_headrest(head) & dense
    assert (drawn == true).mean() > 0.98
    drawn &= dense
    assert dice(int((drawn & true).sum()), int(drawn.sum()), int(true.sum())) > 0.7


def test_the_bundled_network_finds_the_headrest(head, tmp_path):
    pytest.importorskip("torch", reason="the network is torch's")
    assert run("segment", head / "dicom", "--engine", "unet", "--output", tmp_path) == 0
    names, values = (column(tmp_path / "labels.csv", one) for one in ("name", "value"))
    labels = read_image(tmp_path / "segmentation.nii.gz").voxels
    drawn = labels == int(values[names.index("headrest")])
    true = true_headrest(head)
    assert (drawn == true).mean() > 0.95
    assert (drawn & true).sum() > 0.5 * true.sum()


def test_the_headrest_is_exported_by_its_name(head, tmp_path):
    arguments = ("--engine", "threshold", "--organ", "headrest", "--output", tmp_path)
    assert run("export", head / "dicom", *arguments) == 0
    masked = read_image(tmp_path / "hu_headrest.nii.gz").voxels
    assert (masked > -1024).any()


def test_no_dose_is_asked_for_the_headrest_and_the_overlay_shows_it(head, tmp_path):
    assert run("analyze", head, "--engine", "threshold", "--output", tmp_path) == 0
    assert "headrest" not in column(tmp_path / "organ_doses.csv", "organ")
    assert "headrest" in column(tmp_path / "organ_slices.csv", "organ")
    assert (tmp_path / "overlay.png").stat().st_size > 0


def test_without_the_headrest_there_is_air_and_all_else_is_as_it_was(head, without):
    before, after = read_series(head / "dicom"), read_series(without / "dicom_without_headrest")
    changed = before.hu != after.hu
    assert (after.hu[changed] == AIR_HU).all()
    assert np.allclose(before.affine, after.affine)
    true = true_headrest(head) & (before.hu > -500)
    assert (after.hu[true] == AIR_HU).mean() > 0.85
    body = true_body(head)
    assert changed[body].mean() < 0.005
    assert np.array_equal(after.hu, read_image(without / "hu.nii.gz").voxels)


def test_the_new_images_are_derived_and_name_their_sources(head, without):
    old = {data.SOPInstanceUID: data for data in images_of(head / "dicom")}
    new = images_of(without / "dicom_without_headrest")
    assert len({data.SOPInstanceUID for data in new} | set(old)) == 2 * len(old)
    assert len({data.SeriesInstanceUID for data in new}) == 1
    for data in new:
        source = old[data.SourceImageSequence[0].ReferencedSOPInstanceUID]
        assert data.SeriesInstanceUID != source.SeriesInstanceUID
        assert data.ImageType == ["DERIVED", "SECONDARY", "AXIAL"]
        assert "headrest replaced by air" in data.DerivationDescription
        assert data.file_meta.MediaStorageSOPInstanceUID == data.SOPInstanceUID
        same = (
            *("StudyInstanceUID", "FrameOfReferenceUID", "ImagePositionPatient", "PixelSpacing"),
            *("ImageOrientationPatient", "RescaleSlope", "RescaleIntercept", "InstanceNumber"),
            *("PatientID", "PatientIdentityRemoved", "SliceThickness", "SOPClassUID", "CTDIvol"),
        )
        for keyword in same:
            assert data[keyword].value == source[keyword].value, keyword
        kept = data.pixel_array != round((AIR_HU - source.RescaleIntercept) / source.RescaleSlope)
        assert np.array_equal(data.pixel_array[kept], source.pixel_array[kept])


def digests(folder) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.dcm"))]


def test_the_same_images_give_the_same_files_and_another_change_others(head, without, tmp_path):
    assert export(head / "dicom", tmp_path / "again") == 0
    again = tmp_path / "again" / "dicom_without_headrest"
    assert digests(again) == digests(without / "dicom_without_headrest")
    assert export(head / "dicom", tmp_path / "couch", "couch") == 0
    uids = {data.SOPInstanceUID for data in images_of(tmp_path / "couch" / "dicom_without_couch")}
    assert not uids & {data.SOPInstanceUID for data in images_of(again)}


def test_compressed_images_are_written_uncompressed(head, without, tmp_path):
    images = shutil.copytree(head / "dicom", tmp_path / "packed")
    for path in images.glob("*.dcm"):
        data = pydicom.dcmread(path)
        data.compress(RLELossless, generate_instance_uid=False)
        data.save_as(path)
    assert export(images, tmp_path / "out") == 0
    expected = images_of(without / "dicom_without_headrest")
    found = images_of(tmp_path / "out" / "dicom_without_headrest")
    for data, other in zip(found, expected, strict=True):
        assert data.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert data.SOPInstanceUID == other.SOPInstanceUID
        assert np.array_equal(data.pixel_array, other.pixel_array)


def test_images_without_uids_get_uids_that_differ(head, without, tmp_path):
    images = shutil.copytree(head / "dicom", tmp_path / "blank")
    for path in images.glob("*.dcm"):
        data = pydicom.dcmread(path)
        data.SOPClassUID = data.SOPInstanceUID = data.SeriesInstanceUID = ""
        data.file_meta.MediaStorageSOPClassUID = data.file_meta.MediaStorageSOPInstanceUID = ""
        data.save_as(path)
    assert export(images, tmp_path / "out") == 0
    expected = images_of(without / "dicom_without_headrest")
    found = images_of(tmp_path / "out" / "dicom_without_headrest")
    assert len({data.SOPInstanceUID for data in found}) == len(found)
    for data, other in zip(found, expected, strict=True):
        assert "SourceImageSequence" not in data
        assert np.array_equal(data.pixel_array, other.pixel_array)


def test_a_second_patient_in_the_same_folder_takes_the_place_of_the_first(head, tmp_path):
    fewer = tmp_path / "fewer"
    fewer.mkdir()
    for image in sorted((head / "dicom").glob("*.dcm"))[2:]:
        shutil.copy(image, fewer)
    for images in (head / "dicom", fewer):
        assert export(images, tmp_path / "out", "couch") == 0
    after = tmp_path / "out" / "dicom_without_couch"
    assert len(list(after.iterdir())) == len(list(fewer.iterdir()))
    assert np.array_equal(read_series(after).hu, read_image(tmp_path / "out" / "hu.nii.gz").voxels)
    assert export(fewer, tmp_path / "out", "headrest") == 0
    assert not after.exists()
    assert run("export", fewer, "--output", tmp_path / "out") == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["hu.nii.gz"]


def test_a_volume_file_gives_a_volume_and_no_dicom(without, head, tmp_path):
    whole = tmp_path / "whole"
    assert run("export", head / "dicom", "--output", whole) == 0
    assert export(whole / "hu.nii.gz", tmp_path / "out") == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["hu.nii.gz"]
    found = read_image(tmp_path / "out" / "hu.nii.gz").voxels
    assert np.array_equal(found, read_image(without / "hu.nii.gz").voxels)


def test_values_that_cannot_hold_air_are_refused_and_nothing_is_written(head, tmp_path, capfd):
    images = shutil.copytree(head / "dicom", tmp_path / "images")
    for path in images.glob("*.dcm"):
        data = pydicom.dcmread(path)
        hu = data.pixel_array + int(data.RescaleIntercept)
        data.PixelData = np.clip(hu + 980, 0, None).astype("<u2").tobytes()
        data.PixelRepresentation, data.RescaleIntercept = 0, "-980"
        data.save_as(path)
    assert export(images, tmp_path / "out") == 3
    assert "cannot hold air" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


def test_how_much_became_air_is_printed_and_in_the_result(head, without, tmp_path, capfd):
    arguments = (head / "dicom", "--engine", "threshold", "--without", "headrest")
    command = ["export", *map(str, arguments), "--output", str(tmp_path / "out")]
    progress = Collected()
    export_command(command_line.make_parser().parse_args(command), progress)
    air = progress.log[-1]["made_air"]
    printed = capfd.readouterr().out
    changed = read_series(head / "dicom").hu != read_image(without / "hu.nii.gz").voxels
    voxel_ml = np.prod(SMALL["spacing_mm"]) / 1000
    assert air["ml"] >= 0.99 * changed.sum() * voxel_ml  # some of it was air before
    assert air["n_slices"] >= changed.any(axis=(1, 2)).sum()
    assert air["dicom_folder"] == "dicom_without_headrest"
    assert f"headrest: {air['ml']:.1f} ml in {air['n_slices']} slices" in printed
    assert "as DICOM in dicom_without_headrest" in printed


def test_a_voxel_of_headrest_is_none_and_nothing_is_written(head, tmp_path, capfd):
    truth = shutil.copytree(head / "truth", tmp_path / "truth") / "segmentation.nii.gz"
    image = nibabel.load(truth)
    labels = np.asarray(image.dataobj).copy()
    i, j, k = np.argwhere(labels == true_value(head))[0]
    labels[labels == true_value(head)] = 0
    labels[i, j, k] = true_value(head)
    nibabel.save(nibabel.Nifti1Image(labels, image.affine), truth)
    arguments = ("--segmentation", truth, "--without", "headrest", "--output", tmp_path / "out")
    assert run("export", head / "dicom", *arguments) == 3
    assert "too little to be one" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_is_in_doubt_is_named_and_speaks_of_the_images_alone(head):
    drawn = segment(read_series(head / "dicom"), Progress())
    flags = (
        flag("organ_unsure", "agreement 0.4").at(organ_place("headrest")),
        flag("organ_unsure", "agreement 0.3").at(organ_place("thyroid")),
        flag("several_bodies", "2 separate ones"),
        flag("network_found_nothing"),
    )
    doubts = _doubts(replace(drawn, flags=flags))
    assert len(doubts) == 2
    assert any("headrest" in one for one in doubts)
    text = " ".join(doubts)
    assert "Look at the images." in text
    assert not any(word in text for word in ("thyroid", "overlay", "dose"))


def test_a_chest_has_a_couch_and_no_headrest(tmp_path, capfd):
    small = {"shape": (96, 96, 6), "spacing_mm": (4.5, 4.5, 30.0)}
    write_dicom(Phantom(variant="chest", **small), tmp_path / "chest")
    images = tmp_path / "chest" / "dicom"
    assert export(images, tmp_path / "out") == 3
    assert "write --without couch" in capfd.readouterr().err
    assert export(images, tmp_path / "out", "couch") == 0
    assert len(list((tmp_path / "out" / "dicom_without_couch").iterdir())) == 6
