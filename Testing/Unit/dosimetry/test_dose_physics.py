"""What every organ's model keeps to: superposition, size, and how dose reaches along the body."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dose_scans import MODEL, MODELLED, make, scan_of
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as float_arrays

from CTDoseSegLib.ct.geometry import cell_widths_mm
from CTDoseSegLib.dosimetry.beam import EVERYWHERE
from CTDoseSegLib.dosimetry.fast.beam_terms import TERMS as BEAM_TERMS
from CTDoseSegLib.dosimetry.fast.beam_terms import beam_terms
from CTDoseSegLib.dosimetry.fast.engine import FastEngine
from CTDoseSegLib.dosimetry.fast.kernel import Convolver, convolution_matrix, smooth
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
LARGE_KERNEL = MODEL.regions["chest"].kernels[1]


@st.composite
def kernels(draw):
    """One exponential or two."""
    share = draw(st.floats(0.1, 1.0))
    parts = ((share, draw(st.floats(5, 80))), (1.0 - share, draw(st.floats(5, 80))))
    return tuple(part for part in parts if part[0] > 0)


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


def convolved(region, z, ctdivol, wed):
    """CTDIvol convolved with the kernel of each slice's own size."""
    rows = [
        convolution_matrix(z, region.kernel_at(size))[k]
        for k, size in enumerate(region.sizes_mm(z, wed)[:, 0])
    ]
    return np.array(rows) @ ctdivol


def model_dose(region, organ, z, ctdivol, wed):
    factor = np.exp(organ.log_factor(region.sizes_mm(z, wed), REFERENCE_BEAM))
    return convolved(region, z, ctdivol, wed) * factor


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


@pytest.mark.parametrize("region", REGIONS, ids=lambda region: region.region)
@settings(max_examples=12, deadline=None)
@given(scan=scans(), factor=st.floats(0.01, 50))
def test_dose_is_proportional_to_ctdivol(region, scan, factor):
    z, ctdivol, wed = scan
    np.testing.assert_allclose(
        convolved(region, z, factor * ctdivol, wed),
        factor * convolved(region, z, ctdivol, wed),
        rtol=1e-12,
    )


@pytest.mark.parametrize("region", REGIONS, ids=lambda region: region.region)
@settings(max_examples=12, deadline=None)
@given(scan=scans(), data=st.data())
def test_two_exposures_add_up(region, scan, data):
    z, first, wed = scan
    second = data.draw(float_arrays(float, len(z), elements=st.floats(0, 90)))
    np.testing.assert_allclose(
        convolved(region, z, first + second, wed),
        convolved(region, z, first, wed) + convolved(region, z, second, wed),
        rtol=1e-12,
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
        sizes = np.stack([convolution_matrix(z, k) @ wed for k in region.size_kernels], axis=-1)
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
            assert rise < organ.law_log_q90


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
    slack = organs[whole].law_log_q90
    assert (of_whole > np.min(of_parts, axis=0) - slack).all()
    assert (of_whole < np.max(of_parts, axis=0) + slack).all()


@pytest.mark.parametrize("region", REGIONS, ids=lambda region: region.region)
def test_the_kernel_widens_steadily_with_the_body(region):
    sizes = (50.0, 120.0, 180.0, 240.0, 300.0, 350.0, 500.0)
    for size in sizes:
        assert sum(weight for weight, _ in region.kernel_at(size)) == pytest.approx(1.0)
    at_40_mm = [
        sum(w / 2 * np.exp(-40.0 / length) for w, length in region.kernel_at(size))
        for size in sizes
    ]
    assert at_40_mm[0] == at_40_mm[1]
    assert at_40_mm[-2] == at_40_mm[-1]
    np.testing.assert_array_less(0, np.diff(at_40_mm[1:-1]))
    between = at_40_mm[1] + (240.0 - 120.0) / (350.0 - 120.0) * (at_40_mm[-1] - at_40_mm[1])
    assert at_40_mm[3] == pytest.approx(between)


@settings(max_examples=60, deadline=None)
@given(scan=scans(), kernel=kernels())
def test_the_kernel_keeps_a_constant_ctdivol_where_the_range_is_not_known(scan, kernel):
    z = scan[0]
    kernel = convolution_matrix(z, kernel)
    assert (kernel >= 0).all()
    np.testing.assert_allclose(kernel.sum(axis=1), 1.0, rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(scan=scans(), kernel=kernels(), seed=st.integers(0, 99))
def test_the_order_of_slices_does_not_matter(scan, kernel, seed):
    z, ctdivol = scan[:2]
    order = np.random.default_rng(seed).permutation(len(z))
    np.testing.assert_allclose(
        convolution_matrix(z[order], kernel) @ ctdivol[order],
        (convolution_matrix(z, kernel) @ ctdivol)[order],
        rtol=1e-9,
    )


@given(scan=scans(), kernel=kernels(), ends=st.tuples(st.floats(-900, 900), st.floats(0.1, 600)))
def test_many_ranges_at_once_are_the_matrix_of_each(scan, kernel, ends):
    z, ctdivol = scan[:2]
    convolver = Convolver(z, kernel)
    for range_mm in (EVERYWHERE, (ends[0], sum(ends)), (-np.inf, ends[0]), (ends[0], np.inf)):
        expected = convolution_matrix(z, kernel, range_mm) @ ctdivol
        np.testing.assert_allclose(convolver(ctdivol, range_mm), expected, rtol=1e-9, atol=1e-9)


def test_the_kernel_is_symmetric_on_even_slices():
    kernel = convolution_matrix(np.arange(0, 800, 5.0), LARGE_KERNEL)[60:-60, 60:-60]
    np.testing.assert_allclose(kernel, kernel.T, atol=1e-12)


def test_dose_is_half_at_the_edge_of_a_known_range_and_falls_beyond_it():
    z = np.arange(0, 1200, 5.0)
    dose = convolution_matrix(z, ((1.0, 25.0),), (200.0, 1000.0)) @ np.ones(len(z))
    assert dose[z == 200] == pytest.approx(0.5, abs=1e-5)
    assert dose[z == 600] == pytest.approx(1.0, abs=1e-5)
    assert (np.diff(dose[z <= 200]) > 0).all()
    assert dose[z == 150] == pytest.approx(0.5 * np.exp(-2), abs=1e-5)


@pytest.mark.parametrize(
    ("outside_mm", "simulated"), [(0, 0.48), (25, 0.19), (50, 0.11), (75, 0.06)]
)
def test_scatter_outside_the_range_falls_off_nearly_as_in_water(outside_mm, simulated):
    # A quick Monte Carlo simulation of a 32 cm water phantom, part of the plateau.
    z = np.arange(0, 1200, 5.0)
    kernel = MODEL.regions["chest"].kernel_at(320.0)
    dose = convolution_matrix(z, kernel, (200.0, 1000.0)) @ np.ones(len(z))
    assert dose[z == 200 - outside_mm] == pytest.approx(simulated, abs=0.085)


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
    far = convolution_matrix(z, LARGE_KERNEL, (-3000.0, 3000.0)) @ np.ones(len(z))
    np.testing.assert_allclose(far, 1.0, atol=1e-9)


def test_a_missing_size_touches_no_other_slice():
    z = np.arange(0, 50, 5.0)
    values = np.full(10, 280.0)
    values[3] = np.nan
    smoothed = smooth(z, values, LARGE_KERNEL)
    assert np.isnan(smoothed[3])
    np.testing.assert_allclose(np.delete(smoothed, 3), 280.0)
