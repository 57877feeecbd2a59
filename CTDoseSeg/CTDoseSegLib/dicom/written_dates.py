"""Dates in free text, however they are written."""

from __future__ import annotations

import re

_MONTHS = (
    *("jan|янв", "f[eé]b|fev|фев", "m[aäeé]r|maa|мар", "a[pvb]r|апр", "ma[iyjg]|мая|май"),
    *("j[uú]n|juin|giu|июн", "j[uú]l|juil|lug|июл", "aug|ago|ao[uû]|авг", "sep|set|сен"),
    *("o[ck]t|out|ott|окт", "nov|ноя", "de[czs]|dic|дек"),
)
_YEAR, _MONTH, _DAY = r"(?:19|20)\d\d", r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
_DD, _MM = r"(?:0[1-9]|[12]\d|3[01])", r"(?:0[1-9]|1[0-2])"
_MARK = r"\s?[./,_\-年月년월]\s?"
_LOOSE = r"[\s./,_\-年月日년월일]"
_NAMED = rf"(?:{'|'.join(_MONTHS)})[^\W\d_]*"
# A date with its whole year, whoever's it is. Two digits for the year could be anything else.
_ANY_DATE = re.compile(
    "|".join(
        (
            rf"(?<!\d){_YEAR}{_MM}{_DD}(?:\d{{6}})?(?!\d)",
            rf"(?<!\d)(?:{_DD}{_MM}|{_MM}{_DD}){_YEAR}(?!\d)",
            rf"(?<!\d){_YEAR}{_MARK}{_MONTH}{_MARK}{_DAY}(?!\d)[日일]?",
            rf"(?<!\d){_DAY}{_MARK}{_DAY}{_MARK}{_YEAR}(?!\d)",
            rf"(?<!\d){_DAY}(?:st|nd|rd|th)?{_LOOSE}*{_NAMED}{_LOOSE}*{_YEAR}(?!\d)",
            rf"(?<!\d){_DAY}[\-./]{_NAMED}[\-./]\d\d(?!\d)",
            rf"\b{_NAMED}{_LOOSE}*{_DAY}(?:st|nd|rd|th)?{_LOOSE}+{_YEAR}(?!\d)",
            rf"(?<!\d){_YEAR}{_LOOSE}*{_NAMED}{_LOOSE}*{_DAY}(?!\d)",
        )
    ),
    re.IGNORECASE,
)
# First years, less one, of the Japanese eras, and of the calendars of Thailand and Taiwan.
_ERAS = (1867, 1911, 1925, 1988, 2018, -543)


def without_dates(text: str, known: tuple[str, ...]) -> str:
    """Return a text without dates.

    Parameters
    ----------
    text
        Any text.
    known
        Dates of the patient and the study, YYYYMMDD; those are also recognised with two digits
        for the year, or with the year of an era.

    Examples
    --------
    >>> without_dates("Thorax 31.1.24 1.25 mm", ("20240131",)).split()
    ['Thorax', '1.25', 'mm']
    """
    text = _ANY_DATE.sub(" ", text)
    for date in known:
        if re.fullmatch(r"\d{8}", date):
            text = re.sub(_spellings(date), " ", text, flags=re.IGNORECASE)
    return text


def _spellings(date: str) -> str:
    """Return a pattern of all spellings of one date."""
    whole, month, day = date[:4], date[4:6], date[6:]
    eras = [int(whole) - first for first in _ERAS]
    years = "|".join({whole, whole[2:], *(str(year) for year in eras if year > 0)})
    year, m, d = f"(?:[MTSHR明大昭平令治正和成]*(?:{years})年?)", f"0?{int(month)}", f"0?{int(day)}"
    if 1 <= int(month) <= 12:
        m = rf"(?:{m}|(?:{_MONTHS[int(month) - 1]})[^\W\d_]*)"
    orders = ((year, m, d), (d, m, year), (m, d, year))
    marked = "|".join(rf"{_LOOSE}+".join(order) for order in orders)
    wholes = ((whole, month, day), (day, month, whole), (month, day, whole))
    short = ((whole[2:], month, day), (day, month, whole[2:]), (month, day, whole[2:]))
    closed = "|".join("".join(order) for order in short)
    open_ended = "|".join("".join(order) for order in wholes)
    return rf"(?:{open_ended}|(?<!\d)(?:{closed}|{marked})(?!\d))[日일]?"
