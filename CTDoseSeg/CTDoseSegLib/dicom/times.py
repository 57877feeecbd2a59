"""Dates and times as DICOM writes them. They order and compare, and are never shown."""

from __future__ import annotations

import datetime
import re

from .header import Header


def parse_datetime(text: str) -> datetime.datetime | None:
    """Parse YYYYMMDDHHMMSS and a fraction; a time zone is dropped, as a scanner has one clock."""
    match = re.match(r"(\d{14})(?:\.(\d{1,6}))?", text)
    if match is None:
        return None
    try:
        whole_seconds = datetime.datetime.strptime(match[1], "%Y%m%d%H%M%S")
    except ValueError:
        return None
    return whole_seconds.replace(microsecond=int((match[2] or "0").ljust(6, "0")))


def acquisition_datetime(header: Header) -> datetime.datetime | None:
    """Return when a slice was acquired; the study's date stands in for the acquisition's."""
    stated = header.text("AcquisitionDateTime")
    if not stated:
        date = header.text("AcquisitionDate") or header.text("StudyDate")
        stated = date + header.text("AcquisitionTime")
    return parse_datetime(stated)
