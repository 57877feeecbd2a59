"""Dose reports as the reader reads them."""

from __future__ import annotations

from dose_reports import event, write_report

from CTDoseSegLib.ct.dose_report import IrradiationEvent
from CTDoseSegLib.reading.dose_report_file import read_dose_report


def read(tmp_path, *events, **tags):
    """Write a report with these events and read it."""
    return read_dose_report(write_report(tmp_path / "report.dcm", *events, **tags))


def only(tmp_path, **changes) -> IrradiationEvent:
    """The one event of a report, with changes to what it states."""
    (only_event,) = read(tmp_path, event(**changes)).events
    return only_event
