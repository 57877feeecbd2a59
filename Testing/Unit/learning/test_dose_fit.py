"""The fit finds what synthetic patients were made of, and its intervals hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from CTDoseSegLib.dosimetry.fast.kernel import convolution_matrix, smooth
from CTDoseSegLib.dosimetry.fast.model import WIDE, load_model
from CTDoseSegLib.errors import InputError, OutputError
from CTDoseSegLib.learning.dose import figures, fit
from CTDoseSegLib.learning.dose.arrays import OrganRows, Patient, RegionArrays
from CTDoseSegLib.learning.dose.coefficients import fit_region
from CTDoseSegLib.learning.dose.cross_validation import cross_validate, score
from CTDoseSegLib.learning.dose.evaluation import draws_of, organ_errors, winkler
from CTDoseSegLib.learning.dose.held import conformal_quantile, log_outside
from CTDoseSegLib.learning.dose.hidden_exposure import drawn_coverage
from CTDoseSegLib.learning.dose.samples import KERNELS, SIZE_KERNELS, samples_of
from CTDoseSegLib.learning.folds import folds_of
from CTDoseSegLib.tasks.progress import Collected

pytestmark = pytest.mark.slow

INTERCEPT, PER_100_MM = -3.0, -0.6
QUANTILES = {"ctdivol": 0.1, "mas": 0.2}


def patient(seed, *, factor=1.0, organ="liver", per_100_mm=PER_100_MM, noise=0.01):
    random = np.random.default_rng(seed)
    z = np.arange(0, 300, 5.0)
    current = random.uniform(150, 500) * (1 + 0.2 * np.sin(z / 50 + seed))
    wed = random.uniform(240, 330) + 10 * np.sin(z / 80)
    at = np.arange(15, 40)
    dose = (convolution_matrix(z, KERNELS[WIDE]) @ current) * np.exp(
        INTERCEPT + per_100_mm * (smooth(z, wed, SIZE_KERNELS[0]) - 280) / 100
    )
    noisy = factor * dose[at] * np.exp(random.normal(0, noise, len(at)))
    rows = OrganRows(at, random.normal(60, 5, len(at)), np.full(len(at), 12.0), noisy)
    return Patient(z, current, wed, np.ones(len(z), bool), {organ: rows})


def validated(arrays):
    """Errors of the only organ, one seed of folds."""
    samples = samples_of(arrays.region, arrays.patients)
    count = len(arrays.patients)
    held = cross_validate(arrays.region, samples, count)
    (errors,) = organ_errors(arrays.region, [held], draws_of(count))
    return errors


def region_of(patients):
    counts = {f"{what}:liver": 0 for what in ("unmatched", "ambiguous", "nan")}
    counts["rows:liver"] = sum(len(p.organs["liver"].slices) for p in patients)
    return RegionArrays("abdomen", tuple(patients), counts)


def fitted(patients):
    samples = samples_of("abdomen", tuple(patients))
    return fit_region("abdomen", samples, {"liver": 0}, {"liver": QUANTILES}).organs["liver"]


def test_the_fit_finds_the_attenuation_that_made_the_doses():
    organ = fitted([patient(seed) for seed in range(25)])
    # Both sizes are nearly the same here: what counts is what they do together.
    together = organ.coefficients["wed"] + organ.coefficients["wed_wide"]
    assert together == pytest.approx(PER_100_MM, abs=0.03)
    assert organ.coefficients["intercept"] == pytest.approx(INTERCEPT, abs=0.02)


def test_a_minority_with_a_factor_of_its_own_does_not_move_the_coefficients():
    patients = [patient(s, factor=0.7 if s < 7 else 1.0) for s in range(25)]
    organ = fitted(patients)
    assert organ.coefficients["intercept"] == pytest.approx(INTERCEPT, abs=0.03)


def test_dose_that_rises_with_size_is_fitted_with_none():
    organ = fitted([patient(seed, per_100_mm=+0.5) for seed in range(25)])
    for term in ("wed", "wed_wide"):
        assert organ.coefficients[term] == pytest.approx(0.0, abs=1e-9)
        assert organ.coefficients[term] <= 0


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
    (outside,) = log_outside(np.array([label]), np.array([10.0]), np.array([5.0]))
    if factor is None:
        assert outside < 0
    else:
        assert outside == pytest.approx(np.log(factor))


def test_the_interval_score_is_width_and_twenty_times_what_lies_outside_in_per_cent():
    label, low, high = np.array([5.0, 12.0]), np.array([4.0, 4.0]), np.array([8.0, 8.0])
    np.testing.assert_allclose(winkler(label, low, high), [100 * 4 / 5, 100 * 84 / 12])


def test_the_interval_covers_the_label_around_the_dose_as_given():
    # Half of the patients have so much gas that the label shows little of the dose.
    patients = [gassy(patient(seed, organ="colon"), seed % 2 == 0) for seed in range(60)]
    counts = {f"{what}:colon": 0 for what in ("rows", "unmatched", "ambiguous", "nan")}
    errors = validated(RegionArrays("abdomen", tuple(patients), counts))
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
    errors = validated(region_of([patient(seed) for seed in range(25)]))
    assert errors.labelled_median_pct < 1.5
    assert errors.coverage_pct > 70
    assert errors.patients == 25
    assert errors.rows == 25 * 25


def test_a_hidden_factor_stays_in_the_errors_and_in_the_interval():
    patients = [patient(s, factor=0.7 if s < 6 else 1.0) for s in range(25)]
    errors = validated(region_of(patients))
    assert errors.labelled_median_pct < 3
    assert errors.model_log_q90 > 0.3


def hidden_patient(seed, factor):
    """One patient with three organs, all of whose doses share a factor."""
    made = patient(seed, factor=factor)
    liver = made.organs["liver"]
    random = np.random.default_rng(1000 + seed)
    organs = {
        organ: replace(liver, dose_mGy=liver.dose_mGy * np.exp(random.normal(0, 0.02)))
        for organ in ("liver", "spleen", "pancreas")
    }
    return replace(made, organs=organs)


def hidden_tables(region, odd=None):
    """Doses of 30 patients left out, six with a factor of 0.7; in one the liver alone is off."""
    patients = [hidden_patient(s, 0.7 if s < 6 else 1.0) for s in range(30)]
    if odd is not None:
        liver = patients[20].organs["liver"]
        alone = {"liver": replace(liver, dose_mGy=odd * liver.dose_mGy)}
        patients[20] = replace(patients[20], organs={**patients[20].organs, **alone})
    return cross_validate(region, samples_of(region, tuple(patients)), 30)


def test_a_factor_that_all_organs_share_is_not_in_the_interval_for_ctdivol():
    for h in hidden_tables("abdomen").values():
        assert conformal_quantile(h.log_outside) > 0.3
        assert conformal_quantile(h.log_outside_ctdivol) < 0.1
        np.testing.assert_allclose(h.hidden_log[:6], np.log(0.7), atol=0.06)
        np.testing.assert_array_equal(h.hidden_log[6:], 0.0)


def test_an_organ_that_is_off_by_itself_keeps_its_error_in_the_interval_for_ctdivol():
    h = hidden_tables("abdomen", odd=1.5)["liver"]
    assert h.hidden_log[20] == 0.0
    assert h.log_outside_ctdivol[20] > 0.35


def test_the_chest_has_no_hidden_factor_taken_out():
    h = hidden_tables("chest")["liver"]
    np.testing.assert_array_equal(h.hidden_log, 0.0)
    np.testing.assert_array_equal(h.log_q_ctdivol, h.log_q)


def test_the_coverage_for_ctdivol_is_bounded_by_drawing_patients_again():
    tables = hidden_tables("abdomen")
    drawn = drawn_coverage([tables], draws_of(30))
    assert drawn.shape == (1000,)
    assert drawn.std() > 0
    once = drawn_coverage([tables], np.ones((1, 30), int))
    assert once[0] == pytest.approx(100 * np.mean([h.covered_ctdivol for h in tables.values()]))


@pytest.fixture
def small_arrays(monkeypatch):
    """Training on 12 synthetic patients a region, instead of the published arrays."""

    def load(folder, region):
        made = region_of([patient(seed) for seed in range(12)])
        extra = {"blocks": 12, "patients": 12, "merged_blocks": 0, "slices": 720, "end_slices": 0}
        return RegionArrays(region, made.patients, {**made.counts, **extra})

    monkeypatch.setattr(fit, "load_region", load)


def test_training_writes_a_model_that_loads_and_predicts(small_arrays, tmp_path):
    progress = Collected()
    summary = fit.train("arrays", tmp_path / "out", progress=progress)
    model = load_model(tmp_path / "out")
    assert model.card["sha256"] == summary["sha256"]
    assert set(model.regions) == {"chest", "abdomen"}
    patients = fit.load_region("arrays", "abdomen").patients
    held = score(model.regions["abdomen"], samples_of("abdomen", patients))["liver"]
    assert np.median(np.abs(held.error_pct)) < 1.5
    assert progress.log[-1]["fraction"] == 1.0
    assert len(summary["lines"]) == 2


def test_training_twice_writes_the_same_bytes(small_arrays, tmp_path):
    for name in ("a", "b"):
        fit.train("arrays", tmp_path / name)
    for name in ("model.json", "model_card.md", "evaluation.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == [
        "evaluation.csv",
        "model.json",
        "model_card.md",
    ]


def test_a_kept_baseline_stands_in_the_card(small_arrays, tmp_path):
    rows = [
        f"30,{region},liver,{patient % 5},{patient},10,{13.3 if region == 'chest' else 15.5}"
        for region in ("chest", "abdomen")
        for patient in range(12)
    ]
    head = "epochs,region,organ,fold,patient,label_mGy,predicted_mGy"
    (tmp_path / "baseline_patients.csv").write_text("\n".join([head, *rows]) + "\n")
    fit.train("arrays", tmp_path)
    card = (tmp_path / "model_card.md").read_text()
    assert "33.0 / 33.0" in card
    assert "55.0 / 55.0" in card


def test_an_output_that_cannot_be_written_is_an_error_with_a_sentence(small_arrays, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="--output"):
        fit.train("arrays", tmp_path / "file" / "out")


def test_the_pictures_are_drawn_and_no_legend_hides_a_patient_in_that_of_size(tmp_path):
    arrays = region_of([patient(seed) for seed in range(25)])
    samples = samples_of("abdomen", arrays.patients)
    held = dict.fromkeys(("chest", "abdomen"), cross_validate("abdomen", samples, 25))
    models = dict.fromkeys(held, fit_region("abdomen", samples, {"liver": 0}, {"liver": QUANTILES}))
    drawn = figures.draw(held, models, tmp_path)
    assert [path.name for path in drawn if path.stat().st_size] == [
        *("dose_predicted.png", "dose_coverage.png", "dose_size.png"),
    ]
    size = figures._size(held, models)
    size.canvas.draw()
    for axes in size.axes:
        legend = axes.get_legend().get_window_extent()
        assert not legend.overlaps(axes.get_window_extent())
        assert size.bbox.containsx(legend.x0)
        assert size.bbox.containsy(legend.y0)
