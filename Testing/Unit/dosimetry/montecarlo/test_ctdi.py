"""CTDI of beams from the table: against published phantoms, scanners' outputs and a new run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ctdi_measured import (
    POWERS,
    VOLTAGE_RATIO,
    VOLTAGES_KV,
    measured_periphery_over_centre,
)

from CTDoseSegLib.dosimetry.montecarlo.beams import GENERIC_BODY, GENERIC_HEAD, beam_of, model_of
from CTDoseSegLib.dosimetry.montecarlo.bowties import air_kerma_keV_cm2_g
from CTDoseSegLib.dosimetry.montecarlo.ctdi import (
    MGY_PER_KEV_G,
    PHANTOMS_CM,
    ctdi_in_air_per_history,
    ctdi_of,
    ctdi_weighted_per_history,
    response_of,
)
from CTDoseSegLib.dosimetry.montecarlo.ctdi_output import ctdi_per_100mAs
from CTDoseSegLib.dosimetry.montecarlo.xray_beam import XRayBeam
from CTDoseSegLib.errors import ModelError


def per_mas(name, voltage_kV):
    """In the phantom that goes with the filter."""
    model = model_of(name)
    return ctdi_per_100mAs(model, voltage_kV, model.phantom_cm)


def test_the_generic_body_was_fitted_to_centre_and_periphery_of_32_cm():
    """The fit; what follows was not fitted."""
    shown = ctdi_of(beam_of(GENERIC_BODY, 120), 32).periphery_over_centre
    assert shown == pytest.approx(measured_periphery_over_centre(32, 120), rel=0.01)


def test_the_generic_head_was_fitted_to_centre_and_periphery_of_16_cm():
    shown = ctdi_of(beam_of(GENERIC_HEAD, 120), 16).periphery_over_centre
    assert shown == pytest.approx(measured_periphery_over_centre(16, 120), rel=0.01)


@pytest.mark.parametrize("voltage_kV", [80, 100, 140])
@pytest.mark.parametrize(("name", "phantom_cm"), [(GENERIC_BODY, 32), (GENERIC_HEAD, 16)])
def test_centre_and_periphery_at_other_voltages_are_as_measured(name, phantom_cm, voltage_kV):
    shown = ctdi_of(beam_of(name, voltage_kV), phantom_cm).periphery_over_centre
    assert shown == pytest.approx(measured_periphery_over_centre(phantom_cm, voltage_kV), rel=0.1)


@pytest.mark.parametrize("voltage_kV", VOLTAGES_KV)
def test_the_body_filter_in_the_small_phantom_is_as_measured(voltage_kV):
    shown = ctdi_of(beam_of(GENERIC_BODY, voltage_kV), 16).periphery_over_centre
    assert shown == pytest.approx(measured_periphery_over_centre(16, voltage_kV), rel=0.1)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [(GENERIC_BODY, 5.0, 11.0), (GENERIC_HEAD, 11.0, 23.0)],
)
def test_dose_per_mas_is_that_of_scanners(name, low, high):
    """Dose reports of five makers at 120 kV (32 cm: 5.4 to 10 mGy per 100 mAs)."""
    assert low < per_mas(name, 120).weighted < high


def test_dose_grows_with_the_voltage_as_on_scanners():
    """CTDIw at 80, 100 and 140 kV over that at 120 kV on scanners of four makers."""
    for name in (GENERIC_BODY, GENERIC_HEAD):
        by_voltage = {kV: per_mas(name, kV).weighted for kV in VOLTAGES_KV}
        ratio = {kV: value / by_voltage[120] for kV, value in by_voltage.items()}
        for kV, (low, high) in VOLTAGE_RATIO.items():
            assert low < ratio[kV] < high


@pytest.mark.parametrize("name", [GENERIC_BODY, GENERIC_HEAD])
def test_the_powers_of_the_voltage_are_near_those_of_forty_scanners(name):
    """Within 0.2; the periphery of 16 cm misses that (2.63 for 2.4) and must not become worse."""
    doses = np.log([(d.centre, d.periphery) for d in (per_mas(name, kV) for kV in VOLTAGES_KV)])
    centre, periphery = np.polyfit(np.log(VOLTAGES_KV), doses, 1)[0]
    measured = POWERS[model_of(name).phantom_cm]
    assert centre == pytest.approx(measured[0], abs=0.2)
    if name == GENERIC_BODY:
        assert periphery == pytest.approx(measured[1], abs=0.2)
    else:
        assert periphery == pytest.approx(2.63, abs=0.01)


def test_the_small_phantom_gets_twice_the_dose_of_the_large_one():
    """CTDIw in 16 cm with the head filter over CTDIw in 32 cm with the body filter: 1.6 to 2.45."""
    assert 1.8 < per_mas(GENERIC_HEAD, 120).weighted / per_mas(GENERIC_BODY, 120).weighted < 2.45


def test_filters_make_c_differ_more_than_histories_do():
    for phantom_cm in PHANTOMS_CM:
        value, error = ctdi_weighted_per_history(beam_of(GENERIC_BODY, 120), phantom_cm)
        assert 0 < error < 0.004 * value
        ratios = [
            ctdi_of(beam, phantom_cm).periphery_over_centre
            for beam in (v.beam(120) for v in model_of(GENERIC_BODY).variants())
        ]
        assert max(ratios) > 1.08 * min(ratios)


def test_without_a_phantom_the_photons_of_the_axis_count():
    """One photon per cm of the fan at the axis, all of 60 keV."""
    edges = np.linspace(-0.5, 0.5, 101)
    beam = XRayBeam(
        "flat", 120, np.array([60.0]), edges, np.ones((100, 1)),
        focus_isocentre_mm=600, collimation_mm=20,
    )  # fmt: skip
    fan_cm = 2 * 60 * np.sin(np.arctan(0.5))
    kerma = air_kerma_keV_cm2_g(np.array([60.0]))[0] * MGY_PER_KEV_G
    assert ctdi_in_air_per_history(beam) == pytest.approx(kerma / fan_cm, rel=1e-3)
    narrow = replace(beam, collimation_mm=5.0)
    assert ctdi_in_air_per_history(narrow) == pytest.approx(ctdi_in_air_per_history(beam), rel=1e-3)


def test_photons_that_pass_beside_the_phantom_give_nothing():
    edges = np.array([-0.4, -0.3, 0.3, 0.4])
    beside = XRayBeam(
        "beside", 120, np.array([60.0]), edges, np.array([[1.0], [0.0], [1.0]]),
        focus_isocentre_mm=600, collimation_mm=20,
    )  # fmt: skip
    assert ctdi_of(beside, 32).weighted == 0


def test_each_photon_has_one_place_in_the_table():
    beam = beam_of("Siemens Force W3", 140)
    response = response_of(32)
    weight = response.weights(beam)
    assert (weight >= 0).all()
    tangents = beam.fan_tangent_edges
    sines = np.abs(tangents / np.sqrt(1 + tangents**2)) * beam.focus_isocentre_mm
    meets = np.maximum(sines[1:], sines[:-1]) < 160
    photons = beam.probabilities().sum(axis=1)
    assert photons[meets].sum() < weight.sum() < photons[meets].sum() + 0.03
    mean_energy = weight.sum(axis=0) @ response.energies_keV / weight.sum()
    assert mean_energy == pytest.approx(beam.mean_energy_keV, rel=0.03)


def test_a_table_that_was_changed_is_refused(monkeypatch, tmp_path):
    from CTDoseSegLib.dosimetry.montecarlo import tables

    shipped = Path(str(tables.files("CTDoseSegLib.models"))) / "montecarlo"
    (tmp_path / "montecarlo").mkdir()
    for name in ("ctdi.npz", "beams.json"):
        (tmp_path / "montecarlo" / name).write_bytes((shipped / name).read_bytes())
    with (tmp_path / "montecarlo" / "ctdi.npz").open("ab") as stream:
        stream.write(b"x")
    monkeypatch.setattr(tables, "files", lambda _: tmp_path)
    response_of.cache_clear()
    with pytest.raises(ModelError, match=r"ctdi\.npz"):
        response_of(32)
    response_of.cache_clear()


def test_there_are_two_phantoms():
    with pytest.raises(ValueError, match="not 20"):
        ctdi_of(beam_of(GENERIC_BODY, 120), 20)


@pytest.mark.slow
def test_a_new_simulation_gives_the_table_again():
    """Another seed, fewer histories: within four standard errors of the difference."""
    pytest.importorskip("numba")
    from CTDoseSegLib.dosimetry.montecarlo.ctdi_simulation import (
        ENERGY_EDGES_KEV,
        OFFSET_BINS,
        simulate_response,
    )

    beam = beam_of(GENERIC_BODY, 120)
    histories = np.full((OFFSET_BINS, len(ENERGY_EDGES_KEV) - 1), 100)
    for phantom_cm in PHANTOMS_CM:
        anew = simulate_response(phantom_cm, histories, seed=99).of(beam)
        shipped = ctdi_of(beam, phantom_cm)
        for place in ("centre", "periphery"):
            error = getattr(anew, f"{place}_se")
            assert error < 0.05 * getattr(anew, place)
            assert getattr(anew, place) == pytest.approx(getattr(shipped, place), abs=4 * error)


@pytest.mark.slow
@pytest.mark.parametrize("phantom_cm", PHANTOMS_CM)
def test_the_engine_gives_the_table_in_a_phantom_on_voxels(phantom_cm):
    """Five cavities of air in PMMA, followed as a patient is."""
    pytest.importorskip("numba")
    from CTDoseSegLib.dosimetry.montecarlo.ctdi_simulation import phantom_voxels
    from CTDoseSegLib.dosimetry.montecarlo.source_path import SourcePath
    from CTDoseSegLib.dosimetry.montecarlo.transport import simulate

    voxels, scores = phantom_voxels(phantom_cm, voxel_mm=1.0)
    beam = beam_of(GENERIC_BODY, 120)
    path = SourcePath(np.array([0.0, 0.0]), np.ones(1))
    tally = simulate(voxels, beam, path, scores, histories=800_000, seed=2)
    energy, error = (values[0] for values in map(np.atleast_2d, tally.mean_energy_keV()))
    # Kerma per gram of air, times 100 mm.
    integral = energy / scores.of_regions(voxels.region_mass_g()) * MGY_PER_KEV_G * 10
    shipped = ctdi_of(beam, phantom_cm)
    assert (error < (0.06, 0.02) * energy).all()
    away = (integral - (shipped.centre, shipped.periphery)) / (integral * error / energy)
    assert (np.abs(away) < 4).all()


@pytest.mark.slow
def test_threads_change_nothing():
    numba = pytest.importorskip("numba")
    from CTDoseSegLib.dosimetry.montecarlo.ctdi_simulation import (
        ENERGY_EDGES_KEV,
        OFFSET_BINS,
        simulate_response,
    )

    histories = np.full((OFFSET_BINS, len(ENERGY_EDGES_KEV) - 1), 2)
    most = numba.get_num_threads()
    many = simulate_response(16, histories).mean_mGy_cm
    numba.set_num_threads(1)
    try:
        one = simulate_response(16, histories).mean_mGy_cm
    finally:
        numba.set_num_threads(most)
    assert np.array_equal(one, many)
