"""The fit finds what synthetic patients were made of, and its intervals hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from CTDoseSegLib.dosimetry.dose_model import load_model, smooth, spread
from CTDoseSegLib.errors import InputError, OutputError
from CTDoseSegLib.events import Collected
from CTDoseSegLib.learning import dose_fit
from CTDoseSegLib.learning.arrays import OrganRows, Patient, RegionArrays
from CTDoseSegLib.learning.coefficients import KERNEL, fit_region, samples_of
from CTDoseSegLib.learning.dose_evaluation import (
    Held,
    conformal_quantile,
    cross_validate,
    folds_of,
    score,
)

INTERCEPT, PER_100_MM = -3.0, -0.6


def patient(seed, *, factor=1.0, organ="liver", per_100_mm=PER_100_MM, noise=0.01):
    random = np.random.default_rng(seed)
    z = np.arange(0, 300, 5.0)
    current = random.uniform(150, 500) * (1 + 0.2 * np.sin(z / 50 + seed))
    wed = random.uniform(240, 330) + 10 * np.sin(z / 80)
    at = np.arange(15, 40)
    dose = (spread(z, KERNEL) @ current) * np.exp(
        INTERCEPT + per_100_mm * (smooth(z, wed, KERNEL) - 280) / 100
    )
    noisy = factor * dose[at] * np.exp(random.normal(0, noise, len(at)))
    rows = OrganRows(at, random.normal(60, 5, len(at)), np.full(len(at), 12.0), noisy)
    return Patient(z, current, wed, np.ones(len(z), bool), {organ: rows})


def region_of(patients):
    counts = {f"{what}:liver": 0 for what in ("unmatched", "ambiguous", "nan")}
    counts["rows:liver"] = sum(len(p.organs["liver"].slices) for p in patients)
    return RegionArrays("abdomen", tuple(patients), counts)


def fitted(patients):
    samples = {"liver": samples_of(tuple(patients), "liver")}
    return fit_region("abdomen", samples, {"liver": 0}, {"liver": 0.1}).organs["liver"]


def test_the_fit_finds_the_attenuation_that_made_the_doses():
    organ = fitted([patient(seed) for seed in range(25)])
    assert organ.coefficients["wed"] == pytest.approx(PER_100_MM, abs=0.03)
    assert organ.coefficients["intercept"] == pytest.approx(INTERCEPT, abs=0.02)


def test_a_minority_with_a_factor_of_its_own_does_not_move_the_coefficients():
    patients = [patient(s, factor=0.7 if s < 7 else 1.0) for s in range(25)]
    organ = fitted(patients)
    assert organ.coefficients["intercept"] == pytest.approx(INTERCEPT, abs=0.03)


def test_dose_that_rises_with_size_is_fitted_with_none():
    organ = fitted([patient(seed, per_100_mm=+0.5) for seed in range(25)])
    assert organ.coefficients["wed"] == pytest.approx(0.0, abs=1e-9)
    assert organ.coefficients["wed"] <= 0


def test_too_few_patients_are_refused():
    with pytest.raises(InputError, match="liver"):
        fitted([patient(seed) for seed in range(4)])


def test_folds_keep_a_patient_together_and_are_alike_in_size():
    folds = folds_of(64, 0)
    assert sorted(np.bincount(folds)) == [12, 13, 13, 13, 13]
    np.testing.assert_array_equal(folds, folds_of(64, 0))


def test_the_conformal_quantile_covers_as_many_patients_as_promised():
    scores = np.abs(np.linspace(-0.5, 0.5, 99))
    assert np.mean(scores <= conformal_quantile(scores)) >= 0.9
    assert conformal_quantile(np.array([0.1, -0.2])) == 0.1


@pytest.mark.parametrize(("label", "factor"), [(7.0, None), (12.0, 12.0 / 10.0), (4.0, 5.0 / 4.0)])
def test_a_label_is_outside_above_the_dose_as_given_or_below_that_with_the_air_term(label, factor):
    dose = Held(0, np.array([label]), labelled=np.array([5.0]), tissue=np.array([10.0]), crop=0.0)
    if factor is None:
        assert dose.log_outside < 0
    else:
        assert dose.log_outside == pytest.approx(np.log(factor))


def test_the_interval_covers_the_label_around_the_dose_as_given():
    # Half of the patients have so much gas that the label shows little of the dose.
    patients = [gassy(patient(seed, organ="colon"), seed % 2 == 0) for seed in range(60)]
    counts = {f"{what}:colon": 0 for what in ("rows", "unmatched", "ambiguous", "nan")}
    (errors,) = cross_validate(RegionArrays("abdomen", tuple(patients), counts))
    assert errors.tissue_mean_pct > 20
    assert errors.labelled_mean_pct < 5
    assert 86 <= errors.coverage_pct <= 100
    # Around the dose as given alone it would have to be half as wide as the label falls.
    assert errors.interval_high < 1.2


def gassy(made, much):
    """The patient with gas in the colon, whose label falls as the published ones do."""
    rows = made.organs["colon"]
    hu = rows.hu - (60 + 550 if much else 60)
    shown = np.exp(np.minimum(hu + 300, 0) / 100 * 0.2)
    return replace(made, organs={"colon": replace(rows, hu=hu, dose_mGy=rows.dose_mGy * shown)})


def test_errors_on_patients_left_out_are_small_where_the_model_is_true():
    (errors,) = cross_validate(region_of([patient(seed) for seed in range(25)]))
    assert errors.labelled_median_pct < 1.5
    assert errors.coverage_pct > 70
    assert errors.patients == 25
    assert errors.rows == 25 * 25


def test_a_hidden_factor_stays_in_the_errors_and_in_the_interval():
    patients = [patient(s, factor=0.7 if s < 6 else 1.0) for s in range(25)]
    (errors,) = cross_validate(region_of(patients))
    assert errors.labelled_median_pct < 3
    assert errors.model_log_q90 > 0.3


@pytest.fixture
def small_arrays(monkeypatch):
    """Training on 12 synthetic patients a region, instead of the published arrays."""

    def load(folder, region):
        made = region_of([patient(seed) for seed in range(12)])
        extra = {"blocks": 12, "patients": 12, "merged_blocks": 0, "slices": 720, "end_slices": 0}
        return RegionArrays(region, made.patients, {**made.counts, **extra})

    monkeypatch.setattr(dose_fit, "load_region", load)


def test_training_writes_a_model_that_loads_and_predicts(small_arrays, tmp_path):
    events = Collected()
    summary = dose_fit.train("arrays", tmp_path / "out", events=events)
    model = load_model(tmp_path / "out")
    assert model.card["sha256"] == summary["sha256"]
    assert set(model.regions) == {"chest", "abdomen"}
    errors = score(model, dose_fit.load_region("arrays", "abdomen"))["liver"]
    assert np.median(np.abs(errors)) < 1.5
    assert events.log[-1]["fraction"] == 1.0
    assert len(summary["lines"]) == 2


def test_training_twice_writes_the_same_bytes(small_arrays, tmp_path):
    for name in ("a", "b"):
        dose_fit.train("arrays", tmp_path / name)
    for name in ("model.json", "model_card.md", "evaluation.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == [
        "evaluation.csv",
        "model.json",
        "model_card.md",
    ]


def test_a_kept_baseline_stands_in_the_card(small_arrays, tmp_path):
    (tmp_path / "baseline.csv").write_text(
        "region,organ,patients,baseline_median_pct,baseline_mean_pct\n"
        "chest,liver,12,33.3,44.4\nabdomen,liver,12,55.5,66.6\n"
    )
    dose_fit.train("arrays", tmp_path)
    assert "33.3 / 44.4" in (tmp_path / "model_card.md").read_text()


def test_an_output_that_cannot_be_written_is_an_error_with_a_sentence(small_arrays, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="--output"):
        dose_fit.train("arrays", tmp_path / "file" / "out")
