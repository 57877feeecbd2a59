"""Volume files keep their own grid; .npy with .json gives a series back exactly."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK
from dicom_files import codes, write_series
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.scanner_profile import Scanner
from CTDoseSegLib.ct.series import CTSeries, SliceInfo
from CTDoseSegLib.errors import GeometryError, InputError, PixelDataError
from CTDoseSegLib.phantom.dicom_files import write_dicom
from CTDoseSegLib.phantom.phantom import Phantom
from CTDoseSegLib.reading.array_series import series_from_array
from CTDoseSegLib.reading.npy_volume import write_npy_volume
from CTDoseSegLib.reading.reader import read_series

RNG = np.random.default_rng(3)


def image(values=None, spacing=(0.7, 0.8, 3.0), origin=(-11.0, 22.0, 33.0), direction=None):
    values = RNG.integers(-1000, 1500, (4, 5, 6)).astype(np.int16) if values is None else values
    result = SimpleITK.GetImageFromArray(values)
    result.SetSpacing(spacing)
    result.SetOrigin(origin)
    if direction is not None:
        result.SetDirection(np.asarray(direction, float).ravel().tolist())
    return result


def write(path, *args, **kwargs):
    written = image(*args, **kwargs)
    SimpleITK.WriteImage(written, str(path))
    return written


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd"])
@pytest.mark.parametrize(
    "direction",
    [np.eye(3), np.diag([1, 1, -1]), np.diag([-1, -1, 1]), np.eye(3)[[1, 0, 2]] * [1, -1, 1]],
    ids=["plain", "downward", "turned", "decubitus"],
)
def test_the_grid_is_kept_and_put_into_ras(tmp_path, suffix, direction):
    written = write(tmp_path / f"ct{suffix}", direction=direction)
    series = read_series(tmp_path / f"ct{suffix}")
    assert np.array_equal(series.hu, SimpleITK.GetArrayFromImage(written))
    for index in ((0, 0, 0), (5, 3, 2)):
        lps = np.array(written.TransformContinuousIndexToPhysicalPoint([float(v) for v in index]))
        assert np.allclose((series.affine @ [*index, 1])[:3], lps * [-1, -1, 1], atol=1e-5)
    middle = written.TransformContinuousIndexToPhysicalPoint([2.5, 2.0, 1.0])
    assert series.z_mm[1] == pytest.approx(middle[2], abs=1e-5)
    assert series.regular
    assert series.identity.startswith("sha256:")


def test_a_volume_file_is_flagged_as_without_exposure(tmp_path):
    write(tmp_path / "ct.nrrd")
    series = read_series(tmp_path / "ct.nrrd")
    assert {"kvp_unknown", "tube_current_missing", "ctdivol_missing"} <= codes(series)
    assert series.acquisition == Acquisition()


def test_sagittal_volumes_are_refused_for_dose(tmp_path):
    write(tmp_path / "ct.nrrd", direction=[[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    assert "not_axial" in codes(read_series(tmp_path / "ct.nrrd"))


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (np.full((2, 3, 4), -500.0), np.int16),
        (np.full((2, 3, 4), -500.5), np.float32),
        (np.array([[[-1000, 40000]]], np.int32), np.float32),
    ],
)
def test_values_are_int16_where_that_is_exact(tmp_path, values, dtype):
    write(tmp_path / "ct.nrrd", values)
    series = read_series(tmp_path / "ct.nrrd")
    assert series.hu.dtype == dtype
    assert np.array_equal(series.hu, values)


def test_padding_of_a_volume_file_is_air(tmp_path):
    values = np.zeros((2, 5, 5), np.int16)
    values[:, [0, 0, -1, -1], [0, -1, 0, -1]] = -3024
    write(tmp_path / "ct.nrrd", values)
    assert read_series(tmp_path / "ct.nrrd").hu.min() == -1000


@pytest.mark.parametrize("kind", [np.int16, np.int32, np.float32])
def test_an_array_in_memory_is_left_as_it_is(kind):
    values = np.full((2, 5, 5), -3024, kind)
    series = series_from_array(values, np.diag([1.0, 1.0, 1.0, 1.0]))
    assert (series.hu == -1000).all()
    assert (values == -3024).all()


def test_values_without_air_may_not_be_hounsfield_units(tmp_path):
    write(tmp_path / "labels.nii.gz", np.ones((3, 3, 3), np.uint8))
    assert "not_hu" in codes(read_series(tmp_path / "labels.nii.gz"))


def test_values_that_are_no_numbers_are_refused(tmp_path):
    values = np.zeros((2, 3, 4), np.float32)
    values[0, 0, 0] = np.nan
    write(tmp_path / "ct.nrrd", values)
    with pytest.raises(PixelDataError, match=r"ct\.nrrd: it has values that are not numbers"):
        read_series(tmp_path / "ct.nrrd")


def test_a_colour_image_is_refused(tmp_path):
    SimpleITK.WriteImage(
        SimpleITK.GetImageFromArray(np.zeros((2, 3, 4, 3), np.uint8), isVector=True),
        str(tmp_path / "rgb.nrrd"),
    )
    with pytest.raises(PixelDataError, match="colour or vector"):
        read_series(tmp_path / "rgb.nrrd")


def test_a_series_in_time_is_refused(tmp_path):
    SimpleITK.WriteImage(
        SimpleITK.Image([4, 4, 4, 3], SimpleITK.sitkInt16), str(tmp_path / "t.nii.gz")
    )
    with pytest.raises(GeometryError, match="4 dimensions"):
        read_series(tmp_path / "t.nii.gz")


@pytest.mark.parametrize("name", ["ct.nii", "ct.nii.gz", "ct.nrrd", "ct.npy"])
def test_a_file_that_is_cut_off_or_foreign_is_refused_by_name(tmp_path, name):
    (tmp_path / name).write_bytes(b"not an image" * 10)
    with pytest.raises(InputError, match=rf"^{name}: not a readable"):
        read_series(tmp_path / name)


@pytest.mark.parametrize("name", ["ct.nii", "ct.nii.gz", "ct.nrrd"])
@pytest.mark.parametrize("lost", [1, 50])
def test_a_file_cut_off_in_its_pixels_is_refused(tmp_path, name, lost):
    write(tmp_path / name)
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(InputError, match=r"^ct\.n.* cut off"):
        read_series(path)


def test_a_gzip_file_in_several_parts_is_read(tmp_path):
    written = write(tmp_path / "ct.nii")
    raw = (tmp_path / "ct.nii").read_bytes()
    (tmp_path / "ct.nii.gz").write_bytes(gzip.compress(raw[:400]) + gzip.compress(raw[400:]))
    hu = read_series(tmp_path / "ct.nii.gz").hu
    assert np.array_equal(hu, SimpleITK.GetArrayFromImage(written))


# .npy with .json


finite = st.floats(-1e4, 1e4, allow_nan=False)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(finite, min_size=12, max_size=12),
    z=st.lists(finite, min_size=3, max_size=3),
    dtype=st.sampled_from([np.int16, np.float32]),
    regular=st.booleans(),
)
def test_a_scene_volume_comes_back_exactly(tmp_path, values, z, dtype, regular):
    affine = np.eye(4)
    affine[:3] = np.array(values).reshape(3, 4)
    # Any turned or sheared grid, but one with rows and columns at right angles and real lengths.
    axes, _ = np.linalg.qr(affine[:3, :3] + 1e5 * np.eye(3))
    affine[:3, :3] = axes * [0.7, 0.9, 2.5]
    hu = RNG.normal(0, 500, (3, 4, 5)).astype(dtype)
    slices = tuple(SliceInfo(v, tube_current_mA=abs(v) or None, thickness_mm=2.5) for v in z)
    acquisition = Acquisition(
        kvp_kV=120.0,
        irradiated_range_mm=(-3.5, 900.25),
        isocentre_mm=(1.5, -180.0),
        ecg_gated=False,
        sources={
            **{"kvp_kV": "user", "irradiated_range_mm": "rdsr", "ecg_gated": "image"},
            "isocentre_mm": "image",
        },
    )
    series = CTSeries(hu, affine, slices, acquisition, "1.2.3", regular, (), (), "2 Thorax äß")
    path = tmp_path / "volume.npy"
    write_npy_volume(series, path)
    back = read_series(path)
    assert back.hu.dtype == dtype
    assert np.array_equal(back.hu, hu)
    assert np.array_equal(back.affine, affine)
    for name in ("slices", "acquisition", "identity", "regular", "flags", "description"):
        assert getattr(back, name) == getattr(series, name)


def test_a_dicom_series_goes_through_npy_unchanged(tmp_path):
    series = read_series(write_series(tmp_path / "ct"))
    write_npy_volume(series, tmp_path / "volume.npy")
    back = read_series(tmp_path / "volume.npy")
    assert np.array_equal(back.hu, series.hu)
    assert back.slices == series.slices
    assert back.flags == series.flags
    assert back.acquisition == series.acquisition
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ct", "volume.json", "volume.npy"]


def test_a_dose_report_goes_through_npy_without_identity(tmp_path):
    phantom = Phantom(variant="chest", shape=(64, 64, 3), spacing_mm=(7, 7, 5))
    write_dicom(phantom, tmp_path / "made")
    series = read_series(tmp_path / "made")
    assert series.dose_report is not None
    write_npy_volume(series, tmp_path / "volume.npy")
    back = read_series(tmp_path / "volume.npy")
    assert back.dose_report == series.dose_report.without_identity()
    written = (tmp_path / "volume.json").read_text()
    report = series.dose_report.report
    for uid in (report.study_uid, *(one.uid for one in report.events)):
        assert uid
        assert uid not in written


def test_what_a_scanner_profile_changed_goes_through_npy(tmp_path):
    series = read_series(write_series(tmp_path / "ct"))
    scanner = Scanner("Some CT 1", ctdivol_ratio=0.9, ctdivol_checked=True)
    write_npy_volume(replace(series, scanner=scanner), tmp_path / "volume.npy")
    assert read_series(tmp_path / "volume.npy").scanner == scanner


def npy(tmp_path, **about):
    np.save(tmp_path / "v.npy", np.full((2, 3, 4), -500, np.int16))
    about = {"affine": np.diag([1.0, 1, 2, 1]).tolist(), **about}
    (tmp_path / "v.json").write_text(json.dumps(about), encoding="utf-8")
    return tmp_path / "v.npy"


def test_an_affine_alone_is_enough(tmp_path):
    series = read_series(npy(tmp_path))
    assert series.z_mm.tolist() == [0, 2]
    assert series.spacing_mm == (1, 1, 2)
    assert "kvp_unknown" in codes(series)


def test_a_sheared_affine_is_not_regular(tmp_path):
    affine = np.diag([1.0, 1, 2, 1])
    affine[1, 2] = 0.5
    series = read_series(npy(tmp_path, affine=affine.tolist()))
    assert not series.regular
    assert "tilted" in codes(series)


@pytest.mark.parametrize(
    ("about", "match"),
    [
        ({"affine": None}, "affine must be four rows"),
        ({"affine": [[1, 2], [3]]}, "affine must be four rows"),
        ({"affine": np.zeros((4, 4)).tolist()}, "voxels of 0 x 0 x 0 mm"),
        ({"slices": [{"z_mm": 1.0}]}, "1 slices are described, the volume has 2"),
        ({"slices": [{"height": 1.0}] * 2}, "not as expected"),
        ({"acquisition": {"kvp": 120}}, "unknown names in acquisition: kvp"),
        ({"acquisition": {"irradiated_range_mm": 3}}, "not as expected"),
        ({"acquisition": {"sources": 3}}, "not as expected"),
        ({"flags": 3}, "flags are not as expected"),
        ({"flags": [{"colour": "red"}]}, "flags are not as expected"),
    ],
)
def test_a_wrong_json_is_refused(tmp_path, about, match):
    with pytest.raises((InputError, GeometryError), match=match):
        read_series(npy(tmp_path, **about))


def test_an_npy_without_its_json_is_refused(tmp_path):
    path = npy(tmp_path)
    (tmp_path / "v.json").unlink()
    with pytest.raises(InputError, match=r"v\.json, which holds the geometry, cannot .* --npy"):
        read_series(path)


def test_an_npy_that_would_run_code_is_refused(tmp_path):
    path = npy(tmp_path)
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"v\.npy: not a readable"):
        read_series(path)
