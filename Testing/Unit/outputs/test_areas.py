"""Areas of labels: pixels times spacing, with mean and standard deviation."""

from __future__ import annotations

import csv
from decimal import Decimal

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


def test_areas_in_the_file_are_pixels_times_spacing_to_a_millionth_of_a_mm2(tmp_path):
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
    exact = np.array([16 * PIXEL_MM2, 15 * PIXEL_MM2, 0.0])
    written = [float(row[2]) for row in rows[1:]]
    assert np.allclose(written[:3], exact, rtol=0, atol=1e-6)
    assert np.allclose(written[3:], (exact.mean(), exact.std(ddof=1)), rtol=0, atol=1e-6)
    assert all(len(cell.partition(".")[2]) <= 6 for row in rows[1:] for cell in row[2:])


def test_an_area_has_no_digits_that_only_binary_numbers_have(tmp_path):
    counts = (100, 5300, 8600)
    labels = np.zeros((len(counts), 100, 100), np.uint8)
    for image, count in zip(labels, counts, strict=True):
        image.flat[:count] = 1
    path = AreaTable.of(labels, ("fat",), 0.82**2).write(tmp_path / "areas.csv")
    cells = [line.split(",")[2] for line in path.read_text().splitlines()[1:4]]
    assert cells == [str((count * Decimal("0.82") ** 2).normalize()) for count in counts]


def test_slices_without_a_label_count_as_zero_in_its_mean_and_deviation():
    areas = np.array([0, 8, 0]) * PIXEL_MM2
    fat = table().only(("fat",))
    assert fat.names == ("fat",)
    assert fat.instances == (3, None, 1)
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
