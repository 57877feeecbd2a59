"""Dates and times as DICOM writes them. They order and compare, and are never shown."""

from __future__ import annotations

import datetime
import re

from .header import Header


def moment(text: str) -> datetime.datetime | None:
    """YYYYMMDDHHMMSS and a fraction; a time zone is dropped, for a scanner has one clock."""
    match = re.match(r"(\d{14})(?:\.(\d{1,6}))?", text)
    if match is None:
        return None
    try:
        found = datetime.datetime.strptime(match[1], "%Y%m%d%H%M%S")
    except ValueError:
        return None
    return found.replace(microsecond=int((match[2] or "0").ljust(6, "0")))


def acquired(header: Header) -> datetime.datetime | None:
    """When a slice was acquired; the study's date stands in for the acquisition's."""
    stated = header.text("AcquisitionDateTime")
    if not stated:
        date = header.text("AcquisitionDate") or header.text("StudyDate")
        stated = date + header.text("AcquisitionTime")
    return moment(stated)
