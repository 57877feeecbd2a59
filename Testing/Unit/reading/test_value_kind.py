"""What a header says of values, and values of files of every kind, with padding or without."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK
from dicom_files import codes, make_slice, save
from value_bodies import SHAPE, body

from CTDoseSegLib.dicom.header import Header
from CTDoseSegLib.reading.array_series import series_from_array
from CTDoseSegLib.reading.reader import read_series
from CTDoseSegLib.reading.value_kind import value_flags

DERIVED = "DERIVED\\PRIMARY\\AXIAL"


def flags_of(description: str = "", image_type: str = DERIVED, rescale: str = "HU"):
    values = {
        "ImageType": tuple(image_type.split("\\")),
        "SeriesDescription": (description,),
        "RescaleType": (rescale,),
    }
    return value_flags([Header("a.dcm", values, "")])


@pytest.mark.parametrize(
    "description",
    [
        *("Iodine no Water[mg/ml]", "CE Iodine map 1.0", "MD Iodine(Water)", "IODINE", "DE_Iodine"),
        *("Z Effective", "Zeff 0.75", "Electron Density", "Rho/Z", "Lung PBV 1.5", "HAP(Water)"),
        *("Water no Iodine", "Concentration (mg/cm3)", "Calcium map", "Fat Map"),
    ],
)
def test_a_description_of_a_map_says_that_values_are_not_hounsfield_units(description):
    assert names(flags_of(description)) == {"not_hu"}


@pytest.mark.parametrize(
    "image_type",
    [
        *("DERIVED\\PRIMARY\\AXIAL\\MAT_SPECIFIC", "ORIGINAL\\PRIMARY\\AXIAL\\EFF_ATOMIC_NUM"),
        *("DERIVED\\SECONDARY\\AXIAL\\CT_SOM7 SPI DUAL\\DE_IODINE", "DERIVED\\PRIMARY\\PERFUSION"),
        *("DERIVED\\PRIMARY\\AXIAL\\ELECTRON_DENSITY", "DERIVED\\PRIMARY\\AXIAL\\MAT_FRACTIONAL"),
    ],
)
def test_an_image_type_of_a_map_says_it_too(image_type):
    assert names(flags_of("Abdomen", image_type)) == {"not_hu"}


@pytest.mark.parametrize("kind", ["MGML", "Z_EFF", "ED", "EDW", "OD", "PCT"])
def test_a_rescale_type_of_another_unit_says_it_too(kind):
    assert names(flags_of("Abdomen", rescale=kind)) == {"not_hu"}


@pytest.mark.parametrize(
    "description",
    [
        "CTA bone removed",
        "Bone Subtraction",
        "CTA NO BONE",
        "BONELESS MIP thin",
        "CaSupp 25 Ca supp",
    ],
)
def test_removed_bone_is_said(description):
    (entry,) = flags_of(description)
    assert (entry.code, entry.severity) == ("not_hu", "refusal")
    assert "bone was removed" in entry.detail


@pytest.mark.parametrize(
    ("description", "image_type"),
    [
        ("VNC", "DERIVED\\SECONDARY\\AXIAL\\MAT_REMOVED"),
        ("Iodine removed", DERIVED),
        ("Virtual non iodine", DERIVED),
        ("MonoE 40keV", "DERIVED\\SECONDARY\\AXIAL\\VMI"),
        ("Abdomen Ultravist 370 mg/ml", DERIVED),
        ("Omnipaque 350mgI/ml", "ORIGINAL\\PRIMARY\\AXIAL"),
        ("Liver with iodine contrast", DERIVED),
        ("Chest w/o bone algorithm", DERIVED),
        ("Bone 1.0 B70f", DERIVED),
        ("CTA head bone subtraction", "ORIGINAL\\PRIMARY\\AXIAL"),
        ("Renal stone", DERIVED),
    ],
)
def test_what_is_in_hounsfield_units_is_left_alone(description, image_type):
    assert flags_of(description, image_type) == []


def test_a_rescale_type_that_names_no_unit_is_a_warning():
    assert names(flags_of("Thorax", rescale="US")) == {"rescale_type"}


def names(flags):
    return {entry.code for entry in flags}


def written(folder, hu, **tags):
    """Write HU as slices with an intercept of -1024, but for what `tags` say."""
    stored = (hu.astype(int) + 1024).astype(np.int16)
    for k, image in enumerate(stored):
        save(make_slice(k, image, **tags), folder / f"{k}.dcm")
    return read_series(folder)


@pytest.mark.parametrize(
    "declared", [{}, {"PixelPaddingValue": 65536 - 2000}], ids=["", "declared"]
)
def test_padding_is_not_taken_for_the_air_that_values_lack(tmp_path, declared):
    hu = np.clip(body(), -200, 250)
    hu[:, :6, :6] = hu[:, :6, -6:] = hu[:, -6:, :6] = hu[:, -6:, -6:] = -3024  # stored: -2000
    series = written(tmp_path, hu, **declared)
    assert (series.hu[:, 0, 0] == -1000).all()
    (entry,) = series.not_hu
    assert "exactly -200" in entry.detail


def test_a_slope_of_two_that_is_missing_is_seen(tmp_path):
    series = written(tmp_path, 2 * (body() + 1024) - 1024, RescaleSlope=None)
    assert {"not_hu", "rescale_missing"} <= codes(series)


def test_a_series_in_hounsfield_units_with_padding_is_left_alone(tmp_path):
    hu = body()
    hu[:, :20, :6] = hu[:, :20, -6:] = hu[:, -20:, :6] = hu[:, -20:, -6:] = -3024
    assert "not_hu" not in codes(written(tmp_path, hu))


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
@pytest.mark.parametrize(("change", "seen"), [(0, False), (1024, True), (-130, True)])
def test_volume_files_are_judged_alike(tmp_path, suffix, change, seen):
    image = SimpleITK.GetImageFromArray(body() + np.int16(change))
    SimpleITK.WriteImage(image, str(tmp_path / f"ct{suffix}"))
    assert bool(read_series(tmp_path / f"ct{suffix}").not_hu) is seen


def test_stored_values_with_padding_in_a_volume_are_seen():
    values = body() + np.int16(1024)
    values[:, :6, :6] = values[:, :6, -6:] = values[:, -6:, :6] = values[:, -6:, -6:] = -2000
    series = series_from_array(values, np.diag([5.0, 5.0, 5.0, 1.0]))
    assert (series.hu[:, 0, 0] == -1000).all()
    assert series.not_hu
    assert series.hu.shape == SHAPE
