"""CTDIvol along the path of the beam's centre: what is known of it and what is assumed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dose_scans import codes, make, scan_of

from CTDoseSegLib.ct.scanner_profile import Scanner
from CTDoseSegLib.dosimetry.montecarlo.exposure import (
    OVERRANGING_MM,
    Exposure,
    child_without_phantom,
    exposure_of,
    unusable,
)

# Slices of `make`: 40 of 5 mm, centres at 0 to 195 mm.
IMAGES_MM = (-2.5, 197.5)


def scan(**changes):
    return scan_of(*make(**changes))


def exposure(**changes):
    return exposure_of(scan(**changes))


def test_the_integral_of_bins_adds_up_to_the_whole_however_they_are_cut():
    rng = np.random.default_rng(1)
    ctdivol = rng.uniform(2, 20, 40)
    stated = {"irradiated_range_mm": (-30.0, 240.0), "sources": {"irradiated_range_mm": "user"}}
    made = exposure(ctdivol=list(ctdivol), **stated)
    edges = np.sort(np.append(rng.uniform(-60, 260, 30), (-100.0, 300.0)))
    assert made.between(edges).sum() == pytest.approx(made.dose_length_mGy_cm)
    # Half a slice more at each end, and beyond it the nearest slice's.
    beyond = ctdivol[0] * 2.75 + ctdivol[-1] * 4.25
    assert made.dose_length_mGy_cm == pytest.approx(ctdivol.sum() * 0.5 + beyond)


def test_nothing_is_irradiated_outside_the_range():
    made = exposure(irradiated_range_mm=(50.0, 100.0), sources={"irradiated_range_mm": "user"})
    assert made.range_mm == (50.0, 100.0)
    along = made.between(np.array([0.0, 50.0, 60.0, 100.0, 150.0]))
    assert along == pytest.approx([0.0, 9.0, 36.0, 0.0])


def test_slices_in_any_order_give_the_same_exposure():
    upward = exposure(ctdivol=[5.0 + k for k in range(40)])
    series, labelmap = make(ctdivol=[5.0 + k for k in range(40)])
    downward = replace(
        series,
        hu=series.hu[::-1],
        slices=series.slices[::-1],
        affine=series.affine
        @ np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1, 39], [0, 0, 0, 1.0]]),
    )
    turned = replace(labelmap, labels=labelmap.labels[::-1], affine=downward.affine)
    other = exposure_of(scan_of(downward, turned))
    edges = np.linspace(-50, 250, 17)
    assert other.between(edges) == pytest.approx(upward.between(edges))


def test_a_range_that_is_not_known_has_the_usual_overranging_and_its_doubt():
    made = exposure()
    low, high = made.range_mm
    assert (IMAGES_MM[0] - low, high - IMAGES_MM[1]) == (25.0, 25.0)
    # A rectangle of the width of what overranging may be, half of it at each end.
    assert made.edge_sd_mm == pytest.approx(np.ptp(OVERRANGING_MM) / 2 / 2 / np.sqrt(3))
    assert "monte_carlo_range_assumed" in codes(made.flags)


def test_dlp_gives_the_length_where_the_range_is_not_known():
    made = exposure(ctdivol=10.0, current=300.0, dlp_mGy_cm=260.0)
    assert np.ptp(made.range_mm) == pytest.approx(260.0)
    assert made.dose_length_mGy_cm == pytest.approx(260.0)
    assert "monte_carlo_range_by_dlp" in codes(made.flags)


@pytest.mark.parametrize("dlp", [150.0, 900.0])
def test_a_dlp_that_cannot_be_this_scans_is_flagged_and_not_used(dlp):
    made = exposure(ctdivol=10.0, dlp_mGy_cm=dlp)
    assert np.ptp(made.range_mm) == pytest.approx(250.0)
    assert "monte_carlo_dlp" in codes(made.flags)


@pytest.mark.parametrize(("dlp", "flagged"), [(209.0, False), (180.0, True), (225.0, True)])
def test_dlp_is_a_check_within_five_percent_where_the_range_is_known(dlp, flagged):
    made = exposure(
        ctdivol=10.0,
        dlp_mGy_cm=dlp,
        irradiated_range_mm=(0.0, 200.0),
        sources={"irradiated_range_mm": "user"},
    )
    assert made.dose_length_mGy_cm == pytest.approx(200.0)
    assert ("monte_carlo_dlp" in codes(made.flags)) is flagged


def test_the_weights_of_strata_follow_ctdivol_and_add_up_to_one():
    made = exposure(ctdivol=[10.0] * 20 + [30.0] * 20)
    weights = made.weights(np.linspace(*made.range_mm, 26), 8)
    assert weights.sum() == pytest.approx(1.0)
    assert weights[-1] == pytest.approx(3 * weights[0])
    assert np.ptp(weights[3]) == pytest.approx(0.0)


def test_a_current_that_changes_with_the_angle_weights_the_angles():
    around = np.array([0.5, 1.5, 0.5, 1.5])
    made = replace(exposure(), angle_weight=around)
    weights = made.weights(np.linspace(*made.range_mm, 11), 4)
    assert weights.sum(axis=0) == pytest.approx(around / 4)


def test_moving_the_ends_outward_adds_their_ctdivol():
    made = exposure(ctdivol=[10.0] * 20 + [30.0] * 20)
    moved = made.moved(10.0, 5.0)
    assert moved.dose_length_mGy_cm - made.dose_length_mGy_cm == pytest.approx(10.0 + 15.0)


def test_effective_mas_with_a_known_output_stand_in_for_ctdivol():
    series, labelmap = make(ctdivol=None)
    known = Scanner("A B", nctdiw_mGy_per_100mAs=7.0)
    made = exposure_of(scan_of(series, labelmap, known))
    assert made.ctdivol_mGy == pytest.approx(150.0 * 0.07)
    assert "nctdiw" in made.log_sd
    assert "ctdivol_display" not in made.log_sd
    assert unusable(scan_of(series, labelmap, known)) == ""
    assert "enter CTDIvol" in unusable(scan_of(series, labelmap))


def test_slices_without_ctdivol_among_others_are_refused_by_their_number():
    missing = scan(current=None, ctdivol=[None] * 5 + [9.0] * 35)
    assert unusable(missing).startswith("CTDIvol is not known on 5 of 40 slices")


def test_the_phantom_is_that_of_the_report_and_for_a_child_never_assumed():
    assert exposure(phantom_cm=16).phantom_cm == 16
    assumed = exposure(phantom_cm=None)
    assert assumed.phantom_cm == 32
    assert "monte_carlo_phantom_assumed" in codes(assumed.flags)
    assert exposure(phantom_cm=None, body_part="HEAD").phantom_cm == 16
    assert child_without_phantom(scan(phantom_cm=None, age_years=8.0).series)
    assert not child_without_phantom(scan(phantom_cm=16, age_years=8.0).series)
    assert not child_without_phantom(scan(phantom_cm=None).series)


def test_a_checked_scanner_narrows_ctdivol_and_a_wide_beam_widens_it():
    plain = exposure()
    checked = exposure_of(scan_of(*make(), Scanner("A B", ctdivol_checked=True)))
    assert checked.log_sd["ctdivol_display"] < plain.log_sd["ctdivol_display"]
    wide = exposure(total_collimation_mm=80.0)
    assert wide.log_sd["wide_beam"] > 0
    assert "monte_carlo_wide_beam" in codes(wide.flags)
    assert "wide_beam" not in exposure(total_collimation_mm=40.0).log_sd


def test_an_exposure_of_one_slice_is_as_long_as_its_thickness():
    series, labelmap = make(slices=1, organs=(), organ_slices=(0, 1))
    series = replace(series, slices=(replace(series.slices[0], thickness_mm=8.0),))
    made = exposure_of(scan_of(series, labelmap))
    assert np.ptp(made.range_mm) == pytest.approx(8.0 + 50.0)
    assert isinstance(made, Exposure)
