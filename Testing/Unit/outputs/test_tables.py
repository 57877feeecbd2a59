"""Tables and label map files, and all that is written of an analysis."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from tiny_analysis import AFFINE, organ_dose, tiny_analysis, tiny_labelmap, tiny_result

from CTDoseSegLib.outputs.tables import cell, write_labelmap, write_tables
from CTDoseSegLib.result import Result
from CTDoseSegLib.result_folder import write_result
from CTDoseSegLib.segmentation.labelmap import Atom
from CTDoseSegLib.tasks.progress import Collected

PROMISED = {
    "slices.csv": "slice_index,z_mm,slice_location_mm,tube_current_mA,ctdivol_mGy,body_area_mm2,"
    "body_mean_hu,wed_mm,truncated_fraction,wed_corrected_mm,ssde_mGy,flags",
    "organ_slices.csv": "organ,region,slice_index,area_mm2,mean_hu,sd_hu,dose_mGy",
    "organ_doses.csv": "organ,region,dose_mGy,model_low_mGy,model_high_mGy,total_low_mGy,"
    "total_high_mGy,dose_slice_mean_mGy,volume_ml,n_slices,coverage,flags,route,"
    "whole_organ_dose_mGy,whole_organ_low_mGy,whole_organ_high_mGy",
    "labels.csv": "value,name,snomed_code,color",
    "groups.csv": "group,atom",
}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    analysis = tiny_analysis()
    write_tables(Result.of(analysis), folder)
    write_labelmap(analysis.labelmap, folder)
    return analysis, folder


@pytest.mark.parametrize("name", PROMISED)
def test_each_table_begins_with_the_promised_columns(written, name):
    header = (written[1] / name).read_bytes().split(b"\n")[0].decode()
    assert header == PROMISED[name] or header.startswith(PROMISED[name] + ",")


def test_a_slice_has_one_row_and_empty_cells_where_nothing_is_known(written):
    analysis, folder = written
    table = rows(folder / "slices.csv")
    assert [row["slice_index"] for row in table] == ["0", "1", "2", "3"]
    assert [row["tube_current_mA"] for row in table] == ["200", "201", "202", ""]
    assert [row["slice_location_mm"] for row in table] == ["-12.5", "", "", ""]
    assert float(table[2]["wed_mm"]) == pytest.approx(analysis.size.wed_mm[2], rel=1e-5)
    assert float(table[2]["ssde_mGy"]) == pytest.approx(analysis.ssde.ssde_mGy[2], rel=1e-5)


def test_an_organ_has_a_row_for_each_slice_that_it_is_on(written):
    table = rows(written[1] / "organ_slices.csv")
    lung = [row for row in table if row["organ"] == "lung"]
    assert [row["slice_index"] for row in lung] == ["1", "2", "3"]
    assert {row["area_mm2"] for row in lung} == {str(36 * 64)}
    assert {row["dose_mGy"] for row in lung} == {"10.1235"}
    liver = [row for row in table if row["organ"] == "liver"]
    assert len(liver) == 4
    assert {row["dose_mGy"] for row in liver} == {""}


def test_a_refused_organ_keeps_its_row_with_the_reason(written):
    lung, liver = rows(written[1] / "organ_doses.csv")
    assert lung["dose_mGy"] == "10.1235"
    assert lung["flags"] == "organ_cut"
    assert (liver["dose_mGy"], liver["total_high_mGy"], liver["coverage"]) == ("", "", "")
    assert liver["flags"] == "too_large"


def test_the_completed_organs_dose_stands_beside_that_of_the_seen_part(tmp_path):
    whole = {"whole_organ_dose_mGy": 8.0, "whole_organ_low_mGy": 5.5, "whole_organ_high_mGy": 12.0}
    result = tiny_result(
        organs=(replace(organ_dose("lung", 10.0), **whole), organ_dose("liver", 9.0))
    )
    write_tables(result, tmp_path)
    lung, liver = rows(tmp_path / "organ_doses.csv")
    assert [lung[name] for name in whole] == ["8", "5.5", "12"]
    assert [liver[name] for name in whole] == ["", "", ""]
    assert (lung["dose_mGy"], lung["route"]) == ("10", "ctdivol")


def test_an_organ_with_models_of_two_regions_has_rows_for_both(tmp_path):
    chest = organ_dose("liver", 9.0)
    result = tiny_result(organs=(chest, replace(chest, region="abdomen")))
    write_tables(result, tmp_path)
    table = [row for row in rows(tmp_path / "organ_slices.csv") if row["organ"] == "liver"]
    assert [row["region"] for row in table] == ["chest"] * 4 + ["abdomen"] * 4


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (float("nan"), ""),
        (float("inf"), ""),
        (np.float32("nan"), ""),
        (np.int64(7), "7"),
        (True, "1"),
        (-0.0, "0"),
        (-12.5, "-12.5"),
        (1 / 3, "0.333333"),
        (np.float32(0.1), "0.1"),
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("liver = good", "liver = good"),
    ],
)
def test_a_cell_is_short_empty_or_harmless(value, text):
    assert cell(value) == text


def test_tables_are_utf8_with_line_feeds_and_quoted_where_needed(tmp_path):
    labelmap = tiny_labelmap()
    atom = Atom(9, 'Läber, "=1"\n', "", "#ffffff", "=evil()")
    labelmap = replace(labelmap, atoms=(*labelmap.atoms, atom))
    write_labelmap(labelmap, tmp_path)
    content = (tmp_path / "labels.csv").read_bytes()
    assert b"\r" not in content
    assert rows(tmp_path / "labels.csv")[-1]["name"] == atom.name
    assert rows(tmp_path / "labels.csv")[-1]["origin"] == "'=evil()"


def test_the_label_map_comes_back_on_the_same_grid(written):
    image = nibabel.load(written[1] / "segmentation.nii.gz")
    np.testing.assert_allclose(image.affine, AFFINE, atol=1e-5)
    np.testing.assert_array_equal(np.asarray(image.dataobj).T, tiny_labelmap().labels)
    groups = {(row["group"], row["atom"]) for row in rows(written[1] / "groups.csv")}
    assert ("lung", "lung_left") in groups


def test_an_analysis_is_written_with_all_promised_files(tmp_path):
    progress = Collected()
    names = {path.name for path in write_result(tiny_analysis(), tmp_path / "out", progress)}
    assert names == {
        *PROMISED,
        "segmentation.nii.gz",
        "result.json",
        "wed.png",
        "organ_doses.png",
        "overlay.png",
        "hu_histogram.png",
    }
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    assert progress.log[-1]["fraction"] == 1.0


def test_no_file_name_or_series_identity_reaches_a_result(tmp_path):
    write_result(tiny_analysis(), tmp_path)
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        assert b"Doe" not in content, path.name
        assert b"680043" not in content, path.name
