"""A value that leaves both its neighbours as no modulation does is flagged; modulation is not."""

from __future__ import annotations

import numpy as np
import pytest
from dicom_files import codes, write_series

from CTDoseSegLib.reading.outlying_slices import mean_changes_by, outlying_slices
from CTDoseSegLib.reading.reader import read_series

# As scanners wrote them: mA of a thorax (Siemens, 8 mm), of a head (Philips, 5 mm) and of an upper
# abdomen (GE, 5 mm), and two groups of a sequential head (GE).
THORAX = [238, 237, 236, 230, 232, 233, 236, 236, 238, 240, 242, 240, 232, 228, 222, 216, 205, 194]
THORAX += [184, 181, 177, 173, 170, 172, 170, 172, 173, 175, 178, 184]
HEAD = [112, 112, 112, 116, 118, 119, 119, 119, 118, 118, 116, 110, 103, 97, 91, 84, 79, 73, 67, 61]
HEAD += [56, 54, 54, 54, 54, 54, 54, 54]
ABDOMEN = [700, 697, 693, 689, 685, 678, 668, 658, 649, 641, 634, 626, 618, 610, 600, 591, 582, 578]
ABDOMEN += [574, 571, 567, 566, 566, 567, 568, 568, 568]
GROUPS = [180] * 13 + [160] * 14
TOOTHED = [200, 240] * 8


@pytest.mark.parametrize("values", [THORAX, HEAD, ABDOMEN, GROUPS, TOOTHED, [9.0] * 6, [], [5, 9]])
def test_modulation_groups_and_constant_values_are_no_outliers(values):
    assert outlying_slices(values) == []
    assert outlying_slices(values[::-1]) == []


@pytest.mark.parametrize("series", [THORAX, ABDOMEN])
@pytest.mark.parametrize("factor", [0.5, 0.75, 1.3, 2.0])
def test_a_slice_of_a_modulated_scan_is_found_wherever_it_is(series, factor):
    for k in range(len(series)):
        values = [value * (factor if n == k else 1) for n, value in enumerate(series)]
        assert outlying_slices(values) == [k]


def test_two_slices_do_not_hide_each_other():
    values = [200.0] * 24
    values[3], values[17] = 300.0, 120.0
    assert outlying_slices(values) == [3, 17]
    assert mean_changes_by(values, [3, 17]) == pytest.approx(20 / 24 / 200)


def test_a_slice_without_a_value_is_not_judged_and_judges_none():
    values = [9.0, 9.0, None, 14.0, 9.0, 9.0, 9.0, 9.0]
    assert outlying_slices(values) == []
    assert outlying_slices([None] * 6) == []


def test_an_exposure_that_mas_shows_too_was_made():
    current = [200.0, 200, 200, 320, 200, 200, 200]
    mas = [round(0.4 * value) for value in current]
    assert outlying_slices(current, [mas]) == []
    assert outlying_slices(current, [[80] * 7]) == [3]


@pytest.mark.parametrize(
    ("tag", "usual", "odd", "code", "detail"),
    [
        ("CTDIvol", 9.0, 18.0, "ctdivol_outlying", "18 mGy in slices 2"),
        ("XRayTubeCurrent", 200, 280, "tube_current_outlying", "280 mA in slices 2"),
    ],
)
def test_the_flag_names_the_slice_and_what_it_does_to_the_mean(
    tmp_path, tag, usual, odd, code, detail
):
    plain = {"CTDIvol": 9.0, "XRayTubeCurrent": 200, "Exposure": None}
    write_series(tmp_path, range(6), **{**plain, tag: lambda k: odd if k == 2 else usual})
    series = read_series(tmp_path)
    (flag,) = (f for f in series.flags if f.code in ("ctdivol_outlying", "tube_current_outlying"))
    assert (flag.code, flag.detail) == (code, detail)
    change = 100 * (odd / usual - 1) / 6
    assert f"change the mean over the slices by {change:+.1f} %" in flag.consequence
    value = series.slices[2].ctdivol_mGy if tag == "CTDIvol" else series.slices[2].tube_current_mA
    assert value == odd  # the value stays: it may be right


def test_far_apart_slices_say_nothing_of_each_other(tmp_path):
    place = {"ImagePositionPatient": lambda k: [-10, -20, 100 + 40 * k], "SliceThickness": 40}
    place |= {"SliceLocation": lambda k: 40 * k}
    write_series(tmp_path, range(6), CTDIvol=lambda k: 18.0 if k == 2 else 9.0, **place)
    series = read_series(tmp_path)
    assert np.ptp([s.z_mm for s in series.slices]) == pytest.approx(200)
    assert "ctdivol_outlying" not in codes(series)


def test_a_typed_value_answers_it(tmp_path):
    from CTDoseSegLib.ct.acquisition import check_typed
    from CTDoseSegLib.reading.typed_values import with_typed

    write_series(tmp_path, range(6), CTDIvol=lambda k: 18.0 if k == 2 else 9.0)
    series = read_series(tmp_path)
    assert "ctdivol_outlying" in codes(series)
    assert "ctdivol_outlying" in codes(with_typed(series, check_typed({"pitch": 1.0})))
    assert "ctdivol_outlying" not in codes(with_typed(series, check_typed({"ctdivol_mGy": 9.0})))
