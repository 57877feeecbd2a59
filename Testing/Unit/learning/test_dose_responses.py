"""The learning set's responses: sums over strata are what a run with that beam would give."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dose_scans import make

pytest.importorskip("numba", reason="the simulations need numba")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Training"))

from dose_bodies import LearningBody, scan_of
from dose_responses import all_beams, read_responses, responses_of
from dose_summary import REFERENCE, summary

from CTDoseSegLib.dosimetry.fast.beam_terms import beam_terms
from CTDoseSegLib.dosimetry.montecarlo.beams import beam_of, model_of
from CTDoseSegLib.dosimetry.montecarlo.ctdi import ctdi_weighted_per_history
from CTDoseSegLib.dosimetry.montecarlo.patient import patient_of
from CTDoseSegLib.dosimetry.montecarlo.response import MGY_PER_KEV_PER_G
from CTDoseSegLib.dosimetry.montecarlo.source_path import SourcePath
from CTDoseSegLib.dosimetry.montecarlo.tally import SOFT_TISSUE
from CTDoseSegLib.dosimetry.montecarlo.transport import simulate

ORGANS = ("liver", "kidney_left", "aorta", "stomach")


@pytest.fixture(scope="module")
def body() -> LearningBody:
    series, labelmap = make(organs=ORGANS)
    scan = scan_of(series, labelmap, 40.0, "male", contrast=False)
    return LearningBody(scan, {"seed": 1, "region": "trunk"})


@pytest.fixture(scope="module")
def found(body):
    return responses_of(body, 200_000, 3)


@pytest.mark.parametrize(("name", "voltage"), [("generic body", 120), ("Siemens Force W3", 80)])
def test_weighted_strata_give_what_a_run_with_the_beam_gives(body, found, name, voltage):
    patient = patient_of(body.scan)
    model = model_of(name)
    beam = beam_of(replace(model, focus_isocentre_mm=570.0), voltage)
    edges = np.array([found.z_edges_mm[0], found.z_edges_mm[-1]])
    path = SourcePath(edges, np.ones(1), 1)
    tally = simulate(patient.voxels, beam, path, patient.scores, histories=200_000, seed=8)
    mean, se = tally.mean_energy_keV(SOFT_TISSUE)
    kerma, _ = ctdi_weighted_per_history(beam, 32)
    scale = MGY_PER_KEV_PER_G * np.ptp(edges) / 10 / kerma / patient.mass_g
    number = all_beams().names.index((name, model.hvl_mm, voltage))
    for organ in ORGANS:
        direct = patient.scores.names.index(organ)
        row = found.names.index(organ)
        by_strata = float(found.dose[row, :, number].sum())
        noise = np.hypot(se[direct] / mean[direct], 2 * np.linalg.norm(found.se[row]) / by_strata)
        assert by_strata == pytest.approx(mean[direct] * scale[direct], rel=0.02 + 3 * noise)


def test_what_was_found_is_read_as_it_was_written(found, tmp_path):
    found.write(tmp_path / "body_0001.npz")
    again = read_responses(tmp_path / "body_0001.npz")
    assert again.names == found.names
    assert again.about == found.about
    np.testing.assert_array_equal(again.dose, found.dose)
    np.testing.assert_array_equal(again.profiles["wed_mm"], found.profiles["wed_mm"])


def test_the_summary_keeps_doses_places_and_beams(found):
    kept = summary(found)
    liver, row = found.names.index("liver"), kept.organs.index("liver")
    assert "body" not in kept.organs
    first = all_beams().names.index(REFERENCE)
    assert kept.response[row].sum() == pytest.approx(found.dose[liver, :, first].sum(), rel=1e-5)
    assert kept.share[row].sum() == pytest.approx(1.0)
    held = kept.z_mm[kept.share[row] > 0]
    assert held.min() >= 12 * 5.0 - 10.0
    assert held.max() <= 28 * 5.0 + 10.0
    assert 20.0 < kept.depth_mm[row] < 120.0
    number = all_beams().names.index(("GE VCT-like large", 8.4, 80))
    ratio = np.log(found.dose[liver, :, number].sum() / found.dose[liver, :, first].sum())
    beam = replace(model_of("GE VCT-like large"), focus_isocentre_mm=570.0)
    by_terms = kept.beam_terms[row] @ beam_terms(beam, 80.0).values
    assert by_terms == pytest.approx(ratio, abs=0.03)
