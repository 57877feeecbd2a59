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
    ssde_interval_mGy,
    wed_interval_mm,
)
from CTDoseSegLib.measurement.ssde import SSDEProfile


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
