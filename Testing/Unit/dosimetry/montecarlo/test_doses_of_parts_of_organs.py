"""D98, D2 and the hottest cubic centimetre are doses, never noise."""

from __future__ import annotations

import numpy as np
import pytest

from CTDoseSegLib.dosimetry.montecarlo.dose_volume import dose_volumes
from CTDoseSegLib.dosimetry.montecarlo.tally import Tally
from CTDoseSegLib.dosimetry.montecarlo.voxels import Scores, Voxels

SHAPE = (30, 30, 30)
K, J, I = np.indices(SHAPE)  # noqa: E741
BALL = (K - 14.5) ** 2 + (J - 14.5) ** 2 + (I - 14.5) ** 2 < 13**2
SCORES = Scores(("ball", "nothing"), ((1,), (7,)))


def parts(dose_mGy, noise, *, seed=0, batches=20, organ=BALL):
    """The doses of parts of a ball of water whose voxels' means scatter by `noise`."""
    rng = np.random.default_rng(seed)
    shape = (batches, *SHAPE)
    medium = dose_mGy * (1 + noise * np.sqrt(batches) * rng.standard_normal(shape)) * 0.064
    energy = np.stack([medium, medium], axis=1).astype(np.float32)
    voxels = Voxels(
        np.zeros(SHAPE, np.uint8),
        np.ones(SHAPE, np.float32),
        organ.astype(np.uint16),
        (4.0, 4.0, 4.0),
        (0.0, 0.0, 0.0),
        (60.0, 60.0),
    )
    nothing = np.zeros((3, 2, 1, 1))
    one, number = np.ones((1, 1)), np.full(batches, 1000)
    tally = Tally(SCORES.names, one, 20_000 * one, nothing, nothing, energy, number, 1.0, 0.0)
    return dose_volumes(tally, voxels, SCORES, SCORES.names, 1.0)["ball"]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("noise", [0.005, 0.02, 0.05, 0.1, 0.3, 1.0])
def test_a_uniform_ball_has_its_mean_as_every_dose_or_none_is_given(noise, seed):
    found = parts(np.full(SHAPE, 10.0), noise, seed=seed)
    for dose in (found.d98_mGy, found.d2_mGy):
        assert dose is None or dose == pytest.approx(10.0, rel=0.02)
    if found.hottest_ml_mGy is not None:
        assert abs(found.hottest_ml_mGy - 10.0) < 4 * found.hottest_ml_sd_mGy + 0.01
    if noise <= 0.02:
        assert None not in (found.d98_mGy, found.hottest_ml_mGy)
        assert found.photons is None
    if noise >= 0.3:
        assert found.d2_mGy is None


def test_what_is_missing_tells_how_many_photons_it_takes():
    found = parts(np.full(SHAPE, 10.0), 0.3)
    assert found.photons > 20_000
    enough = 0.3 * np.sqrt(20_000 / found.photons)
    assert parts(np.full(SHAPE, 10.0), enough).d2_mGy is not None


def test_a_dose_that_falls_off_keeps_its_percentiles_under_noise():
    falling = 10.0 * np.exp(-I / 15.0) + 0 * K
    exact = np.quantile(falling[BALL], (0.02, 0.98))
    quiet, noisy = parts(falling, 0.001), parts(falling, 0.25)
    assert (quiet.d98_mGy, quiet.d2_mGy) == pytest.approx(exact, rel=0.01)
    assert (noisy.d98_mGy, noisy.d2_mGy) == pytest.approx(exact, rel=0.12)
    blurred = np.quantile(
        (falling * (1 + 0.25 * np.random.default_rng(1).normal(size=SHAPE)))[BALL], 0.98
    )
    assert noisy.d2_mGy < blurred


def test_the_hottest_cube_is_found_where_it_is():
    spot = np.full(SHAPE, 10.0)
    spot[10:16, 8:14, 6:12] = 20.0
    found = parts(spot, 0.05)
    assert found.hottest_ml_mGy == pytest.approx(20.0, rel=0.05)
    assert found.hottest_ml_sd_mGy < 1.0


def test_an_organ_without_a_cube_in_it_has_no_hottest_one_and_an_absent_one_nothing():
    thin = BALL & (K == 14)
    found = parts(np.full(SHAPE, 10.0), 0.005, organ=thin)
    assert found.hottest_ml_mGy is None
    assert found.d2_mGy == pytest.approx(10.0, rel=0.02)
