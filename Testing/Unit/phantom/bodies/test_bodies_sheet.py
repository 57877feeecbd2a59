"""What stands on the page of 24 bodies beside the pictures: window, sides and scale."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

Image = pytest.importorskip("PIL.Image")
ImageDraw = pytest.importorskip("PIL.ImageDraw")

PATH = Path(__file__).resolve().parents[3] / "Bodies" / "bodies_sheet.py"


@pytest.fixture(scope="module")
def sheet():
    spec = importlib.util.spec_from_file_location("bodies_sheet", PATH)
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module


def test_a_caption_names_the_window_and_fits_beside_the_axial_planes(sheet):
    for entry in sheet.BODIES:
        lines = sheet.caption(entry)
        assert lines[-1] == "-200 to 260 HU"
        # Letters of Pillow's own font are 6 pixels wide; axial planes begin at 238.
        assert max(map(len, lines)) * 6 < 260


@pytest.mark.parametrize("mm", [1.2, 2.0, 4.4])
@pytest.mark.parametrize("axial_mm", [1.0, 3.4, 5.0])
def test_scale_bars_have_the_length_that_they_state(sheet, mm, axial_mm):
    page = Image.new("L", (sheet.CELL[1], sheet.CELL[0]))
    sheet.mark(ImageDraw.Draw(page), (0, 0), mm, axial_mm)
    row = np.asarray(page)[sheet.BAR_Y]
    for columns, size in ((slice(4, 90), mm), (slice(240, 328), axial_mm)):
        lit = np.flatnonzero(row[columns] == 255)
        drawn = np.flatnonzero(np.diff(lit, append=999) > 1)[0] + 1  # before the words
        length = sheet.bar_mm(size)
        assert drawn * size == pytest.approx(length, abs=1.6 * size)
        assert 8 <= drawn <= sheet.LONGEST_BAR + 2


def test_both_sides_are_named_above_the_planes(sheet):
    page = Image.new("L", (sheet.CELL[1], sheet.CELL[0]))
    sheet.mark(ImageDraw.Draw(page), (0, 0), 4.0, 3.0)
    top = np.asarray(page)[:14] > 100
    marks = [(0, 12), (139, 150), (150, 162), (225, 236), (238, 249), (327, 338)]
    assert all(top[:, low:high].any() for low, high in marks)
