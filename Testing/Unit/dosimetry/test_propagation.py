"""Quadrature in ln(dose) against draws, and what each uncertainty component rests on."""

from __future__ import annotations

import math

import numpy as np
import pytest

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.scanner_profile import GENERIC, Scanner
from CTDoseSegLib.dosimetry.fast.model import load_model
from CTDoseSegLib.dosimetry.fast.scaling import (
    BASES,
    CTDIVOL_OF_SCAN,
    USUAL_KV,
    USUAL_MGY_PER_MAS,
)
from CTDoseSegLib.dosimetry.fast.uncertainty import (
    RECTANGULAR,
    SHARED_BY,
    SOURCES,
    total_log_half_width,
    uncertainty_components,
)
from CTDoseSegLib.measurement.ctdi_per_mas import known_outputs

DRAWS = 1_000_000
MODELS = [organ for region in load_model().regions.values() for organ in region.organs.values()]
LIVER = load_model().regions["abdomen"].organs["liver"]
SCANS = {
    "ctdivol": {"basis": "ctdivol"},
    "mas": {"basis": "mas"},
    "organ_modulation": {"basis": "ctdivol", "modulation": "X-CARE"},
    "all_of_it": {
        "basis": "ctdivol",
        "modulation": "ODM",
        "kvp_kV": 60.0,
        "total_collimation_mm": 80.0,
        "unusual_beam": True,
        "irradiated_range": 0.4,
        "truncation": 0.18,
    },
    "profile": {"basis": "mas", "scanner": Scanner(name="x", nctdiw_mGy_per_100mAs=7.0)},
}


def components(
    *,
    basis,
    organ=LIVER,
    beam=0.08,
    irradiated_range=0.05,
    truncation=0.0,
    unusual_beam=False,
    scanner=GENERIC,
    **acquisition,
):
    """The components of an organ, of a scan at 120 kV with an ordinary modulation."""
    return uncertainty_components(
        organ,
        basis,
        Acquisition(**{"kvp_kV": 120.0, "modulation": "XYZ_EC", **acquisition}),
        beam=beam,
        irradiated_range=irradiated_range,
        truncation=truncation,
        scanner=scanner,
        unusual_beam=unusual_beam,
    )


def drawn(budget):
    """ln(dose) drawn from the components, each from its own distribution, with a fixed seed."""
    random = np.random.default_rng(20)
    total = np.zeros(DRAWS)
    for name, sd in budget.items():
        if name in RECTANGULAR:
            total += random.uniform(-math.sqrt(3) * sd, math.sqrt(3) * sd, DRAWS)
        else:
            total += random.normal(0.0, sd, DRAWS)
    return total


@pytest.mark.parametrize("case", SCANS)
def test_the_ends_of_the_total_interval_are_those_of_draws_within_2_per_cent(case):
    budget = components(**SCANS[case])
    half = total_log_half_width(budget)
    low, high = np.exp(np.quantile(drawn(budget), (0.05, 0.95)))
    assert math.exp(-half) == pytest.approx(low, rel=0.02)
    assert math.exp(half) == pytest.approx(high, rel=0.02)


@pytest.mark.parametrize("basis", BASES)
def test_so_are_they_for_the_widest_and_the_narrowest_organ_of_the_model(basis):
    by_width = sorted(MODELS, key=lambda organ: organ.law_log_q90["adults"])
    for organ in (by_width[0], by_width[-1]):
        budget = components(basis=basis, organ=organ)
        (high,) = np.exp(np.quantile(drawn(budget), (0.95,)))
        assert math.exp(total_log_half_width(budget)) == pytest.approx(high, rel=0.02)


def test_every_component_has_a_source_or_is_marked_as_judgement():
    names = {CTDIVOL_OF_SCAN}.union(*(components(**scan) for scan in SCANS.values()))
    assert names == set(SOURCES) == set(SHARED_BY)
    assert all(SOURCES.values())


@pytest.mark.parametrize("basis", BASES)
def test_miscentring_is_5_per_cent_by_either_scaling_basis(basis):
    # 1.5 cm (half of the patients beyond 1 cm) times 3.5 % a centimetre.
    assert components(basis=basis)["miscentring"] == pytest.approx(1.5 * 0.035, abs=0.003)


def test_organ_based_modulation_widens_the_interval_where_it_is_stated():
    stated, unknown, other = (
        components(basis="ctdivol", modulation=name)["organ_modulation"]
        for name in ("X-CARE", None, "XYZ_EC")
    )
    assert stated > unknown > other == 0


@pytest.mark.parametrize(
    ("kvp_kV", "simulated"), [(None, False), (60.0, False), (70.0, True), (150.0, True)]
)
def test_a_tube_voltage_that_was_simulated_adds_nothing(kvp_kV, simulated):
    assert ("tube_voltage" in components(basis="ctdivol", kvp_kV=kvp_kV)) is not simulated


def test_what_a_scanner_profile_knows_takes_the_place_of_what_scanners_usually_have():
    output = Scanner(name="x", nctdiw_mGy_per_100mAs=7.0)
    own, usual = components(basis="mas", scanner=output), components(basis="mas")
    assert own["nctdiw"] < usual["dose_per_mas"]
    assert {*own} ^ {*usual} == {"nctdiw", "dose_per_mas"}


def test_the_usual_output_per_mas_reaches_that_of_every_scanner_in_the_table():
    half = total_log_half_width({"dose_per_mas": components(basis="mas")["dose_per_mas"]})
    outputs = [
        row.ctdivol_mGy_per_100mAs / 100.0
        for row in known_outputs()
        if row.kvp_kV == USUAL_KV and row.phantom_cm == 32
    ]
    assert len(outputs) > 1
    for output in outputs:
        assert abs(math.log(output / USUAL_MGY_PER_MAS)) < half
