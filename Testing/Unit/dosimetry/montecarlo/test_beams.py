"""Beams of scanners by name: half-value layer, bowtie filter, spread."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from CTDoseSegLib.dosimetry.montecarlo.beams import (
    GENERIC_BODY,
    GENERIC_HEAD,
    beam_names,
    beam_of,
    model_of,
    usual_beam,
)
from CTDoseSegLib.dosimetry.montecarlo.bowties import air_kerma_keV_cm2_g, bowtie_of, table
from CTDoseSegLib.dosimetry.montecarlo.spectra import half_value_layer_mm
from CTDoseSegLib.errors import AcquisitionError


def angles_deg(beam):
    edges = beam.fan_tangent_edges
    return np.degrees(np.arctan((edges[1:] + edges[:-1]) / 2))


def kerma(beam):
    """Air kerma by fan angle over that of the central ray."""
    by_angle = beam.photons @ air_kerma_keV_cm2_g(beam.energies_keV)
    return by_angle / by_angle[len(by_angle) // 2]


@pytest.mark.parametrize("name", beam_names())
def test_the_central_ray_has_the_stated_half_value_layer(name):
    beam = beam_of(name, 120)
    middle = beam.photons[len(beam.photons) // 2]
    stated = model_of(name).hvl_mm
    assert half_value_layer_mm(beam.energies_keV, middle) == pytest.approx(stated, abs=0.02)
    assert 7 <= stated <= 8.5


@pytest.mark.parametrize("name", beam_names())
def test_both_sides_of_the_fan_are_alike_and_weaker_than_its_middle(name):
    for voltage_kV in (70, 120, 150):
        by_angle = kerma(beam_of(name, voltage_kV))
        assert by_angle == pytest.approx(by_angle[::-1])
        outward = by_angle[len(by_angle) // 2 :]
        assert (np.diff(outward) <= 1e-9).all()
        assert outward[-1] < 0.35


@pytest.mark.parametrize(
    ("name", "voltage_kV"),
    [
        (name, voltage)
        for name, bowtie in table().bowties.items()
        for voltage in bowtie.relative_kerma
    ],
)
def test_a_filter_weakens_the_beam_as_was_measured(name, voltage_kV):
    angles, measured = np.array(bowtie_of(name).relative_kerma[voltage_kV]).T
    beam = beam_of(name, voltage_kV)
    shown = np.interp(angles, angles_deg(beam), kerma(beam))
    assert shown == pytest.approx(measured, abs=0.01)


def test_a_filter_of_known_thickness_has_it():
    angles = np.array([-14.0, 0.0, 2.0, 10.0, 27.0, 40.0])
    thickness = bowtie_of("GE VCT-like large").thickness_mm(angles, 120)
    assert thickness == pytest.approx([18.07, 0, 0, 7.63, 34.40, 34.40], abs=0.01)


def test_between_voltages_a_filter_lies_between():
    angles = np.array([9.5])
    low, between, high = (
        bowtie_of("Siemens Definition Flash W3").thickness_mm(angles, voltage)[0]
        for voltage in (80, 85, 100)
    )
    assert low < between < high
    assert between == pytest.approx(0.75 * low + 0.25 * high)
    assert high > 1.02 * low


@pytest.mark.parametrize("name", ["Siemens Force W1", "Siemens Force W2"])
def test_a_filter_that_was_measured_at_nine_voltages_is_one_piece_of_metal(name):
    """Its equivalent thickness does not depend on the voltage: what the conversion rests on."""
    low, high = (bowtie_of(name).thickness_mm(np.array([8.0, 10.0, 12.0]), kV) for kV in (80, 150))
    assert high == pytest.approx(low, rel=0.05)


def test_beyond_its_voltages_a_filter_is_that_of_the_last():
    angles, force = np.array([9.5]), bowtie_of("Siemens Force W3")
    assert force.thickness_mm(angles, 70) == pytest.approx(force.thickness_mm(angles, 100))


def test_a_half_value_layer_of_your_own_is_that_of_the_voltage():
    beam = beam_of(GENERIC_BODY, 80, hvl_mm=5.5)
    middle = beam.photons[len(beam.photons) // 2]
    assert half_value_layer_mm(beam.energies_keV, middle) == pytest.approx(5.5, abs=0.02)


def test_another_bowtie_filter_is_taken_with_its_own_thickness():
    own = beam_of("Siemens Force W3", 120)
    other = beam_of(GENERIC_BODY, 120, bowtie="Siemens Force W3", hvl_mm=7.6)
    assert kerma(other) == pytest.approx(kerma(own), rel=1e-6)
    assert kerma(beam_of(GENERIC_BODY, 120)) != pytest.approx(kerma(own), rel=0.05)


def test_a_thicker_bowtie_filter_narrows_the_beam():
    thick = replace(model_of(GENERIC_BODY), bowtie_scale=2.0)
    assert kerma(beam_of(thick, 120))[10] < 0.7 * kerma(beam_of(GENERIC_BODY, 120))[10]


def test_the_collimation_is_the_one_that_was_asked_for():
    assert beam_of(GENERIC_BODY, 120, collimation_mm=38.4).collimation_mm == 38.4


def test_an_unknown_scanner_may_have_each_of_the_filters_of_its_kind():
    variants = model_of(GENERIC_BODY).variants()
    # Half-value layers from 6.5 to 9 mm Al as limits, rectangular.
    spread = (9.0 - 6.5) / 2 / np.sqrt(3)
    assert [v.hvl_mm for v in variants[:2]] == pytest.approx([7.6 - spread, 7.6 + spread], abs=0.01)
    assert {v.bowtie for v in variants[2:]} > {"GE VCT-like large", "Siemens Force W3"}
    at_10_deg = [np.interp(10, angles_deg(b := v.beam(120)), kerma(b)) for v in variants]
    assert max(at_10_deg) > 1.4 * min(at_10_deg)


@pytest.mark.parametrize(
    ("phantom_cm", "manufacturer", "scanner", "beam"),
    [
        (32, "SIEMENS", "SOMATOM Force", "Siemens Force W3"),
        (16, "Siemens Healthineers", "SOMATOM Definition Flash", "Siemens Definition Flash W2"),
        (32, "GE MEDICAL SYSTEMS", "LightSpeed VCT", "GE VCT-like large"),
        (32, "TOSHIBA", "Aquilion ONE", "Canon Aquilion ONE L"),
        (32, "SIEMENS", "SOMATOM Definition AS+", GENERIC_BODY),
        (16, None, None, GENERIC_HEAD),
    ],
)
def test_a_scan_gets_the_beam_of_its_scanner_or_the_generic_one(
    phantom_cm, manufacturer, scanner, beam
):
    assert usual_beam(phantom_cm, manufacturer, scanner).name == beam


def test_what_no_beam_has_is_refused_with_what_there_is():
    with pytest.raises(AcquisitionError, match=r"no beam 'Somatom X'; there are generic body"):
        beam_of("Somatom X", 120)
    with pytest.raises(AcquisitionError, match=r"no bowtie filter 'none'; there are GE VCT"):
        beam_of(GENERIC_BODY, 120, bowtie="none")
    with pytest.raises(AcquisitionError, match="40 kV is outside"):
        beam_of(GENERIC_BODY, 40)
    with pytest.raises(AcquisitionError, match="half-value layer of 30 mm"):
        beam_of(GENERIC_BODY, 120, hvl_mm=30)
