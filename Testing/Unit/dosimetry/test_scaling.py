"""From exposure to the CTDIvol of every slice that organ doses are scaled with."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from dose_scans import codes, doses, make, scan_of

from CTDoseSegLib.ct.dose_report import DoseReport, IrradiationEvent, MatchedReport, PlacedEvent
from CTDoseSegLib.ct.scanner_profile import Scanner
from CTDoseSegLib.ct.series import CTSeries
from CTDoseSegLib.dosimetry.fast.beam_terms import beam_terms
from CTDoseSegLib.dosimetry.fast.scaling import CTDIVOL_OF_SCAN, ctdivol_basis, mas_basis
from CTDoseSegLib.dosimetry.montecarlo.beams import beam_of, model_of
from CTDoseSegLib.dosimetry.montecarlo.ctdi import ctdi_of
from CTDoseSegLib.measurement.ctdivol import scan_mean_component, slice_ctdivol_mGy
from CTDoseSegLib.measurement.ssde import ssde

BEAM = beam_terms(model_of("generic body"), 120.0)


def scan(*, slices=6, organs=(), report=None, **changes):
    """A scan of a few slices; `report` holds the mean tube currents of its dose report's events."""
    series, labelmap = make(slices=slices, organs=organs, **changes)
    return scan_of(series if report is None else reported(series, *report), labelmap)


def reported(series: CTSeries, *mean_mA: float | None) -> CTSeries:
    """The series with a dose report of one event for each of these mean tube currents."""
    events = tuple(IrradiationEvent(tube_current_mA=mean, ctdivol_mGy=9.0) for mean in mean_mA)
    placed = tuple(PlacedEvent(event, True, None, "") for event in events)
    return replace(series, dose_report=MatchedReport(DoseReport(events), placed, "event UID"))


def by_ctdivol(**changes):
    return ctdivol_basis(scan(**changes), BEAM)


def by_mas(**changes):
    return mas_basis(scan(**changes))


def test_ctdivol_per_slice_is_used_as_it_is():
    values = [4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    basis = by_ctdivol(ctdivol=values, current=None)
    np.testing.assert_array_equal(basis.values, values)
    assert basis.flags == ()


def test_one_ctdivol_is_distributed_by_the_tube_current_and_keeps_its_mean():
    current = np.array([100.0, 150.0, 200.0, 250.0, 300.0, 350.0])
    basis = by_ctdivol(ctdivol=9.0, current=current)
    assert basis.values.mean() == pytest.approx(9.0)
    np.testing.assert_allclose(basis.values / basis.values[0], current / current[0])
    assert codes(basis.flags) == {"ctdivol_distributed"}


def test_one_ctdivol_without_tube_current_is_flat_and_flagged():
    basis = by_ctdivol(ctdivol=9.0, current=None)
    np.testing.assert_array_equal(basis.values, 9.0)
    assert codes(basis.flags) == {"ctdivol_flat"}


def test_the_events_ctdivol_stands_in_where_no_slice_has_one():
    basis = by_ctdivol(ctdivol=None, ctdivol_mGy=9.0)
    np.testing.assert_array_equal(basis.values, 9.0)


def test_slices_without_ctdivol_get_it_from_their_tube_current():
    current = np.array([100.0, 150.0, 200.0, 250.0, 300.0, 350.0])
    values = [3.0, 4.5, None, 7.5, None, 10.5]
    basis = by_ctdivol(ctdivol=values, current=current, ctdivol_mGy=6.4)
    np.testing.assert_allclose(basis.values, 0.03 * current)
    (filled,) = basis.flags
    assert filled.code == "ctdivol_filled"
    assert "2 of 6 slices" in filled.message


def test_ctdivol_is_not_used_where_slices_lack_it_and_their_tube_current():
    values = [3.0, 4.5, None, 7.5, None, 10.5]
    basis = by_ctdivol(ctdivol=values, current=None, ctdivol_mGy=6.4)
    assert basis.values is None
    (why,) = basis.flags
    assert why.code == "ctdivol_unknown"
    assert "2 of 6 slices" in why.message


def test_ssde_takes_the_ctdivol_of_the_slices_that_organ_doses_take():
    current = np.array([100.0, 150.0, 200.0, 250.0, 300.0, 350.0])
    one = scan(ctdivol=9.0, current=current)
    profile = ssde(one.series, one.size)
    expected = ctdivol_basis(one, BEAM).values
    np.testing.assert_allclose(profile.ssde_mGy / profile.factor, expected)
    assert {"ssde_scan_ctdivol", "ctdivol_distributed"} <= codes(profile.flags)
    assert one.series.slices[0].ctdivol_mGy == 9.0


@pytest.mark.parametrize("value", [None, 0.0, -1.0, float("nan"), float("inf")])
def test_a_ctdivol_that_is_no_measurement_is_not_used(value):
    basis = by_ctdivol(ctdivol=value)
    assert basis.values is None
    assert codes(basis.flags) == {"ctdivol_unknown"}


@pytest.mark.parametrize("kvp_kV", [80.0, 120.0])
def test_the_small_phantoms_ctdivol_is_converted_by_the_beams_own_ratio(kvp_kV):
    small, large = (ctdi_of(beam_of(model_of("generic body"), kvp_kV), cm) for cm in (16, 32))
    of_beam = beam_terms(model_of("generic body"), kvp_kV)
    basis = ctdivol_basis(scan(ctdivol=9.0, phantom_cm=16, kvp_kV=kvp_kV), of_beam)
    np.testing.assert_allclose(basis.values, 9.0 * large.weighted / small.weighted)
    assert basis.flags == ()


@pytest.mark.parametrize("age_years", [0.1, 17.9])
def test_a_childs_phantom_is_not_assumed(age_years):
    basis = by_ctdivol(phantom_cm=None, age_years=age_years)
    assert basis.values is None
    assert codes(basis.flags) == {"ctdivol_phantom_of_child"}
    assert by_ctdivol(phantom_cm=32, age_years=age_years).values is not None


def test_effective_mas_takes_rotation_time_and_pitch():
    basis = by_mas(current=400.0, rotation_time_s=0.33, pitch=0.8)
    np.testing.assert_allclose(basis.values, 0.076 * 400 * 0.33 / 0.8)


def test_a_scanners_own_output_is_taken_at_the_tube_voltage_of_the_scan():
    own = Scanner(name="x", nctdiw_mGy_per_100mAs=4.0)
    for kvp_kV in (100.0, 120.0):
        basis = mas_basis(replace(scan(current=300.0, kvp_kV=kvp_kV), scanner=own))
        np.testing.assert_allclose(basis.values, 300 * 0.5 * 0.04)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"dual_source": True}, "two tubes"),
        ({"tin_filter": True}, "tin filter"),
        ({"ecg_gated": True}, "ECG gating"),
        ({"kvp_kV": 100.0}, "100 kV"),
        ({"kvp_kV": None}, "tube voltage"),
        ({"current": None}, "tube current"),
        ({"current": 0.0}, "tube current"),
        ({"rotation_time_s": None}, "rotation time"),
        ({"pitch": None}, "pitch"),
        ({"organs": ("brain",), "organ_slices": (0, 6)}, "not for heads"),
        ({"body_part": "HEAD"}, "not for heads"),
    ],
)
def test_scaling_by_mas_is_refused_with_the_reason(changes, reason):
    basis = by_mas(**changes)
    assert basis.values is None
    (why,) = basis.flags
    assert why.code == "mas_unusable"
    assert reason in why.message


WHOLE = np.array([150.0] * 20 + [450.0] * 20)


@pytest.mark.parametrize(
    "part",
    [slice(0, 40), slice(5, 25), slice(15, 40), slice(0, 20), slice(20, 40)],
    ids=["whole", "mostly low", "mostly high", "constant low", "constant high"],
)
def test_a_cropped_scan_keeps_the_ctdivol_of_its_slices_by_the_events_mean_current(part):
    basis = by_ctdivol(slices=len(WHOLE[part]), ctdivol=9.0, current=WHOLE[part], report=(300.0,))
    np.testing.assert_allclose(basis.values, 9.0 * WHOLE[part] / 300.0)
    assert basis.components == {}
    (distributed,) = basis.flags
    assert distributed.mends == ()
    assert "300 mA the mean of the scan" in distributed.message


@pytest.mark.parametrize("means", [(), (None,), (300.0, 200.0), (3000.0,), (20.0,)])
def test_without_the_scans_mean_current_the_images_stand_in_with_a_component(means):
    basis = by_ctdivol(slices=40, ctdivol=9.0, current=WHOLE, report=means or None)
    assert basis.values.mean() == pytest.approx(9.0)
    assert basis.components == {CTDIVOL_OF_SCAN: 0.15}
    (distributed,) = basis.flags
    assert distributed.mends == ("dose_report",)
    assert "too high (by 30 %" in distributed.message


@pytest.mark.parametrize(
    "changes",
    [
        {"ctdivol": 9.0, "current": 300.0},
        {"ctdivol": np.linspace(5, 13, 6), "current": np.linspace(150, 450, 6)},
        {"ctdivol": None, "current": np.linspace(150, 450, 6)},
    ],
    ids=["constant current", "CTDIvol of each slice", "no CTDIvol"],
)
def test_a_ctdivol_that_is_not_distributed_has_no_such_component(changes):
    assert scan_mean_component(scan(**changes).series) == 0.0
    # A mean that differs by rounding alone changes nothing.
    values, flags = slice_ctdivol_mGy(scan(ctdivol=9.0, report=(301.0,)).series)
    np.testing.assert_array_equal(values, 9.0)
    assert flags == ()


def test_the_component_widens_the_interval_of_every_organ():
    _, organs = doses(ctdivol=9.0, current=WHOLE)
    _, constant = doses(ctdivol=9.0)
    for name, organ in organs.items():
        assert organ.budget[CTDIVOL_OF_SCAN] == 0.15
        assert CTDIVOL_OF_SCAN not in constant[name].budget
        width = math.log(organ.total_high_mGy / organ.dose_mGy)
        assert width > math.log(constant[name].total_high_mGy / constant[name].dose_mGy)
