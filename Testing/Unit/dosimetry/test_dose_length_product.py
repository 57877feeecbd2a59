"""DLP: stated, or CTDIvol times the irradiated length, or a lower bound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from body_part_scans import CHEST, dose, scan
from dose_scans import codes, make

from CTDoseSegLib.ct.series import CTSeries
from CTDoseSegLib.dosimetry.effective_dose import dose_length_product, effective_dose

TYPED = {"irradiated_range_mm": "user"}


def test_dlp_is_ctdivol_times_length_over_the_images_and_a_lower_bound():
    series, _ = scan(CHEST, ctdivol=9.0)
    dlp, flags = dose_length_product(series)
    assert dlp.value_mGy_cm == pytest.approx(9.0 * 40 * 0.5)
    assert dlp.length_mm == pytest.approx(200.0)
    assert dlp.lower_bound
    assert dlp.source.startswith("computed")
    assert codes(flags) == {"dlp_computed", "dlp_lower_bound"}


def test_dlp_takes_the_ctdivol_of_each_slice():
    per_slice = np.linspace(4, 14, 40)
    dlp, _ = dose_length_product(scan(CHEST, ctdivol=per_slice)[0])
    assert dlp.value_mGy_cm == pytest.approx(per_slice.sum() * 0.5)


@pytest.mark.parametrize(("low", "high"), [(-30.0, 260.0), (50.0, 120.0), (150.0, 300.0)])
def test_dlp_over_a_known_range_is_no_bound(low, high):
    series, _ = scan(CHEST, irradiated_range_mm=(low, high), sources=TYPED)
    dlp, flags = dose_length_product(series)
    assert dlp.value_mGy_cm == pytest.approx(9.0 * (high - low) / 10)
    assert not dlp.lower_bound
    assert codes(flags) == {"dlp_computed"}


def test_overranging_of_the_scanner_profile_lengthens_a_planned_range():
    series, _ = scan(CHEST, irradiated_range_mm=(0.0, 200.0))
    dlp, _ = dose_length_product(series, overranging_mm=44.0)
    assert dlp.length_mm == pytest.approx(244.0)


def test_a_stated_dlp_is_taken_as_it_is_with_its_source():
    series, _ = scan(CHEST, dlp_mGy_cm=201.0, sources={"dlp_mGy_cm": "rdsr"})
    dlp, flags = dose_length_product(series)
    assert (dlp.value_mGy_cm, dlp.source) == (201.0, "rdsr")
    assert dlp.computed_mGy_cm == pytest.approx(180.0)
    assert flags == ()


@pytest.mark.parametrize("stated", [90.0, 600.0])
def test_a_stated_dlp_that_does_not_fit_is_flagged_and_used(stated):
    effective = dose(CHEST, dlp_mGy_cm=stated)
    assert codes(effective.flags) == {"dlp_disagrees"}
    assert effective.effective_dose_mSv == pytest.approx(stated * 0.0210)


def test_a_short_range_is_flagged():
    organs = {"lung": (0, 40)}
    series, measured = scan(organs, irradiated_range_mm=(80.0, 110.0), sources=TYPED)
    assert "effective_dose_short" in codes(effective_dose(series, measured).flags)
    assert "effective_dose_short" not in codes(dose(organs).flags)


def test_one_slice_has_a_dlp_only_with_a_thickness():
    series, _ = make(slices=1, organs=())
    assert dose_length_product(series)[0] is None
    thick = replace(series.slices[0], thickness_mm=8.0)
    dlp, _ = dose_length_product(replace(series, slices=(thick,)))
    assert dlp.value_mGy_cm == pytest.approx(9.0 * 0.8)


def test_slices_that_are_not_axial_have_no_dlp():
    from CTDoseSegLib.flags import flag

    series: CTSeries = replace(scan(CHEST)[0], flags=(flag("not_axial"),))
    assert dose_length_product(series)[0] is None
