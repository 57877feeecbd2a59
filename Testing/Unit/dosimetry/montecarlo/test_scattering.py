"""Scattered photons are distributed as the cross sections say."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba", reason="the Monte Carlo engine is compiled by it")

from CTDoseSegLib.dosimetry.montecarlo.compilation import kernel
from CTDoseSegLib.dosimetry.montecarlo.kernel_inputs import physics_of
from CTDoseSegLib.dosimetry.montecarlo.materials import index_of
from CTDoseSegLib.dosimetry.montecarlo.photons import photons_of

PHOTONS = photons_of()
PHYSICS = physics_of(PHOTONS, PHOTONS.transfer[0], PHOTONS.transfer[0])
COSINE = (np.arange(20_000) + 0.5) / 10_000 - 1.0
SAMPLES = 4_000


def states():
    rng = np.random.default_rng(5)
    return rng.integers(0, 2**64, SAMPLES, dtype=np.uint64)


def x_of(energy_keV):
    return energy_keV / 12.398419843 * np.sqrt(0.5 * (1 - COSINE))


def assert_distributed(cosines, density):
    """Mean and mean square of the samples are those of the density over COSINE."""
    for power in (1, 2):
        mean, square = (np.average(COSINE ** (power * n), weights=density) for n in (1, 2))
        error = np.sqrt((square - mean**2) / len(cosines))
        assert abs(np.mean(np.power(cosines, power)) - mean) < 4 * error


@pytest.mark.parametrize("energy_keV", [20.0, 60.0, 140.0])
@pytest.mark.parametrize("name", ["water", "cortical_bone"])
def test_compton_scattering_follows_klein_nishina_times_s(name, energy_keV):
    m = index_of(name)
    sampled = [kernel()._compton(PHYSICS, m, energy_keV, state) for state in states()]
    ratio = 1 / (1 + energy_keV / 510.99895 * (1 - COSINE))
    s = np.interp(x_of(energy_keV), PHOTONS.x_per_angstrom, PHOTONS.scattering_function[m])
    density = ratio**2 * (ratio + 1 / ratio - 1 + COSINE**2) * s
    cosines = np.array([cosine for _, cosine, _ in sampled])
    assert_distributed(cosines, density)
    left = np.array([energy for energy, _, _ in sampled])
    assert left == pytest.approx(energy_keV / (1 + energy_keV / 510.99895 * (1 - cosines)))


@pytest.mark.parametrize("energy_keV", [20.0, 60.0, 140.0])
@pytest.mark.parametrize("name", ["water", "cortical_bone"])
def test_rayleigh_scattering_follows_thomson_times_the_squared_form_factor(name, energy_keV):
    m = index_of(name)
    sampled = [kernel()._rayleigh(PHYSICS, m, energy_keV, state) for state in states()]
    x2 = PHOTONS.x_per_angstrom**2
    f2 = np.gradient(PHOTONS.form_factor[m], x2)
    density = np.interp(x_of(energy_keV) ** 2, x2, f2) * (1 + COSINE**2)
    assert_distributed(np.array([cosine for cosine, _ in sampled]), density)


def test_a_turned_direction_lies_at_its_angle():
    rng = np.random.default_rng(1)
    for u in [*rng.normal(size=(50, 3)), np.array([0, 0, 1.0]), np.array([1e-7, 0, -1.0])]:
        u = u / np.linalg.norm(u)
        cosine, azimuth = rng.uniform(-1, 1), rng.uniform(0, 2 * np.pi)
        turned = np.array(kernel()._turned(*u, cosine, azimuth))
        assert np.linalg.norm(turned) == pytest.approx(1.0, abs=1e-7)
        assert turned @ u == pytest.approx(cosine, abs=1e-6)
