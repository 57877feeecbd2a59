"""Dose reports and the examination's total (reading/, dosimetry/examination.py)."""

from .entry import Entry

_LEFT_OUT = "It was left out; compare with the scanner's dose page."

FLAGS = {
    "rdsr_unit": Entry(
        "warning",
        "A value of the dose report has a unit that is not known",
        _LEFT_OUT,
        cause="dose_report_values",
    ),
    "rdsr_not_a_number": Entry(
        "warning",
        "A value of the dose report is not a number",
        _LEFT_OUT,
        cause="dose_report_values",
    ),
    "rdsr_several_values": Entry(
        "warning",
        "The dose report states several values where there is one",
        "None was taken; compare with the scanner's dose page.",
        cause="dose_report_values",
    ),
    "rdsr_impossible": Entry(
        "warning",
        "The dose report states an impossible value",
        _LEFT_OUT,
        cause="dose_report_values",
    ),
    "rdsr_no_ctdivol": Entry(
        "warning",
        "The dose report gives no CTDIvol above zero for an event",
        "Look it up on the dose page.",
        cause="examination_incomplete",
        consequence="the examination's total is too low by its dose",
    ),
    "rdsr_no_phantom": Entry(
        "warning",
        "The dose report gives CTDIvol without its phantom",
        "Look it up on the dose page.",
        cause="examination_incomplete",
    ),
    "rdsr_events_missing": Entry(
        "warning",
        "The dose report holds fewer events than it states",
        "Look for its other parts.",
        cause="examination_incomplete",
        consequence="the examination's total is too low",
    ),
    "rdsr_total_differs": Entry(
        "info",
        "The DLP total of the dose report is not the sum of its events",
        "Both are kept; the total may include events of other reports.",
    ),
    "other_exposures": Entry(
        "info",
        "The folder holds other exposures than that of the series measured",
        mends=("dose_report",),
        consequence="their dose is not in this result",
    ),
    "rdsr_unreadable": Entry(
        "warning",
        "A dose report in the folder cannot be read",
        "Nothing was taken from it.",
        mends=("dose_report",),
        cause="dose_report_unused",
    ),
    "rdsr_no_match": Entry(
        "warning",
        "No event of the dose report is that of these images",
        "Nothing was taken from it; check that it belongs to this series.",
        cause="dose_report_unused",
    ),
    "rdsr_by_values": Entry(
        "info",
        "The images do not name their event in the dose report",
        "It was found by what both state; check that it is the right one.",
        cause="dose_report_match",
    ),
    "rdsr_only_event": Entry(
        "warning",
        "Nothing in the images tells which event of the dose report is theirs",
        "Its only tomographic event was taken, because you gave the report with them.",
        cause="dose_report_match",
    ),
    "rdsr_disagrees": Entry(
        "warning",
        "Images and dose report disagree",
        "The images' values were used.",
        mends=("ctdivol_mGy", "phantom_cm", "kvp_kV", "tube_current_mA"),
    ),
    "rdsr_range_elsewhere": Entry(
        "warning",
        "The z range in the dose report does not contain the images",
        "It was not used, and no other event of the report was placed by its z range.",
        mends=("irradiated_range_mm",),
        cause="irradiated_range",
    ),
    "rdsr_current_mean": Entry(
        "info",
        "The tube current of every slice is the dose report's mean",
        "With tube-current modulation it was not the same everywhere.",
        mends=("tube_current_mA",),
        cause="tube_current",
    ),
    "examination_incomplete": Entry(
        "warning",
        "The examination's total lacks events",
        "The list of events says why each was left out.",
        cause="examination_incomplete",
        consequence="the examination's total is too low",
    ),
    "examination_without_localizers": Entry(
        "info",
        "The examination's total is without the localizers",
        "Their dose is small against that of the scans, and CTDIvol does not describe it.",
    ),
    "examination_not_given": Entry(
        "info",
        "No total of the examination is given",
        "The series' own doses stand as they are.",
        mends=("dose_model",),
    ),
}
