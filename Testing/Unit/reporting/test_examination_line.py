"""The line of the examination in the terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tiny_analysis import tiny_result

from CTDoseSegLib.dosimetry.examination import Examination, ExaminationEvent
from CTDoseSegLib.reporting.terminal import summary

EVENT = ExaminationEvent(
    number=1,
    kind="spiral",
    target_region="",
    protocol="",
    kvp_kV=120.0,
    ctdivol_mGy=8.0,
    phantom_cm=32,
    dlp_mGy_cm=300.0,
    scanning_length_mm=None,
    range_mm=None,
    in_total=True,
    how="the series measured",
)


@pytest.mark.parametrize(
    ("phantoms", "mixed"), [((32, 32), False), ((32, None), False), ((32, 16), True)]
)
def test_a_stated_dlp_total_over_both_phantoms_is_called_one(phantoms, mixed):
    first, second = (replace(EVENT, phantom_cm=phantom) for phantom in phantoms)
    events = (first, replace(second, number=2, in_total=False))
    examination = Examination(events, (), False, 640.0, "values")
    (line,) = [
        line
        for line in summary(replace(tiny_result(), examination=examination))
        if line.startswith("Examination:")
    ]
    assert "organ doses of 1 of the 2 events in the dose report added up" in line
    assert "; DLP of the whole report 640 mGy cm, as stated" in line
    assert ("both CTDI phantoms" in line) is mixed


def test_where_no_event_counts_nothing_is_said_to_be_added_up():
    examination = Examination((replace(EVENT, in_total=False),), (), False, None, "values")
    (line,) = [
        line
        for line in summary(replace(tiny_result(), examination=examination))
        if line.startswith("Examination:")
    ]
    assert line.endswith("1 events in the dose report; no organ doses to add up")
