"""CTDIvol against effective mAs: wrong times, pitches, units and phantoms show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dose_scans import codes, make

from CTDoseSegLib.ct.scanner_profile import Scanner
from CTDoseSegLib.flags import flag
from CTDoseSegLib.measurement.ctdi_check import with_checked_ctdivol, with_known_output
from CTDoseSegLib.measurement.measurements import measure
from CTDoseSegLib.measurement.size import measure_size
from CTDoseSegLib.measurement.ssde import BODY_32, ssde

FLASH = {
    "manufacturer": "SIEMENS",
    "model": "SOMATOM Definition Flash",
    "total_collimation_mm": 38.4,
}
PROFILE = Scanner("own", nctdiw_mGy_per_100mAs=7.6)
MISSING = flag("ctdivol_missing", "all slices")


def scan(*, flags=(), **changes):
    """300 mA x 0.5 s / 1 and 9 mGy: 0.06 mGy per mAs."""
    series, labelmap = make(slices=6, organs=(), **changes)
    return replace(series, flags=tuple(flags)), labelmap


def checked(**changes):
    return with_checked_ctdivol(scan(**changes)[0])


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"rotation_time_s": 5.0}, "rotation time (5 s)"),
        ({"rotation_time_s": 0.05}, "rotation time (0.05 s)"),
        ({"pitch": 0.1}, "pitch (0.1)"),
        ({"pitch": 3.5}, "pitch (3.5)"),
        ({"ctdivol": 0.9}, "unit of CTDIvol"),
        ({"ctdivol": 9000.0}, "unit of CTDIvol"),
        ({"phantom_cm": 16}, "phantom (16 cm)"),
        ({"ctdivol": 24.0}, "phantom (32 cm)"),
        ({"kvp_kV": 80.0, "ctdivol": 15.0}, "0.100 mGy per mAs"),
    ],
)
def test_a_ratio_that_no_scanner_has_names_what_may_be_wrong(changes, named):
    (found,) = checked(**changes).flags
    assert found.code == "ctdivol_per_mas"
    assert named in found.message
    assert "scanners have" in found.message


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"ctdivol": 7.6},
        {"ctdivol": 16.0},
        {"kvp_kV": 100.0, "ctdivol": 6.2},
        {"kvp_kV": 140.0, "ctdivol": 22.0},
        {"phantom_cm": 16, "ctdivol": 24.0},
        # A part of a scan whose mean current was 30 % higher or lower than here.
        {"ctdivol": 6.0},
        {"ctdivol": 21.0},
        {**FLASH, "ctdivol": 10.0},
        {**FLASH, "total_collimation_mm": 10.0, "ctdivol": 16.0},
        # Not comparable, or nothing to compare.
        {"dual_source": True, "ctdivol": 40.0},
        {"tin_filter": True, "ctdivol": 1.0},
        {"ecg_gated": True, "ctdivol": 40.0},
        {"ctdivol": 90.0, "flags": (flag("dual_energy"),)},
        {"ctdivol": None},
        {"current": None},
        {"pitch": None, "ctdivol": 90.0},
        {"kvp_kV": None, "ctdivol": 90.0},
    ],
    ids=str,
)
def test_a_ratio_that_scanners_have_or_that_cannot_be_told_is_not_flagged(changes):
    assert not codes(checked(**changes).flags) - {"dual_energy"}


def test_ctdivol_of_each_slice_is_not_given_the_margin_of_a_part_of_a_scan():
    currents = np.linspace(200, 300, 6)
    doses = 0.12 * currents * 0.5
    assert codes(checked(current=currents, ctdivol=doses).flags) == {"ctdivol_per_mas"}
    assert not checked(current=currents, ctdivol=0.1 * currents * 0.5).flags


def test_a_series_that_is_checked_again_has_the_flag_of_its_values_alone():
    wrong = checked(rotation_time_s=5.0)
    assert with_checked_ctdivol(wrong).flags == wrong.flags
    mended = replace(wrong, acquisition=replace(wrong.acquisition, rotation_time_s=0.5))
    assert with_checked_ctdivol(mended).flags == ()


def test_one_slice_of_a_modulated_scan_is_not_compared():
    series, _ = make(slices=1, organs=(), ctdivol=30.0)
    assert not with_checked_ctdivol(series).flags


def test_a_known_model_is_compared_with_its_own_value():
    (found,) = checked(**FLASH, ctdivol=[15.0 + 0.1 * k for k in range(6)]).flags
    assert found.code == "ctdivol_per_mas"
    assert "0.068" in found.message
    assert "OpenREM" in found.message
    assert not checked(ctdivol=[15.0 + 0.1 * k for k in range(6)]).flags


@pytest.mark.parametrize(("ctdivol", "phantom"), [(10.0, 32), (24.0, 16), (16.5, None)])
def test_the_phantom_is_inferred_where_only_one_is_possible(ctdivol, phantom):
    series = checked(phantom_cm=None, ctdivol=ctdivol, flags=(flag("phantom_unknown"),))
    assert series.acquisition.phantom_cm == phantom
    if phantom is None:
        assert codes(series.flags) == {"phantom_unknown"}
        assert "phantom_cm" not in series.acquisition.sources
    else:
        assert codes(series.flags) == {"phantom_inferred"}
        assert series.acquisition.sources["phantom_cm"].startswith("computed")
        assert f"{phantom} cm" in series.flags[0].detail


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({"ctdivol": None}, False),
        ({"ctdivol": 0.0}, False),
        ({"ctdivol": None, "dlp_mGy_cm": 300.0}, True),
        ({"ctdivol": 16.5}, True),
    ],
    ids=str,
)
def test_a_phantom_is_asked_for_only_where_a_dose_index_belongs_to_it(changes, asked):
    series = checked(phantom_cm=None, flags=(flag("phantom_unknown"),), **changes)
    assert codes(series.flags) == ({"phantom_unknown"} if asked else set())


def test_a_stated_phantom_is_never_replaced():
    assert checked(phantom_cm=16, ctdivol=10.0).acquisition.phantom_cm == 16
    both = (flag("phantom_unknown", "more than one code"),)
    series = checked(phantom_cm=None, ctdivol=10.0, flags=both)
    assert series.acquisition.phantom_cm is None
    assert series.flags == both


def sized(scanner=None, anatomy=None, **changes):
    """SSDE, and the flags of the series and of SSDE."""
    series, labelmap = scan(**{"ctdivol": None, "flags": (MISSING,), **changes})
    size = measure_size(series, labelmap, measure(series, labelmap))
    series, scanner = with_known_output(series, scanner or Scanner())
    result = ssde(series, size, anatomy, scanner)
    return result, codes((*series.flags, *result.flags)), scanner


def test_a_known_model_opens_ssde_by_effective_mas():
    result, found, scanner = sized(**FLASH, phantom_cm=None)
    np.testing.assert_allclose(result.ctdivol_used_mGy, 150 * 0.0676)
    np.testing.assert_allclose(result.ssde_mGy, 150 * 0.0676 * result.factor)
    assert result.table == BODY_32
    assert found == {"ssde_by_mas"}
    (made,) = result.flags
    assert "OpenREM" in made.message
    assert "-35 to +54 %" in made.message
    assert scanner.nctdiw_source in made.message


def test_a_profile_comes_before_the_table():
    result, found, scanner = sized(PROFILE, **FLASH)
    np.testing.assert_allclose(result.ctdivol_used_mGy, 150 * 0.076)
    assert found == {"ssde_by_mas"}
    assert scanner == PROFILE


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"manufacturer": "SIEMENS", "model": "SOMATOM Force"},
        {**FLASH, "kvp_kV": 100.0},
        {**FLASH, "total_collimation_mm": 10.0},
        {**FLASH, "rotation_time_s": None},
        {**FLASH, "dual_source": True},
        {**FLASH, "tin_filter": True},
    ],
    ids=str,
)
def test_the_range_of_all_scanners_gives_no_ctdivol(changes):
    result, found, scanner = sized(**changes)
    assert np.isnan(result.ssde_mGy).all()
    assert {"ctdivol_missing", "ssde_without_ctdivol"} <= found
    assert scanner == Scanner()


def test_a_value_for_the_body_phantom_gives_a_head_no_ssde():
    result, found, _ = sized(**FLASH, body_part="HEAD")
    assert np.isnan(result.ssde_mGy).all()
    assert "ssde_without_ctdivol" in found


def test_a_stated_ctdivol_is_never_replaced_by_the_table():
    result, found, scanner = sized(**FLASH, ctdivol=9.0)
    np.testing.assert_allclose(result.ctdivol_used_mGy, 9.0)
    assert "ssde_by_mas" not in found
    assert scanner == Scanner()


def test_ctdivol_by_the_table_is_made_for_each_slice_and_not_distributed_again():
    series, labelmap = scan(**FLASH, ctdivol=None, flags=(MISSING,))
    mA = (100.0, 200.0, 300.0, 300.0, 200.0, 100.0)
    slices = tuple(
        replace(one, tube_current_mA=current, effective_mAs=100.0)
        for one, current in zip(series.slices, mA, strict=True)
    )
    series, scanner = with_known_output(replace(series, slices=slices), Scanner())
    size = measure_size(series, labelmap, measure(series, labelmap))
    result = ssde(series, size, None, scanner)
    np.testing.assert_allclose(result.ctdivol_used_mGy, 100 * 0.0676)
    assert codes(result.flags) == {"ssde_by_mas"}


def test_a_series_that_cannot_be_compared_any_more_loses_the_flag():
    wrong = checked(rotation_time_s=5.0)
    assert "ctdivol_per_mas" in codes(wrong.flags)
    without = replace(wrong, acquisition=replace(wrong.acquisition, kvp_kV=None))
    assert "ctdivol_per_mas" not in codes(with_checked_ctdivol(without).flags)


def test_a_head_without_ctdivol_is_still_asked_for_it():
    _, found, _ = sized(**FLASH, body_part="HEAD")
    assert "ctdivol_missing" in found
