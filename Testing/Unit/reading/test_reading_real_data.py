"""Reading: the development data, each set with what its headers say and SimpleITK as a second
reader of values and geometry."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
import SimpleITK
from dicom_files import codes

from CTDoseSegLib.dicom import decoding
from CTDoseSegLib.errors import InputError, SeveralPatientsError
from CTDoseSegLib.reading.reader import read_series

EXPOSURE_UNKNOWN = {"phantom_unknown", "irradiated_range_unknown"}


def by_simpleitk(series) -> tuple[np.ndarray, np.ndarray]:
    """HU and affine (RAS) of the same files by SimpleITK."""
    image = SimpleITK.ReadImage(list(series.files))
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return SimpleITK.GetArrayFromImage(image), np.diag([-1.0, -1, 1, 1]) @ affine


REGULAR = {
    # name: slices, first and last z, (i, k) spacing, mA of the first and last slice, kernel
    "lungdx_A0001_thorax": (64, -439.0, -124.0, 0.841796875, 5.0, 188, 188, "L"),
    "lungdx_A0002_thorax": (30, 80.0, 312.0, 0.646484375, 8.0, 238, 184, "B40f"),
    "acrin_flt_013_chest": (49, -699.0, -507.0, 1.3671875, 4.0, 168, 246, "B10f"),
    "cptac_C3L-00189_upper_abdomen": (35, -178.329, -8.329, 0.859375, 5.0, 700, 568, "LUNG"),
    "crlm_1006_abdomen": (51, -376.440002, -126.440002, 0.804688, 5.0, None, None, None),
    "qa_ct_philips_zmod_5mm": (28, 696.21, 831.21, 0.451171875, 5.0, 112, 54, "UB"),
}


@pytest.mark.parametrize("name", REGULAR)
def test_a_plain_series_is_read_as_simpleitk_reads_it(unpack, name):
    count, low, high, pixel, step, first_mA, last_mA, kernel = REGULAR[name]
    series = read_series(unpack(name))
    assert series.hu.shape == (count, 512, 512)
    assert series.hu.dtype == np.int16
    assert series.z_mm[[0, -1]] == pytest.approx([low, high], abs=1e-6)
    assert series.spacing_mm == pytest.approx((pixel, pixel, step), abs=1e-5)
    assert series.regular
    assert (series.slices[0].tube_current_mA, series.slices[-1].tube_current_mA) == (
        first_mA,
        last_mA,
    )
    assert series.acquisition.kernel == kernel
    assert series.acquisition.kvp_kV == 120
    hu, affine = by_simpleitk(series)
    assert np.array_equal(series.hu, np.where(hu == -3024, -1000, hu))
    assert np.allclose(series.affine, affine, atol=1e-4)


def test_a0001_has_a_ctdivol_and_effective_mas_but_no_phantom(unpack):
    series = read_series(unpack("lungdx_A0001_thorax"))
    assert {s.ctdivol_mGy for s in series.slices} == {10.6}
    assert series.acquisition.ctdivol_mGy == 10.6
    assert {s.effective_mAs for s in series.slices} == {150}
    assert series.acquisition.rotation_time_s is None  # Philips' exposure time is not it
    assert series.acquisition.age_years == 58
    assert codes(series) == EXPOSURE_UNKNOWN


def test_a0002_has_effective_mas_of_its_maker_and_no_ctdivol(unpack):
    series = read_series(unpack("lungdx_A0002_thorax"))
    assert series.acquisition.rotation_time_s == 0.5
    assert series.acquisition.pitch is None
    assert (series.slices[0].exposure_mAs, series.slices[0].effective_mAs) == (95, 95)
    assert codes(series) == EXPOSURE_UNKNOWN | {"ctdivol_missing"}


def test_acrin_is_derived_and_flagged_as_compressed(unpack):
    series = read_series(unpack("acrin_flt_013_chest"))
    assert {"derived", "lossy"} <= codes(series)
    assert series.slices[0].thickness_mm == 5


def test_cptac_padding_is_air_and_its_exposure_is_not_effective_mas(unpack):
    series = read_series(unpack("cptac_C3L-00189_upper_abdomen"))
    assert series.hu[0, 0, 0] == -1000
    assert series.hu.min() == -1024
    assert series.acquisition.pitch == 0.9921875
    assert series.slices[0].effective_mAs == pytest.approx(700 * 0.5 / 0.9921875)
    assert "exposure_disagrees" in codes(series)


def test_crlm_without_exposure_tags_gives_none_and_flags(unpack):
    series = read_series(unpack("crlm_1006_abdomen"))
    assert {(s.tube_current_mA, s.effective_mAs, s.ctdivol_mGy) for s in series.slices} == {
        (None, None, None)
    }
    expected = {"derived", "tube_current_missing", "effective_mas_unknown", "ctdivol_missing"}
    assert codes(series) == EXPOSURE_UNKNOWN | expected
    assert series.acquisition.contrast is True


def test_zmod_has_current_and_ctdivol_of_every_slice(unpack):
    series = read_series(unpack("qa_ct_philips_zmod_5mm"))
    current = np.array([s.tube_current_mA for s in series.slices])
    dose = np.array([s.ctdivol_mGy for s in series.slices])
    assert (current.min(), current.max()) == (54, 119)
    assert dose / current == pytest.approx(dose[0] / current[0], rel=0.01)
    assert series.acquisition.ctdivol_is_scan_mean is False
    assert series.acquisition.ctdivol_mGy == pytest.approx(dose.mean())
    assert series.acquisition.rotation_time_s == 0.5
    effective = [s.effective_mAs for s in series.slices]
    assert effective == pytest.approx([s.exposure_mAs for s in series.slices], rel=0.01)


def test_the_tilted_and_unevenly_spaced_head_is_never_regular(unpack):
    series = read_series(unpack("qa_ct_ge_tilt_variable_spacing"))
    messages = {flag.code: flag.message for flag in series.flags}
    assert "18.5 degrees" in messages["tilted"]
    assert "1.08 to 7.00 mm" in messages["uneven_spacing"]
    assert not series.regular
    assert np.diff(series.z_mm)[13] == pytest.approx(1.14, abs=1e-3)
    assert [s.tube_current_mA for s in series.slices] == [180] * 14 + [160] * 14
    for k in (0, 13, 27):
        image = SimpleITK.ReadImage(series.files[k])
        hu = SimpleITK.GetArrayFromImage(image)[0]
        assert np.array_equal(series.hu[k], np.where(hu == -1500, -1000, hu))
        middle = image.TransformContinuousIndexToPhysicalPoint([255.5, 255.5, 0])
        assert series.z_mm[k] == pytest.approx(middle[2], abs=1e-4)


def test_the_tilted_philips_head_is_sheared(unpack):
    series = read_series(unpack("qa_ct_philips_tilt18_every3rd"))
    assert "tilted" in codes(series)
    assert "uneven_spacing" not in codes(series)
    assert not series.regular
    assert series.affine[:3, 2] == pytest.approx([0, 0, 7.5], abs=1e-3)
    assert {s.ctdivol_mGy for s in series.slices} == {45.2}
    assert {s.slice_location_mm for s in series.slices} >= {698.49, 825.99}


def test_a_folder_of_localizers_and_dose_pages_has_no_ct(unpack):
    with pytest.raises(InputError, match="No CT series that can be measured") as error:
        read_series(unpack("qa_ct_philips_nonaxial_mixed"))
    assert "localizer" in str(error.value)
    assert "dose page" in str(error.value)
    assert "PLASTIC" not in str(error.value)


def test_a_head_beside_localizers_and_dose_pages_is_found(unpack, tmp_path):
    (tmp_path / "a").symlink_to(unpack("qa_ct_philips_nonaxial_mixed"))
    (tmp_path / "b").symlink_to(unpack("qa_ct_philips_zmod_5mm"))
    series = read_series(tmp_path)
    assert series.description == "201 STD BRAIN 5MM"
    assert len(series.left_out) == 5


def test_seven_patients_are_listed_without_their_names(unpack):
    folder = unpack("covid19_ny_sbu_single_slices")
    with pytest.raises(SeveralPatientsError, match="7 patients") as error:
        read_series(folder)
    assert str(error.value).count("(1 slice)") == 14
    assert "A002304" not in str(error.value)


@pytest.mark.parametrize(
    ("patient", "position", "current", "pitch"),
    [("A027284", "HFS", 499, 0.984375), ("A046441", "HFS", 262, 0.984375)],
)
def test_a_single_slice_of_a_patient_is_read(unpack, patient, position, current, pitch):
    (folder,) = unpack("covid19_ny_sbu_single_slices").glob(f"*/{patient}")
    series = read_series(folder)
    assert series.hu.shape == (1, 512, 512)
    assert "single_slice" in codes(series)
    assert len(series.left_out) == 1
    assert series.hu.min() >= -1100
    assert series.acquisition.pitch == pitch
    assert series.acquisition.patient_position == position
    assert series.slices[0].effective_mAs == pytest.approx(current * 0.5 / pitch)


def test_a_compressed_series_with_blank_uids_is_read(data_dir):
    series = read_series(data_dir / "ct" / "totalsegmentator_reference" / "example_ct_dicom")
    assert series.hu.shape == (20, 512, 512)
    assert series.spacing_mm == (0.9765625, 0.9765625, 2.0)
    assert series.identity.startswith("sha256:")
    a = series.acquisition
    assert (a.rotation_time_s, a.pitch, a.phantom_cm) == (0.33, 0.8, 32)
    assert (a.total_collimation_mm, a.modulation) == (19.2, "XYZ_EC")
    assert (a.contrast, a.pregnancy_stated, a.age_years) == (True, False, None)
    assert a.ctdivol_mGy == pytest.approx(18.54, abs=0.01)
    assert {s.tube_current_mA for s in series.slices} == {614, 615, 616}
    # 615 x 0.33 / 0.8: what Siemens wrote into Exposure.
    assert series.slices[0].effective_mAs == pytest.approx(253.7, abs=0.1)
    assert codes(series) == {"irradiated_range_unknown"}
    hu, affine = by_simpleitk(series)
    assert np.array_equal(series.hu, hu)
    assert np.allclose(series.affine, affine)


def test_enhanced_ct_is_read_and_flagged_as_no_plain_ct(data_dir):
    path = data_dir / "ct" / "enhanced_ct_2frames.dcm"
    series = read_series(path)
    assert series.z_mm.tolist() == [-159, -149]
    assert series.spacing_mm == pytest.approx((0.388672, 0.388672, 10))
    assert {"derived", "not_hu"} <= codes(series)
    assert series.acquisition.contrast is True
    stored = pydicom.dcmread(path).pixel_array.astype(int)  # the first frame is the lower one
    assert np.array_equal(series.hu, stored - 1024)


def test_every_transfer_syntax_gives_the_same_slice(data_dir):
    folder = data_dir / "ct" / "transfer_syntaxes"
    files = sorted(folder.glob("*.dcm"))
    assert len(files) == 16
    reference = read_series(folder / "CTImage.dcm").hu.astype(float)
    assert (reference == -1000).sum() > 50000  # outside the round field of view
    lossy = ("4.50", "4.51", "4.53", "4.55", "4.81", "4.91")
    for path in files:
        series = read_series(path)
        blurred = path.name.removesuffix(".dcm").endswith(lossy)
        assert ("lossy" in codes(series)) is blurred, path.name
        difference = np.abs(series.hu - reference)
        if not blurred:
            assert difference.max() == 0, path.name
        # 8 bits hold steps of 32 HU.
        limit = 20 if "4.50" in path.name else 4
        assert np.median(difference) <= limit, path.name


def test_volume_files_are_read_on_their_own_grid(data_dir):
    series = read_series(data_dir / "ct" / "lidc_0314_thorax_derived.nii.gz")
    assert series.hu.shape == (91, 256, 256)
    assert series.spacing_mm[2] == pytest.approx(3)
    series = read_series(data_dir / "ct" / "totalsegmentator_reference" / "example_ct.nii.gz")
    assert series.hu.shape == (112, 101, 122)
    assert series.z_mm[0] == pytest.approx(94.3017578)
    # i grows to the left of the patient's picture: the file's own grid, not DICOM's.
    assert series.affine[0, 0] > 0


@pytest.mark.parametrize("syntax", ["4.57", "4.70", "4.80", "4.90", "4.53"])
def test_simpleitk_decodes_what_pydicom_has_no_decoder_for(data_dir, monkeypatch, syntax):
    monkeypatch.setattr(decoding, "_decoder_missing", lambda syntax: True)
    folder = data_dir / "ct" / "transfer_syntaxes"
    (path,) = folder.glob(f"*_1.2.840.10008.1.2.{syntax}.dcm")
    series = read_series(path)
    reference = read_series(folder / "CTImage.dcm")
    if syntax == "4.53":
        assert np.median(np.abs(series.hu - reference.hu)) <= 4
    else:
        assert series.hu.dtype == np.int16
        assert np.array_equal(series.hu, reference.hu)
