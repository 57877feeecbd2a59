"""Quadrature in ln(dose) against draws, and what each uncertainty component rests on."""

from __future__ import annotations

import math

import numpy as np
import pytest

from CTDoseSegLib.ct.acquisition import Acquisition
from CTDoseSegLib.ct.scanner_profile import Scanner
from CTDoseSegLib.dosimetry.fast.model import load_model
from CTDoseSegLib.dosimetry.fast.scaling import CTDIVOL_OF_SCAN
from CTDoseSegLib.dosimetry.fast.uncertainty import (
    RECTANGULAR,
    SHARED_BY,
    SOURCES,
    total_log_half_width,
    uncertainty_components,
)

DRAWS = 1_000_000
SCANS = {
    "ctdivol": {"basis": "ctdivol"},
    "mas": {"basis": "mas"},
    "organ_modulation": {"basis": "ctdivol", "modulation": "X-CARE"},
    "all_of_it": {
        "basis": "ctdivol",
        "modulation": "ODM",
        "kvp_kV": 100.0,
        "irradiated_range": 0.4,
        "truncation": 0.18,
    },
    "profile": {"basis": "mas", "scanner": Scanner(name="x", nctdiw_mGy_per_100mAs=7.0)},
}


def components(
    *, basis, model=0.12, irradiated_range=0.05, truncation=0.0, scanner=None, **acquisition
):
    made = Acquisition(**{"kvp_kV": 120.0, "modulation": "XYZ_EC", **acquisition})
    extra = {} if scanner is None else {"scanner": scanner}
    return uncertainty_components(model, basis, made, irradiated_range, truncation, **extra)


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


def test_so_are_they_for_every_organ_of_the_model_by_either_scaling_basis():
    quantiles = {
        (basis, organ.model_log_q90[basis])
        for region in load_model().regions.values()
        for organ in region.organs.values()
        for basis in ("ctdivol", "mas")
    }
    widest = {b: max(q for basis, q in quantiles if basis == b) for b in ("ctdivol", "mas")}
    narrowest = {b: min(q for basis, q in quantiles if basis == b) for b in ("ctdivol", "mas")}
    for basis in ("ctdivol", "mas"):
        for model in (widest[basis], narrowest[basis]):
            budget = components(basis=basis, model=model)
            (high,) = np.exp(np.quantile(drawn(budget), (0.95,)))
            assert math.exp(total_log_half_width(budget)) == pytest.approx(high, rel=0.02)


@pytest.mark.parametrize("case", SCANS)
def test_every_component_has_a_source_or_is_marked_as_judgement(case):
    names = {*components(**SCANS[case]), CTDIVOL_OF_SCAN}
    assert names <= set(SOURCES)
    assert names <= set(SHARED_BY)
    assert all(SOURCES.values())


def test_miscentring_is_5_per_cent_by_either_scaling_basis():
    # 1.5 cm (half of the patients beyond 1 cm) times 3.5 % a centimetre.
    for basis in ("ctdivol", "mas"):
        assert components(basis=basis)["miscentring"] == pytest.approx(1.5 * 0.035, abs=0.003)
