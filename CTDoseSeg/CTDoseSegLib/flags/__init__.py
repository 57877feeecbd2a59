"""Flags: what the user should know about a number that is given, or why one is not.

A flag has no face: it names what was found, where, what it does to the numbers, and which values or
files would mend it; the terminal, the panel and the reports word the remedy in their own terms.
What can be flagged is listed by room in the files beside this one; `summary` makes one notice of
what has one cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from . import (
    dose_report,
    effective_dose,
    monte_carlo,
    organ_dose,
    patient_model,
    published,
    reading,
    scanner_output,
    scanner_profile,
    scene,
    segmentation,
    size,
    uterus,
    what_if,
)
from .entry import MENDS, Entry, Severity
from .places import (
    EFFECTIVE_DOSE,
    EXAMINATION,
    SCAN,
    SIZE_SPECIFIC,
    UTERUS,
    organ_place,
    slice_place,
    slice_runs,
)

__all__ = [
    "EFFECTIVE_DOSE",
    "EXAMINATION",
    "FLAGS",
    "MENDS",
    "SCAN",
    "SIZE_SPECIFIC",
    "UTERUS",
    "Entry",
    "Flag",
    "Severity",
    "codes",
    "flag",
    "message_of",
    "organ_place",
    "sentence",
    "slice_place",
    "slice_runs",
]

FLAGS: Mapping[str, Entry] = {
    **segmentation.FLAGS,
    **scene.FLAGS,
    **reading.FLAGS,
    **dose_report.FLAGS,
    **scanner_profile.FLAGS,
    **scanner_output.FLAGS,
    **size.FLAGS,
    **organ_dose.FLAGS,
    **patient_model.FLAGS,
    **published.FLAGS,
    **monte_carlo.FLAGS,
    **effective_dose.FLAGS,
    **uterus.FLAGS,
    **what_if.FLAGS,
}


@dataclass(frozen=True)
class Flag:
    """What the user should know about a result.

    Two flags are equal only where their places are equal too.

    Attributes
    ----------
    code
        Stable name for programs; another version may have others.
    severity
        ``info`` (good to know), ``warning`` (the value may be off) or ``refusal`` (the value is
        not given, for this reason).
    message
        What was found, what it does to the numbers and what to know, in sentences without identity
        and without the words of any face.
    detail
        What exactly was found, with units; part of `message`.
    place
        ``scan``, ``slice 12``, ``organ liver``, ``effective_dose``,
        ``size_specific_effective_dose``, ``uterus_dose`` or ``examination``.
    mends
        Names of the values and files that would mend it.
    consequence
        What it does to the numbers, where that is known; part of `message`.
    """

    code: str
    severity: Severity
    message: str
    detail: str = ""
    place: str = SCAN
    mends: tuple[str, ...] = ()
    consequence: str = ""

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Flag:
        """Return the flag that was written as plain values, for instance in JSON.

        Raises
        ------
        TypeError
            If there is a value that a flag does not have, or one is missing.
        """
        return cls(**{**values, "mends": tuple(values.get("mends", ()))})

    def at(self, place: str) -> Flag:
        """Return the same flag at another place."""
        return replace(self, place=place)


def flag(
    code: str, detail: str = "", *, consequence: str = "", mends: tuple[str, ...] | None = None
) -> Flag:
    """Make the flag `code`.

    Parameters
    ----------
    code
        One of `FLAGS`.
    detail
        What exactly was found, with units; stands after the first sentence.
    consequence
        What it does to the numbers here, in place of what the catalogue says in general.
    mends
        What would mend it here, in place of what the catalogue says in general.

    Raises
    ------
    KeyError
        If `code` is not in `FLAGS`: a programming error.
    """
    entry = FLAGS[code]
    consequence = consequence or entry.consequence
    message = message_of(entry, detail, consequence)
    mends = entry.mends if mends is None else mends
    return Flag(code, entry.severity, message, detail, mends=mends, consequence=consequence)


def message_of(entry: Entry, detail: str, consequence: str) -> str:
    """Return the message of a flag: what was found, what follows, and what to know."""
    found = f"{entry.found}: {detail}" if detail else entry.found
    return " ".join(sentence(part) for part in (found, consequence, entry.advice) if part)


def sentence(text: str) -> str:
    """Return `text` with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def codes(flags: Iterable[Flag]) -> str:
    """Return the codes of flags joined by semicolons, each once."""
    return ";".join(dict.fromkeys(flag.code for flag in flags))
