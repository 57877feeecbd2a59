"""The rows of text that a report is made of; the pages only lay them out."""

from __future__ import annotations

from dataclasses import dataclass

from ..numbers import number
from .texts import Words


@dataclass(frozen=True)
class Row:
    """A name, its value, and what is said of the value."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class OrganRow:
    """One organ with a dose.

    Attributes
    ----------
    name
        As it is spoken, with the part that lies in the images where that is not all of it.
    dose_mGy
        Its dose in the scanned part.
    low_mGy, high_mGy
        Ends of the 90 % interval; None without one.
    total_mGy
        From all events of the examination; None without a dose report.
    """

    name: str
    dose_mGy: float
    low_mGy: float | None
    high_mGy: float | None
    total_mGy: float | None

    @property
    def dose(self) -> str:
        """The dose as it is written."""
        return number(self.dose_mGy)

    @property
    def interval(self) -> str:
        """The interval as it is written."""
        if self.low_mGy is None or self.high_mGy is None:
            return "-"
        return f"{number(self.low_mGy)} - {number(self.high_mGy)}"


@dataclass(frozen=True)
class Report:
    """The report of one result.

    Attributes
    ----------
    words
        Gives headings.
    notice
        What the report must not be used for.
    head
        Scan, age and sex, scanner, exposure, software.
    answer
        The key numbers.
    notices, more
        What to know first, in sentences; how many more there are, in words.
    organs
        Highest dose first.
    basis
        How organ doses were made, in a sentence.
    doubted
        What an asterisk behind an organ means, and behind which; empty without one.
    refused
        Organs without a dose, each with the reason.
    events
        Of the dose report: number, kind, CTDIvol, DLP, whether it is counted.
    event_total
        DLP of all of them, in words.
    sources
        Value to where it comes from.
    budget
        What makes the intervals.
    method
        Sentences.
    """

    words: Words
    notice: str
    head: tuple[Row, ...]
    answer: tuple[Row, ...]
    notices: tuple[str, ...]
    more: str
    organs: tuple[OrganRow, ...]
    basis: str
    doubted: str
    refused: tuple[Row, ...]
    events: tuple[tuple[str, ...], ...]
    event_total: str
    sources: tuple[Row, ...]
    budget: tuple[str, ...]
    method: tuple[str, ...]

    @property
    def highest_mGy(self) -> float:
        """The right end of the bars."""
        ends = [o.high_mGy if o.high_mGy is not None else o.dose_mGy for o in self.organs]
        return max(ends, default=1.0) or 1.0

    @property
    def has_totals(self) -> bool:
        """Whether any organ has a dose of the whole examination."""
        return any(organ.total_mGy is not None for organ in self.organs)
