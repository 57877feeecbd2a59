"""Commissioning: a known beam comes back from noisy CTDI, contradictions are named."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from measured_beams import VOLTAGES_KV, as_json, measured_on, readings_of

from CTDoseSegLib.dosimetry.montecarlo.beams import beam_of, measured_model, model_of, usual_beam
from CTDoseSegLib.dosimetry.montecarlo.commission import commission
from CTDoseSegLib.dosimetry.montecarlo.ctdi import ctdi_in_air_per_history, ctdi_of
from CTDoseSegLib.dosimetry.montecarlo.measured_ctdi import (
    check_measured_ctdi,
    read_measured_ctdi,
)
from CTDoseSegLib.errors import AcquisitionError

KNOWN = (
    replace(model_of("Siemens Definition Flash W3"), bowtie_scale=1.2, hvl_mm=8.1),
    replace(model_of("GE VCT-like large"), bowtie_scale=0.9, hvl_mm=7.3),
    replace(model_of("Siemens Force W3"), bowtie_scale=0.9, hvl_mm=7.6),
    replace(model_of("Canon Aquilion ONE S"), bowtie_scale=1.3, hvl_mm=7.5),
)

# Few, where it does not matter which are tried.
SHAPES = ("Siemens Definition Flash W3", "Canon Aquilion ONE L")


def differences(true, fitted) -> dict[str, float]:
    """What dose at a depth over CTDI turns on: centre and periphery of both phantoms over CTDIw of
    either, and CTDIw over CTDI in air; the largest difference of each over the voltages."""
    largest: dict[str, float] = {}
    for kV in VOLTAGES_KV:
        shown = []
        for model in (true, fitted):
            beam = model.beam(kV)
            small, large = ctdi_of(beam, 16), ctdi_of(beam, 32)
            shown.append(
                {
                    "16 cm centre": small.centre / small.weighted,
                    "16 cm periphery": small.periphery / small.weighted,
                    "32 cm centre": large.centre / large.weighted,
                    "32 cm periphery": large.periphery / large.weighted,
                    "16 over 32 cm": small.weighted / large.weighted,
                    "32 cm over air": large.weighted / ctdi_in_air_per_history(beam),
                }
            )
        for key, value in shown[0].items():
            largest[key] = max(largest.get(key, 0.0), abs(shown[1][key] / value - 1))
    return largest


@pytest.mark.parametrize("true", KNOWN, ids=[model.name for model in KNOWN])
def test_a_known_beam_comes_back_from_noisy_measurements(true):
    """All 13 published shapes are tried, that of the beam among them; 3 % of noise."""
    (fit,) = commission(measured_on(true, readings_of(true, seed=3)))
    assert max(differences(true, fit.model).values()) < 0.05
    assert fit.beam.hvl_mm == pytest.approx(true.hvl_mm, abs=3 * fit.beam.hvl_sd_mm)
    assert 0.05 < fit.beam.hvl_sd_mm < 0.3
    assert fit.chi_squared < 2.5 * fit.degrees_of_freedom


def test_a_shape_that_no_table_holds_is_fitted_by_those_there_are():
    true = KNOWN[0]
    others = ("GE VCT-like medium", "Canon Aquilion ONE L", "Siemens Force W1")
    (fit,) = commission(measured_on(true, readings_of(true, noise=0.01)), bowties=others)
    assert fit.beam.bowtie in others
    assert max(differences(true, fit.model).values()) < 0.1


def test_without_noise_the_beam_itself_comes_back():
    true = replace(KNOWN[1], hvl_mm=7.7)
    (fit,) = commission(measured_on(true, readings_of(true, noise=1e-4)), bowties=(true.bowtie,))
    assert fit.beam.hvl_mm == pytest.approx(7.7, abs=0.03)
    assert fit.beam.bowtie_scale == pytest.approx(0.9, abs=0.02)
    assert max(abs(residual.percent) for residual in fit.residuals) < 1


def test_one_voltage_in_one_phantom_is_enough_for_that_phantom():
    true = KNOWN[0]
    few = tuple(
        r for r in readings_of(true, seed=1, voltages_kV=(120.0,), phantoms_cm=(32,))
        if r.quantity in ("centre", "periphery")
    )  # fmt: skip
    (fit,) = commission(measured_on(true, few))
    measured = few[1].value / few[0].value
    assert ctdi_of(fit.model.beam(120), 32).periphery_over_centre == pytest.approx(
        measured, rel=0.03
    )
    # What was not measured is not known: other filters fit as well, and HVL is that of scanners.
    assert len(fit.beam.alternatives) == 4
    assert fit.beam.hvl_sd_mm == pytest.approx(0.6, abs=0.1)


def test_the_filters_that_fit_nearly_as_well_are_variants_of_the_beam():
    true = KNOWN[3]
    (fit,) = commission(measured_on(true, readings_of(true, seed=5)))
    assert fit.beam.bowtie not in fit.beam.alternatives
    variants = measured_model(fit.beam).variants()[2:]
    assert [v.bowtie for v in variants] == list(fit.beam.alternatives)
    for variant in variants:
        assert differences(true, variant)["32 cm centre"] < 0.1


@pytest.mark.parametrize(
    ("wrong", "factor", "named"),
    [
        (("periphery", 32, 120.0), 1.25, "the periphery of the 32 cm phantom at 120 kV"),
        (("centre", 16, 80.0), 0.8, "the centre of the 16 cm phantom at 80 kV"),
        (("in_air", None, 140.0), 1.3, "CTDI in air at 140 kV"),
        (("hvl", None, 120.0), 0.75, "the half-value layer at 120 kV"),
    ],
)
def test_a_reading_that_the_others_contradict_is_named(wrong, factor, named):
    true = KNOWN[0]
    readings = tuple(
        replace(r, value=r.value * factor)
        if (r.quantity, r.phantom_cm, r.voltage_kV) == wrong
        else r
        for r in readings_of(true, seed=2)
    )
    with pytest.raises(AcquisitionError, match="contradict each other") as raised:
        commission(measured_on(true, readings), bowties=SHAPES)
    sentence = str(raised.value)
    assert named in sentence
    assert sentence.count("where the other measurements expect") == 1
    right = next(
        r.value for r in readings_of(true, seed=2, noise=1e-6)
        if (r.quantity, r.phantom_cm, r.voltage_kV) == wrong
    )  # fmt: skip
    expected = float(sentence.split("expect ")[1].split(". ")[0])
    assert expected == pytest.approx(right, rel=0.06)


def test_centre_and_periphery_that_were_exchanged_are_named():
    true = KNOWN[0]
    readings = list(readings_of(true, seed=4))
    pair = [n for n, r in enumerate(readings) if r.phantom_cm == 32 and r.voltage_kV == 100.0]
    centre, periphery = (readings[n] for n in pair)
    readings[pair[0]] = replace(centre, value=periphery.value)
    readings[pair[1]] = replace(periphery, value=centre.value)
    with pytest.raises(AcquisitionError) as raised:
        commission(measured_on(true, tuple(readings)), bowties=SHAPES)
    assert "the centre of the 32 cm phantom at 100 kV" in str(raised.value)
    assert "the periphery of the 32 cm phantom at 100 kV" in str(raised.value)


def test_what_no_beam_gives_is_named_even_if_nothing_else_was_measured():
    """A centre of twice the periphery in 32 cm."""
    body = one_filter(centre_mGy_per_100mAs=8.0, periphery_mGy_per_100mAs=4.0)
    measured = check_measured_ctdi({"manufacturer": "A", "model": "B", "filters": [body]})
    with pytest.raises(AcquisitionError, match=r"of the 32 cm phantom at 120 kV is \d"):
        commission(measured)


def test_noise_alone_is_no_contradiction():
    for seed in range(10):
        commission(
            measured_on(KNOWN[0], readings_of(KNOWN[0], seed=seed)), bowties=(KNOWN[0].bowtie,)
        )


def test_the_beam_of_the_profile_goes_before_the_scanners():
    (fit,) = commission(
        measured_on(KNOWN[0], readings_of(KNOWN[0])), bowties=("Canon Aquilion ONE L",)
    )
    taken = usual_beam(32, "SIEMENS", "SOMATOM Force", [fit.beam])
    assert (taken.name, taken.bowtie) == ("body (scanner profile)", "Canon Aquilion ONE L")
    assert usual_beam(16, "SIEMENS", "SOMATOM Force", [fit.beam]).name == "Siemens Force W2"


def test_a_file_of_measurements_is_read(tmp_path):
    measured = measured_on(KNOWN[0], readings_of(KNOWN[0]))
    path = tmp_path / "measured.json"
    path.write_text(json.dumps(as_json(measured)), encoding="utf-8")
    assert read_measured_ctdi(path) == measured


def one_filter(**changes):
    measurement = {
        "voltage_kV": 120,
        "phantom_cm": 32,
        "centre_mGy_per_100mAs": 4.0,
        "periphery_mGy_per_100mAs": 7.0,
    }
    measurement.update(changes)
    measurement = {key: value for key, value in measurement.items() if value is not None}
    return {"name": "body", "phantom_cm": 32, "measurements": [measurement]}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"manufacturer": None}, "lacks manufacturer"),
        ({"kvp": 120}, "kvp is not a value of the measurements"),
        ({"filters": []}, "filters must be a list"),
        ({"filters": [one_filter(), one_filter()]}, "two filters have one name"),
        ({"filters": [one_filter(voltage_kV=40)]}, "voltage_kV of measurement 1 .* is 40"),
        ({"filters": [one_filter(phantom_cm=10)]}, "phantom_cm of measurement 1 .* is 10"),
        ({"filters": [one_filter(phantom_cm=None)]}, "phantom_cm of measurement 1 .* is None"),
        ({"filters": [one_filter(centre_mGy_per_100mAs="4")]}, "is '4'"),
        ({"filters": [one_filter(centre_mGy_per_100mAs=float("nan"))]}, "is nan"),
        ({"filters": [one_filter(centre_mGy=4)]}, "centre_mGy is not a value of measurement 1"),
        ({"relative_sd": 0}, "relative_sd is 0"),
        (
            {
                "filters": [
                    one_filter(centre_mGy_per_100mAs=None, periphery_mGy_per_100mAs=None, hvl_mm=8)
                ]
            },
            "the filter body has no CTDI in a phantom",
        ),
    ],
)
def test_what_is_missing_unknown_or_impossible_is_named(changes, says):
    values = {"manufacturer": "SIEMENS", "model": "X", "filters": [one_filter()], **changes}
    values = {key: value for key, value in values.items() if value is not None}
    with pytest.raises(AcquisitionError, match=says):
        check_measured_ctdi(values)


def test_a_reading_may_stand_once():
    twice = one_filter()
    twice["measurements"] *= 2
    with pytest.raises(AcquisitionError, match="stands twice for the filter body; give the mean"):
        check_measured_ctdi({"manufacturer": "A", "model": "B", "filters": [twice]})


@pytest.mark.slow
def test_organ_doses_of_the_fitted_beam_are_those_of_the_known_one():
    """Doses at three depths of an adult's trunk in water, over CTDIvol of the 32 cm phantom."""
    pytest.importorskip("numba")
    from CTDoseSegLib.dosimetry.montecarlo.materials import index_of
    from CTDoseSegLib.dosimetry.montecarlo.source_path import SourcePath
    from CTDoseSegLib.dosimetry.montecarlo.transport import simulate
    from CTDoseSegLib.dosimetry.montecarlo.voxels import Scores, Voxels

    j, i = np.mgrid[-30:31, -40:41] * 5.0
    depth = np.sqrt((i / 170) ** 2 + (j / 120) ** 2)
    body = np.broadcast_to(depth <= 1, (8, *depth.shape))
    region = np.where(depth < 0.4, 1, np.where(depth < 0.8, 2, np.where(depth <= 1, 3, 0)))
    trunk = Voxels(
        np.where(body, index_of("water"), index_of("air")).astype(np.uint8),
        body.astype(np.float32),
        np.broadcast_to(region, body.shape).astype(np.uint16),
        (5.0, 5.0, 40.0),
        (-202.5, -152.5, -160.0),
        (0.0, 0.0),
    )
    scores = Scores(("inner", "middle", "outer"), ((1,), (2,), (3,)))
    path = SourcePath(np.array([-100.0, 100.0]), np.ones(1))
    true = KNOWN[0]
    (fit,) = commission(measured_on(true, readings_of(true, seed=6)))
    doses = []
    for model in (true, fit.model):
        beam = beam_of(model, 120)
        tally = simulate(trunk, beam, path, scores, histories=300_000, seed=5)
        mean, error = tally.mean_energy_keV()
        assert (np.atleast_2d(error)[0] < 0.01 * np.atleast_2d(mean)[0]).all()
        doses.append(np.atleast_2d(mean)[0] / ctdi_of(beam, 32).weighted)
    assert doses[1] == pytest.approx(doses[0], rel=0.05)
