"""A zoomed reconstruction does not take the place of one that shows the whole body."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from dicom_files import UID, codes, make_slice, save

from CTDoseSegLib.batch.discovery import discover
from CTDoseSegLib.reading.field_of_view import body_on_edge
from CTDoseSegLib.reading.reader import read_series

SIDE = 64
BODY_MM = (300.0, 200.0)


def picture(field_mm: float, body_mm=BODY_MM, value: int = 0, disc: bool = False) -> np.ndarray:
    """Return the stored values of an elliptic body of 40 HU, or `value`, on a thin couch."""
    at = (np.arange(SIDE) - (SIDE - 1) / 2) * field_mm / SIDE
    x, y = at[None, :], at[:, None]
    hu = np.full((SIDE, SIDE), -1000)
    hu[(x / body_mm[0] * 2) ** 2 + (y / body_mm[1] * 2) ** 2 <= 1] = 40 + value
    if disc:
        hu[np.hypot(x, y) > field_mm / 2] = -1024
    return (hu + 1024).astype(np.uint16)


def series(folder: Path, field_mm: float, slices=range(6), body_mm=BODY_MM, disc=False, **tags):
    """Write a reconstruction with this field of view, centred on the body; it is named by it."""
    pixel = field_mm / SIDE
    corner = -(SIDE - 1) / 2 * pixel
    first = {"SeriesDescription": f"{field_mm:g} mm", "SeriesInstanceUID": f"{UID}.7.{field_mm:g}"}
    for k in slices:
        data = make_slice(
            k,
            picture(field_mm, body_mm, disc=disc),
            PixelSpacing=[pixel, pixel],
            ImagePositionPatient=[corner, corner, 2.0 * k],
            SOPInstanceUID=f"{UID}.6.{field_mm:g}.{k}",
            **{**first, **tags},
        )
        save(data, folder / f"{field_mm:g}-{k:03d}.dcm")


THIN = {"SliceThickness": 1}


@pytest.mark.parametrize(
    "tags",
    [
        THIN,
        {**THIN, "SeriesNumber": 1},
        {**THIN, "SeriesInstanceUID": f"{UID}.7.450"},
        {**THIN, "slices": range(9)},
        {**THIN, "disc": True},
    ],
    ids=["series", "lower number", "one series", "longer", "disc"],
)
def test_the_field_that_holds_the_body_comes_before_thickness(tags, tmp_path):
    series(tmp_path, 450)
    series(tmp_path, 220, **tags)
    read = read_series(tmp_path)
    assert read.description == "3 450 mm"
    assert read.left_out[0].endswith("the chosen one shows more of it.")


@pytest.mark.parametrize("kernel", ["B30f", "B70f"])
def test_a_sharp_kernel_of_the_whole_body_comes_before_a_soft_one_of_a_part(kernel, tmp_path):
    series(tmp_path, 450, ConvolutionKernel=kernel)
    series(tmp_path, 220, ConvolutionKernel="B30f")
    assert read_series(tmp_path).description == "3 450 mm"


def test_of_two_fields_that_hold_the_body_the_thinner_slices_are_taken(tmp_path):
    series(tmp_path, 500)
    series(tmp_path, 360, **THIN)
    assert read_series(tmp_path).description == "3 360 mm"


def test_of_two_fields_that_cut_the_body_the_larger_is_taken(tmp_path):
    series(tmp_path, 260, body_mm=(400, 300))
    series(tmp_path, 200, body_mm=(400, 300), **THIN)
    assert read_series(tmp_path).description == "3 260 mm"


def test_a_zoomed_series_alone_is_taken(tmp_path):
    series(tmp_path, 220)
    read = read_series(tmp_path)
    assert read.description == "3 220 mm"
    assert not read.left_out


def test_a_single_position_of_the_whole_body_does_not_take_the_place_of_a_scan(tmp_path):
    series(tmp_path, 450, slices=[3])
    series(tmp_path, 220)
    assert read_series(tmp_path).description == "3 220 mm"


def test_the_field_of_another_part_of_the_body_is_not_compared(tmp_path):
    series(tmp_path, 450, slices=range(20, 30))
    series(tmp_path, 220, slices=range(11))
    assert read_series(tmp_path).description == "3 220 mm"


@pytest.mark.parametrize(("zoomed", "taken"), [(220, 450), (360, 360)])
def test_without_pixels_the_headers_decide(zoomed, taken, tmp_path):
    series(tmp_path, 450)
    series(tmp_path, zoomed, **THIN)
    for file in tmp_path.glob(f"{zoomed}-*"):
        file.write_bytes(file.read_bytes()[:-20])
    (scan,) = (scan for scan in discover(tmp_path) if scan.include == "yes")
    assert scan.description == f"{taken} mm"


@pytest.mark.parametrize(("zoomed", "taken"), [(220, 450), (360, 360)])
@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_discover_takes_the_same_series(zoomed, taken, packed, tmp_path):
    series(tmp_path / "a", 450)
    series(tmp_path / "a", zoomed, **THIN)
    root = tmp_path / "a"
    if packed:
        root = tmp_path / "a.zip"
        with zipfile.ZipFile(root, "w") as archive:
            for file in (tmp_path / "a").iterdir():
                archive.write(file, file.name)
    (scan,) = (scan for scan in discover(root) if scan.include == "yes")
    assert scan.description == f"{taken} mm"


def test_a_series_of_two_fields_names_the_images_that_were_left_out(tmp_path):
    series(tmp_path, 450)
    series(tmp_path, 220, SeriesInstanceUID=f"{UID}.7.450", slices=range(8))
    read = read_series(tmp_path)
    assert read.hu.shape[0] == 6
    assert "mixed_series" in codes(read)


def test_a_couch_along_the_edge_is_no_body():
    hu = np.full((64, 64), -1000.0)
    hu[20:40, 20:40] = 40
    hu[62] = 100  # 5 mm thick
    assert body_on_edge(hu, 5.0, 5.0) == 0
    hu[40:, 20:40] = 40
    assert 0.05 < body_on_edge(hu, 5.0, 5.0) < 0.15
    assert body_on_edge(np.full((64, 64), 40.0), 5.0, 5.0) == 1
