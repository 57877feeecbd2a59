"""The workbook: the tables' numbers as numbers, a legend, and no formula of others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny_analysis import organ_dose, tiny_result

openpyxl = pytest.importorskip("openpyxl", reason="a workbook needs openpyxl")

from CTDoseSegLib.outputs.tables import ORGAN_DOSE_COLUMNS, SLICE_COLUMNS  # noqa: E402
from CTDoseSegLib.outputs.workbook import write_workbook  # noqa: E402


def sheet(path, name):
    book = openpyxl.load_workbook(path)
    rows = list(book[name].iter_rows(values_only=True))
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def test_sheets_hold_the_numbers_of_the_result(tmp_path):
    result = tiny_result()
    path = write_workbook(result, tmp_path / "t.xlsx")
    lung = sheet(path, "organ_doses")[0]
    assert lung["organ"] == "lung"
    assert lung["dose_mGy"] == result.dose_of("lung").dose_mGy
    assert [row["wed_mm"] for row in sheet(path, "slices")] == pytest.approx(result.slices.wed_mm)
    areas = [row["area_mm2"] for row in sheet(path, "organ_slices") if row["organ"] == "liver"]
    np.testing.assert_allclose(areas, result.structures["liver"].area_mm2)


def test_what_is_not_known_is_an_empty_cell(tmp_path):
    path = write_workbook(tiny_result(), tmp_path / "t.xlsx")
    assert sheet(path, "organ_doses")[1]["dose_mGy"] is None
    assert sheet(path, "slices")[-1]["tube_current_mA"] is None


def test_the_legend_states_unit_and_meaning_of_every_column(tmp_path):
    path = write_workbook(tiny_result(), tmp_path / "t.xlsx")
    legend = {(row["sheet"], row["column"]): row for row in sheet(path, "legend") if row["sheet"]}
    for name, columns in (("organ_doses", ORGAN_DOSE_COLUMNS), ("slices", SLICE_COLUMNS)):
        for column in columns:
            assert legend[name, column]["meaning"], column
    assert legend["slices", "wed_mm"]["unit"] == "mm"
    assert legend["organ_doses", "dose_mGy"]["unit"] == "mGy"


def test_a_name_that_a_spreadsheet_would_run_is_disarmed(tmp_path):
    hostile = replace(organ_dose("lung", 1.0), organ="=1+1")
    path = write_workbook(tiny_result(organs=(hostile,)), tmp_path / "t.xlsx")
    cell = openpyxl.load_workbook(path)["organ_doses"]["A2"]
    assert (cell.data_type, cell.value) == ("s", "'=1+1")
