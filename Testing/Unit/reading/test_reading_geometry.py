"""Reading: order of slices, affine, and what is not regular about a stack."""

from __future__ import annotations

import numpy as np
import pytest
from dicom_files import codes, make_slice, save, write_series
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from CTDoseSegLib.dicom.header import Header
from CTDoseSegLib.errors import GeometryError
from CTDoseSegLib.reading.reader import read_series
from CTDoseSegLib.reading.stacking import stack


def header(position, row=(1, 0, 0), column=(0, 1, 0), spacing=(0.5, 0.7), **values) -> Header:
    numbers = {
        "ImagePositionPatient": tuple(map(float, position)),
        "ImageOrientationPatient": (*map(float, row), *map(float, column)),
        "PixelSpacing": spacing,
        "Rows": (6.0,),
        "Columns": (8.0,),
        "SliceThickness": (2.0,),
    }
    return Header("a.dcm", numbers | values, "")


def test_reversed_order_is_stacked_foot_to_head(tmp_path):
    write_series(tmp_path, slices=[3, 1, 4, 0, 2])
    series = read_series(tmp_path)
    assert series.z_mm.tolist() == [100, 102, 104, 106, 108]
    assert series.hu[:, 0, 0].tolist() == [0, 1, 2, 3, 4]
    assert [s.tube_current_mA for s in series.slices] == [100, 110, 120, 130, 140]
    assert [s.slice_location_mm for s in series.slices] == [0, 2, 4, 6, 8]
    assert len(series.files) == 5
    assert series.regular


def test_row_spacing_comes_first(tmp_path):
    write_series(tmp_path, PixelSpacing=[0.5, 0.8])
    series = read_series(tmp_path)
    assert np.allclose(series.affine[:3, 0], [-0.8, 0, 0])  # i runs along a row: column spacing
    assert np.allclose(series.affine[:3, 1], [0, -0.5, 0])
    assert series.pixel_area_mm2 == pytest.approx(0.4)


@given(
    angles=st.tuples(st.floats(-30, 30), st.floats(-30, 30), st.floats(-180, 180)),
    origin=st.tuples(*[st.floats(-500, 500)] * 3),
    step=st.floats(0.5, 10),
    count=st.integers(2, 12),
    seed=st.integers(0, 1000),
    mirrored=st.booleans(),
)
def test_the_affine_puts_every_pixel_where_its_tags_put_it(
    angles, origin, step, count, seed, mirrored
):
    axes = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    row, column = axes[0], axes[1] * (-1 if mirrored else 1)
    normal = np.cross(row, column)
    places = [np.array(origin) + k * step * normal for k in range(count)]
    headers = [header(place, row, column) for place in places]
    headers = [headers[n] for n in np.random.default_rng(seed).permutation(count)]
    result = stack(headers)
    assert result.regular
    for k, index in enumerate(result.order):
        position = np.array(headers[index].values["ImagePositionPatient"])
        # PS3.3, C.7.6.2.1.1, in LPS: i along the row with the column spacing.
        lps = position + 3 * 0.7 * row + 5 * 0.5 * column
        assert np.allclose((result.affine @ [3, 5, k, 1])[:3], lps * [-1, -1, 1], atol=1e-6)
        middle = position + 3.5 * 0.7 * row + 2.5 * 0.5 * column
        assert result.z_mm[k] == pytest.approx(middle[2], abs=1e-6)
    if abs(normal[2]) > 0.71:
        assert np.all(np.diff(result.z_mm) > 0)


@pytest.mark.parametrize(
    ("row", "column"), [((-1, 0, 0), (0, -1, 0)), ((0, 1, 0), (-1, 0, 0)), ((-1, 0, 0), (0, 1, 0))]
)
def test_prone_decubitus_and_feet_first_are_not_flipped(row, column):
    result = stack([header((0, 0, z), row, column) for z in (4, 2, 0)])
    assert np.allclose(result.affine[:3, 0], np.array(row) * [-0.7, -0.7, 0.7])
    assert np.allclose(result.affine[:3, 1], np.array(column) * [-0.5, -0.5, 0.5])
    assert result.z_mm == (0, 2, 4)
    assert result.regular
    assert not result.flags


@pytest.mark.parametrize(
    ("row", "column"),
    [((1, 0, 0), (0, 0, -1)), ((0, 1, 0), (0, 0, -1))],
    ids=["coronal", "sagittal"],
)
def test_coronal_and_sagittal_slices_are_read_but_refused_for_dose(row, column):
    normal = np.cross(row, column)
    result = stack([header(normal * k, row, column) for k in range(4)])
    (only_flag,) = result.flags
    assert (only_flag.code, only_flag.severity) == ("not_axial", "refusal")
    assert np.linalg.det(result.affine) != 0


def test_missing_slices_are_counted_and_located(tmp_path):
    write_series(tmp_path, slices=[0, 1, 2, 5, 6, 7])
    series = read_series(tmp_path)
    (missing,) = [f for f in series.flags if f.code == "missing_slices"]
    assert "2 of 8, after slice 2" in missing.message
    assert not series.regular
    assert series.z_mm.tolist() == [100, 102, 104, 110, 112, 114]


def test_uneven_spacing_is_flagged_and_the_true_positions_kept():
    result = stack([header((0, 0, z)) for z in (0, 2, 4, 7, 10, 13)])
    assert [f.code for f in result.flags] == ["uneven_spacing"]
    assert not result.regular
    assert result.z_mm == (0, 2, 4, 7, 10, 13)


def test_rounded_positions_are_regular():
    result = stack([header((0, 0, round(k * 1.25, 1))) for k in range(5)])
    assert not result.regular  # 1.2, 1.3: rounded to 0.1 mm is too coarse to tell
    result = stack([header((0, 0, round(k / 3, 2))) for k in range(60)])
    assert result.regular
    assert result.affine[2, 2] == pytest.approx(1 / 3, abs=1e-3)


@pytest.mark.parametrize("tilt", [-18.5, 3.0, 25.0])
def test_gantry_tilt_shears_the_stack(tilt):
    angle = np.radians(tilt)
    column = (0, np.cos(angle), np.sin(angle))
    headers = [header((0, 0, 5 * k), (1, 0, 0), column) for k in range(6)]
    result = stack(headers)
    assert "tilted" in {f.code for f in result.flags}
    assert f"{abs(tilt):.1f} degrees" in result.flags[0].message
    assert not result.regular
    assert np.allclose(result.affine[:3, 2], [0, 0, 5])


def test_a_tilt_that_was_resampled_is_flagged(tmp_path):
    write_series(tmp_path, GantryDetectorTilt=12)
    series = read_series(tmp_path)
    assert "tilt_resampled" in codes(series)
    assert series.regular


def test_oblique_slices_are_flagged():
    angle = np.radians(20)
    column = np.array((0, np.cos(angle), np.sin(angle)))
    normal = np.cross((1, 0, 0), column)
    result = stack([header(normal * k, (1, 0, 0), column) for k in range(4)])
    assert [f.code for f in result.flags] == ["oblique"]


def test_slices_shifted_sideways_are_flagged():
    result = stack([header((4 if k == 3 else 0, 0, k)) for k in range(6)])
    assert [f.code for f in result.flags] == ["shifted_slices"]
    assert not result.regular


def test_one_slice_takes_its_thickness_as_step(tmp_path):
    series = read_series(save(make_slice(SliceThickness=5), tmp_path / "a.dcm"))
    assert series.spacing_mm == (0.5, 0.5, 5.0)
    assert "single_slice" in codes(series)
    assert series.regular


def test_one_slice_of_unknown_thickness_has_no_volume(tmp_path):
    series = read_series(save(make_slice(SliceThickness=None), tmp_path / "a.dcm"))
    assert not series.regular
    assert "single_slice" in codes(series)
    assert series.slices[0].thickness_mm is None


@pytest.mark.parametrize(
    ("tag", "value", "match"),
    [
        ("PixelSpacing", None, "PixelSpacing .* is missing"),
        ("PixelSpacing", [0, 0], "PixelSpacing .* is 0 x 0 mm"),
        ("PixelSpacing", [-0.5, 0.5], "PixelSpacing"),
        ("ImageOrientationPatient", [1, 0, 0, 1, 0, 0], "not two perpendicular"),
    ],
)
def test_impossible_geometry_is_refused_by_its_tag(tmp_path, tag, value, match):
    with pytest.raises(GeometryError, match=match):
        read_series(save(make_slice(**{tag: value}), tmp_path / "a.dcm"))
