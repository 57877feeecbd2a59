"""Flags: what the user should know about a number that is still given, or why it is not.

A flag has no face: it names what was found and which values would mend it; the terminal, the
panel and the reports word the remedy in their own terms. What can be flagged is listed by room in
the files beside this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from . import (
    dose_report,
    effective_dose,
    organ_dose,
    published,
    reading,
    scanner_profile,
    scene,
    segmentation,
    size,
)

Severity = Literal["info", "warning", "refusal"]
SCAN, EFFECTIVE_DOSE, EXAMINATION = "scan", "effective_dose", "examination"

# code: (severity, what was found, what to do). The detail given to `flag` stands between them.
FLAGS = {
    **segmentation.FLAGS,
    **scene.FLAGS,
    **reading.FLAGS,
    **dose_report.FLAGS,
    **scanner_profile.FLAGS,
    **size.FLAGS,
    **organ_dose.FLAGS,
    **published.FLAGS,
    **effective_dose.FLAGS,
}


@dataclass(frozen=True)
class Flag:
    """What the user should know about a result.

    Attributes
    ----------
    code
        Stable name for programs, one of `FLAGS` (or of another version's).
    severity
        ``info`` (good to know), ``warning`` (the value may be off) or ``refusal`` (the value is
        not given, for this reason).
    message
        What was found, in a sentence or two without identity and without the words of any face.
    detail
        What exactly was found, with units; part of `message`.
    place
        ``scan``, ``slice 12``, ``organ liver``, ``effective_dose`` or ``examination``.
    mends
        Names of the values and files that would mend it, such as ``ctdivol_mGy``.
    consequence
        What it does to the numbers, where that is known.
    """

    code: str
    severity: Severity
    message: str
    detail: str = ""
    place: str = SCAN
    mends: tuple[str, ...] = ()
    consequence: str = ""

    @classmethod
    def from_plain(cls, item: Mapping[str, Any]) -> Flag:
        """Return the flag that was written as JSON.

        Raises
        ------
        TypeError
            If it is none.
        """
        return cls(**{**item, "mends": tuple(item.get("mends", ()))})

    def at(self, place: str) -> Flag:
        """Return the same flag at another place."""
        return replace(self, place=place)


def slice_place(k: int) -> str:
    """Return the place of slice `k`."""
    return f"slice {k}"


def organ_place(organ: str) -> str:
    """Return the place of an organ."""
    return f"organ {organ}"


def flag(code: str, detail: str = "", *, consequence: str = "") -> Flag:
    """Make the flag `code`, with `detail` (what exactly, with units) after its first sentence.

    Raises
    ------
    KeyError
        If `code` is not in `FLAGS`: a programming error.
    """
    severity, found, advice = FLAGS[code]
    found = f"{found}: {detail}" if detail else found
    return Flag(code, severity, f"{found}. {advice.rstrip('.')}.", detail, consequence=consequence)
