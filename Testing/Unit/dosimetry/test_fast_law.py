"""The fast law by size, beam and part of the body: what it takes for each, and what it allows."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from dose_scans import MODEL, STEP_MM, codes, make, scan_of

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.scanner_profile import GENERIC, MeasuredBeam
from CTDoseSegLib.dosimetry.estimate import estimate
from CTDoseSegLib.dosimetry.fast.beam_terms import beam_terms
from CTDoseSegLib.dosimetry.fast.engine import FastEngine
from CTDoseSegLib.dosimetry.montecarlo.beams import beam_names, model_of
from CTDoseSegLib.measurement.ctdi_per_mas import K90


def law(*, region="auto", scanner=GENERIC, **changes):
    """`DoseResult` of `make(**changes)` by the law, and its organs by name."""
    result = estimate(FastEngine(MODEL, region), scan_of(*make(**changes), scanner))
    return result, {organ.organ: organ for organ in result.organs}


def test_doses_add_up_exactly_over_ranges():
    middle = 20 * STEP_MM
    parts = [(-50.0, middle), (middle, 300.0)]
    doses = [law(irradiated_range_mm=part, sources={"irradiated_range_mm": "user"})[1]
             for part in (*parts, (-50.0, 300.0))]  # fmt: skip
    for name in ("liver", "aorta"):
        below, above, whole = (organs[name].dose_mGy for organs in doses)
        assert below + above == pytest.approx(whole, rel=1e-12)


def test_deep_organs_get_more_per_ctdivol_at_a_higher_voltage():
    doses = [law(kvp_kV=kV)[1]["liver"].dose_mGy for kV in (80.0, 100.0, 120.0, 140.0)]
    assert (np.diff(doses) > 0).all()
    assert 1.1 < doses[-1] / doses[0] < 1.6


def test_another_voltage_is_no_cause_for_a_flag_and_one_that_was_not_simulated_is():
    assert "tube_voltage_outside" not in codes(law(kvp_kV=80.0)[0].flags)
    result, organs = law(kvp_kV=65.0)
    assert "tube_voltage_outside" in codes(result.flags)
    assert organs["liver"].budget["tube_voltage"] > 0
    assert organs["liver"].dose_mGy == law(kvp_kV=70.0)[1]["liver"].dose_mGy


def test_ctdivol_of_the_small_phantom_is_converted_by_the_ratio_that_the_beam_has():
    ratio = beam_terms(model_of("generic body"), 120.0).w16_over_w32
    _, large = law(ctdivol=9.0, phantom_cm=32)
    _, small = law(ctdivol=9.0 * ratio, phantom_cm=16)
    assert small["liver"].dose_mGy == pytest.approx(large["liver"].dose_mGy, rel=1e-9)
    assert small["liver"].budget["beam"] != large["liver"].budget["beam"]


def test_a_child_gets_a_dose_where_the_phantom_is_stated_and_none_where_it_is_not():
    child = {"age_years": 5.0, "half_axes_mm": (95.0, 75.0)}
    assert law(**child, phantom_cm=32)[1]["liver"].dose_mGy > 0
    result, organs = law(**child, phantom_cm=None, current=None)
    assert "ctdivol_phantom_of_child" in codes(result.flags)
    assert all(organ.dose_mGy is None for organ in organs.values())


def test_an_adult_without_phantom_is_taken_for_a_body_and_says_so():
    result, organs = law(phantom_cm=None)
    assert "ctdivol_phantom_assumed" in codes(result.flags)
    assert organs["liver"].dose_mGy == law()[1]["liver"].dose_mGy


def test_a_head_gets_the_head_s_model():
    head = {"organs": ("brain", "eye_left"), "half_axes_mm": (80.0, 95.0), "phantom_cm": 16,
            "body_part": "HEAD", "ctdivol": 50.0}  # fmt: skip
    result, organs = law(**head)
    assert organs["brain"].region == organs["skin"].region == "head"
    assert 0.5 < organs["brain"].dose_mGy / 50.0 < 1.3
    assert not [entry for entry in result.flags if entry.severity == "refusal"]
    assert law()[1]["skin"].region == "trunk"


@pytest.mark.parametrize(("half_axes_mm", "dosed"), [((160.0, 120.0), True), ((35.0, 35.0), False)])
def test_a_size_that_no_body_had_gets_no_dose(half_axes_mm, dosed):
    """The small one has 70 mm; the smallest newborn's liver lies where the body has over 110."""
    _, organs = law(half_axes_mm=half_axes_mm)
    assert (organs["skin"].dose_mGy is not None) == dosed
    assert ("size_outside_training" in codes(organs["skin"].flags)) != dosed


def test_the_beam_of_a_known_scanner_narrows_the_interval():
    _, unknown = law()
    _, known = law(manufacturer="SIEMENS", model="SOMATOM Definition Flash")
    assert known["liver"].budget["beam"] < unknown["liver"].budget["beam"]
    assert known["liver"].dose_mGy != unknown["liver"].dose_mGy


def test_the_law_s_interval_is_that_of_bodies_left_out_and_of_the_beam():
    _, organs = law()
    liver = organs["liver"]
    model = MODEL.regions["abdomen"].organs["liver"]
    half = math.hypot(model.law_log_q90["adults"], K90 * liver.budget["beam"])
    assert math.log(liver.model_high_mGy / liver.dose_mGy) == pytest.approx(half)
    assert liver.budget["body_model"] == model.body_model_log > 0


def test_mas_without_ctdivol_is_scaled_as_scanners_usually_are_and_the_interval_says_so():
    result, organs = law(ctdivol=None, current=300.0)
    assert "mas_only" in codes(result.flags)
    assert organs["liver"].route == "mas"
    assert organs["liver"].budget["dose_per_mas"] == 0.30
    by_ctdivol = law(ctdivol=300.0 * 0.5 * 0.076)[1]["liver"]
    assert organs["liver"].dose_mGy == pytest.approx(by_ctdivol.dose_mGy, rel=1e-9)


def test_contrast_agent_is_left_out_of_the_dose_and_reached_by_the_upper_end():
    series, labelmap = make(organs=("kidney_left",))
    series.hu[labelmap.labels == 3] = 180
    enhanced = FastEngine(MODEL).estimate(scan_of(series, labelmap)).organs[0]
    plain = law(organs=("kidney_left",))[1]["kidney_left"]
    assert enhanced.dose_mGy == pytest.approx(plain.dose_mGy, rel=0.01)
    assert enhanced.total_high_mGy > 1.5 * plain.total_high_mGy


def test_red_marrow_is_given_where_bones_are_labelled():
    _, organs = law(organs=("vertebrae_L1", "vertebrae_L2", "sacrum"))
    marrow = organs["red_marrow"]
    assert 0.5 < marrow.dose_mGy / 9.0 < 2.0
    assert "monte_carlo_marrow_part" in codes(marrow.flags)
    assert "red_marrow" not in law()[1]


def test_the_terms_of_every_beam_and_voltage_are_finite_and_the_reference_s_are_0():
    for name in beam_names():
        for voltage in (70.0, 100.0, 135.0, 150.0):
            terms = beam_terms(model_of(name), voltage)
            assert np.isfinite(terms.values).all()
            assert 1.5 < terms.w16_over_w32 < 3.5
    assert not beam_terms(model_of("generic body"), 120.0).values.any()


def test_another_exposure_of_the_same_anatomy_is_its_own_dose():
    scan = scan_of(*make())
    acquisition = replace(scan.series.acquisition, kvp_kV=100.0)
    slices = tuple(replace(one, ctdivol_mGy=3.0) for one in scan.series.slices)
    again = scan.exposed_as(replace(scan.series, acquisition=acquisition, slices=slices))
    other = {o.organ: o.dose_mGy for o in FastEngine(MODEL).estimate(again).organs}
    own = law(kvp_kV=100.0, ctdivol=3.0)[1]
    assert other["liver"] == pytest.approx(own["liver"].dose_mGy, rel=1e-12)


@pytest.mark.parametrize("body_part", ["HEAD", "KOPF", "HEADNECK", None])
def test_a_head_without_phantom_is_taken_for_one_of_16_cm_whatever_it_is_called(body_part):
    head = {"organs": ("brain",), "half_axes_mm": (80.0, 95.0), "ctdivol": 50.0}
    _, stated = law(**head, phantom_cm=16, body_part="HEAD")
    result, organs = law(**head, phantom_cm=None, body_part=body_part)
    assert "ctdivol_phantom_assumed" in codes(result.flags)
    assert organs["brain"].dose_mGy == pytest.approx(stated["brain"].dose_mGy, rel=1e-9)


def test_a_few_voxels_of_brain_make_no_head_of_a_chest():
    series, labelmap = make(organs=("lung_left", "brain"))
    labels = labelmap.labels
    brain = np.flatnonzero((labels == 4).any(axis=(1, 2)))
    labels[brain[2:]] = np.where(labels[brain[2:]] == 4, 1, labels[brain[2:]])
    organs = {o.organ: o for o in FastEngine(MODEL).estimate(scan_of(series, labelmap)).organs}
    assert organs["skin"].region == "trunk"


def test_a_head_gets_no_dose_by_mas():
    result, _ = law(organs=("brain",), half_axes_mm=(80.0, 95.0), ctdivol=None, current=300.0)
    assert {"no_exposure", "mas_unusable"} <= codes(result.flags)


def test_a_child_whose_phantom_is_not_known_is_dosed_by_mas_where_that_can_be():
    child = {"age_years": 6.0, "half_axes_mm": (95.0, 75.0), "phantom_cm": None}
    result, organs = law(**child, ctdivol=9.0, current=300.0)
    assert organs["liver"].route == "mas"
    assert "ctdivol_phantom_of_child" not in codes(result.flags)


def test_a_child_s_organ_that_is_cut_is_not_filled_up_to_an_adult_s():
    child = {"age_years": 3.0, "half_axes_mm": (95.0, 75.0), "organ_slices": (0, 20)}
    known = {"irradiated_range_mm": (-30.0, 230.0), "sources": {"irradiated_range_mm": "user"}}
    _, organs = law(**child, **known)
    assert organs["liver"].dose_mGy > 0
    assert organs["liver"].whole_organ_dose_mGy is None
    assert "whole_organ_undefined" in codes(organs["liver"].flags)
    _, whole = law(**{**child, "organ_slices": (12, 28)}, **known)
    assert whole["liver"].whole_organ_dose_mGy == whole["liver"].dose_mGy


def test_a_beam_unlike_any_that_was_simulated_is_flagged_and_widens_the_interval():
    result, organs = law(tin_filter=True, kvp_kV=100.0)
    assert "unusual_beam" in codes(result.flags)
    assert organs["liver"].budget["unusual_beam"] == 0.10
    assert "unusual_beam" not in law()[1]["liver"].budget
    result, organs = law(total_collimation_mm=200.0)
    assert "cone_beam" in codes(result.flags)
    assert all(organ.dose_mGy is None for organ in organs.values())


def test_a_label_of_red_marrow_is_an_organ_like_others():
    _, organs = law(organs=("red_marrow", "sacrum"))
    assert organs["red_marrow"].volume_ml > 0
    assert organs["red_marrow"].dose_mGy > 0


@pytest.mark.parametrize("organ", ["kidney_left", "inferior_vena_cava", "duodenum"])
def test_the_upper_end_reaches_up_for_iodine_in_what_may_hold_it(organ):
    series, labelmap = make(
        organs=("kidney_left", "aorta", organ)[: 3 if organ != "kidney_left" else 2]
    )
    series.hu[np.isin(labelmap.labels, (3, 4))] = 200
    organs = {o.organ: o for o in FastEngine(MODEL).estimate(scan_of(series, labelmap)).organs}
    up = math.log(organs[organ].total_high_mGy / organs[organ].dose_mGy)
    down = math.log(organs[organ].dose_mGy / organs[organ].total_low_mGy)
    assert up > down + 0.1


def test_slices_from_head_to_foot_change_nothing_but_their_order():
    series, labelmap = make()
    turned = replace(
        series,
        hu=series.hu[::-1],
        slices=series.slices[::-1],
        affine=series.affine
        @ np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1, 39], [0, 0, 0, 1.0]]),
    )
    labels = replace(labelmap, labels=labelmap.labels[::-1], affine=turned.affine)
    one = {
        o.organ: o.dose_mGy for o in FastEngine(MODEL).estimate(scan_of(series, labelmap)).organs
    }
    other = {
        o.organ: o.dose_mGy for o in FastEngine(MODEL).estimate(scan_of(turned, labels)).organs
    }
    for organ, dose in one.items():
        assert other[organ] == pytest.approx(dose, rel=1e-9)


def test_scatter_reaches_further_in_a_large_body():
    """An organ 40 mm above the range, over the dose that it gets inside of it."""
    parts = []
    for half_axes_mm in ((75.0, 60.0), (190.0, 160.0)):
        doses = [
            law(
                half_axes_mm=half_axes_mm,
                organs=("lung_left",),
                organ_slices=(28, 32),
                irradiated_range_mm=part,
                sources={"irradiated_range_mm": "user"},
            )[1]["lung_left"].dose_mGy
            for part in ((0.0, 100.0), (0.0, 200.0))
        ]
        parts.append(doses[0] / doses[1])
    assert parts[1] > 1.5 * parts[0] > 0


def test_a_child_has_the_interval_of_the_children_among_the_bodies():
    for age, group in ((9.0, "children"), (40.0, "adults"), (None, "adults")):
        liver = law(age_years=age)[1]["liver"]
        expected = MODEL.regions["abdomen"].organs["liver"].law_log_q90[group] / K90
        assert liver.budget["law"] == pytest.approx(expected)


def test_a_measured_beam_does_not_hide_a_cone_beam_or_stand_for_another_filter():
    body_beam = MeasuredBeam("ours", 32, "GE VCT-like medium", 1.0, 7.6, 0.1, 570.0)
    head_beam = replace(body_beam, name="for heads", phantom_cm=16)
    for beam, flagged in ((body_beam, False), (head_beam, True)):
        scanner = replace(GENERIC, beams=(beam,))
        wide, _ = law(scanner=scanner, total_collimation_mm=200.0, tin_filter=True)
        assert "cone_beam" in codes(wide.flags)
        tin, organs = law(scanner=scanner, tin_filter=True)
        assert ("unusual_beam" in codes(tin.flags)) == flagged
        assert ("unusual_beam" in organs["liver"].budget) == flagged


def test_a_short_scan_of_unknown_range_is_less_certain_everywhere():
    short, long = (
        law(slices=slices, first=first)[1]["liver"].budget["irradiated_range"]
        for slices, first in ((16, 12), (40, 0))
    )
    assert short > 1.3 * long


def test_a_week_of_pregnancy_states_it():
    assert Acquisition(pregnancy_week=20.0).pregnant
    assert not Acquisition().pregnant
    assert "pregnancy" in codes(law(pregnancy_week=20.0)[0].flags)


def test_an_age_that_is_not_known_is_said_where_doses_are_given():
    assert "age_unknown" in codes(law(age_years=None)[0].flags)
    assert "age_unknown" not in codes(law(age_years=40.0)[0].flags)
    assert "age_unknown" not in codes(law(age_years=None, body_part="KNEE")[0].flags)


def test_an_unknown_voltage_allows_for_what_80_and_140_kv_would_change():
    budget = law(kvp_kV=None)[1]["liver"].budget["tube_voltage"]
    low, usual, high = (law(kvp_kV=kV)[1]["liver"].dose_mGy for kV in (80.0, 120.0, 140.0))
    limits = max(abs(math.log(other / usual)) for other in (low, high))
    assert budget == pytest.approx(max(limits / math.sqrt(3.0), 0.07))
    large = law(kvp_kV=None, half_axes_mm=(200.0, 180.0))[1]["liver"].budget["tube_voltage"]
    assert large > 0.08
