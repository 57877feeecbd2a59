"""Flags of a whole run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dose_scans import make, scan_of

from CTDoseSegLib.dosimetry.dose_map import DoseMap
from CTDoseSegLib.dosimetry.montecarlo.run_flags import beside_fast, noisy_map, other_filter

SCAN = scan_of(*make(organs=("liver", "aorta", "spleen", "stomach")))


def organ(name, dose_mGy):
    return replace(SCAN.without_dose(name), dose_mGy=dose_mGy)


def test_the_fast_laws_doses_stand_beside_the_simulated_ones_of_the_same_organs():
    doses = {"liver": 11.0, "aorta": 13.0, "spleen": 19.0}
    own = [organ(name, dose) for name, dose in doses.items()]
    law = {name: organ(name, 10.0) for name in ("liver", "aorta", "spleen", "stomach")}
    (found,) = beside_fast(own, law)
    assert found.severity == "info"
    assert found.detail == "1.1 to 1.9 times those, median 1.3, in 3 organs"


def test_without_an_organ_that_both_give_nothing_is_said_of_the_fast_law():
    own = [organ("liver", 11.0), organ("aorta", None)]
    assert not list(beside_fast(own, {}))
    assert not list(beside_fast(own, {"aorta": organ("aorta", 3.0)}))
    assert not list(beside_fast(own, {"liver": organ("liver", None)}))


@pytest.mark.parametrize(("beam_cm", "usual_cm"), [(16, 32), (32, 16)])
def test_a_beam_of_the_other_filter_is_a_warning(beam_cm, usual_cm):
    (found,) = other_filter("some beam", beam_cm, usual_cm)
    assert found.severity == "warning"
    of_beam, of_scan = {16: ("heads", "bodies"), 32: ("bodies", "heads")}[beam_cm]
    assert f"filter for {of_beam}, and such a scan that for {of_scan}" in found.detail
    assert not list(other_filter("some beam", usual_cm, usual_cm))


def map_of(relative_sd):
    """Half of the voxels are air."""
    dose = np.zeros((4, 6, 8), np.float32)
    dose[:, :3] = 5.0
    return DoseMap(dose, np.eye(4), dose * np.float32(relative_sd), histories=2_000_000)


def test_voxels_that_are_noise_are_told_with_what_would_make_them_certain():
    (found,) = noisy_map(map_of(0.30), 0.02)
    assert found.detail.startswith("30% standard deviation")
    # Half the deviation: four times the photons, half the organs' error.
    assert "8 million photons" in found.consequence
    assert "relative standard error of 1 %" in found.consequence
    assert not list(noisy_map(map_of(0.14), 0.02))


def test_an_empty_map_or_one_without_an_error_to_scale_says_no_nonsense():
    nothing = np.zeros((4, 6, 8), np.float32)
    assert not list(noisy_map(DoseMap(nothing, np.eye(4), nothing, 2_000_000), 0.02))
    for error in (float("inf"), 0.0):
        (found,) = noisy_map(map_of(0.30), error)
        assert "relative standard error" not in found.consequence
