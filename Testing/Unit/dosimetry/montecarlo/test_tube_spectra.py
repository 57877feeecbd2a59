"""Spectra of the tube: against SpekPy's own figures, and their inverse.

The figures are SpekPy 2.5.4's (model "casim", anode of 8 degrees, 1 m): half-value layer in mm of
aluminium, mean energy in keV and air kerma in uGy/mAs behind 7 mm of aluminium.
"""

from __future__ import annotations

import numpy as np
import pytest

from CTDoseSegLib.dosimetry.montecarlo.spectra import (
    air_kerma_uGy,
    filtration_of,
    half_value_layer_mm,
    mean_air_kerma_uGy,
    spectrum,
)
from CTDoseSegLib.errors import AcquisitionError

SPEKPY = {
    60: (3.635, 41.08, 13.07),
    80: (4.847, 49.09, 28.14),
    100: (5.990, 55.76, 47.83),
    120: (7.008, 61.34, 71.10),
    140: (7.925, 66.40, 97.30),
    150: (8.355, 68.84, 111.38),
    # Between the voltages of the table.
    65: (3.941, 43.15, 16.39),
    75: (4.540, 47.15, 23.86),
    93: (5.610, 53.60, 40.55),
    105: (6.263, 57.24, 53.48),
    135: (7.703, 65.17, 90.47),
    145: (8.142, 67.63, 104.27),
}


@pytest.mark.parametrize("voltage_kV", SPEKPY)
def test_spectra_are_spekpys_at_and_between_the_voltages_of_the_table(voltage_kV):
    hvl_mm, mean_keV, kerma_uGy = SPEKPY[voltage_kV]
    energies_keV, photons = spectrum(voltage_kV, 7)
    assert half_value_layer_mm(energies_keV, photons) == pytest.approx(hvl_mm, rel=0.005)
    assert energies_keV @ photons / photons.sum() == pytest.approx(mean_keV, rel=0.003)
    assert air_kerma_uGy(energies_keV, photons) == pytest.approx(kerma_uGy, rel=0.015)


def test_seven_mm_of_aluminium_at_120_kv_give_the_half_value_layer_of_a_ct_tube():
    assert half_value_layer_mm(*spectrum(120, 7)) == pytest.approx(7.01, abs=0.02)


@pytest.mark.parametrize("voltage_kV", [60, 81.5, 120, 150])
def test_no_photon_has_more_energy_than_the_voltage_gives(voltage_kV):
    energies_keV, photons = spectrum(voltage_kV, 5)
    assert not photons[energies_keV > voltage_kV].any()
    assert (photons[(energies_keV > 20) & (energies_keV < voltage_kV - 1)] > 0).all()
    assert (photons >= 0).all()


def test_tungsten_shines_at_59_keV_above_its_edge_alone():
    """K alpha 1 of tungsten: 59.3 keV; its K edge: 69.5 keV."""
    energies_keV, photons = spectrum(115, 7)
    line = int(np.searchsorted(energies_keV, 59.25))
    assert photons[line] > 2 * photons[line + 3]
    energies_keV, photons = spectrum(68, 7)
    assert photons[line] < 1.1 * photons[line - 3]


def test_a_half_value_layer_halves_the_kerma():
    energies_keV, photons = spectrum(100, 4)
    layer_mm = half_value_layer_mm(energies_keV, photons)
    behind = air_kerma_uGy(*spectrum(100, 4 + layer_mm))
    assert behind == pytest.approx(air_kerma_uGy(energies_keV, photons) / 2, rel=1e-6)


def test_a_half_value_layer_does_not_depend_on_the_number_of_photons():
    energies_keV, photons = spectrum(120, 7)
    assert half_value_layer_mm(energies_keV, 1e-9 * photons) == pytest.approx(
        half_value_layer_mm(energies_keV, photons)
    )
    assert mean_air_kerma_uGy(energies_keV, 5 * photons) == pytest.approx(
        mean_air_kerma_uGy(energies_keV, photons)
    )


def test_kerma_of_photons_of_one_energy_is_by_hand():
    """60 keV, 1e8 photons/cm2: E mu_en/rho with NIST's 0.03041 cm2/g of air is 29.23 uGy."""
    by_hand_uGy = 1e8 * 60 * 0.03041 * 1.602177e-13 * 1e6
    assert air_kerma_uGy(np.array([60.0]), np.array([1e8])) == pytest.approx(by_hand_uGy, rel=0.005)


@pytest.mark.parametrize("voltage_kV", [60, 70, 93, 120, 150])
@pytest.mark.parametrize("aluminium_mm", [0.5, 7.0, 30.0])
def test_the_filtration_is_found_again(voltage_kV, aluminium_mm):
    layer_mm = half_value_layer_mm(*spectrum(voltage_kV, aluminium_mm))
    assert filtration_of(voltage_kV, layer_mm) == pytest.approx(aluminium_mm, rel=1e-4)


@pytest.mark.parametrize("hvl_mm", [0.0, 30.0, float("nan")])
def test_an_impossible_half_value_layer_is_refused(hvl_mm):
    with pytest.raises(AcquisitionError, match="half-value layer"):
        filtration_of(120, hvl_mm)


@pytest.mark.parametrize("voltage_kV", [59.9, 150.1, 0, float("nan")])
def test_a_voltage_outside_the_table_is_refused(voltage_kV):
    with pytest.raises(AcquisitionError, match="60 to 150 kV"):
        spectrum(voltage_kV, 7)


@pytest.mark.parametrize("aluminium_mm", [-1, float("inf"), float("nan")])
def test_an_impossible_filter_is_refused(aluminium_mm):
    with pytest.raises(AcquisitionError, match="aluminium"):
        spectrum(120, aluminium_mm)


def test_no_photons_have_no_half_value_layer():
    energies_keV, photons = spectrum(120, 7)
    with pytest.raises(AcquisitionError, match="without photons"):
        half_value_layer_mm(energies_keV, 0 * photons)
