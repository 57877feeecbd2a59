"""The organ dose model and the doses it gives: physics, intervals, refusals."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from dose_scans import MODEL, ORGANS, PIXEL_MM, STEP_MM, codes, doses, make
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as float_arrays

from CTDoseSegLib.dosimetry.dose_model import (
    EVERYWHERE,
    Spreader,
    cell_widths_mm,
    load_model,
    parse_model,
    smooth,
    spread,
)
from CTDoseSegLib.dosimetry.measurements import measure
from CTDoseSegLib.dosimetry.organ_dose import predict
from CTDoseSegLib.dosimetry.size import measure_size
from CTDoseSegLib.dosimetry.uncertainty import K90, budget, total_log_half_width
from CTDoseSegLib.errors import ModelError

EVERY = [
    pytest.param(region, organ, id=f"{region.region}-{organ.organ}")
    for region in MODEL.regions.values()
    for organ in region.organs.values()
]
BUNDLED = Path(str(files("CTDoseSegLib.models"))) / "dose"


SHIPPED_KERNEL = MODEL.regions["chest"].kernel


@st.composite
def kernels(draw):
    """One exponential or two."""
    share = draw(st.floats(0.1, 1.0))
    parts = ((share, draw(st.floats(5, 80))), (1.0 - share, draw(st.floats(5, 80))))
    return tuple(part for part in parts if part[0] > 0)


@st.composite
def scans(draw):
    """Uneven slice positions in any order, tube currents and sizes."""
    n = draw(st.integers(1, 25))
    steps = draw(float_arrays(float, n, elements=st.floats(0.5, 20)))
    z = np.cumsum(steps) + draw(st.floats(-800, 800))
    if draw(st.booleans()):
        z = z[::-1]
    current = draw(float_arrays(float, n, elements=st.floats(1, 900)))
    wed = draw(float_arrays(float, n, elements=st.floats(150, 450)))
    return z, current, wed


def model_dose(region, organ, z, current, wed):
    factor = np.exp(organ.log_factor(region.sizes_mm(z, wed)))
    return (spread(z, organ.kernel) @ current) * factor


@pytest.mark.parametrize(("region", "organ"), EVERY)
@settings(max_examples=12, deadline=None)
@given(scan=scans(), factor=st.floats(0.01, 50))
def test_dose_is_proportional_to_the_tube_current(region, organ, scan, factor):
    z, current, wed = scan
    np.testing.assert_allclose(
        model_dose(region, organ, z, factor * current, wed),
        factor * model_dose(region, organ, z, current, wed),
        rtol=1e-12,
    )


@pytest.mark.parametrize(("region", "organ"), EVERY)
@settings(max_examples=12, deadline=None)
@given(scan=scans(), data=st.data())
def test_two_exposures_add_up(region, organ, scan, data):
    z, first, wed = scan
    second = data.draw(float_arrays(float, len(z), elements=st.floats(0, 900)))
    np.testing.assert_allclose(
        model_dose(region, organ, z, first + second, wed),
        model_dose(region, organ, z, first, wed) + model_dose(region, organ, z, second, wed),
        rtol=1e-12,
    )


@pytest.mark.parametrize(("region", "organ"), EVERY)
@settings(max_examples=12, deadline=None)
@given(scan=scans(), data=st.data())
def test_a_larger_patient_gets_no_more_dose(region, organ, scan, data):
    z, current, wed = scan
    before = model_dose(region, organ, z, current, wed)
    one = wed.copy()
    one[data.draw(st.integers(0, len(z) - 1))] += 10
    for larger in (one, wed + 10):
        after = model_dose(region, organ, z, current, larger)
        assert (after <= before * (1 + 1e-12)).all()


@pytest.mark.parametrize(("region", "organ"), EVERY)
def test_no_size_moves_the_dose_out_of_bounds(region, organ):
    z = np.arange(0, 100, 5.0)
    extremes = [
        model_dose(region, organ, z, np.full(20, 300.0), np.full(20, size))
        for size in (10.0, 280.0, 2000.0)
    ]
    assert np.max(extremes) / np.min(extremes) < 12


@pytest.mark.parametrize(("region", "organ"), EVERY)
def test_ten_thousand_random_scans_superpose_and_fall_with_size(region, organ):
    """Proportional and additive in tube current, no more dose for a larger patient, positive."""
    random = np.random.default_rng(1)
    z = np.cumsum(random.uniform(0.5, 15, 24))
    first, second = random.uniform(0, 900, (2, 24, 10_000))
    wed = random.uniform(100, 500, (24, 10_000))
    kernel = spread(z, organ.kernel)

    def doses_of(current, wed):
        sizes = np.stack([spread(z, k) @ wed for k in region.size_kernels], axis=-1)
        factor = organ.log_factor(sizes.reshape(-1, 2)).reshape(wed.shape)
        return (kernel @ current) * np.exp(factor)

    one, two, both = (doses_of(c, wed) for c in (first, second, first + second))
    np.testing.assert_allclose(both, one + two, rtol=1e-12)
    np.testing.assert_allclose(doses_of(2.5 * first, wed), 2.5 * one, rtol=1e-12)
    larger = wed.copy()
    larger[random.integers(0, 24, 10_000), np.arange(10_000)] += 10
    assert (doses_of(first, larger) <= one * (1 + 1e-12)).all()
    assert (doses_of(first, wed + 10) <= one * (1 + 1e-12)).all()
    assert (one > 0).all()


@settings(max_examples=60, deadline=None)
@given(scan=scans(), kernel=kernels())
def test_the_kernel_keeps_a_constant_current_where_the_range_is_not_known(scan, kernel):
    z = scan[0]
    kernel = spread(z, kernel)
    assert (kernel >= 0).all()
    np.testing.assert_allclose(kernel.sum(axis=1), 1.0, rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(scan=scans(), kernel=kernels(), seed=st.integers(0, 99))
def test_the_order_of_slices_does_not_matter(scan, kernel, seed):
    z, current = scan[:2]
    order = np.random.default_rng(seed).permutation(len(z))
    np.testing.assert_allclose(
        spread(z[order], kernel) @ current[order],
        (spread(z, kernel) @ current)[order],
        rtol=1e-9,
    )


@given(scan=scans(), kernel=kernels(), ends=st.tuples(st.floats(-900, 900), st.floats(0.1, 600)))
def test_many_ranges_at_once_are_the_matrix_of_each(scan, kernel, ends):
    z, current = scan[:2]
    spreader = Spreader(z, kernel)
    for range_mm in (EVERYWHERE, (ends[0], sum(ends)), (-np.inf, ends[0]), (ends[0], np.inf)):
        expected = spread(z, kernel, range_mm) @ current
        np.testing.assert_allclose(spreader(current, range_mm), expected, rtol=1e-9, atol=1e-9)


def test_the_kernel_is_symmetric_on_even_slices():
    kernel = spread(np.arange(0, 800, 5.0), SHIPPED_KERNEL)[60:-60, 60:-60]
    np.testing.assert_allclose(kernel, kernel.T, atol=1e-12)


def test_dose_is_half_at_the_edge_of_a_known_range_and_falls_beyond_it():
    z = np.arange(0, 1200, 5.0)
    dose = spread(z, ((1.0, 25.0),), (200.0, 1000.0)) @ np.ones(len(z))
    assert dose[z == 200] == pytest.approx(0.5, abs=1e-5)
    assert dose[z == 600] == pytest.approx(1.0, abs=1e-5)
    assert (np.diff(dose[z <= 200]) > 0).all()
    assert dose[z == 150] == pytest.approx(0.5 * np.exp(-2), abs=1e-5)


@pytest.mark.parametrize(
    ("outside_mm", "simulated"), [(0, 0.48), (25, 0.19), (50, 0.11), (75, 0.06)]
)
def test_scatter_outside_the_range_falls_off_nearly_as_in_water(outside_mm, simulated):
    # A quick Monte Carlo simulation of a 32 cm water phantom, part of the plateau; the kernel is
    # fitted to the training scans, which leave more (the model card says why).
    z = np.arange(0, 1200, 5.0)
    dose = spread(z, SHIPPED_KERNEL, (200.0, 1000.0)) @ np.ones(len(z))
    assert dose[z == 200 - outside_mm] == pytest.approx(simulated, abs=0.085)


@given(scan=scans())
def test_cells_cover_the_scan_and_are_all_alike_on_even_slices(scan):
    z = scan[0]
    widths = cell_widths_mm(z)
    assert (widths > 0).all()
    order = np.argsort(z)
    np.testing.assert_allclose(cell_widths_mm(z[order]), widths[order])
    np.testing.assert_allclose(cell_widths_mm(np.arange(0, 50, 2.5)), 2.5)


def test_a_range_beyond_the_images_continues_the_end_slices_current():
    z = np.arange(0, 50, 5.0)
    far = spread(z, SHIPPED_KERNEL, (-3000.0, 3000.0)) @ np.ones(len(z))
    np.testing.assert_allclose(far, 1.0, atol=1e-9)


def test_a_missing_size_touches_no_other_slice():
    z = np.arange(0, 50, 5.0)
    values = np.full(10, 280.0)
    values[3] = np.nan
    smoothed = smooth(z, values, SHIPPED_KERNEL)
    assert np.isnan(smoothed[3])
    np.testing.assert_allclose(np.delete(smoothed, 3), 280.0)


def test_every_modelled_organ_in_the_label_map_gets_a_dose():
    result, organs = doses(organs=ORGANS, ctdivol=9.0)
    assert set(organs) == {*ORGANS, "skin"}
    allowed = {"size_outside_training"}
    for organ in result.organs:
        assert organ.dose_mGy is not None or codes(organ.flags) & allowed
        if organ.dose_mGy is not None:
            assert organ.total_low_mGy < organ.model_low_mGy < organ.dose_mGy
            assert organ.dose_mGy < organ.model_high_mGy < organ.total_high_mGy
            assert set(np.flatnonzero(np.isfinite(organ.slice_dose_mGy))) <= set(range(40))


def test_doubling_the_tube_current_doubles_every_dose():
    once, _ = doses(ctdivol=None, current=200.0)
    twice, _ = doses(ctdivol=None, current=400.0)
    for a, b in zip(once.organs, twice.organs, strict=True):
        assert b.dose_mGy == pytest.approx(2 * a.dose_mGy, rel=1e-9)


def test_cropping_a_scan_to_the_organ_changes_its_dose_by_little():
    current = 300 + 60 * np.sin(np.arange(40) * STEP_MM / 60)
    _, whole = doses(ctdivol=None, current=current)
    _, cropped = doses(ctdivol=None, current=current[10:30], first=10, slices=20)
    for organ in ("liver", "aorta"):
        assert cropped[organ].dose_mGy == pytest.approx(whole[organ].dose_mGy, rel=0.05)


def test_both_routes_agree_where_the_scanner_is_the_training_scanner():
    mas = 300.0 * 0.5
    _, organs = doses(ctdivol=mas * 0.068)
    liver = organs["liver"]
    assert liver.route == "ctdivol"
    assert liver.by_route["mas"] == pytest.approx(liver.by_route["ctdivol"], rel=1e-9)
    assert "routes_disagree" not in codes(liver.flags)


def test_routes_that_disagree_by_more_than_a_fifth_are_flagged():
    _, organs = doses(ctdivol=300.0 * 0.5 * 0.068 * 1.3)
    assert "routes_disagree" in codes(organs["liver"].flags)


def test_exposures_of_one_scan_add_up_in_every_organ():
    first = 200 + 100 * np.sin(np.arange(40) / 5)
    second = np.linspace(50, 400, 40)
    one, two, both = (
        doses(ctdivol=None, current=current)[0].organs
        for current in (first, second, first + second)
    )
    for a, b, c in zip(one, two, both, strict=True):
        np.testing.assert_allclose(c.slice_dose_mGy, a.slice_dose_mGy + b.slice_dose_mGy, rtol=1e-9)
        assert c.dose_mGy == pytest.approx(a.dose_mGy + b.dose_mGy, rel=1e-9)


def test_the_headline_weights_slices_by_area_and_density():
    liver = doses(ctdivol=[5.0] * 20 + [15.0] * 20, narrow_below=20)[1]["liver"]
    profile = liver.slice_dose_mGy[12:28]
    # Below slice 20 the liver is half as wide; its HU is the same everywhere.
    area = np.where(np.arange(12, 28) < 20, 1.0, 2.0)
    assert liver.dose_mGy == pytest.approx(np.average(profile, weights=area), rel=1e-9)
    assert liver.dose_slice_mean_mGy == pytest.approx(profile.mean(), rel=1e-9)
    assert liver.dose_mGy > 1.05 * liver.dose_slice_mean_mGy
    assert liver.n_slices == 16
    assert liver.volume_ml == pytest.approx((8 * 8 + 8 * 16) * PIXEL_MM**2 * STEP_MM / 1000)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"age_years": 12.0}, "child"),
        ({"pregnancy_stated": True}, "pregnancy"),
        ({"body_part": "HEAD"}, "not_trunk"),
        ({"body_part": "LOWER LEG"}, "not_trunk"),
        ({"body_part": "LOWEREXTREMITY"}, "not_trunk"),
        ({"body_part": "LEGS"}, "not_trunk"),
        ({"body_part": "FEET"}, "not_trunk"),
        ({"body_part": "Kopf"}, "not_trunk"),
        ({"body_part": "Sch\u00e4del"}, "not_trunk"),
        ({"body_part": "HEADNECK"}, "not_trunk"),
        ({"ctdivol": None, "current": None}, "no_exposure"),
        ({"ctdivol": None, "pitch": None}, "no_exposure"),
        ({"ctdivol": None, "dual_source": True}, "no_exposure"),
        ({"ctdivol": None, "ecg_gated": True}, "no_exposure"),
        ({"ctdivol": None, "tin_filter": True}, "no_exposure"),
        ({"ctdivol": 9.0, "phantom_cm": 16, "current": None}, "no_exposure"),
    ],
)
def test_refused_scans_give_no_dose_and_say_why(changes, code):
    result, organs = doses(**changes)
    assert code in codes(result.flags)
    assert organs
    for organ in organs.values():
        assert organ.dose_mGy is None
        assert organ.route == "none"
        assert code in codes(organ.flags)
        assert np.isnan(organ.slice_dose_mGy).all()


@pytest.mark.parametrize(
    "body_part",
    ["CHEST", "ABDOMEN", "HEAD AND CHEST", "PARTIALBODY", "HEART", "NECKCHEST", "TSPINE", None],
)
def test_trunks_are_not_refused_for_their_body_part(body_part):
    result, organs = doses(body_part=body_part)
    assert organs["liver"].dose_mGy is not None
    assert not {"not_trunk", "edge_of_trunk"} & codes(result.flags)


@pytest.mark.parametrize("half_axes", [(80.0, 60.0), (196.0, 190.0)])
def test_a_patient_beyond_the_training_range_of_size_is_refused_organ_by_organ(half_axes):
    result, organs = doses(half_axes_mm=half_axes, organs=("liver",))
    assert organs["liver"].dose_mGy is None
    assert "size_outside_training" in codes(organs["liver"].flags)
    assert not [f for f in result.flags if f.severity == "refusal"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"kvp_kV": 100.0}, "tube_voltage"),
        ({"kvp_kV": None}, "tube_voltage_unknown"),
        ({"contrast": True}, "contrast"),
        ({"age_years": None}, "age_unknown"),
        ({}, "dose_range_unknown"),
        ({"irradiated_range_mm": (5000.0, 6000.0)}, "irradiated_range_elsewhere"),
        ({"irradiated_range_mm": (5000.0, 6000.0)}, "dose_range_unknown"),
        ({"body_part": "NECK"}, "edge_of_trunk"),
        ({"body_part": "C-SPINE"}, "edge_of_trunk"),
        ({"body_part": "CSPINE"}, "edge_of_trunk"),
        ({"body_part": "SHOULDER"}, "edge_of_trunk"),
        ({"body_part": "HIPS"}, "edge_of_trunk"),
        ({"ctdivol": None}, "mas_only"),
        ({"phantom_cm": None}, "ctdivol_phantom_unknown"),
    ],
)
def test_doubtful_scans_give_a_dose_with_a_flag(changes, code):
    result, organs = doses(**changes)
    assert code in codes(result.flags)
    assert organs["liver"].dose_mGy is not None


def test_an_organ_that_touches_the_end_of_the_images_is_flagged_as_cut():
    _, organs = doses(organ_slices=(0, 20))
    assert "organ_cut" in codes(organs["liver"].flags)
    assert organs["liver"].coverage is None
    _, organs = doses(organ_slices=(1, 20))
    assert "organ_cut" not in codes(organs["liver"].flags)
    assert organs["liver"].coverage == 1.0


TYPED = {"irradiated_range_mm": "user"}
GUESSED = {"irradiated_range_mm": "computed: image (0018,1302) centred on the images"}


def liver_in(low, high, **changes):
    return doses(irradiated_range_mm=(low, high), **changes)[1]["liver"]


def test_an_organ_in_a_known_range_gets_less_dose_outside_it():
    inside, outside = liver_in(-50.0, 300.0), liver_in(170.0, 300.0)
    assert outside.dose_mGy < 0.5 * inside.dose_mGy
    assert inside.budget["irradiated_range"] < doses()[1]["liver"].budget["irradiated_range"]


def test_a_range_that_was_not_typed_is_widened_by_overranging():
    # Half of the collimation at each end, 15 mm where it is not known; a typed range includes it.
    wide = liver_in(70.0, 125.0, total_collimation_mm=40.0)
    usual = liver_in(75.0, 120.0)
    assert usual.dose_mGy == pytest.approx(liver_in(60.0, 135.0, sources=TYPED).dose_mGy)
    assert wide.dose_mGy == pytest.approx(liver_in(50.0, 145.0, sources=TYPED).dose_mGy)
    result, _ = doses(irradiated_range_mm=(70.0, 125.0))
    assert "irradiated_range_widened" in codes(result.flags)
    typed, _ = doses(irradiated_range_mm=(70.0, 125.0), sources=TYPED)
    assert "irradiated_range_widened" not in codes(typed.flags)


def test_the_ranges_line_is_small_deep_inside_and_grows_towards_and_beyond_the_edge():
    # The liver lies from 60 to 135 mm.
    lows = (-400.0, 0.0, 50.0, 100.0, 190.0)
    lines = [liver_in(low, 600.0).budget["irradiated_range"] for low in lows]
    assert lines[0] == pytest.approx(0.02, abs=0.002)
    assert lines == sorted(lines)
    assert lines[2] > 0.025
    assert lines[3] > 0.15
    assert lines[4] > 0.4


def test_a_guessed_range_is_less_certain_than_a_stated_and_a_typed_one():
    typed, stated, guessed = (
        liver_in(-50.0, 250.0, sources=s).budget["irradiated_range"] for s in (TYPED, {}, GUESSED)
    )
    assert typed < stated < guessed


@pytest.mark.parametrize(("low", "part"), [(0.0, None), (100.0, ": 50%"), (190.0, ": 100%")])
def test_an_organ_outside_the_range_is_flagged(low, part):
    liver = liver_in(low, 600.0, sources=TYPED)
    found = [remark for remark in liver.flags if remark.code == "organ_outside_range"]
    assert bool(found) is (part is not None)
    for remark in found:
        assert part in remark.message


def test_a_range_that_misses_the_images_counts_as_not_known():
    result, organs = doses(irradiated_range_mm=(5000.0, 6000.0))
    unknown = doses()[1]["liver"]
    assert organs["liver"].dose_mGy == pytest.approx(unknown.dose_mGy)
    assert organs["liver"].budget == unknown.budget
    assert {"dose_range_unknown", "irradiated_range_elsewhere"} <= codes(result.flags)


def test_unevenly_spaced_slices_count_by_their_width():
    series, labelmap = make(ctdivol=np.linspace(4, 16, 40), organs=("liver",))
    z = np.concatenate((np.arange(20) * 1.0, 20 + np.arange(20) * 9.0))
    infos = tuple(replace(s, z_mm=float(at)) for s, at in zip(series.slices, z, strict=True))
    series = replace(series, slices=infos, regular=False)
    measured = measure(series, labelmap)
    size = measure_size(series, labelmap, measured)
    organs = {o.organ: o for o in predict(MODEL, series, labelmap, measured, size).organs}
    profile = organs["liver"].slice_dose_mGy[12:28]
    expected = np.average(profile, weights=np.gradient(z)[12:28])
    assert organs["liver"].dose_mGy == pytest.approx(expected, rel=1e-9)
    assert organs["liver"].dose_mGy > 1.05 * profile.mean()


def with_hu(hu, organ, **changes):
    """`DoseResult` where `organ` has the HU given."""
    series, labelmap = make(organs=(organ,), **changes)
    series.hu[labelmap.labels == 3] = hu
    measured = measure(series, labelmap)
    size = measure_size(series, labelmap, measured)
    return predict(MODEL, series, labelmap, measured, size)


@pytest.mark.parametrize(
    ("organ", "hu", "stated", "expected"),
    [
        ("aorta", 180, None, True),
        ("pulmonary_artery", 300, False, True),
        ("heart_atrium_left", 120, None, True),
        ("aorta", 45, None, False),
        ("aorta", 180, True, False),
        ("liver", 180, None, False),
    ],
)
def test_enhanced_blood_is_flagged_where_no_contrast_is_stated(organ, hu, stated, expected):
    result = with_hu(hu, organ, contrast=stated)
    assert ("contrast_by_hu" in codes(result.flags)) is expected


@pytest.mark.parametrize(("hu", "notable"), [(-800, False), (-890, True)])
def test_the_interval_of_a_lobe_with_much_air_reaches_down_to_the_label(hu, notable):
    organ = MODEL.regions["chest"].organs["lung_upper_lobe_left"]
    (lobe,) = [o for o in with_hu(hu, organ.organ).organs if o.organ == organ.organ]
    q = organ.model_log_q90
    assert np.log(lobe.model_high_mGy / lobe.dose_mGy) == pytest.approx(q)
    air = -float(organ.label_artefact(np.array([float(hu)]))[0])
    assert np.log(lobe.dose_mGy / lobe.model_low_mGy) == pytest.approx(q + air)
    assert ("air_label" in codes(lobe.flags)) is notable
    assert (air > 0.05) is notable
    assert lobe.total_low_mGy < lobe.model_low_mGy


def test_a_body_cut_by_the_field_of_view_widens_the_total_interval():
    series, labelmap = make(organs=("liver",))
    measured = measure(series, labelmap)
    whole = measure_size(series, labelmap, measured)

    def liver(fraction):
        part = np.full(40, fraction)
        corrected = whole.wed_mm if fraction < 0.2 else np.full(40, np.nan)
        size = replace(whole, truncated_fraction=part, wed_corrected_mm=corrected)
        return predict(MODEL, series, labelmap, measured, size).organs[0]

    lines = [liver(fraction).budget["truncation"] for fraction in (0.0, 0.1, 0.4)]
    np.testing.assert_allclose(lines, [0.0, 0.03, 0.18])
    (cut,) = [f for f in liver(0.4).flags if f.code == "organ_truncated"]
    assert "too high" in cut.message


def test_published_organs_without_a_model_are_listed_with_the_reason():
    _, organs = doses(organs=("liver", "urinary_bladder", "heart", "spinal_cord"))
    for name in ("urinary_bladder", "heart", "spinal_cord"):
        assert organs[name].dose_mGy is None
        (why,) = organs[name].flags
        assert why.code == "no_dose_model"
        assert MODEL.not_predicted[name] in why.message


def test_organs_that_nobody_models_are_not_listed():
    assert "femur_left" not in doses(organs=("liver", "femur_left"))[1]


def test_a_chosen_region_gives_its_own_organs_alone():
    chest = doses(region="chest")[1]
    assert {"aorta", "heart_myocardium"} <= set(chest)
    assert "liver" not in chest
    assert chest["skin"].region == "chest"
    assert doses()[1]["skin"].region == "abdomen"


def test_an_unknown_region_is_a_programming_error():
    with pytest.raises(ValueError, match="region"):
        doses(region="head")


def test_the_total_interval_is_the_root_sum_of_squares_of_its_lines():
    liver = doses()[1]["liver"]
    half = K90 * np.sqrt(sum(v**2 for v in liver.budget.values()))
    assert np.log(liver.total_high_mGy / liver.dose_mGy) == pytest.approx(half)
    assert liver.budget["model"] == pytest.approx(
        np.log(liver.model_high_mGy / liver.dose_mGy) / K90
    )


def test_the_mas_route_is_less_certain_than_ctdivol():
    by_ctdivol = doses()[1]["liver"].budget
    by_mas = doses(ctdivol=None)[1]["liver"].budget
    assert total_log_half_width(by_mas) > total_log_half_width(by_ctdivol)
    assert by_mas["ctdivol_display"] == by_mas["calibration"] == 0


def test_organ_based_modulation_widens_the_budget_where_it_is_stated():
    from CTDoseSegLib.ct.acquisition import Acquisition

    def line(modulation):
        acquisition = Acquisition(modulation=modulation)
        return budget(0.1, "ctdivol", acquisition, 0.05, 0.0)["organ_modulation"]

    assert line("X-CARE") > line(None) > line("XYZ_EC")


def test_the_bundled_model_has_no_positive_wed_coefficient():
    for region in MODEL.regions.values():
        for organ in region.organs.values():
            assert organ.coefficients["wed"] <= 0


def copy_of_the_model(folder: Path) -> Path:
    for name in ("model.json", "model_card.md"):
        shutil.copy(BUNDLED / name, folder / name)
    return folder


def test_a_model_file_that_was_changed_is_refused(tmp_path):
    folder = copy_of_the_model(tmp_path)
    assert load_model(folder).card == MODEL.card
    text = (folder / "model.json").read_text()
    (folder / "model.json").write_text(text.replace("-0.", "-1.", 1))
    with pytest.raises(ModelError, match="SHA-256"):
        load_model(folder)


def test_a_model_without_its_card_is_refused(tmp_path):
    folder = copy_of_the_model(tmp_path)
    (folder / "model_card.md").unlink()
    with pytest.raises(ModelError, match=r"model_card\.md"):
        load_model(folder)


def test_line_ends_of_windows_do_not_change_the_model(tmp_path):
    folder = copy_of_the_model(tmp_path)
    for name in ("model.json", "model_card.md"):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content.replace(b"\n", b"\r\n"))
    assert load_model(folder).card == MODEL.card


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("schema_version",), 99, "schema version"),
        (("regions", "chest", "organs", "aorta", "coefficients", "wed"), 0.1, "positive"),
        (("regions", "chest", "organs", "aorta", "coefficients"), {}, "not a dose model"),
        (("regions", "chest", "kernels", "wide", "weights"), [0.9, 0.9], "sum to 1"),
        (("regions",), None, "not a dose model"),
    ],
)
def test_a_model_file_of_another_form_is_refused(path, value, says):
    data = json.loads((BUNDLED / "model.json").read_text())
    target = data
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    with pytest.raises(ModelError, match=says):
        parse_model(json.dumps(data).encode(), "0" * 64)
