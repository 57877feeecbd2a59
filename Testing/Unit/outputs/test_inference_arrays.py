"""The arrays that the published networks take: their rows, their files, what they lack."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny_analysis import tiny_analysis

from CTDoseSegLib.dosimetry.published.inference_rows import FEATURES, inference_rows, lacking
from CTDoseSegLib.outputs.inference_arrays import incomplete, write_inference_arrays
from CTDoseSegLib.result import read_result
from CTDoseSegLib.result_folder import write_result


def analysis_of(current_mA=None, location_mm=None, **changes):
    """A tiny analysis whose slices all have a tube current and a slice location."""
    analysis = tiny_analysis(**changes)
    slices = tuple(
        replace(
            one,
            tube_current_mA=200.0 + k if current_mA is None else current_mA.get(k),
            slice_location_mm=-12.5 + 5 * k if location_mm is None else location_mm.get(k),
        )
        for k, one in enumerate(analysis.series.slices)
    )
    return replace(analysis, series=replace(analysis.series, slices=slices))


def read(folder, organ):
    return np.load(folder / "inference_arrays" / organ / f"{organ}_inference_array.npy")


def test_an_organs_rows_are_those_of_the_notebook(tmp_path):
    """Computed as the notebook does: HU times a mask of 1 and NaN, slice by slice."""
    analysis = analysis_of()
    write_inference_arrays(analysis, tmp_path)
    for organ in ("liver", "lung", "body"):
        mask = analysis.labelmap.mask(organ)
        expected = []
        body = analysis.labelmap.mask("body")
        for k, hu in enumerate(analysis.series.hu):
            if mask[k].any():
                masked = hu * np.where(mask[k], 1.0, np.nan)
                water = np.nanmean(hu * np.where(body[k], 1.0, np.nan)) / 1000 + 1
                area_mm2 = body[k].sum() * analysis.measurements.pixel_area_mm2
                wed = 2 * np.sqrt(water * area_mm2 / np.pi)
                row = [np.nanmean(masked), np.nanstd(masked), 200.0 + k, wed, -12.5 + 5 * k]
                expected.append(row)
        rows = read(tmp_path, organ)
        assert rows.dtype == np.float32
        np.testing.assert_allclose(rows, expected, rtol=1e-6)
    assert len(read(tmp_path, "lung")) == 3  # it is on three of the four slices
    assert incomplete(analysis) == ()


def test_what_is_not_known_is_nan_and_flagged_with_its_count(tmp_path):
    analysis = analysis_of(current_mA={0: 200.0, 1: 0.0, 2: 220.0}, location_mm={})
    write_inference_arrays(analysis, tmp_path)
    liver = read(tmp_path, "liver")
    assert np.isnan(liver[:, 2]).tolist() == [False, True, False, True]
    assert np.isnan(liver[:, 4]).all()
    assert np.isfinite(liver[:, [0, 1, 3]]).all()
    (found,) = incomplete(analysis)
    assert found.code == "inference_rows_incomplete"
    assert "tube current on up to 2 slices" in found.detail
    assert "slice location on up to 4 slices" in found.detail
    rows = inference_rows(analysis.series, analysis.measurements, analysis.size, "liver")
    assert lacking(rows) == {FEATURES[2]: 2, FEATURES[4]: 4}


def test_the_flag_stands_in_the_result_that_has_the_arrays_and_in_no_other(tmp_path):
    analysis = analysis_of(location_mm={})
    written = write_result(analysis, tmp_path, inference_arrays=True)
    assert tmp_path / "inference_arrays" / "liver" / "liver_inference_array.npy" in written
    assert all(path.is_file() for path in written)
    codes = [flag.code for flag in read_result(tmp_path).flags]
    assert codes.count("inference_rows_incomplete") == 1
    write_result(analysis, tmp_path)
    assert not (tmp_path / "inference_arrays").exists()
    assert "inference_rows_incomplete" not in {flag.code for flag in read_result(tmp_path).flags}


@pytest.mark.parametrize("names", [("a b", "a_b"), ("../up", "up"), ("=cmd", "cmd")])
def test_names_of_organs_make_no_path_and_lose_no_array(tmp_path, names):
    analysis = analysis_of()
    groups = dict(zip(names, (("liver",), ("lung_left",)), strict=True))
    measurements = replace(analysis.measurements, groups=groups)
    target = tmp_path / "results"
    target.mkdir()
    written = write_inference_arrays(replace(analysis, measurements=measurements), target)
    assert len({path.resolve() for path in written}) == 2
    assert all(target in path.resolve().parents for path in written)
    assert [path.name for path in tmp_path.iterdir()] == ["results"]
    assert sorted(len(np.load(path)) for path in written) == [3, 4]
