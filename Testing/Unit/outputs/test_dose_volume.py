"""`dose_volume.csv`: which part of an organ gets at least which dose."""

from __future__ import annotations

from dataclasses import replace

import command_run
import numpy as np
import pytest
from tiny_analysis import AFFINE, organ_dose, tiny_analysis

from CTDoseSegLib import write_result
from CTDoseSegLib.dosimetry.dose_map import DoseMap


def rows_of(folder, noise=0.1):
    """Of a lung of which half gets 10 mGy and half 20 mGy, and a liver that gets 12 mGy."""
    organs = (organ_dose("lung", 15.0), organ_dose("liver", 12.0), organ_dose("red_marrow", 9.0))
    analysis = tiny_analysis(organs=organs)
    dose = np.full(analysis.labelmap.labels.shape, 12.0, np.float32)
    dose[:, :, 20:23], dose[:, :, 23:26] = 10.0, 20.0
    dose_map = DoseMap(dose, AFFINE, np.full_like(dose, noise), 1000)
    doses = replace(analysis.doses, dose_map=dose_map)
    written = write_result(replace(analysis, doses=doses), folder)
    assert folder / "dose_volume.csv" in written
    return command_run.rows(folder / "dose_volume.csv")


def percents(rows, organ):
    return {float(r["dose_mGy"]): float(r["volume_percent"]) for r in rows if r["organ"] == organ}


def test_every_organ_that_is_drawn_and_has_a_dose_has_its_histogram(tmp_path):
    rows = rows_of(tmp_path)
    assert {row["organ"] for row in rows} == {"lung", "liver"}
    lung, liver = percents(rows, "lung"), percents(rows, "liver")
    # 0.2 mGy is the round number next below a hundredth of 20 mGy.
    assert [lung[dose] for dose in (0.0, 10.0, 10.2, 20.0, 20.2)] == [100, 100, 50, 50, 0]
    assert [liver[dose] for dose in (0.0, 12.0, 12.2)] == [100, 100, 0]
    assert max(liver) == pytest.approx(12.2)


def test_the_rows_of_an_organ_say_how_much_is_noise(tmp_path):
    rows = rows_of(tmp_path, noise=0.1)
    assert {row["noise_sd_mGy"] for row in rows} == {"0.1"}
    # All of the liver has one dose: what noise there is makes all of a width.
    assert {row["flags"] for row in rows if row["organ"] == "lung"} == {""}
    assert {row["flags"] for row in rows if row["organ"] == "liver"} == {"dose_volume_noise"}


def test_without_a_map_there_is_no_histogram_and_an_old_one_goes(tmp_path):
    rows_of(tmp_path)
    written = write_result(tiny_analysis(), tmp_path)
    assert "dose_volume.csv" not in {path.name for path in written}
    assert not (tmp_path / "dose_volume.csv").exists()
