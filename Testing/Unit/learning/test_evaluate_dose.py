"""`ctdoseseg evaluate-dose`: the law against arrays whose doses are worked out by hand.

Tube current and size of each made-up patient are the same in all slices. Then the law is a factor
of the size times the part of the kernel that lies inside the beam, which has a closed form.
"""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import pytest
from dose_folders import trained_folder

from CTDoseSegLib.dosimetry.fast.model import load_model
from CTDoseSegLib.errors import InputError, ModelError, OutputError
from CTDoseSegLib.learning.dose.evaluate import PATIENTS_FILE, SUMMARY_FILE, evaluate

MODEL = load_model()
ORGANS = {"chest": ("heart", "lung", "aorta"), "abdomen": ("liver", "spleen", "kidney_left")}
SIZES_MM = (230.0, 260.0, 290.0)
Z_MM = np.arange(0.0, 402.5, 2.5)
MGY_PER_MAS = 0.08
MAS_PER_MA = 0.5  # the simulations' rotation time, with a pitch of 1
# From where to where the simulations' beam went, and how near to its ends no dose is compared.
BEAM_MM = {"chest": (0.0, 400.0 - 41.0), "abdomen": (0.0, 400.0)}
INTERIOR_MM = {"chest": (30.0, 340.0), "abdomen": (30.0, 370.0)}


def law_by_hand(region: str, organ: str, size_mm: float) -> np.ndarray:
    """Dose by CTDIvol of 1 mGy in every slice, [k]."""
    model = MODEL.regions[region].organs[organ]
    low, high = BEAM_MM[region]
    large = (size_mm - 120) / (350 - 120)
    reached = np.zeros(len(Z_MM))
    for share, kernel in zip((1 - large, large), model.kernels, strict=True):
        below, above = np.split(kernel, 2)
        for length, of_below, of_above in zip((8.0, 20.0, 50.0, 100.0), below, above, strict=True):
            for weight, near, far in (
                (of_below, Z_MM - high, Z_MM - low),
                (of_above, low - Z_MM, high - Z_MM),
            ):
                near, far = (np.maximum(one, 0.0) / length for one in (near, far))
                reached += share * weight * (np.exp(-near) - np.exp(-far))
    c = model.coefficients
    log_factor = c["intercept"] + (c["wed"] + c["wed_wide"]) * (size_mm - 280) / 100
    log_factor += sum(c[f"wed_over_{b}"] * max(size_mm - b, 0) / 100 for b in (180, 300))
    return reached * math.exp(log_factor)


def write_arrays(folder, region, times=None, *, dose=law_by_hand, sizes=SIZES_MM, extra=()):
    """Write arrays in the published form; labels are `dose` at 0.08 mGy/mAs.

    `times` is what the labels of an organ are multiplied with: one number, or one for each slice.
    """
    times = times or dict.fromkeys(ORGANS[region], 1.0)
    place = folder / f"{region}_merged_training_arrays"
    place.mkdir(parents=True)
    # The abdomen's rows run downward.
    order = slice(None) if region == "chest" else slice(None, None, -1)
    tables = {name: [] for name in ("skin", *extra, *times)}
    for number, size in enumerate(sizes):
        current = np.full(len(Z_MM), 300.0 + 10.0 * number)
        for name, parts in tables.items():
            labels = np.ones(len(Z_MM))
            if name in times:
                labels = MGY_PER_MAS * MAS_PER_MA * current * dose(region, name, size) * times[name]
            columns = (50.0, 12.0, current, size, Z_MM, labels)
            rows = np.column_stack([np.broadcast_to(one, len(Z_MM)) for one in columns])
            parts.append(rows[order])
    for name, parts in tables.items():
        table = np.concatenate(parts).astype(np.float32)
        if name == "skin":
            table[:, 5] = 0.0  # tells patients apart; its dose is not compared
        np.save(place / f"{name}_training_array.npy", table)
    return folder


def summary(folder) -> dict[str, dict[str, str]]:
    with (folder / SUMMARY_FILE).open(newline="") as stream:
        return {row["organ"]: row for row in csv.DictReader(stream)}


def interior(region: str) -> np.ndarray:
    """True in the slices that are compared, [k]."""
    return np.clip(Z_MM, *INTERIOR_MM[region]) == Z_MM


def change(folder, region, organ, row, column, value):
    file = folder / f"{region}_merged_training_arrays" / f"{organ}_training_array.npy"
    table = np.load(file)
    table[row, column] = value
    np.save(file, table)


@pytest.mark.parametrize("region", ORGANS)
def test_doses_of_the_law_itself_give_back_their_scale_and_no_error(tmp_path, region):
    result = evaluate(write_arrays(tmp_path / "in", region), tmp_path / "out")
    assert result["mGy_per_mAs"]["all"] == pytest.approx(MGY_PER_MAS, rel=1e-4)
    assert result["mGy_per_mAs"][region] == result["mGy_per_mAs"]["all"]
    rows = summary(tmp_path / "out")
    assert set(rows) == set(ORGANS[region])
    for row in rows.values():
        assert row["patients"] == "3"
        assert float(row["median_error_pct"]) < 0.01
    assert result["regions"][region]["organs"] == 3


@pytest.mark.parametrize("region", ORGANS)
def test_labels_near_the_ends_of_the_simulated_beam_are_not_compared(tmp_path, region):
    nonsense = np.where(interior(region), 1.0, 30.0)
    evaluate(write_arrays(tmp_path / "in", region, {ORGANS[region][0]: nonsense}), tmp_path / "out")
    (row,) = summary(tmp_path / "out").values()
    assert float(row["median_error_pct"]) < 0.01


def test_an_organ_whose_labels_are_a_tenth_higher_shows_a_dose_that_is_too_low(tmp_path):
    times = {"liver": 1.0, "spleen": 1.1, "kidney_left": 0.9}
    evaluate(write_arrays(tmp_path / "in", "abdomen", times), tmp_path / "out")
    for organ, factor in times.items():
        row = summary(tmp_path / "out")[organ]
        expected = 100 * (1 / factor - 1)
        assert float(row["bias_pct"]) == pytest.approx(expected, abs=0.01)
        assert float(row["median_error_pct"]) == pytest.approx(abs(expected), abs=0.01)


def test_chest_and_abdomen_share_one_scale(tmp_path):
    for region, factor in (("chest", 0.8), ("abdomen", 1.25)):
        write_arrays(tmp_path / "in", region, dict.fromkeys(ORGANS[region], factor))
    result = evaluate(tmp_path / "in", tmp_path / "out")
    scale = {"all": 1.0, "chest": 0.8, "abdomen": 1.25}
    assert result["mGy_per_mAs"] == {
        name: pytest.approx(MGY_PER_MAS * factor, rel=1e-4) for name, factor in scale.items()
    }
    rows = summary(tmp_path / "out")
    assert float(rows["heart"]["bias_pct"]) == pytest.approx(100 * (1 / 0.8 - 1), abs=0.02)
    assert float(rows["liver"]["bias_pct"]) == pytest.approx(100 * (1 / 1.25 - 1), abs=0.02)


def test_an_error_that_grows_with_the_patients_size_shows_as_per_cent_by_centimetre(tmp_path):
    def labels(region, organ, size):
        return law_by_hand(region, organ, size) / (1 + 0.02 * (size - 260.0) / 10)

    evaluate(write_arrays(tmp_path / "in", "abdomen", dose=labels), tmp_path / "out")
    for row in summary(tmp_path / "out").values():
        assert float(row["error_pct_per_cm"]) == pytest.approx(2.0, abs=0.01)
        assert float(row["bias_pct"]) == pytest.approx(0.0, abs=0.01)


def test_size_specific_dose_estimates_stand_beside_the_law(tmp_path):
    def labels(region, organ, size):
        """AAPM Report 204, table 1D."""
        return np.full(len(Z_MM), 3.704369 * math.exp(-0.03671937 * size / 10))

    evaluate(write_arrays(tmp_path / "in", "abdomen", dose=labels), tmp_path / "out")
    for row in summary(tmp_path / "out").values():
        assert float(row["ssde_median_error_pct"]) < 0.01
        assert float(row["ssde_bias_pct"]) == pytest.approx(0.0, abs=0.01)


def test_every_patient_has_a_row_with_both_doses(tmp_path):
    evaluate(write_arrays(tmp_path / "in", "abdomen", {"liver": 1.0}), tmp_path / "out")
    with (tmp_path / "out" / PATIENTS_FILE).open(newline="") as stream:
        patients = list(csv.DictReader(stream))
    inside = interior("abdomen")
    for number, (size, row) in enumerate(zip(SIZES_MM, patients, strict=True)):
        assert row["patient"] == str(number + 1)
        assert float(row["wed_mm"]) == pytest.approx(size)
        dose = 0.5 * (300 + 10 * number) * MGY_PER_MAS * law_by_hand("abdomen", "liver", size)
        assert float(row["simulated_mGy"]) == pytest.approx(dose[inside].mean(), rel=1e-4)
        assert float(row["law_mGy"]) == pytest.approx(dose[inside].mean(), rel=1e-4)


def test_the_model_of_a_folder_is_the_one_that_is_compared(tmp_path):
    arrays = write_arrays(tmp_path / "in", "abdomen")
    folder = trained_folder(tmp_path / "model", factor=2.0)
    twice = evaluate(arrays, tmp_path / "out", model=folder)
    assert twice["mGy_per_mAs"]["all"] == pytest.approx(MGY_PER_MAS / 2, rel=1e-4)
    assert twice["model_sha256"] == load_model(folder).card["sha256"] != MODEL.card["sha256"]


def test_what_is_left_out_is_listed(tmp_path):
    arrays = write_arrays(tmp_path / "in", "abdomen", extra=("trachea",))
    change(arrays, "abdomen", "liver", slice(40, 42), 0, np.nan)
    change(arrays, "abdomen", "liver", 40, 5, 1e6)
    (arrays / "abdomen_merged_training_arrays" / "skin_training_array.npy").unlink()
    lines = evaluate(arrays, tmp_path / "out")["lines"]
    assert any("2 rows have missing values" in line for line in lines)
    assert any("no skin array" in line for line in lines)
    assert any("not compared: trachea" in line for line in lines)
    assert float(summary(tmp_path / "out")["liver"]["median_error_pct"]) < 0.1


def test_two_patients_tell_no_trend_with_size(tmp_path):
    arrays = write_arrays(tmp_path / "in", "abdomen", sizes=SIZES_MM[:2])
    result = evaluate(arrays, tmp_path / "out")
    assert {row["error_pct_per_cm"] for row in summary(tmp_path / "out").values()} == {""}
    json.dumps(result, allow_nan=False)


def test_what_is_no_folder_of_arrays_is_refused_with_a_sentence(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        evaluate(tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"neither chest_merged.* nor abdomen_merged"):
        evaluate(tmp_path / "empty", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_arrays_of_unknown_organs_alone_are_refused(tmp_path):
    arrays = write_arrays(tmp_path / "in", "chest", {"trachea": 1.0}, dose=lambda *_: 1.0)
    with pytest.raises(InputError, match="knows none of the organs"):
        evaluate(arrays, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (np.ones(4), "six columns"),
        (np.ones((4, 7)), "six columns"),
        (np.full((4, 6), "dose"), "not numbers"),
    ],
)
def test_an_array_of_another_form_is_refused_by_name(tmp_path, content, says):
    arrays = write_arrays(tmp_path / "in", "abdomen")
    np.save(arrays / "abdomen_merged_training_arrays" / "liver_training_array.npy", content)
    with pytest.raises(InputError, match=f"liver_training_array.*{says}"):
        evaluate(arrays, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"model\.json"):
        evaluate(write_arrays(tmp_path / "in", "abdomen"), tmp_path / "out", model=tmp_path)


def test_tables_that_cannot_be_written_are_refused_with_a_sentence(tmp_path):
    arrays = write_arrays(tmp_path / "in", "abdomen")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="choose another"):
        evaluate(arrays, tmp_path / "file" / "below")
