"""Values of a dose report: units, and what cannot be trusted."""

from __future__ import annotations

import pytest
from dose_reports import event, number, report
from dose_scans import codes
from read_reports import only

from CTDoseSegLib.flags import FLAGS
from CTDoseSegLib.reading.dose_report_file import read_dose_report

pytestmark = pytest.mark.slow


def test_top_and_bottom_may_be_swapped(tmp_path):
    assert only(tmp_path, top=-100, bottom=220, frame="1.2").scan_range_mm == (-100, 220)


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"dlp": [256, "mGycm"]}, "dlp_mGy_cm", 256),
        ({"dlp": [0.256, "Gy.cm"]}, "dlp_mGy_cm", 256),
        ({"current": [200000, "uA"]}, "tube_current_mA", 200),
        ({"rotation": [500, "ms"]}, "rotation_time_s", 0.5),
        ({"length": [32, "cm"]}, "scanning_length_mm", 320),
        ({"ctdivol": [0.8, "cGy"]}, "ctdivol_mGy", 8),
        ({"kvp": [120000, "V"]}, "kvp_kV", 120),
        ({"pitch": [1.2, "1"]}, "pitch", 1.2),
        ({"top": 10, "bottom": -300, "ssde": 11.5}, "ssde_mGy", 11.5),
    ],
)
def test_units_are_converted_by_their_ucum_codes(changes, field, value, tmp_path):
    only_event = only(tmp_path, **changes)
    assert getattr(only_event, field) == pytest.approx(value)
    assert only_event.flags == ()


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"ctdivol": [8, "mg"]}, "ctdivol_mGy", "rdsr_unit"),
        ({"dlp": [256, "mGy"]}, "dlp_mGy_cm", "rdsr_unit"),
        ({"dlp": [256, ""]}, "dlp_mGy_cm", "rdsr_unit"),
        ({"current": [200, "s"]}, "tube_current_mA", "rdsr_unit"),
        ({"ctdivol": "eight"}, "ctdivol_mGy", "rdsr_not_a_number"),
        ({"ctdivol": "nan"}, "ctdivol_mGy", "rdsr_not_a_number"),
        ({"ctdivol": (8, 9)}, "ctdivol_mGy", "rdsr_several_values"),
        ({"ctdivol": -8}, "ctdivol_mGy", "rdsr_impossible"),
        ({"kvp": 12}, "kvp_kV", "rdsr_impossible"),
        ({"rotation": 8}, "rotation_time_s", "rdsr_impossible"),
        ({"length": 32000}, "scanning_length_mm", "rdsr_impossible"),
        ({"ctdivol": 0}, "ctdivol_mGy", "rdsr_no_ctdivol"),
        ({"ctdivol": None}, "ctdivol_mGy", "rdsr_no_ctdivol"),
        ({"phantom": None}, "phantom_cm", "rdsr_no_phantom"),
        ({"phantom": ("113690", "113691")}, "phantom_cm", "rdsr_no_phantom"),
        ({"phantom": "113699"}, "phantom_cm", "rdsr_no_phantom"),
    ],
)
def test_a_value_that_cannot_be_trusted_is_left_out_and_flagged(changes, field, code, tmp_path):
    only_event = only(tmp_path, **changes)
    assert getattr(only_event, field) is None
    assert code in codes(only_event.flags) <= FLAGS.keys()
    assert only_event.dlp_mGy_cm == 256 or "dlp" in changes
    # "There is none" would be false of a value that is there.
    assert ("rdsr_no_ctdivol" in codes(only_event.flags)) is (code == "rdsr_no_ctdivol")


def measured_values(node, concept) -> list:
    """The measured values of every item with this name."""
    values = []
    for child in node.get("ContentSequence", ()):
        if child.ConceptNameCodeSequence[0].CodeValue == concept:
            values += child.MeasuredValueSequence
        values += measured_values(child, concept)
    return values


@pytest.mark.parametrize("concept", ["113830", "113838", "113734"])
@pytest.mark.parametrize("left", ["", None])
def test_a_floating_point_value_stands_in_for_an_empty_decimal_string(concept, left, tmp_path):
    data = report(event())
    for one in measured_values(data, concept):
        one.FloatingPointValue = float(one.NumericValue) + 0.125
        if left is None:
            del one.NumericValue
        else:
            one.NumericValue = left
    data.save_as(tmp_path / "report.dcm", enforce_file_format=True)
    (read_event,) = read_dose_report(tmp_path / "report.dcm").events
    plain = only(tmp_path)
    changed = [
        name
        for name in ("ctdivol_mGy", "dlp_mGy_cm", "tube_current_mA")
        if getattr(read_event, name) == getattr(plain, name) + 0.125
    ]
    names = {"113830": "ctdivol_mGy", "113838": "dlp_mGy_cm", "113734": "tube_current_mA"}
    assert changed == [names[concept]]
    assert read_event.flags == ()


def test_a_decimal_comma_is_a_decimal_point(tmp_path):
    assert only(tmp_path, ctdivol="6,14").ctdivol_mGy == 6.14
    # Three digits behind it could be thousands.
    assert codes(only(tmp_path, ctdivol="6,144").flags) == {"rdsr_not_a_number"}


def test_the_same_value_twice_is_one_value(tmp_path):
    assert only(tmp_path, ctdivol=(8, 8)).ctdivol_mGy == 8


def test_a_localizer_needs_no_ctdivol(tmp_path):
    only_event = only(tmp_path, kind="localizer", ctdivol=None, dlp=None, phantom=None)
    assert (only_event.kind, only_event.ctdivol_mGy, only_event.flags) == ("localizer", None, ())


def test_a_number_in_another_coding_scheme_is_not_taken(tmp_path):
    data = report(event(ctdivol=None))
    dose = data.ContentSequence[1].ContentSequence[4]
    foreign = number("113830", 8, "mGy")
    foreign.ConceptNameCodeSequence[0].CodingSchemeDesignator = "99X"
    dose.ContentSequence.append(foreign)
    data.save_as(tmp_path / "report.dcm", enforce_file_format=True)
    assert read_dose_report(tmp_path / "report.dcm").events[0].ctdivol_mGy is None
