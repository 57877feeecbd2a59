"""The 90 % intervals of mean diameter and SSDE."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dose_scans import make

from CTDoseSegLib.ct.scanner_profile import GENERIC
from CTDoseSegLib.flags import flag
from CTDoseSegLib.measurement.size import SizeProfile
from CTDoseSegLib.measurement.size_interval import (
    ctdivol_log_sd,
    ssde_cut_log,
    ssde_interval_mGy,
    wed_interval_mm,
)
from CTDoseSegLib.measurement.ssde import BODY_16, BODY_32, HEAD_16, SSDEProfile


def profile(wed, fraction=(0.0, 0.0), corrected=None, asymmetry=(0.0, 0.0)):
    wed, fraction, asymmetry = (np.array(of, dtype=float) for of in (wed, fraction, asymmetry))
    corrected = wed if corrected is None else np.array(corrected, dtype=float)
    return SizeProfile(wed * 0, wed * 0, wed, fraction, asymmetry, corrected, ((), ()))


def test_ssde_is_known_within_a_fifth():
    assert ssde_interval_mGy(15.0) == pytest.approx((12.0, 18.0))
    assert ssde_interval_mGy(float("nan")) is None


def test_ssde_is_known_less_well_where_ctdivol_is():
    # ln 0.8 and ln 1.2 in quadrature with 1.645 x 0.262, a CTDIvol of -35 to +54 %.
    low, high = ssde_interval_mGy(10.0, 0.262)
    assert (low, high) == pytest.approx((6.151, 15.97), rel=1e-3)
    assert low < 6.5
    assert high > 15.4


def of_table(table, *values):
    values = np.array(values)
    return SSDEProfile(values, values, values, table, ())


def test_a_whole_body_adds_nothing_to_the_interval_of_ssde():
    assert ssde_cut_log(profile([290, 310]), of_table(BODY_32, 10.0, 12.0)) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("table", "per_cm"), [(BODY_32, 0.03671937), (BODY_16, 0.03871313), (HEAD_16, 0.0486)]
)
def test_an_uncorrected_cut_reaches_down_to_the_ssde_of_the_whole_body(table, per_cm):
    # Up to 6.5 %: 280 mm as measured is 299.47 mm; never is it larger than it is.
    size = profile([280, 280], (0.18, 0.18), [np.nan] * 2, (1.0, 1.0))
    down, up = ssde_cut_log(size, of_table(table, 10.0, 10.0))
    assert (down, up) == (pytest.approx(per_cm * 1.9465, rel=1e-3), 0.0)
    low, high = ssde_interval_mGy(10.0, cut_log=(down, up))
    assert low == pytest.approx(10.0 * np.exp(-np.hypot(np.log(0.8), per_cm * 1.9465)), rel=1e-4)
    assert high == pytest.approx(12.0)


def test_a_corrected_cut_carries_the_error_that_the_correction_leaves():
    # 300 mm are corrected to 309.5; of those 5 % too small at most, 325.8 mm in truth, or 1.5 %
    # too large: 304.9 mm, still more than was measured.
    size = profile([300, 300], (0.3 - 1e-9,) * 2, [309.5, 309.5])
    down, up = ssde_cut_log(size, of_table(BODY_32, 10.0, 10.0))
    assert (down, up) == (pytest.approx(0.03671937 * 2.579, rel=1e-3), 0.0)


def test_a_correction_that_may_be_too_large_reaches_up():
    size = profile([300, 300], (0.15, 0.15), [300.1, 300.1])  # 0.3 % too large at most
    _, up = ssde_cut_log(size, of_table(BODY_32, 10.0, 10.0))
    assert up == pytest.approx(0.03671937 * (30.0 - 30.01 / 1.003), rel=1e-3)


def test_each_slice_carries_its_own_cut_into_the_mean_of_ssde():
    size = profile([280, 280], (0.18, 0.0), [np.nan, 280], (1.0, 0.0))
    down, _ = ssde_cut_log(size, of_table(BODY_32, 10.0, 30.0))
    cut = 10.0 * np.exp(-0.03671937 * 1.9465)
    assert down == pytest.approx(np.log(40.0 / (cut + 30.0)), rel=1e-3)
    down, _ = ssde_cut_log(size, of_table(BODY_32, np.nan, 30.0))  # the cut slice has no SSDE
    assert down == 0.0
    assert ssde_cut_log(size, of_table("", np.nan, np.nan)) == (0.0, 0.0)


def test_ssde_takes_over_what_is_not_known_of_ctdivol():
    def log_sd(ctdivol, *codes, scanner=GENERIC):
        series = make(slices=3, organs=(), ctdivol=ctdivol, current=[100.0, 200.0, 300.0])[0]
        unknown = np.full(3, np.nan)
        flags = tuple(flag(code) for code in codes)
        return ctdivol_log_sd(series, SSDEProfile(*(unknown,) * 3, "", flags, ((),) * 3), scanner)

    assert log_sd([4.0, 8.0, 12.0]) == 0.0
    assert log_sd(8.0) == 0.15  # of a scan of which the images may be a part
    by_model = replace(GENERIC, nctdiw_log_sd=0.262)
    assert log_sd(None, "ssde_by_mas", scanner=by_model) == 0.262
    assert log_sd(None, "ssde_by_mas") == 0.10


def test_a_whole_body_is_known_within_its_mask_and_calibration():
    # 1 % at k = 1 is 1.645 % at 90 %.
    assert wed_interval_mm(profile([290, 310])) == pytest.approx((295.065, 304.935))


def test_a_cut_body_is_known_less_well_around_the_corrected_mean():
    low, high = wed_interval_mm(profile([290, 310], (0.15, 0.15), [300, 320]))
    assert low == pytest.approx(310 * (1 - np.hypot(0.01645, 0.003 / 1.003)))
    assert high == pytest.approx(310 * (1 + np.hypot(0.01645, 0.02 / 0.98)))


def test_the_interval_of_a_body_cut_on_one_side_reaches_as_far_as_crops_did():
    nan = [np.nan, np.nan]
    low, high = wed_interval_mm(profile([290, 310], (0.18, 0.18), nan, (1.0, 1.0)))
    assert low == pytest.approx(300 * (1 - 0.01645))  # nothing that is cut off makes WED too large
    assert high == pytest.approx(300 * (1 + np.hypot(0.01645, 0.065 / 0.935)))
    _, half = wed_interval_mm(profile([290, 310], (0.18, 0.0), [np.nan, 310], (1.0, 0.0)))
    assert half == pytest.approx(300 * (1 + np.hypot(0.01645, 0.0325 / 0.9675)))


def test_without_a_body_there_is_no_interval():
    assert wed_interval_mm(profile([np.nan, np.nan], (np.nan, np.nan))) is None
