"""Areas of labels: pixels times spacing, with mean and standard deviation."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from CTDoseSegLib.outputs.areas import AreaTable

PIXEL_MM2 = 0.7421875**2


def table() -> AreaTable:
    labels = np.zeros((3, 8, 8), np.uint8)
    labels[0, :2] = 1
    labels[1, :3, :5] = 1
    labels[1, 5] = 2
    return AreaTable.of(labels, ("muscle", "fat"), PIXEL_MM2, (3, None, 1))


def test_areas_in_the_file_have_all_their_digits(tmp_path):
    with table().write(tmp_path / "areas.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["slice_index", "instance_number", "muscle_mm2", "fat_mm2"]
    assert [row[:2] for row in rows[1:]] == [
        ["0", "3"],
        ["1", ""],
        ["2", "1"],
        ["mean", ""],
        ["sd", ""],
    ]
    assert [float(row[2]) for row in rows[1:4]] == [16 * PIXEL_MM2, 15 * PIXEL_MM2, 0.0]


def test_slices_without_a_label_count_as_zero_in_its_mean_and_deviation():
    areas = np.array([0, 8, 0]) * PIXEL_MM2
    fat = table().only(("fat",))
    assert fat.names == ("fat",)
    assert np.allclose(fat.mean_mm2, areas.mean())
    assert np.allclose(fat.sd_mm2, areas.std(ddof=1))


@pytest.mark.parametrize("name", ["=HYPERLINK(A1)", "+1", "-1", "@SUM(A1)"])
def test_no_name_of_a_label_is_run_as_a_formula(tmp_path, name):
    table = AreaTable.of(np.ones((1, 2, 2), np.uint8), (name,), 1.0)
    with table.write(tmp_path / "areas.csv").open(encoding="utf-8", newline="") as stream:
        header = next(csv.reader(stream))
    assert header[2] == f"'{name}_mm2"


def test_a_single_slice_has_no_deviation(tmp_path):
    one = AreaTable.of(np.ones((1, 2, 2), np.uint8), ("fat",), 1.0)
    assert np.isnan(one.sd_mm2).all()
    assert one.write(tmp_path / "areas.csv").read_text().splitlines()[-1] == "sd,,"
