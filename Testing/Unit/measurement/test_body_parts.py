"""The part of the body that a slice shows: by its organs, its neighbours, the scanner's word."""

from __future__ import annotations

from dataclasses import replace

import pytest
from body_part_scans import scan

from CTDoseSegLib.measurement.body_parts import named_parts, parts_of_slices


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("CHEST", ("chest",)),
        ("CHESTABDPELVIS", ("chest", "abdomen", "pelvis")),
        ("ABDOMEN AND PELVIS", ("abdomen", "pelvis")),
        ("TRUNK", ("chest", "abdomen", "pelvis")),
        ("HEADNECK", ("head", "neck")),
        ("C-SPINE", ("neck",)),
        ("KNEE", ()),
        (None, ()),
    ],
)
def test_a_body_part_names_parts(text, parts):
    assert named_parts(text) == parts


def test_a_slice_that_nothing_marks_takes_its_neighbours_part_or_none():
    series, measured = scan({"sacrum": (0, 5), "lung": (30, 35)})
    parts = parts_of_slices(series, measured)
    assert parts[:5] == ("pelvis",) * 5
    assert parts[5:30] == ("abdomen",) * 25  # all that lies between them
    assert parts[30:] == ("chest",) * 10
    series, measured = scan({"lung": (0, 5)})
    parts = parts_of_slices(series, measured)
    assert parts[:15] == ("chest",) * 15  # 50 mm beyond
    assert set(parts[15:]) == {None}
    turned = replace(series, slices=series.slices[::-1])
    assert parts_of_slices(turned, measured)[:15] == parts[:15]
