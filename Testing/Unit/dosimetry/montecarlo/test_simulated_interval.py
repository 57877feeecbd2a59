"""Every uncertainty component of a simulated dose does what it is there for."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from dose_scans import make, scan_of
from hand_made_tallies import by_z, exposure_between, response_of

from CTDoseSegLib.dosimetry.fast.uncertainty import SHARED_BY as FAST_SHARED_BY
from CTDoseSegLib.dosimetry.montecarlo.interval import (
    SHARED_BY,
    SHARED_WITH_FAST,
    beyond_images_components,
    differs_from_fast,
    fixed_components,
    material_component,
    range_components,
    start_angle_components,
    truncation_component,
    turned,
)
from CTDoseSegLib.measurement.ctdi_per_mas import K90

STEPPED = by_z(lambda z: np.where(z < 0, 3.0, 1.0))


def test_an_end_that_moves_changes_the_dose_by_what_moving_it_gives():
    exposure = exposure_between(-20.0, 200.0, edge_sd_mm=4.0)
    response = response_of(exposure, ("organ",), STEPPED)
    dose, _ = response.doses(exposure)
    (component,) = range_components(response, exposure, dose)
    shorter = [exposure.moved(*ends) for ends in ((-4.0, 0.0), (0.0, -4.0))]
    changes = [1 - response.doses(one)[0][0] / dose[0] for one in shorter]
    assert component == pytest.approx(np.hypot(*changes), rel=1e-6)
    certain = replace(exposure, edge_sd_mm=0.0)
    assert range_components(response, certain, dose)[0] == 0.0


def test_dose_from_beyond_the_images_is_what_made_up_anatomy_leaves_in_doubt():
    exposure = exposure_between(-20.0, 200.0)
    response = response_of(exposure, ("organ",), STEPPED)
    dose, _ = response.doses(exposure)
    (component,) = beyond_images_components(response, exposure, (0.0, 200.0), dose)
    from_beyond = 3 * 20 / (3 * 20 + 200)
    assert component == pytest.approx(0.2 * from_beyond)
    inside = beyond_images_components(response, exposure, (-30.0, 210.0), dose)
    assert inside[0] == 0.0


def test_a_helix_is_everywhere_at_every_angle_once_its_start_is_averaged():
    edges = np.linspace(-33.0, 180.0, 30)
    helices = [turned(edges, 16, 37.0, start / 16) for start in range(16)]
    assert np.mean(helices, axis=0) == pytest.approx(1.0)
    for helix in helices:
        assert helix.mean(axis=1) == pytest.approx(1.0)
        assert (helix >= 0).all()


def test_the_start_angle_matters_to_what_one_side_of_the_tube_reaches():
    exposure = exposure_between(0.0, 40.0, feed_mm=40.0)
    facing = np.zeros(16)
    facing[:4] = 8.0

    def one_side(path):
        # Little of the body's length gives the dose, and little of the turn.
        near = (path.z_edges_mm[:-1] < 10.0)[:, None]
        return np.where(near, facing, 0.0) + 1e-6

    response = response_of(exposure, ("surface",), one_side)
    dose, _ = response.doses(exposure)
    assert start_angle_components(response, exposure, dose)[0] > 0.5
    round_about = response_of(exposure, ("axis",), by_z(lambda z: np.ones_like(z)))
    dose, _ = round_about.doses(exposure)
    assert start_angle_components(round_about, exposure, dose)[0] < 0.01
    unknown = replace(exposure, feed_mm=None)
    assert start_angle_components(response, unknown, dose)[0] == 0.0


def test_noise_is_not_taken_for_an_effect_of_the_start_angle():
    exposure = exposure_between(0.0, 200.0, feed_mm=40.0)
    rng = np.random.default_rng(3)
    scatter, number = 3.0, 100

    def noisy(path):
        mean = rng.normal(1.0, scatter / np.sqrt(number), (200, *path.shape))
        return np.broadcast_to(mean, (3, *mean.shape))

    names = [f"organ {n}" for n in range(200)]
    response = response_of(exposure, names, noisy, scatter=scatter, per_stratum=number)
    dose, relative_se = response.doses(exposure)
    found = start_angle_components(response, exposure, dose)
    # Without taking the noise off, the scatter of start angles would be about twice a run's error.
    assert np.median(found) < 0.6 * np.median(relative_se)


def test_iodine_bone_and_fat_are_less_certain_than_soft_tissue():
    plain = material_component(10.0, 10.0)
    assert plain == pytest.approx(material_component(0.0, 0.0))
    assert material_component(14.0, 10.0) > plain
    assert material_component(30.0, 10.0) > material_component(14.0, 10.0)
    assert material_component(6.0, 10.0) > plain


def test_a_body_cut_by_the_field_is_less_certain_where_the_organ_is_cut():
    scan = scan_of(*make())
    cut = scan.size.truncated_fraction.copy()
    cut[:20] = 0.15
    size = replace(scan.size, truncated_fraction=cut, asymmetry=np.zeros(40))
    low, high = np.arange(40) < 20, np.arange(40) >= 20
    assert truncation_component(size, low.astype(float)) >= 0.03
    assert truncation_component(size, high.astype(float)) == 0.0
    both = truncation_component(size, np.ones(40))
    assert both == pytest.approx(truncation_component(size, low.astype(float)) / 2)
    assert truncation_component(scan.size, np.ones(40)) == 0.0


def test_every_component_says_what_makes_it_the_same_in_two_doses():
    fixed = fixed_components(0.5, make()[0].acquisition)
    assert fixed.keys() <= SHARED_BY.keys()
    assert set(SHARED_WITH_FAST) <= SHARED_BY.keys() & FAST_SHARED_BY.keys()
    assert fixed["partial_volume"] > fixed_components(0.1, make()[0].acquisition)["partial_volume"]


def with_interval(blank, dose, low, high, budget):
    return replace(
        blank,
        dose_mGy=dose,
        total_low_mGy=dose * low,
        total_high_mGy=dose * high,
        budget=budget,
    )


@pytest.mark.parametrize(
    ("ratio", "differs"), [(1.0, False), (1.3, False), (1.6, True), (0.9, False), (0.5, True)]
)
def test_two_engines_differ_where_both_intervals_do_not_reach(ratio, differs):
    blank = scan_of(*make()).without_dose("liver")
    own = with_interval(blank, 10.0, 0.9, 1.1, {"beam": 0.06})
    fast = with_interval(blank, 10.0 * ratio, 0.7, 1.4, {"law": 0.2})
    assert differs_from_fast(own, fast) is differs
    assert not differs_from_fast(own, replace(blank, flags=()))


@pytest.mark.parametrize("component", ["ctdivol_display", "wide_beam", "miscentring"])
def test_an_error_that_both_engines_make_does_not_excuse_a_difference(component):
    blank = scan_of(*make()).without_dose("liver")
    shared = {component: math.log(1.5) / K90}
    own = with_interval(blank, 10.0, 1 / 1.5, 1.5, shared)
    fast = with_interval(blank, 13.0, 1 / 1.5, 1.5, shared)
    assert differs_from_fast(own, fast)
    unshared = {"beam": math.log(1.5) / K90}
    other = with_interval(blank, 13.0, 1 / 1.5, 1.5, unshared)
    assert not differs_from_fast(replace(own, budget=unshared), other)


def test_an_interval_that_reaches_to_one_side_alone_counts_on_that_side():
    blank = scan_of(*make()).without_dose("liver")
    law = with_interval(blank, 10.0, 0.95, 2.0, {"law": 0.03})
    above, below = (with_interval(blank, dose, 0.98, 1.02, {}) for dose in (15.0, 7.0))
    assert not differs_from_fast(above, law)
    assert differs_from_fast(below, law)
