"""From exposure to the training scanner's tube current."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from dose_scans import codes, doses, make

from CTDoseSegLib.ct.dose_report import DoseReport, IrradiationEvent, MatchedReport, PlacedEvent
from CTDoseSegLib.ct.series import CTSeries
from CTDoseSegLib.dosimetry.fast.scaling import CTDIVOL_OF_SCAN, ctdivol_basis, mas_basis
from CTDoseSegLib.measurement.ctdivol import scan_mean_component, slice_ctdivol_mGy


def series(**changes):
    return make(slices=6, organs=(), **changes)[0]


def test_ctdivol_per_slice_is_used_as_it_is():
    values = [4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    basis = ctdivol_basis(series(ctdivol=values, current=None))
    np.testing.assert_array_equal(basis.values, values)
    assert basis.flags == ()


def test_one_ctdivol_is_distributed_by_the_tube_current_and_keeps_its_mean():
    current = np.array([100.0, 150.0, 200.0, 250.0, 300.0, 350.0])
    basis = ctdivol_basis(series(ctdivol=9.0, current=current))
    assert basis.values.mean() == pytest.approx(9.0)
    np.testing.assert_allclose(basis.values / basis.values[0], current / current[0])
    assert codes(basis.flags) == {"ctdivol_distributed"}


def test_one_ctdivol_without_tube_current_is_flat_and_flagged():
    basis = ctdivol_basis(series(ctdivol=9.0, current=None))
    np.testing.assert_array_equal(basis.values, 9.0)
    assert codes(basis.flags) == {"ctdivol_flat"}


def test_the_events_ctdivol_stands_in_where_no_slice_has_one():
    basis = ctdivol_basis(series(ctdivol=None, ctdivol_mGy=9.0))
    np.testing.assert_array_equal(basis.values, 9.0)


def test_slices_without_ctdivol_get_it_from_their_tube_current():
    current = np.array([100.0, 150.0, 200.0, 250.0, 300.0, 350.0])
    values = [3.0, 4.5, None, 7.5, None, 10.5]
    basis = ctdivol_basis(series(ctdivol=values, current=current, ctdivol_mGy=6.4))
    np.testing.assert_allclose(basis.values, 0.03 * current)
    (filled,) = basis.flags
    assert filled.code == "ctdivol_filled"
    assert "2 of 6 slices" in filled.message


def test_ctdivol_is_not_used_where_slices_lack_it_and_their_tube_current():
    values = [3.0, 4.5, None, 7.5, None, 10.5]
    basis = ctdivol_basis(series(ctdivol=values, current=None, ctdivol_mGy=6.4))
    assert basis.values is None
    (why,) = basis.flags
    assert why.code == "ctdivol_unknown"
    assert "2 of 6 slices" in why.message


def test_ssde_takes_the_ctdivol_of_the_slices_that_organ_doses_take():
    from CTDoseSegLib.measurement.measurements import measure
    from CTDoseSegLib.measurement.size import measure_size
    from CTDoseSegLib.measurement.ssde import ssde

    current = np.array([100.0, 150.0, 200.0, 250.0, 300.0, 350.0])
    scan, labelmap = make(slices=6, organs=(), ctdivol=9.0, current=current)
    size = measure_size(scan, labelmap, measure(scan, labelmap))
    profile = ssde(scan, size)
    np.testing.assert_allclose(profile.ssde_mGy / profile.factor, ctdivol_basis(scan).values)
    assert {"ssde_scan_ctdivol", "ctdivol_distributed"} <= codes(profile.flags)
    assert scan.slices[0].ctdivol_mGy == 9.0


@pytest.mark.parametrize("value", [None, 0.0, -1.0, float("nan"), float("inf")])
def test_a_ctdivol_that_is_no_measurement_is_not_used(value):
    basis = ctdivol_basis(series(ctdivol=value))
    assert basis.values is None
    assert codes(basis.flags) == {"ctdivol_unknown"}


def test_the_small_phantoms_ctdivol_is_not_converted():
    basis = ctdivol_basis(series(phantom_cm=16))
    assert basis.values is None
    assert codes(basis.flags) == {"ctdivol_small_phantom"}


def test_ctdivol_becomes_the_current_that_would_give_it_on_the_training_scanner():
    basis = ctdivol_basis(series(ctdivol=6.8))
    np.testing.assert_allclose(basis.tube_current_mA(0.068), 200.0)


def test_effective_mas_takes_rotation_time_and_pitch():
    basis = mas_basis(series(current=400.0, rotation_time_s=0.33, pitch=0.8))
    np.testing.assert_allclose(basis.values, 400 * 0.33 / 0.8)
    np.testing.assert_allclose(basis.tube_current_mA(0.061), 400 * 0.33 / 0.8 / 0.5)


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
    ],
)
def test_scaling_by_mas_is_refused_with_the_reason(changes, reason):
    basis = mas_basis(series(**changes))
    assert basis.values is None
    (why,) = basis.flags
    assert why.code == "mas_unusable"
    assert reason in why.message


def test_a_scaling_basis_without_values_gives_no_current():
    with pytest.raises(ValueError, match="mas"):
        mas_basis(series(pitch=None)).tube_current_mA(0.061)


def reported(scan: CTSeries, *mean_mA: float | None) -> CTSeries:
    """The series with a dose report of one event for each of these mean tube currents."""
    events = tuple(IrradiationEvent(tube_current_mA=mean, ctdivol_mGy=9.0) for mean in mean_mA)
    placed = tuple(PlacedEvent(event, True, None, "") for event in events)
    return replace(scan, dose_report=MatchedReport(DoseReport(events), placed, "event UID"))


WHOLE = np.array([150.0] * 20 + [450.0] * 20)


@pytest.mark.parametrize(
    "part",
    [slice(0, 40), slice(5, 25), slice(15, 40), slice(0, 20), slice(20, 40)],
    ids=["whole", "mostly low", "mostly high", "constant low", "constant high"],
)
def test_a_cropped_scan_keeps_the_ctdivol_of_its_slices_by_the_events_mean_current(part):
    cropped = make(slices=len(WHOLE[part]), organs=(), ctdivol=9.0, current=WHOLE[part])[0]
    basis = ctdivol_basis(reported(cropped, 300.0))
    np.testing.assert_allclose(basis.values, 9.0 * WHOLE[part] / 300.0)
    assert basis.components == {}
    (distributed,) = basis.flags
    assert distributed.mends == ()
    assert "300 mA the mean of the scan" in distributed.message


@pytest.mark.parametrize("means", [(), (None,), (300.0, 200.0), (3000.0,), (20.0,)])
def test_without_the_scans_mean_current_the_images_stand_in_with_a_component(means):
    scan = make(slices=40, organs=(), ctdivol=9.0, current=WHOLE)[0]
    basis = ctdivol_basis(reported(scan, *means) if means else scan)
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
    assert scan_mean_component(series(**changes)) == 0.0
    # A mean that differs by rounding alone changes nothing.
    values, flags = slice_ctdivol_mGy(reported(series(ctdivol=9.0), 301.0))
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
