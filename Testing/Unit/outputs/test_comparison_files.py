"""The command `compare`: what it prints and writes of two stored results."""

from __future__ import annotations

import json
from dataclasses import replace

import command_run
import pytest
from tiny_analysis import organ_dose, tiny_result

from CTDoseSegLib.cli.command_line import main
from CTDoseSegLib.reporting.comparison import signed


def store(folder, *organs, **changes):
    folder.mkdir()
    result = replace(tiny_result(organs=organs), **changes)
    (folder / "result.json").write_text(json.dumps(result.to_json()), encoding="utf-8")
    return folder


@pytest.fixture
def stored(tmp_path):
    """Two results: the lung's dose is 2 mGy higher in B, and B alone has the liver."""
    a = store(tmp_path / "a", organ_dose("lung", 10.0), organ_dose("heart", None))
    lung, liver = organ_dose("lung", 12.0), replace(organ_dose("liver", 3.0), region="=1+1")
    return a, store(tmp_path / "b", lung, liver)


def test_the_differences_are_printed(stored, capsys):
    assert main(["compare", *map(str, stored)]) == 0
    lines = capsys.readouterr().out.splitlines()
    lung = next(line for line in lines if "Lung" in line)
    assert [cell for cell in lung.split() if cell[0].isdigit() or cell[0] in "+-"][:4] == [
        *("10.0", "12.0", "+2.00", "+20.0")
    ]
    assert any(line.startswith("SSDE, mean:") for line in lines)
    assert not any("Heart" in line for line in lines)
    assert any("not for clinical use" in line for line in lines)


def test_the_files_hold_every_organ_and_slice(stored, tmp_path):
    output = tmp_path / "out"
    arguments = [*map(str, stored), "--output", str(output), "--events", "none"]
    assert main(["compare", *arguments]) == 0
    assert {path.name for path in output.iterdir()} == {
        *("comparison.csv", "comparison_slices.csv", "comparison.png")
    }
    rows = {row["name"]: row for row in command_run.rows(output / "comparison.csv")}
    assert rows["lung"]["difference"] == "2"
    assert rows["lung"]["ratio"] == "1.2"
    assert rows["liver"]["a"] == ""
    assert rows["liver"]["flags"] == "compared_in_one"
    assert rows["wed_mm"]["difference"] == "0"
    slices = command_run.rows(output / "comparison_slices.csv")
    assert [row["slice_index_b"] for row in slices] == ["0", "1", "2", "3"]


def test_no_cell_is_run_as_a_formula(stored, tmp_path):
    output = tmp_path / "out"
    arguments = [*map(str, stored), "--output", str(output), "--events", "none"]
    assert main(["compare", *arguments]) == 0
    rows = {row["name"]: row for row in command_run.rows(output / "comparison.csv")}
    assert rows["liver"]["region"] == "'=1+1"


def test_a_result_that_cannot_be_read_is_named(stored, tmp_path, capsys):
    newer = json.loads((stored[1] / "result.json").read_text(encoding="utf-8"))
    newer["schema_version"] = "9.0"
    (stored[1] / "result.json").write_text(json.dumps(newer), encoding="utf-8")
    assert main(["compare", *map(str, stored), "--output", str(tmp_path / "out")]) == 3
    assert capsys.readouterr().err.startswith("ctdoseseg: B: result.json has the schema version")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("value", "text"), [(2.0, "+2.00"), (-150.0, "-150"), (-1e-9, "0"), (None, "-")]
)
def test_a_difference_has_its_sign(value, text):
    assert signed(value) == text
