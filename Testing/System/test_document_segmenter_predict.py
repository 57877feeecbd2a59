"""A segmenter's second half: a trained network on a folder of images that nobody labelled.

The network is trained in seconds: what it draws is of no quality, and every area can be checked.
"""

from __future__ import annotations

import csv
import shutil

import numpy as np
import pydicom
import pytest
from PIL import Image
from unlabelled_images import (
    LABELS,
    SHAPE,
    SPACING_MM,
    changed,
    ct_folder,
    mr_folder,
    small_network,
    with_windows,
)

from CTDoseSegLib.cli import command_line
from CTDoseSegLib.reading.image_file import read_image
from CTDoseSegLib.tasks.progress import Collected

pytest.importorskip("torch", reason="it trains a network")
from CTDoseSegLib.learning.unet.predict import predict

pytestmark = pytest.mark.slow

ROWS, COLUMNS, SLICES = SHAPE
PIXEL_MM2 = SPACING_MM[0] * SPACING_MM[1]


@pytest.fixture(scope="module")
def for_mr(tmp_path_factory):
    return small_network(tmp_path_factory.mktemp("mr_network"))


@pytest.fixture(scope="module")
def for_ct(for_mr, tmp_path_factory):
    return with_windows(for_mr, tmp_path_factory.mktemp("ct_network") / "network")


@pytest.fixture(scope="module")
def mr(tmp_path_factory):
    return mr_folder(tmp_path_factory.mktemp("mr"))


@pytest.fixture(scope="module")
def ct(tmp_path_factory):
    return ct_folder(tmp_path_factory.mktemp("ct"))


@pytest.fixture(scope="module")
def predicted(mr, for_mr, tmp_path_factory):
    folder = tmp_path_factory.mktemp("predictions")
    assert run(mr, for_mr, folder) == 0
    return folder


def run(images, network, output, *options, events="none") -> int:
    arguments = ["predict", images, "--unet", network, "--output", output, "--events", events]
    return command_line.main([str(one) for one in (*arguments, *options)])


def rows_of(path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def labels_of(folder, series: int = 1) -> np.ndarray:
    return np.asarray(read_image(folder / f"series_{series}_labels.nii.gz").voxels)


def pictures(folder, ending: str) -> list[np.ndarray]:
    return [
        np.asarray(Image.open(path)) for path in sorted(folder.glob(f"series_1_slice_*{ending}"))
    ]


def copied(images, folder):
    return shutil.copytree(images, folder / "images")


def test_every_slice_has_its_label_image_and_its_picture(predicted):
    labels = labels_of(predicted)
    assert labels.shape == (SLICES, ROWS, COLUMNS)
    assert set(np.unique(labels)) >= {0, 1}  # it draws something, and not everywhere
    assert np.array_equal(pictures(predicted, "_labels.png"), labels)
    for picture in (one for one in pictures(predicted, ".jpg") if one.ndim == 3):
        height_mm, width_mm = ROWS * SPACING_MM[0], COLUMNS * SPACING_MM[1]
        assert picture.shape[0] / picture.shape[1] == pytest.approx(height_mm / width_mm, rel=0.02)
    assert len(list(predicted.glob("*.jpg"))) == SLICES


def test_the_pictures_show_the_labels_in_colour(predicted):
    coloured = [np.ptp(one.astype(int), axis=2).max() > 30 for one in pictures(predicted, ".jpg")]
    drawn = [bool(image.any()) for image in labels_of(predicted)]
    assert coloured == drawn


def test_a_label_has_the_colour_that_its_table_states(predicted):
    rows = rows_of(predicted / "labels.csv")
    assert [row["name"] for row in rows] == list(LABELS)
    labels = labels_of(predicted)
    flat = [one for one in pictures(predicted, ".jpg") if one.ndim == 3]
    for row in rows:
        stated = np.array(list(bytes.fromhex(row["color"][1:])))
        drawn = [
            picture[np.asarray(Image.fromarray(image).resize(picture.shape[1::-1], 0)) == value]
            for value in [int(row["value"])]
            for picture, image in zip(flat, labels, strict=True)
        ]
        mean = np.concatenate(drawn).mean(axis=0)
        # Grey under it moves all three alike.
        assert np.corrcoef(mean - mean.mean(), stated - stated.mean())[0, 1] > 0.9


def test_one_animation_goes_through_the_stack(predicted):
    with Image.open(predicted / "series_1.gif") as animation:
        assert animation.n_frames == SLICES
    assert len(list(predicted.glob("*.gif"))) == 1


def test_areas_are_pixels_times_spacing_with_mean_and_sd_last(predicted):
    rows = rows_of(predicted / "series_1_areas.csv")
    labels = labels_of(predicted)
    spacing_mm = [
        float(rows_of(predicted / "series.csv")[0][f"pixel_{one}_mm"]) for one in ("row", "column")
    ]
    assert spacing_mm == [SPACING_MM[0], SPACING_MM[1]]
    assert [row["slice_index"] for row in rows] == [*map(str, range(SLICES)), "mean", "sd"]
    for value, name in enumerate(LABELS, start=1):
        areas = np.array([float(row[f"{name}_mm2"]) for row in rows])
        pixels = (labels == value).sum(axis=(1, 2))
        exact = pixels * PIXEL_MM2
        expected = [*exact, exact.mean(), exact.std(ddof=1)]
        assert areas == pytest.approx(np.array(expected), rel=0, abs=1e-6)


def test_the_table_names_the_instances_of_the_images(predicted, mr):
    by_place = sorted(
        (pydicom.dcmread(path) for path in mr.glob("*.dcm")),
        key=lambda data: data.ImagePositionPatient[2],
    )
    numbers = [row["instance_number"] for row in rows_of(predicted / "series_1_areas.csv")]
    assert numbers == [*(str(data.InstanceNumber) for data in by_place), "", ""]


def test_the_areas_stand_on_the_screen(mr, for_mr, tmp_path, capfd):
    assert run(mr, for_mr, tmp_path, events="rich") == 0
    printed = capfd.readouterr().out
    for words in ("area in mm²", "label 1", "label 2", "mean", "SD (n - 1)"):
        assert words in printed
    mean = rows_of(tmp_path / "series_1_areas.csv")[SLICES]["label_1_mm2"]
    assert f"{float(mean):.1f}" in printed


def test_nothing_of_the_images_text_is_in_a_name_or_a_table(predicted):
    for path in predicted.iterdir():
        assert path.name.startswith(("series_1", "series.csv", "labels.csv"))
        assert b"Secret" not in path.read_bytes()


def test_the_field_of_view_stands_for_the_pixel_size_that_is_missing(ct, for_ct, tmp_path, capfd):
    images = copied(ct, tmp_path)
    changed(images, lambda data: delattr(data, "PixelSpacing"))
    assert run(images, for_ct, tmp_path / "without") == 3
    assert "--fov" in capfd.readouterr().err
    width_mm = COLUMNS * 5.0
    assert run(images, for_ct, tmp_path / "with", "--fov", width_mm, "--matrix", COLUMNS) == 0
    pixels = (labels_of(tmp_path / "with") == 1).sum(axis=(1, 2))
    rows = rows_of(tmp_path / "with" / "series_1_areas.csv")[:SLICES]
    assert [float(row["label_1_mm2"]) for row in rows] == (pixels * 25.0).tolist()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--fov", 300), "PixelSpacing (0028,0030) is 7.5 mm"),
        (("--fov", 360, "--matrix", 512), "not the 512 of --matrix"),
        (("--matrix", 64), "--matrix is for --fov"),
    ],
)
def test_a_field_of_view_that_contradicts_the_images_is_refused(
    ct, for_ct, tmp_path, capfd, options, words
):
    assert run(ct, for_ct, tmp_path, *options) == 3
    assert words in capfd.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("width", "words"),
    [
        ("501,76", "501,76 is not a number; write a point"),
        ("wide", "wide is not a number; write the width in mm"),
        ("5", "write a width from 10 to 3000 mm"),
        ("nan", "write a width from 10 to 3000 mm"),
    ],
)
def test_a_width_that_is_no_number_is_not_called_out_of_range(ct, tmp_path, capfd, width, words):
    with pytest.raises(SystemExit) as stop:
        run(ct, None, tmp_path / "out", "--fov", width)
    assert stop.value.code == 2
    assert words in " ".join(capfd.readouterr().err.split())


def test_each_series_of_a_mixed_folder_is_predicted_by_itself(ct, mr, for_mr, tmp_path):
    images = tmp_path / "images"
    shutil.copytree(ct, images / "a")
    shutil.copytree(mr, images / "b")
    assert run(images, for_mr, tmp_path / "all") == 0
    rows = rows_of(tmp_path / "all" / "series.csv")
    assert [(row["series"], row["modality"]) for row in rows] == [
        ("series_1", "CT"),
        ("series_2", "MR"),
    ]
    assert "trained on CT" in rows[0]["note"]
    assert not rows[1]["note"]
    uid = pydicom.dcmread(next(mr.glob("*.dcm"))).SeriesInstanceUID
    assert run(images, for_mr, tmp_path / "one", "--series", uid) == 0
    assert [row["modality"] for row in rows_of(tmp_path / "one" / "series.csv")] == ["MR"]
    assert np.array_equal(labels_of(tmp_path / "one"), labels_of(tmp_path / "all", 2))


def test_a_second_run_leaves_no_slice_and_no_series_of_the_first(ct, mr, for_mr, tmp_path):
    images = tmp_path / "images"
    shutil.copytree(ct, images / "a")
    shutil.copytree(mr, images / "b")
    assert run(images, for_mr, tmp_path / "out") == 0
    fewer = sorted(mr.glob("*.dcm"))[2:]
    (tmp_path / "fewer").mkdir()
    for path in fewer:
        shutil.copy(path, tmp_path / "fewer")
    assert run(tmp_path / "fewer", for_mr, tmp_path / "out") == 0
    (row,) = rows_of(tmp_path / "out" / "series.csv")
    for ending in ("_labels.png", ".jpg"):
        assert len(pictures(tmp_path / "out", ending)) == int(row["n_slices"]) == len(fewer)
    assert not list((tmp_path / "out").glob("series_2*"))


def uneven(images, heights_mm) -> None:
    """Keep as many slices, at these heights."""
    paths = sorted(images.glob("*.dcm"))
    for path in paths[len(heights_mm) :]:
        path.unlink()
    for path, z_mm in zip(paths, heights_mm, strict=False):
        data = pydicom.dcmread(path)
        data.ImagePositionPatient = [*data.ImagePositionPatient[:2], z_mm]
        data.save_as(path)


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_slices_that_are_not_regular_are_named_in_the_table_and_on_the_screen(
    request, for_mr, tmp_path, capfd, modality
):
    images = copied(request.getfixturevalue(modality.lower()), tmp_path)
    uneven(images, (35.0, 55.0, 75.0, 135.0))
    assert run(images, for_mr, tmp_path / "out", events="rich") == 0
    printed = " ".join(capfd.readouterr().out.split())
    (row,) = rows_of(tmp_path / "out" / "series.csv")
    assert row["modality"] == modality
    for words in ("Slices are missing", "2 of 6", "not equally spaced or are sheared"):
        assert words in row["note"]
        assert words in printed


def test_the_progress_of_several_series_never_goes_back(ct, mr, for_mr, tmp_path):
    shutil.copytree(ct, tmp_path / "images" / "a")
    shutil.copytree(mr, tmp_path / "images" / "b")
    progress = Collected()
    predict(tmp_path / "images", for_mr, tmp_path / "out", progress=progress)
    done = [one["fraction"] for one in progress.log if one["event"] == "progress"]
    assert done == sorted(done)
    assert len(set(done)) > 6


def test_a_network_for_ct_is_not_shown_an_mr(ct, mr, for_ct, tmp_path, capfd):
    assert run(mr, for_ct, tmp_path / "mr") == 3
    said = capfd.readouterr().err
    assert "it is an MR, and the network was made for CT" in said
    shutil.copytree(ct, tmp_path / "images" / "a")
    shutil.copytree(mr, tmp_path / "images" / "b")
    assert run(tmp_path / "images", for_ct, tmp_path / "both", events="rich") == 0
    assert "it is an MR" in capfd.readouterr().out.replace("\n", " ")
    assert [row["modality"] for row in rows_of(tmp_path / "both" / "series.csv")] == ["CT"]


def colour(data) -> None:
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PlanarConfiguration = 3, "RGB", 0
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
    data.PixelData = bytes(data.Rows * data.Columns * 3)


def secondary_capture(data) -> None:
    data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"


def without_place(data) -> None:
    del data.ImagePositionPatient


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (colour, "its images are in colour"),
        (secondary_capture, "it is a picture"),
        (without_place, "ImagePositionPatient (0020,0032) is missing"),
    ],
)
def test_images_that_no_network_can_take_are_refused_in_a_sentence(
    mr, for_mr, tmp_path, capfd, change, words
):
    images = copied(mr, tmp_path)
    changed(images, change)
    assert run(images, for_mr, tmp_path / "out") == 3
    error = capfd.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_an_empty_folder_and_a_volume_file_are_refused(for_mr, tmp_path, capfd):
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "empty", for_mr, tmp_path / "out") == 3
    assert "The folder is empty" in capfd.readouterr().err
    volume = for_mr.parent / "data" / "images" / "case_11.nii.gz"
    assert run(volume, for_mr, tmp_path / "out") == 3
    assert "segment FILE" in capfd.readouterr().err


def test_images_of_two_sizes_are_two_stacks_and_it_is_written_so(mr, for_mr, tmp_path):
    images = copied(mr, tmp_path)
    half = sorted(images.glob("*.dcm"))[: SLICES // 2]
    for path in half:
        data = pydicom.dcmread(path)
        data.PixelData = np.ascontiguousarray(data.pixel_array[::2, ::2]).tobytes()
        data.Rows, data.Columns = ROWS // 2, COLUMNS // 2
        data.PixelSpacing = [2 * SPACING_MM[0], 2 * SPACING_MM[1]]
        data.save_as(path)
    assert run(images, for_mr, tmp_path / "out") == 0
    rows = rows_of(tmp_path / "out" / "series.csv")
    assert sorted(row["rows"] for row in rows) == sorted([str(ROWS), str(ROWS // 2)])
    assert all("images of 2 sizes" in row["note"] for row in rows)


def test_an_mr_keeps_its_values_and_has_no_exposure(mr):
    from CTDoseSegLib.reading.images import image_groups, read_stack

    (group,) = image_groups(mr)
    stack = read_stack(group)
    first = min(
        (pydicom.dcmread(path) for path in mr.glob("*.dcm")),
        key=lambda data: data.ImagePositionPatient[2],
    )
    assert np.array_equal(stack.series.hu[0], first.pixel_array)
    assert "XRayTubeCurrent" in first  # it is there, and it is not read
    assert stack.series.acquisition.kvp_kV is None
    assert all(one.tube_current_mA is None for one in stack.series.slices)
