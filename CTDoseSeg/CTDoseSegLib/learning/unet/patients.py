"""Which images are of one patient, so that none is on both sides of a split.

A patient is an ID. Of an ID that many files have who are not one person nothing follows: a blank
one, zeros, "ANON" and the like, or one that stands with several names or birth dates. Then a study
(StudyInstanceUID) counts as a patient, without one a series, without that the name of the case.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence

from ...dicom.header import Header

# What stands for an ID or a name that was taken out.
_NOBODY = re.compile(
    r"|0+|X+|NA|NONE|NULL|NO(ID|NAME)|UNKNOWN|TEST|PATIENT(ID|NAME)?|SUBJECT|REMOVED|DELETED"
    r"|(PATIENT|ID)?ANON(YM(OU)?S?|YMI[SZ]ED)?(ID|PATIENT)?|DEIDENTIFIED"
)


def patient_keys(headers: Sequence[Header | None], names: Sequence[str]) -> list[str]:
    """Return a key for each case; cases of one patient share it.

    Parameters
    ----------
    headers
        Of one image of each case; None where a case has no DICOM file.
    names
        Of the cases: what a case goes by whose images state nothing.

    Returns
    -------
    list of str
        Hashes, or the names; no patient can be read from them.
    """
    persons = defaultdict(set)
    for header in headers:
        if header is not None and (number := _stated(header, "PatientID")):
            persons[number].update(_person(header))
    keys = []
    for header, name in zip(headers, names, strict=True):
        stated = "" if header is None else _key(header, persons)
        keys.append(hashlib.sha256(stated.encode()).hexdigest()[:12] if stated else name)
    return keys


def _key(header: Header, persons: dict[str, set[tuple[str, str]]]) -> str:
    number = _stated(header, "PatientID")
    kinds = [kind for kind, _ in persons[number]] if number else []
    if number and len(kinds) == len(set(kinds)):
        return f"patient {number}"
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):
        if uid := header.text(keyword):
            return f"{keyword} {uid}"
    return ""


def _person(header: Header) -> set[tuple[str, str]]:
    return {
        (keyword, value)
        for keyword in ("PatientName", "PatientBirthDate")
        if (value := _stated(header, keyword))
    }


def _stated(header: Header, keyword: str) -> str:
    """Return a value by its letters and digits; empty where it names nobody."""
    value = re.sub(r"[^0-9A-Z\u0080-\uffff]", "", header.text(keyword).upper())
    return "" if _NOBODY.fullmatch(value) else value
