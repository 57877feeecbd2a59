"""A stored run gives the dose of any exposure of the same body."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hand_made_tallies import by_z, exposure_between, response_of, tally_of

from CTDoseSegLib.dosimetry.montecarlo.response import (
    BEYOND_SHARE,
    MGY_PER_KEV_PER_G,
    Response,
    path_of,
)
from CTDoseSegLib.dosimetry.montecarlo.tally import SOFT_TISSUE


def test_one_kev_in_a_gram_is_the_joule_in_a_kilogram_that_it_is():
    # e = 1.602176634e-19 C exactly; keV to J, g to kg, Gy to mGy.
    assert pytest.approx(1e3 * 1.602176634e-19 / 1e-3 * 1e3) == MGY_PER_KEV_PER_G


def test_dose_is_energy_over_mass_times_dose_length_over_c():
    exposure = exposure_between(0.0, 200.0, 10.0)
    response = response_of(exposure, ("a", "b"), 3.0, mass_g=(1.0, 6.0), kerma=(2e-10, 0.0))
    dose, relative_se = response.doses(exposure)
    assert dose == pytest.approx(MGY_PER_KEV_PER_G * 200.0 / 2e-10 * np.array([3.0, 0.5]))
    # 0.1 of a history's energy, 1000 histories in each of 20 x 16 strata.
    assert relative_se == pytest.approx(0.1 / np.sqrt(1000 * 320))


def test_detectors_are_told_apart():
    exposure = exposure_between(0.0, 200.0)
    energy = np.array([2.0, 1.0, 0.5])[:, None, None, None]
    response = response_of(exposure, ("bone",), energy)
    medium, _ = response.doses(exposure)
    soft, _ = response.doses(exposure, SOFT_TISSUE)
    assert medium == pytest.approx(2 * soft)


def test_a_path_samples_its_exposure_as_it_is():
    exposure = exposure_between(-20.0, 240.0, np.linspace(5, 25, 41))
    path = path_of(exposure, angle_bins=4)
    assert path.stratum_probability() == pytest.approx(exposure.weights(path.z_edges_mm, 4))
    around = np.array([0.5, 1.5, 0.5, 1.5])
    turned = replace(exposure, angle_weight=around)
    path = path_of(turned, angle_bins=4)
    assert path.stratum_probability() == pytest.approx(turned.weights(path.z_edges_mm, 4))


def test_a_path_that_goes_on_gives_a_longer_range_without_another_run():
    short = exposure_between(50.0, 150.0, 10.0)
    path = path_of(short, reach_mm=(0.0, 200.0))
    own = short.weights(path.z_edges_mm, path.angle_bins)
    share = path.stratum_probability()
    assert share[own > 0].sum() == pytest.approx(1 - BEYOND_SHARE)
    assert share[own > 0] == pytest.approx((1 - BEYOND_SHARE) * own[own > 0])
    energy = by_z(lambda z: np.where(z < 100, 4.0, 1.0))(path)
    response = Response(tally_of(("organ",), path, energy), path, np.ones(1), 1e-10, 0.0)
    for exposure, by_hand in ((short, 250.0), (exposure_between(0.0, 200.0, 10.0), 500.0)):
        dose, _ = response.doses(exposure)
        assert dose[0] / MGY_PER_KEV_PER_G * 1e-10 == pytest.approx(by_hand)


def test_another_current_profile_is_another_weighted_sum():
    flat = exposure_between(0.0, 200.0, 10.0)
    response = response_of(flat, ("organ",), by_z(lambda z: np.where(z < 100, 4.0, 1.0)))
    low = exposure_between(0.0, 200.0, np.where(np.arange(41) * 5 < 100, 20.0, 0.001))
    high = exposure_between(0.0, 200.0, np.where(np.arange(41) * 5 < 100, 0.001, 20.0))
    # The slice at 100 mm reaches 2.5 mm below it.
    expected = (4 * 100 + 100, 4 * 2 * 97.5, 4 * 2 * 2.5 + 2 * 100)
    for exposure, by_hand in zip((flat, low, high), expected, strict=True):
        dose, _ = response.doses(exposure)
        assert dose[0] / MGY_PER_KEV_PER_G * 1e-10 == pytest.approx(by_hand, rel=1e-3)


def test_a_shorter_range_takes_its_part_and_a_longer_one_is_refused():
    exposure = exposure_between(0.0, 200.0)
    response = response_of(exposure, ("organ",), by_z(lambda z: z))
    whole, _ = response.doses(exposure)
    lower, _ = response.doses(exposure.moved(0.0, -100.0))
    assert lower[0] / whole[0] == pytest.approx(0.25)
    with pytest.raises(ValueError, match="beyond what was simulated"):
        response.doses(exposure.moved(0.0, 1.0))


def test_a_millimetre_at_the_end_gives_what_the_last_bin_gives():
    exposure = exposure_between(0.0, 200.0)
    response = response_of(exposure, ("organ",), by_z(lambda z: np.where(z < 100, 4.0, 1.0)))
    low, high = (response.per_length(exposure, end)[0] for end in exposure.range_mm)
    assert low == pytest.approx(4 * high)
    whole, _ = response.doses(exposure)
    assert low * 100 + high * 100 == pytest.approx(whole[0])


def test_no_photon_is_no_dose_with_an_infinite_error_and_no_mass_no_number():
    exposure = exposure_between(0.0, 200.0)
    response = response_of(exposure, ("dark", "empty"), 0.0, mass_g=(1.0, 0.0))
    dose, relative_se = response.doses(exposure)
    assert dose[0] == 0.0
    assert np.isnan(dose[1])
    assert np.isinf(relative_se).all()
