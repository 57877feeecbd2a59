"""The dose of the uterus region: by the law or an engine, by the z-profile method, or a bound."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from dose_scans import STEP_MM, codes, make, scan_of

from CTDoseSegLib.analysis import analyze
from CTDoseSegLib.ct.acquisition import Acquisition, check_typed
from CTDoseSegLib.dosimetry.dose_map import DoseMap
from CTDoseSegLib.dosimetry.doses import DoseResult
from CTDoseSegLib.dosimetry.estimate import estimate
from CTDoseSegLib.dosimetry.fast.engine import FastEngine, load_model
from CTDoseSegLib.dosimetry.uterus_dose import LEAST, is_asked, uterus_dose
from CTDoseSegLib.dosimetry.uterus_position import SPHERE_MM, uterus_position
from CTDoseSegLib.dosimetry.z_profile import (
    BEAM_MM,
    BEAM_SHARE,
    DIAMETERS_MM,
    DOSE_PER_CTDIVOL,
    SCATTER_MM,
    VOLTAGES_KV,
    z_profile_mGy,
)
from CTDoseSegLib.flags import UTERUS
from CTDoseSegLib.measurement.ctdi_per_mas import K90
from CTDoseSegLib.reporting.terminal import summary
from CTDoseSegLib.result import Result, parse_result

ENGINE = FastEngine(load_model())
LONG_MM = np.arange(0.0, 901.0, 5.0)
TYPED = {"sources": {"irradiated_range_mm": "user"}}


def given(engine_result=None, **changes):
    """`UterusDose` of `make(**changes)`, pregnancy stated, by the fast law or of a result."""
    scan = scan_of(*make(**{"organs": ("uterus",), "pregnancy_stated": True, **changes}))
    doses = estimate(ENGINE, scan) if engine_result is None else engine_result(scan)
    return uterus_dose(scan, doses, "fast" if engine_result is None else "other")


def profile(places, wed=300.0, ctdivol=10.0, ends=(0.0, 900.0), z=LONG_MM, kV=120.0):
    values = np.broadcast_to(np.asarray(ctdivol, float), z.shape)
    return z_profile_mGy(np.atleast_1d(np.asarray(places, float)), wed, z, values, ends, kV)


@pytest.mark.parametrize("voltage", range(4))
@pytest.mark.parametrize("size", range(5))
def test_the_profile_of_a_long_scan_is_the_dose_of_its_cylinder(voltage, size):
    found = profile(450.0, DIAMETERS_MM[size], kV=VOLTAGES_KV[voltage])[0]
    assert found == pytest.approx(10 * DOSE_PER_CTDIVOL[voltage][size], rel=0.002)


def test_the_profile_is_the_integral_that_its_formula_says():
    ctdivol, n = 8.0 + 5.0 * np.sin(LONG_MM / 60.0), DIAMETERS_MM.index(300.0)
    at_120 = VOLTAGES_KV.index(120.0)
    scatter = SCATTER_MM[at_120][n]
    fine = np.arange(100.0, 700.0, 0.05) + 0.025
    source = ctdivol[np.abs(fine[:, None] - LONG_MM[None]).argmin(axis=1)]
    for place in (350.0, 690.0, 780.0):
        away = np.abs(fine - place)
        kernel = BEAM_SHARE[n] * np.exp(-away / BEAM_MM) / (2 * BEAM_MM)
        kernel += (1 - BEAM_SHARE[n]) * np.exp(-away / scatter) / (2 * scatter)
        expected = DOSE_PER_CTDIVOL[at_120][n] * float((source * kernel).sum() * 0.05)
        found = profile(place, ctdivol=ctdivol, ends=(100.0, 700.0))[0]
        assert found == pytest.approx(expected, rel=1e-3)


def test_profiles_add_up_over_ranges_and_do_not_depend_on_the_order_of_slices():
    places, cut = [120.0, 500.0, 1000.0], 333.0
    ctdivol = np.linspace(4.0, 12.0, LONG_MM.size)
    whole = profile(places, ctdivol=ctdivol)
    below, above = (profile(places, ctdivol=ctdivol, ends=e) for e in ((0.0, cut), (cut, 900.0)))
    np.testing.assert_allclose(below + above, whole, rtol=1e-12)
    backwards = profile(places, ctdivol=ctdivol[::-1], z=LONG_MM[::-1])
    np.testing.assert_allclose(backwards, whole, rtol=1e-12)


def test_beyond_the_range_a_larger_body_gets_the_larger_part_of_its_dose():
    far = np.arange(910.0, 1300.0, 10.0)
    parts = [profile(far, wed) / profile(450.0, wed) for wed in (200.0, 300.0, 400.0)]
    assert all((np.diff(part) < 0).all() for part in parts)
    assert (parts[0] < parts[1]).all()
    assert (parts[1] < parts[2]).all()
    # Within it, less; and more by photons of more energy.
    assert profile(450.0, kV=80.0) < profile(450.0, kV=110.0) < profile(450.0, kV=140.0)
    assert profile(450.0, 200.0) > profile(450.0, 260.0) > profile(450.0, 400.0)


def test_it_is_asked_where_pregnancy_is_stated_and_not_of_every_woman():
    assert is_asked(Acquisition(pregnancy_stated=True))
    assert is_asked(Acquisition(pregnancy_week=9.0))
    assert not is_asked(Acquisition(sex="F", age_years=28.0))
    assert not is_asked(Acquisition(pregnancy_stated=False))
    assert not is_asked(Acquisition(pregnancy_stated=True, sex="M"))
    typed = check_typed({"pregnancy_stated": True, "pregnancy_week": 30, "uterus_z_mm": -120})
    assert is_asked(typed.apply(Acquisition()))


def test_the_dose_of_the_label_is_that_of_the_law_with_at_least_thirty_percent():
    scan = scan_of(*make(organs=("uterus",), pregnancy_stated=True))
    doses = estimate(ENGINE, scan)
    (organ,) = (o for o in doses.organs if o.organ == "uterus")
    found = uterus_dose(scan, doses, "fast")
    assert (found.dose_mGy, found.method, found.region) == (organ.dose_mGy, "fast", "uterus")
    assert found.low_mGy <= min(organ.total_low_mGy, (1 - LEAST) * organ.dose_mGy)
    assert found.high_mGy >= max(organ.total_high_mGy, (1 + LEAST) * organ.dose_mGy)
    assert not found.upper_bound
    assert codes(found.flags) == {"uterus_judge"}
    assert {one.place for one in found.flags} == {UTERUS}


def test_the_fetus_is_the_region_where_it_is_labelled():
    both = given(organs=("uterus", "fetus"))
    assert both.region == "fetus"
    # The law has no fetus: its uterus is taken where the fetus is, here on the same slices.
    assert both.dose_mGy == pytest.approx(given().dose_mGy, rel=1e-6)


def test_the_second_value_shares_ctdivol_and_not_the_law():
    model = load_model()
    pelvis = model.regions["pelvis"]
    uterus = pelvis.organs["uterus"]
    tripled = {**uterus.coefficients, "intercept": uterus.coefficients["intercept"] + math.log(3)}
    organs = {**pelvis.organs, "uterus": replace(uterus, coefficients=tripled)}
    regions = {**model.regions, "pelvis": replace(pelvis, organs=organs)}
    other = FastEngine(replace(model, regions=regions))
    usual, odd = given(), given(lambda scan: estimate(other, scan))
    assert odd.dose_mGy == pytest.approx(3 * usual.dose_mGy)
    assert odd.z_profile_mGy == usual.z_profile_mGy
    assert "uterus_methods_differ" in codes(odd.flags)
    assert "uterus_methods_differ" not in codes(usual.flags)
    assert given(ctdivol=18.0).z_profile_mGy == pytest.approx(2 * usual.z_profile_mGy)


def test_the_dose_of_another_engine_is_taken_without_what_iodine_adds():
    def simulated(scan):
        uterus = replace(
            scan.without_dose("uterus"),
            dose_mGy=12.0,
            total_low_mGy=9.0,
            total_high_mGy=15.0,
            iodine_free_dose_mGy=8.0,
        )
        return DoseResult((uterus,))

    found = given(simulated)
    assert (found.dose_mGy, found.method) == (8.0, "other")
    assert (found.low_mGy, found.high_mGy) == pytest.approx((5.6, 10.4))


def test_a_dose_map_gives_the_dose_of_a_sphere():
    def simulated(scan):
        affine = np.diag([10.0, 10.0, 10.0, 1.0])
        levels = np.arange(1.0, 21.0, dtype=np.float32)[:, None, None]
        dose = np.broadcast_to(levels, (20, 40, 40)).copy()
        return DoseResult((), dose_map=DoseMap(dose, affine, 0 * dose, 10))

    found = given(simulated, organs=("liver",), uterus_z_mm=100.0)
    # The map's level is z / 10 + 1, and the sphere lies evenly about 100 mm.
    assert (found.region, found.method) == ("sphere", "other")
    assert found.dose_mGy == pytest.approx(11.0)


def test_a_stated_place_stands_in_for_a_label():
    gradient = np.linspace(3.0, 15.0, 40)
    low, high = (
        given(organs=("liver",), ctdivol=gradient, current=None, uterus_z_mm=z)
        for z in (60.0, 140.0)
    )
    assert low.region == high.region == "sphere"
    assert low.position_from == "user"
    assert low.dose_mGy < high.dose_mGy
    assert low.z_profile_mGy < high.z_profile_mGy
    assert "uterus_by_position" in codes(low.flags)


def test_a_label_goes_before_a_stated_place_and_that_before_landmarks():
    sources = [
        uterus_position(scan_of(*make(organs=organs, uterus_z_mm=stated))).source
        for organs, stated in (
            (("uterus", "sacrum"), 50.0),
            (("sacrum", "lung"), 50.0),
            (("sacrum", "lung"), None),
            (("liver", "lung"), None),
        )
    ]
    assert sources == ["label uterus", "user", "pelvis", "lungs"]


def test_without_any_place_there_is_no_dose_but_the_reason():
    found = given(organs=("liver",))
    assert (found.dose_mGy, found.high_mGy, found.z_profile_mGy) == (None, None, None)
    assert codes(found.flags) == {"uterus_position_unknown"}


def test_without_ctdivol_there_is_no_dose_but_the_reason():
    found = given(ctdivol=None, current=None)
    assert (found.dose_mGy, found.high_mGy) == (None, None)
    assert codes(found.flags) == {"uterus_no_dose"}


def test_a_pelvis_that_is_cut_at_its_top_tells_nothing():
    whole = scan_of(*make(organs=("sacrum",)))
    cut = scan_of(*make(organs=("sacrum",), slices=20))
    assert uterus_position(whole).source == "pelvis"
    assert uterus_position(cut) is None


def test_the_week_narrows_where_a_pregnant_uterus_may_lie():
    positions = {
        week: uterus_position(scan_of(*make(organs=("sacrum",), pregnancy_week=week)))
        for week in (None, 6.0, 20.0, 38.0)
    }
    unknown = positions.pop(None)
    middles = [one.z_mm for one in positions.values()]
    assert middles == sorted(middles)
    for one in positions.values():
        assert unknown.low_mm <= one.low_mm < one.z_mm < one.high_mm <= unknown.high_mm
        assert one.high_mm - one.low_mm < (unknown.high_mm - unknown.low_mm) / 2
    wide, narrow = (
        given(organs=("sacrum",), organ_slices=(20, 36), pregnancy_week=week)
        for week in (None, 6.0)
    )
    assert wide.low_mGy < narrow.low_mGy


def test_outside_the_irradiated_range_there_is_an_upper_bound():
    bounds = [
        given(irradiated_range_mm=(low, 400.0), **TYPED) for low in (150.0, 160.0, 170.0, 190.0)
    ]
    for one in bounds:
        assert one.upper_bound
        assert (one.dose_mGy, one.low_mGy) == (None, None)
        assert one.high_mGy > 1.5 * one.z_profile_mGy
        assert "uterus_bound" in codes(one.flags)
    heights = [one.high_mGy for one in bounds]
    assert heights == sorted(heights, reverse=True)
    assert not given(irradiated_range_mm=(-50.0, 400.0), **TYPED).upper_bound


def test_a_bound_by_effective_mas_allows_for_what_scanners_differ_by():
    chest = {"irradiated_range_mm": (170.0, 400.0), **TYPED}
    by_mas = given(ctdivol=None, current=300.0, **chest)
    by_ctdivol = given(ctdivol=300.0 * 0.5 * 0.076, **chest)
    assert by_mas.z_profile_mGy == pytest.approx(by_ctdivol.z_profile_mGy)
    wider = math.exp(K90 * 0.30) / math.exp(K90 * math.log(1.2) / math.sqrt(3))
    assert by_mas.high_mGy == pytest.approx(wider * by_ctdivol.high_mGy)


def test_a_bound_of_a_place_below_the_images_is_for_the_nearest_plausible_one():
    chest = {"organs": ("lung",), "organ_slices": (2, 38), "irradiated_range_mm": (-20.0, 220.0)}
    unknown, early, late = (given(**chest, **TYPED, pregnancy_week=w) for w in (None, 6.0, 38.0))
    assert unknown.upper_bound
    assert early.upper_bound
    assert early.high_mGy < late.high_mGy <= 1.01 * unknown.high_mGy
    assert unknown.z_profile_mGy < unknown.high_mGy
    # A place that is known to be near is no reason for less than one that may be anywhere.
    stated = given(**chest, **TYPED, uterus_z_mm=-150.0)
    assert stated.high_mGy < unknown.high_mGy


def test_a_label_that_the_images_cut_has_no_dose_above_that_of_its_seen_part():
    cut = given(organ_slices=(0, 28))
    whole = given(organ_slices=(1, 28))
    assert cut.upper_bound
    assert not whole.upper_bound
    assert cut.high_mGy >= whole.high_mGy * 0.9
    assert cut.dose_mGy is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"organ_slices": (0, 28)}, "the images cut the label"),
        ({"irradiated_range_mm": (170.0, 400.0), **TYPED}, "100% of the region lies outside"),
        ({"organs": ("liver",), "uterus_z_mm": 5.0}, "beyond the images"),
        ({"half_axes_mm": (196.0, 250.0)}, "the fast law gives no dose there"),
    ],
)
def test_a_bound_names_its_reason(changes, reason):
    found = given(**changes)
    assert found.upper_bound
    (told,) = (one for one in found.flags if one.code == "uterus_bound")
    assert reason in told.detail


def test_the_sphere_is_measured_where_the_images_hold_it():
    scan = scan_of(*make(organs=("liver",), uterus_z_mm=100.0))
    slices = uterus_position(scan).measured(scan)
    volume = float(slices.area_mm2.sum()) * STEP_MM
    assert volume == pytest.approx(math.pi / 6 * SPHERE_MM**3, rel=0.02)
    beyond = scan_of(*make(organs=("liver",), uterus_z_mm=10.0))
    assert uterus_position(beyond).measured(beyond) is None


def test_a_result_keeps_it_and_the_terminal_names_who_must_judge():
    analysis = analyze(*make(organs=("uterus",), pregnancy_stated=True))
    result = Result.of(analysis)
    assert result.uterus_dose == analysis.uterus_dose
    again = parse_result(json.dumps(result.to_json()))
    assert again.uterus_dose == result.uterus_dose
    assert "uterus_judge" in codes(again.flags)
    (line,) = (line for line in summary(result) if line.startswith("Uterus:"))
    assert "medical physicist must judge" in line
    usual = Result.of(analyze(*make(organs=("uterus",))))
    assert usual.uterus_dose is None
    assert not [line for line in summary(usual) if line.startswith("Uterus:")]
