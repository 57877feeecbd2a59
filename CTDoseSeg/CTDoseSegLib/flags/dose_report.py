"""Dose reports and the examination's total (ct/dose_report.py, dosimetry/examination.py)."""

FLAGS = {
    "rdsr_unit": (
        "warning",
        "A value of the dose report has a unit that is not known",
        "It was left out; compare with the scanner's dose page.",
    ),
    "rdsr_not_a_number": (
        "warning",
        "A value of the dose report is no number",
        "It was left out; export the report again.",
    ),
    "rdsr_several_values": (
        "warning",
        "The dose report states several values where there is one",
        "None was taken; compare with the scanner's dose page.",
    ),
    "rdsr_impossible": (
        "warning",
        "The dose report states an impossible value",
        "It was left out; compare with the scanner's dose page.",
    ),
    "rdsr_no_ctdivol": (
        "warning",
        "The dose report gives no CTDIvol above zero for an event",
        "It does not count in the examination's total; look it up on the dose page.",
    ),
    "rdsr_no_phantom": (
        "warning",
        "The dose report gives CTDIvol without its phantom",
        "Look it up on the dose page.",
    ),
    "rdsr_events_missing": (
        "warning",
        "The dose report holds fewer events than it states",
        "The examination's total is too low; export the report again.",
    ),
    "rdsr_total_differs": (
        "info",
        "The DLP total of the dose report is not the sum of its events",
        "Both are kept; the total may include events of other reports.",
    ),
    "other_exposures": (
        "info",
        "The folder holds other exposures than that of the series measured",
        "Their dose is not in this result; give the dose report for the examination's total.",
    ),
    "rdsr_unreadable": (
        "warning",
        "A dose report in the folder cannot be read",
        "Export it again; nothing was taken from it.",
    ),
    "rdsr_no_match": (
        "warning",
        "No event of the dose report is that of these images",
        "Nothing was taken from it; check that it belongs to this series.",
    ),
    "rdsr_by_values": (
        "info",
        "The images do not name their event in the dose report",
        "It was found by what both state; check that it is the right one.",
    ),
    "rdsr_only_event": (
        "warning",
        "The images say nothing that tells their event in the dose report",
        "Its only tomographic event was taken, because you gave the report with them.",
    ),
    "rdsr_disagrees": (
        "warning",
        "Images and dose report disagree",
        "The images' values were used; type the right ones in --acquisition.",
    ),
    "rdsr_range_elsewhere": (
        "warning",
        "The z range in the dose report does not hold the images",
        "It was not used, and no other event of the report was placed by its z range.",
    ),
    "rdsr_current_mean": (
        "info",
        "The tube current of every slice is the dose report's mean",
        "With tube-current modulation it was not the same everywhere.",
    ),
    "examination_incomplete": (
        "warning",
        "The examination's total lacks events",
        "It is too low by their dose; the list of events says why each was left out.",
    ),
    "examination_without_localizers": (
        "info",
        "The examination's total is without the localizers",
        "Their dose is small against that of the scans, and CTDIvol does not describe it.",
    ),
    "examination_not_given": (
        "info",
        "No total of the examination is given",
        "The series' own doses stand as they are.",
    ),
}
