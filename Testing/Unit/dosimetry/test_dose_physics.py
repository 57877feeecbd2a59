"""What every organ's model keeps to: superposition, size, and how dose reaches along the body."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dense_kernel import dense, two_sided
from dose_scans import MODEL, MODELLED, make, scan_of
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as float_arrays

from CTDoseSegLib.ct.geometry import cell_widths_mm
from CTDoseSegLib.dosimetry.beam import EVERYWHERE
from CTDoseSegLib.dosimetry.fast.beam_terms import TERMS as BEAM_TERMS
from CTDoseSegLib.dosimetry.fast.beam_terms import beam_terms
from CTDoseSegLib.dosimetry.fast.engine import FastEngine
from CTDoseSegLib.dosimetry.fast.kernel import LENGTHS_MM, arriving, smooth
from CTDoseSegLib.dosimetry.montecarlo.beams import beam_names, model_of
from CTDoseSegLib.measurement.ssde import BODY_32, TABLES

REGIONS = list(MODEL.regions.values())
EVERY = [
    pytest.param(MODEL.regions[region], MODEL.regions[region].organs[organ], id=f"{region}-{organ}")
    for region, organ in MODELLED
]
IN_THE_TRUNK = [
    param
    for param in EVERY
    # The thyroid is in the neck, which is thinner than the shoulders beside it.
    if param.values[0].region in ("chest", "abdomen", "pelvis")
    and param.values[1].organ != "thyroid_gland"
]
PARTS = {
    "heart": (
        *("heart_myocardium", "heart_atrium_left", "heart_atrium_right"),
        *("heart_ventricle_left", "heart_ventricle_right"),
    ),
    "lung": ("lung_left", "lung_right"),
    "lung_left": ("lung_upper_lobe_left", "lung_lower_lobe_left"),
    "lung_right": ("lung_upper_lobe_right", "lung_middle_lobe_right", "lung_lower_lobe_right"),
    **{
        pair: (f"{pair}_left", f"{pair}_right")
        for pair in ("kidney", "adrenal_gland", "breast", "ovary", "eye", "eye_lens")
    },
}
REFERENCE_BEAM = np.zeros(len(BEAM_TERMS))
SHORT_AND_LONG = ((0.7, 20.0), (0.3, 100.0))


@st.composite
def weights(draw):
    """Of a kernel, adding up to 1."""
    parts = draw(float_arrays(float, 2 * len(LENGTHS_MM), elements=st.floats(0.01, 1)))
    return parts / parts.sum()


@st.composite
def scans(draw):
    """Uneven slice positions in any order, CTDIvol and sizes."""
    n = draw(st.integers(1, 25))
    steps = draw(float_arrays(float, n, elements=st.floats(0.5, 20)))
    z = np.cumsum(steps) + draw(st.floats(-800, 800))
    if draw(st.booleans()):
        z = z[::-1]
    ctdivol = draw(float_arrays(float, n, elements=st.floats(0.1, 90)))
    wed = draw(float_arrays(float, n, elements=st.floats(90, 450)))
    return z, ctdivol, wed


def convolved(region, organ, z, ctdivol, wed):
    """CTDIvol convolved with the organ's kernel of each slice's own size."""
    rows = [
        dense(z, organ.kernel_at(size))[k] for k, size in enumerate(region.sizes_mm(z, wed)[:, 0])
    ]
    return np.array(rows) @ ctdivol


def model_dose(region, organ, z, ctdivol, wed):
    factor = np.exp(organ.log_factor(region.sizes_mm(z, wed), REFERENCE_BEAM))
    return convolved(region, organ, z, ctdivol, wed) * factor


def dose_per_ctdivol(organ, wed_mm, beam=REFERENCE_BEAM):
    """Of a body that has one size, irradiated everywhere, [n]."""
    return np.exp(organ.log_factor(np.column_stack((wed_mm, wed_mm)), beam))


@pytest.mark.parametrize("ctdivol", [5.0, 5.0 + 4.0 * np.sin(np.arange(40) / 5.0)])
def test_the_engine_gives_the_laws_dose_on_every_slice(ctdivol):
    wed = 270.0 + 60.0 * np.sin(np.arange(40) / 9.0)
    scan = scan_of(*make(ctdivol=ctdivol, current=None))
    scan = replace(scan, size=replace(scan.size, wed_mm=wed, wed_corrected_mm=wed))
    for found in FastEngine(MODEL).estimate(scan).organs:
        region = MODEL.regions[found.region]
        z, profile = scan.series.z_mm, np.broadcast_to(ctdivol, 40)
        expected = model_dose(region, region.organs[found.organ], z, profile, wed)
        here = np.isfinite(found.slice_dose_mGy)
        assert here.sum() >= 16
        np.testing.assert_allclose(found.slice_dose_mGy[here], expected[here], rtol=1e-9)


@settings(max_examples=60, deadline=None)
@given(scan=scans(), ends=st.tuples(st.floats(-900, 900), st.floats(0.1, 600)))
def test_what_arrives_is_what_a_dense_matrix_gives(scan, ends):
    z, ctdivol = scan[:2]
    for range_mm in (EVERYWHERE, (ends[0], sum(ends)), (-np.inf, ends[0]), (ends[0], np.inf)):
        found = arriving(z, ctdivol, range_mm)
        for part, weight in zip(found, np.eye(len(found)), strict=True):
            expected = dense(z, weight, range_mm) @ ctdivol
            np.testing.assert_allclose(part, expected, rtol=1e-9, atol=1e-9)


def test_what_arrives_is_the_integral_over_what_is_irradiated():
    z = np.array([0.0, 4.0, 9.0, 11.0])
    ctdivol = np.array([3.0, 1.0, 7.0, 2.0])
    fine = np.arange(-30.0, 60.0, 0.001) + 0.0005
    inside = (fine > -20.0) & (fine < 50.0)
    given_there = np.where(inside, ctdivol[np.abs(fine[:, None] - z).argmin(axis=1)], 0.0)
    for number, length in enumerate(LENGTHS_MM):
        for k, at in enumerate(z):
            fades = given_there * np.exp(-np.abs(fine - at) / length) / length * 0.001
            found = arriving(z, ctdivol, (-20.0, 50.0))
            assert found[number, k] == pytest.approx(fades[fine < at].sum(), rel=2e-3)
            from_above = found[number + len(LENGTHS_MM), k]
            assert from_above == pytest.approx(fades[fine > at].sum(), rel=2e-3)


def test_a_very_long_scan_is_summed_without_overflow():
    z = np.arange(0.0, 40_000.0, 10.0)
    found = arriving(z, np.full(len(z), 5.0))
    np.testing.assert_allclose(found[:, 2000], 5.0, rtol=1e-9)


@settings(max_examples=30, deadline=None)
@given(scan=scans(), factor=st.floats(0.01, 50))
def test_dose_is_proportional_to_ctdivol(scan, factor):
    z, ctdivol, _ = scan
    np.testing.assert_allclose(
        arriving(z, factor * ctdivol), factor * arriving(z, ctdivol), rtol=1e-11
    )


@settings(max_examples=30, deadline=None)
@given(scan=scans(), data=st.data())
def test_two_exposures_add_up(scan, data):
    z, first, _ = scan
    second = data.draw(float_arrays(float, len(z), elements=st.floats(0, 90)))
    np.testing.assert_allclose(
        arriving(z, first + second), arriving(z, first) + arriving(z, second), rtol=1e-10
    )


@pytest.mark.parametrize("region", REGIONS, ids=lambda region: region.region)
@settings(max_examples=25, deadline=None)
@given(scan=scans(), data=st.data())
def test_a_larger_patient_gets_no_more_dose_by_an_even_exposure(region, scan, data):
    z, _, wed = scan
    organ = region.organs[data.draw(st.sampled_from(sorted(region.organs)))]
    even = np.ones(len(z))
    before = model_dose(region, organ, z, even, wed)
    one = wed.copy()
    one[data.draw(st.integers(0, len(z) - 1))] += 10
    for larger in (one, wed + 10):
        after = model_dose(region, organ, z, even, larger)
        assert (after <= before * (1 + 1e-12)).all()


@pytest.mark.parametrize(("region", "organ"), EVERY)
def test_a_thousand_random_sizes_give_a_larger_patient_no_more_dose(region, organ):
    random = np.random.default_rng(1)
    z = np.cumsum(random.uniform(0.5, 15, 24))
    wed = random.uniform(50, 500, (24, 1_000))

    def factor_of(wed):
        sizes = np.stack([two_sided(z, k) @ wed for k in region.size_kernels], axis=-1)
        return organ.log_factor(sizes.reshape(-1, 2), REFERENCE_BEAM).reshape(wed.shape)

    before = factor_of(wed)
    one = wed.copy()
    one[random.integers(0, 24, 1_000), np.arange(1_000)] += 10
    assert np.isfinite(before).all()
    for larger in (one, wed + 10):
        assert (factor_of(larger) <= before + 1e-12).all()


@pytest.mark.parametrize(("region", "organ"), EVERY)
def test_no_beam_makes_the_dose_rise_with_size_by_more_than_the_laws_interval(region, organ):
    wed = np.linspace(organ.wed_cap_mm.low, organ.wed_cap_mm.high, 100)
    for name in beam_names():
        for voltage_kV in (70.0, 100.0, 120.0, 150.0):
            beam = beam_terms(model_of(name), voltage_kV).values
            log_dose = np.log(dose_per_ctdivol(organ, wed, beam))
            rise = (log_dose - np.minimum.accumulate(log_dose)).max()
            assert rise < max(organ.law_log_q90.values())


@pytest.mark.parametrize(("region", "organ"), EVERY)
def test_beyond_the_sizes_of_the_bodies_the_dose_stays_as_it_is_at_their_ends(region, organ):
    cap = organ.wed_cap_mm
    low, high, tiny, huge = dose_per_ctdivol(organ, np.array([cap.low, cap.high, 10.0, 2000.0]))
    assert (tiny, huge) == (low, high)
    # SSDE falls by a factor of 3.6 from 100 to 450 mm; the dose of deep organs falls faster.
    assert low / high < 6


@pytest.mark.parametrize(("region", "organ"), IN_THE_TRUNK)
def test_organ_doses_lie_around_the_size_specific_dose_estimate(region, organ):
    # It was fitted to other simulations and to measurements in phantoms (AAPM Report 204).
    a, b = TABLES[BODY_32]
    usual = organ.usual_wed_mm
    wed = np.linspace(usual.low, usual.high, 20)
    ratio = dose_per_ctdivol(organ, wed) / (a * np.exp(-b * wed / 10.0))
    assert ratio.min() > 0.7
    assert ratio.max() < 1.4


@pytest.mark.parametrize("whole", PARTS)
def test_the_dose_of_a_whole_lies_among_those_of_its_parts(whole):
    organs = next(region.organs for region in REGIONS if whole in region.organs)
    models = [organs[name] for name in (whole, *PARTS[whole])]
    wed = np.linspace(
        max(model.usual_wed_mm.low for model in models),
        min(model.usual_wed_mm.high for model in models),
        20,
    )
    of_whole, *of_parts = (np.log(dose_per_ctdivol(model, wed)) for model in models)
    slack = max(organs[whole].law_log_q90.values())
    assert (of_whole > np.min(of_parts, axis=0) - slack).all()
    assert (of_whole < np.max(of_parts, axis=0) + slack).all()


@pytest.mark.parametrize(("region", "organ"), EVERY)
def test_the_kernel_goes_steadily_from_small_to_large_bodies(region, organ):
    small, large = organ.kernels
    for size, share in ((50.0, 0.0), (120.0, 0.0), (235.0, 0.5), (350.0, 1.0), (500.0, 1.0)):
        found = organ.kernel_at(size)
        assert found.min() >= 0
        assert found.sum() == pytest.approx(1.0, abs=1e-5)
        np.testing.assert_allclose(found, (1 - share) * small + share * large, atol=1e-12)


@pytest.mark.parametrize("name", ["lung", "heart", "liver", "kidney", "stomach", "small_bowel"])
def test_scatter_reaches_further_in_large_bodies(name):
    organ = next(r.organs[name] for r in REGIONS if name in r.organs)
    z = np.arange(0, 1200, 5.0)
    small, large = (
        dense(z, organ.kernel_at(size), (200.0, 1000.0)) @ np.ones(len(z)) for size in (120, 350)
    )
    for at in (160.0, 1040.0):
        assert large[z == at] > 1.2 * small[z == at]


def test_the_liver_gets_more_from_the_lungs_above_it_than_from_the_bowels_below():
    organ = next(r.organs["liver"] for r in REGIONS if "liver" in r.organs)
    z = np.arange(0, 1200, 5.0)
    above = dense(z, organ.kernel_at(280.0), (660.0, 1200.0)) @ np.ones(len(z))
    below = dense(z, organ.kernel_at(280.0), (0.0, 540.0)) @ np.ones(len(z))
    assert above[z == 600] > 1.1 * below[z == 600]


@settings(max_examples=60, deadline=None)
@given(scan=scans(), kernel=weights())
def test_the_kernel_keeps_a_constant_ctdivol_where_the_range_is_not_known(scan, kernel):
    np.testing.assert_allclose(kernel @ arriving(scan[0], np.ones(len(scan[0]))), 1.0, rtol=1e-10)


@settings(max_examples=60, deadline=None)
@given(scan=scans(), seed=st.integers(0, 99))
def test_the_order_of_slices_does_not_matter(scan, seed):
    z, ctdivol = scan[:2]
    order = np.random.default_rng(seed).permutation(len(z))
    np.testing.assert_allclose(
        arriving(z[order], ctdivol[order]), arriving(z, ctdivol)[:, order], rtol=1e-9
    )


@settings(max_examples=60, deadline=None)
@given(scan=scans())
def test_smoothing_reaches_as_far_down_as_up(scan):
    z, values = scan[:2]
    expected = two_sided(z, SHORT_AND_LONG) @ values
    np.testing.assert_allclose(smooth(z, values, SHORT_AND_LONG), expected, rtol=1e-9)


def test_dose_is_half_at_the_edge_of_a_known_range_and_falls_beyond_it():
    z = np.arange(0, 1200, 5.0)
    ((below, above)) = arriving(z, np.ones(len(z)), (200.0, 1000.0), (25.0,))
    dose = (below + above) / 2
    assert dose[z == 200] == pytest.approx(0.5, abs=1e-5)
    assert dose[z == 600] == pytest.approx(1.0, abs=1e-5)
    assert (np.diff(dose[z <= 200]) > 0).all()
    assert dose[z == 150] == pytest.approx(0.5 * np.exp(-2), abs=1e-5)


@pytest.mark.parametrize(
    ("outside_mm", "simulated"), [(0, 0.48), (25, 0.19), (50, 0.11), (75, 0.06)]
)
@pytest.mark.parametrize("name", ["liver", "stomach", "kidney"])
def test_scatter_outside_the_range_falls_off_nearly_as_in_water(name, outside_mm, simulated):
    # A quick Monte Carlo simulation of a 32 cm water phantom, part of the plateau.
    organ = next(r.organs[name] for r in REGIONS if name in r.organs)
    z = np.arange(0, 1200, 5.0)
    both = [
        dense(z, organ.kernel_at(320.0), range_mm) @ np.ones(len(z))
        for range_mm in ((200.0, 1000.0), (-600.0, 200.0))
    ]
    away = (both[0][z == 200 - outside_mm] + both[1][z == 200 + outside_mm]) / 2
    assert away == pytest.approx(simulated, abs=0.085)


@given(scan=scans())
def test_cells_cover_the_scan_and_are_all_alike_on_even_slices(scan):
    z = scan[0]
    widths = cell_widths_mm(z)
    assert (widths > 0).all()
    order = np.argsort(z)
    np.testing.assert_allclose(cell_widths_mm(z[order]), widths[order])
    np.testing.assert_allclose(cell_widths_mm(np.arange(0, 50, 2.5)), 2.5)


def test_a_range_beyond_the_images_continues_the_end_slices_ctdivol():
    z = np.arange(0, 50, 5.0)
    np.testing.assert_allclose(arriving(z, np.ones(len(z)), (-3000.0, 3000.0)), 1.0, atol=1e-9)


def test_a_missing_size_touches_no_other_slice():
    z = np.arange(0, 50, 5.0)
    values = np.full(10, 280.0)
    values[3] = np.nan
    smoothed = smooth(z, values, SHORT_AND_LONG)
    assert np.isnan(smoothed[3])
    np.testing.assert_allclose(np.delete(smoothed, 3), 280.0)
