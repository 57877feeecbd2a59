"""`ctdoseseg evaluate-dose`: others' arrays scored with the shipped model."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from CTDoseSegLib.dosimetry.fast.kernel import convolution_matrix
from CTDoseSegLib.dosimetry.fast.model import load_model
from CTDoseSegLib.errors import InputError
from CTDoseSegLib.learning.dose.evaluate import PATIENTS_FILE, SUMMARY_FILE, evaluate

REGION = "abdomen"
MODEL = load_model().regions[REGION]


def arrays(folder, *, patients=3, organs=("skin", "liver"), factor=1.0, missing=0):
    """Arrays in the published form, whose doses are those of the shipped model times `factor`."""
    target = folder / f"{REGION}_merged_training_arrays"
    target.mkdir(parents=True)
    random = np.random.default_rng(3)
    rows = {organ: [] for organ in organs}
    for _ in range(patients):
        z = np.arange(300.0, 0.0, -5.0)  # the abdomen file runs downward
        current = random.uniform(200, 400) * (1 + 0.1 * np.sin(z / 40))
        wed = random.uniform(260, 320) + 5 * np.sin(z / 70)
        sizes = MODEL.sizes_mm(z, wed)
        for organ in organs:
            model = MODEL.organs[organ]
            dose = (convolution_matrix(z, model.kernel) @ current) * np.exp(model.log_factor(sizes))
            at = np.arange(len(z)) if organ == "skin" else np.arange(20, 40)
            table = np.column_stack(
                (np.full(len(z), 50.0), np.full(len(z), 12.0), current, wed, z, factor * dose)
            )
            rows[organ].append(table[at])
    for organ, found in rows.items():
        table = np.concatenate(found).astype(np.float32)
        table[:missing, 0] = np.nan
        np.save(target / f"{organ}_training_array.npy", table)
    return folder


def summary(folder):
    with (folder / SUMMARY_FILE).open(newline="") as stream:
        return {(r["organ"], r["rows"]): r for r in csv.DictReader(stream)}


def test_doses_of_the_model_itself_have_no_error_and_lie_in_the_interval(tmp_path):
    result = evaluate(arrays(tmp_path / "in"), tmp_path / "out")
    rows = summary(tmp_path / "out")
    assert list(rows[("liver", "interior")])[:7] == [
        *("region", "organ", "rows", "patients"),
        *("median_error_pct", "mean_error_pct", "coverage_pct"),
    ]
    for organ in ("liver", "skin"):
        for kind in ("interior", "all"):
            row = rows[organ, kind]
            assert float(row["median_error_pct"]) < 0.01
            assert float(row["coverage_pct"]) == 100
            assert row["patients"] == "3"
    assert result["model_sha256"] == load_model().card["sha256"]
    with (tmp_path / "out" / PATIENTS_FILE).open(newline="") as stream:
        patients = list(csv.DictReader(stream))
    assert len(patients) == 3 * 2 * 2
    assert {r["patient"] for r in patients} == {"1", "2", "3"}


def test_doses_that_are_all_a_tenth_higher_show_as_a_tenth(tmp_path):
    evaluate(arrays(tmp_path / "in", factor=1.1), tmp_path / "out")
    row = summary(tmp_path / "out")["liver", "interior"]
    assert float(row["bias_pct"]) == pytest.approx(100 * (1 / 1.1 - 1), abs=0.02)
    assert float(row["given_median_error_pct"]) == pytest.approx(9.09, abs=0.02)


def test_one_region_few_organs_and_missing_values_are_enough(tmp_path):
    summary = evaluate(arrays(tmp_path / "in", organs=("liver",), missing=2), tmp_path / "out")
    assert set(summary["regions"]) == {REGION}
    assert any("missing values" in line for line in summary["lines"])
    assert any("no skin array" in line for line in summary["lines"])


def test_rows_with_missing_values_are_counted(tmp_path):
    evaluate(arrays(tmp_path / "in", missing=0), tmp_path / "out")
    assert summary(tmp_path / "out")["liver", "all"]["nan_rows"] == "0"
    table_file = tmp_path / "in" / f"{REGION}_merged_training_arrays" / "liver_training_array.npy"
    table = np.load(table_file)
    table[3, 0] = np.nan
    np.save(table_file, table)
    evaluate(tmp_path / "in", tmp_path / "again")
    assert summary(tmp_path / "again")["liver", "all"]["nan_rows"] == "1"


def test_what_is_no_folder_of_arrays_is_refused_with_a_sentence(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        evaluate(tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds neither"):
        evaluate(tmp_path / "empty", tmp_path / "out")
    folder = arrays(tmp_path / "in")
    np.save(folder / f"{REGION}_merged_training_arrays" / "liver_training_array.npy", np.ones(4))
    with pytest.raises(InputError, match="six columns"):
        evaluate(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()
