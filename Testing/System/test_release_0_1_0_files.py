"""What release 0.1.0 wrote is still read, or refused with one sentence (Data/release_0_1_0)."""

from __future__ import annotations

import json
import math
import shutil
import zipfile
from pathlib import Path

import pytest
from command_run import assert_refused, rows, run

RELEASE = Path(__file__).resolve().parents[1] / "Data" / "release_0_1_0"
RESULT, BATCH, STAGED = RELEASE / "result", RELEASE / "batch", RELEASE / "handover"
PROFILE = RELEASE / "scanner_profile.json"


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive")
    with zipfile.ZipFile(RELEASE / "archive.zip") as packed:
        packed.extractall(folder)
    return folder


# Release 0.1.0 had another dose model: doses are held against its own total intervals instead.
DOSES = {"dose_mGy", "dose_slice_mean_mGy", "whole_organ_dose_mGy", "examination_dose_mGy"}
INTERVAL = ("low_mGy", "high_mGy")


@pytest.fixture(scope="module")
def analysed(archive, tmp_path_factory):
    """The result's own CT again, with its label map and its scanner profile."""
    output = tmp_path_factory.mktemp("again") / "output"
    segmentation = RESULT / "segmentation.nii.gz"
    options = ("--segmentation", segmentation, "--scanner-profile", PROFILE)
    done = run("analyze", archive / "phantom_0", *options, "--output", output)
    assert done.returncode == 0, done.stderr
    return output


def numbers(path: Path) -> list[dict[str, float]]:
    """The cells of a table that are numbers, by column; NaN where a cell is empty."""
    return [numerical(row) for row in rows(path)]


def numerical(row: dict[str, str]) -> dict[str, float]:
    return {name: number(cell) for name, cell in row.items()}


def place(row: dict[str, str]) -> tuple[str, int]:
    """What a row of any of the tables is of."""
    return row.get("organ", ""), int(row.get("slice_index", 0))


def number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


@pytest.mark.parametrize("table", ["organ_doses.csv", "organ_slices.csv", "slices.csv"])
def test_sizes_and_hu_of_a_result_come_out_again_with_the_same_numbers(analysed, table):
    again = {place(row): numerical(row) for row in rows(analysed / table)}
    for row in rows(RESULT / table):
        kept = {
            name: value
            for name, value in numerical(row).items()
            if name not in DOSES and not name.endswith(INTERVAL)
        }
        found = {name: again[place(row)][name] for name in kept}
        assert found == pytest.approx(kept, rel=2e-3, nan_ok=True), place(row)


def test_doses_of_a_result_come_out_again_within_its_own_intervals(analysed):
    again = {row["organ"]: numerical(row) for row in rows(analysed / "organ_doses.csv")}
    earlier = [row for row in rows(RESULT / "organ_doses.csv") if row["dose_mGy"]]
    assert len(earlier) > 20
    for row in earlier:
        low, high = (number(row[f"total_{end}_mGy"]) for end in ("low", "high"))
        assert low < again[row["organ"]]["dose_mGy"] < high, row["organ"]


def test_the_doses_of_result_json_are_those_of_its_table():
    organs = json.loads((RESULT / "result.json").read_text(encoding="utf-8"))["organs"]
    table = numbers(RESULT / "organ_doses.csv")
    stated = [math.nan if o["dose_mGy"] is None else o["dose_mGy"] for o in organs]
    assert [row["dose_mGy"] for row in table] == pytest.approx(stated, rel=1e-5, nan_ok=True)


def test_the_scanner_profile_corrects_ctdivol(archive, analysed, tmp_path):
    plain = ("--engine", "classical", "--output", tmp_path / "plain")
    assert run("analyze", archive / "phantom_0", *plain).returncode == 0
    displayed = [row["ctdivol_mGy"] for row in numbers(tmp_path / "plain" / "slices.csv")]
    corrected = [row["ctdivol_mGy"] for row in numbers(analysed / "slices.csv")]
    ratio = json.loads(PROFILE.read_text())["ctdivol_check_ratio"]
    assert corrected == pytest.approx([ratio * value for value in displayed], rel=1e-5)


def test_a_trained_network_segments(tmp_path):
    pytest.importorskip("torch", reason="the UNet needs torch")
    pytest.importorskip("safetensors", reason="the UNet needs safetensors")
    network = ("--engine", "unet", "--unet", RELEASE / "unet")
    done = run("segment", STAGED / "volume.npy", *network, "--output", tmp_path / "output")
    assert done.returncode == 0, done.stderr
    assert "body_rest" in {row["name"] for row in rows(tmp_path / "output" / "labels.csv")}


def test_a_half_done_batch_goes_on_or_is_refused_untouched(archive, tmp_path):
    output = shutil.copytree(BATCH, tmp_path / "batch")
    (finished,) = output.glob("studies/*/result.json")
    before = finished.read_bytes()
    done = run("batch", archive, "--output", output, "--engine", "classical", "--workers", "1")
    assert finished.read_bytes() == before
    if done.returncode:
        assert_refused(done, "0.1.0")
        assert list(output.glob("studies/*")) == [finished.parent]
    else:
        assert len(list(output.glob("studies/*/result.json"))) == 3
        assert len(rows(output / "exams.csv")) == 3
        assert not rows(output / "failures.csv")


def test_a_handover_is_analysed_or_refused(tmp_path):
    given = STAGED / "given" / "segmentation.nii.gz"
    output = tmp_path / "output"
    done = run("analyze", STAGED / "volume.npy", "--segmentation", given, "--output", output)
    if done.returncode:
        assert_refused(done)
        assert not output.exists()
        return
    before = json.loads((RELEASE / "scene_doses.json").read_text())["before_mGy"]
    table = {row["organ"]: numerical(row) for row in rows(output / "organ_doses.csv")}
    for organ, dose in before.items():
        assert table[organ]["total_low_mGy"] < dose < table[organ]["total_high_mGy"], organ
