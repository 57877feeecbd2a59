"""From exposure to the training scanner's tube current."""

from __future__ import annotations

import numpy as np
import pytest
from dose_scans import codes, make

from CTDoseSegLib.dosimetry.fast.scaling import ctdivol_basis, mas_basis


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
    from CTDoseSegLib.measurement.size import measure_size, ssde

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
