"""Text tags without the patient's identity."""

from __future__ import annotations

import re

from .header import Header

# Control characters but white space and the escapes of character sets (PS3.5 section 6.1.3).
_SWALLOWED = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def safe_text(header: Header, keyword: str) -> str:
    """Return a text tag without the patient's name, ID and birth date; see `without_identity`."""
    who = (header.text(name) for name in ("PatientName", "PatientID", "PatientBirthDate"))
    return without_identity(header.text(keyword), *who)


def without_identity(text: str, name: str, patient_id: str, birth_date: str) -> str:
    """Return a text without the patient's name, ID, birth date and control characters.

    Words of the name and the ID are removed wherever they stand, those of one or two letters only
    as whole words. Other particulars of a patient in a description are not recognised.

    Parameters
    ----------
    text
        A description.
    name, patient_id, birth_date
        The patient's, as DICOM writes them; may be empty.

    Returns
    -------
    str
        At most 64 characters; empty where the text holds bytes that no text has: a damaged length
        has swallowed the elements behind it, and the patient's may be among them.
    """
    if _SWALLOWED.search(text):
        return ""
    text = "".join(c if c.isprintable() else " " for c in text)
    names = re.split(r"[\^=\s,\\]+", name)
    for word in (patient_id, *names, *_date_forms(birth_date)):
        pattern = re.escape(word) if len(word) >= 3 else rf"\b{re.escape(word)}\b"
        if word:
            text = re.sub(pattern, "", text, flags=re.IGNORECASE)
    return " ".join(text.split())[:64]


def _date_forms(date: str) -> list[str]:
    """Spell a DICOM date as a text may: 19500131, 1950-01-31, 31.01.1950, 01/31/1950."""
    if not re.fullmatch(r"\d{8}", date):
        return [date]
    year, month, day = date[:4], date[4:6], date[6:]
    return [
        date,
        *(mark.join((year, month, day)) for mark in "-./"),
        *(mark.join((day, month, year)) for mark in "-./"),
        *(mark.join((month, day, year)) for mark in "-./"),
    ]


def without_file_name(sentence: str, name: str) -> str:
    """Return an error's sentence without the name of its file, which can be the patient's."""
    return sentence.removeprefix(f"{name}: ")
