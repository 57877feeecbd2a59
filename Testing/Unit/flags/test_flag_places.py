"""Every flag of a result has its place, and what it does to the numbers is what they do."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from dose_scans import codes, doses, make

from CTDoseSegLib.analysis import analyze
from CTDoseSegLib.ct.dose_report import DoseReport, IrradiationEvent
from CTDoseSegLib.flags import EFFECTIVE_DOSE, EXAMINATION, SCAN, organ_place, slice_place
from CTDoseSegLib.measurement.ctdi_per_mas import K90
from CTDoseSegLib.reading.dose_matching import RANGE, MatchedReport, PlacedEvent
from CTDoseSegLib.result import Result


@pytest.fixture(scope="module")
def result():
    """A truncated scan without CTDIvol whose dose report has an event that cannot be placed."""
    series, labelmap = make(ctdivol=None, half_axes_mm=(230.0, 120.0), organ_slices=(0, 12))
    own = IrradiationEvent(uid="1", kind="spiral", kvp_kV=120.0)
    lost = IrradiationEvent(uid="2", kind="spiral", kvp_kV=120.0)
    events = (PlacedEvent(own, True, None, RANGE), PlacedEvent(lost, False, None, "not stated"))
    report = DoseReport(tuple(e.event for e in events), 500.0, 2)
    return analyze(replace(series, dose_report=MatchedReport(report, events, "values")), labelmap)


def test_flags_of_an_organ_are_at_the_organ(result):
    assert any(organ.flags for organ in result.doses.organs)
    for organ in result.doses.organs:
        assert {f.place for f in organ.flags} <= {organ_place(organ.organ)}
    assert {f.place for f in result.doses.flags} == {SCAN}


def test_a_refused_organ_has_the_reason_at_the_organ():
    refused, organs = doses(body_part="KNEE")
    assert ("limb", SCAN) in {(f.code, f.place) for f in refused.flags}
    assert {(f.code, f.place) for f in organs["liver"].flags} == {("limb", "organ liver")}


def test_flags_of_a_slice_are_at_the_slice(result):
    for flags in (result.size.flags, result.ssde.slice_flags):
        assert any(flags)
        for k, of_slice in enumerate(flags):
            assert {f.place for f in of_slice} <= {slice_place(k)}
    assert {f.place for f in (*result.size.scan_flags, *result.ssde.flags)} == {SCAN}


def test_flags_of_effective_dose_and_examination_have_their_place_and_reach_the_analysis(result):
    for part, place in ((result.effective_dose, EFFECTIVE_DOSE), (result.examination, EXAMINATION)):
        assert part.flags
        assert {f.place for f in part.flags} == {place}
        assert set(part.flags) <= set(result.flags)
    assert "effective_dose_no_dlp" in codes(result.flags)


def test_a_result_has_every_flag_of_an_analysis(result):
    flags = set(Result.of(result).all_flags())
    everywhere = {f.place for f in flags}
    assert everywhere >= {SCAN, EFFECTIVE_DOSE, EXAMINATION, "organ liver", "slice 3"}
    parts = (
        *(result.series, result.labelmap, result.scanner, result.ssde, result.doses),
        *(result.effective_dose, result.examination, *result.doses.organs),
    )
    assert {f for part in parts for f in part.flags} <= flags


def of(flags, code):
    (found,) = [f for f in flags if f.code == code]
    return found.consequence


def ninety(sd: float) -> str:
    return f"{100 * (np.exp(-K90 * sd) - 1):+.0f} to {100 * (np.exp(K90 * sd) - 1):+.0f} %"


@pytest.mark.parametrize(
    ("changes", "code", "component"),
    [
        ({"ctdivol": None}, "mas_only", "dose_per_mas"),
        ({"kvp_kV": 65.0}, "tube_voltage_outside", "tube_voltage"),
        ({"tin_filter": True}, "unusual_beam", "unusual_beam"),
        ({}, "dose_range_unknown", "irradiated_range"),
    ],
)
def test_the_consequence_for_the_scan_is_the_component_in_the_organs(changes, code, component):
    flags_by_code, organs = doses(**changes)
    assert ninety(organs["liver"].budget[component]) in of(flags_by_code.flags, code)


def test_an_organ_outside_the_range_states_its_uncertainty_component():
    _, organs = doses(irradiated_range_mm=(-50.0, 100.0), sources={"irradiated_range_mm": "user"})
    liver = organs["liver"]
    assert liver.budget["irradiated_range"] > 0.05
    assert ninety(liver.budget["irradiated_range"]) in of(liver.flags, "organ_outside_range")


def test_a_truncated_organ_states_its_uncertainty_component():
    _, organs = doses(half_axes_mm=(230.0, 120.0))
    liver = organs["liver"]
    assert liver.budget["truncation"] > 0
    assert ninety(liver.budget["truncation"]) in of(liver.flags, "organ_truncated")


def test_scaling_bases_that_disagree_state_by_how_much():
    _, organs = doses(ctdivol=5.0)
    by = organs["liver"].by_route
    change = 100 * (by["mas"] / by["ctdivol"] - 1)
    assert math.isfinite(change)
    assert f"{change:+.0f} %" in of(organs["liver"].flags, "routes_disagree")


def test_a_ctdivol_that_is_distributed_states_how_far_slices_are_from_the_mean():
    current = [200.0] * 20 + [400.0] * 20
    flags_by_code, _ = doses(current=current)
    assert "0.67 to 1.33 times" in of(flags_by_code.flags, "ctdivol_distributed")
