"""What the attributes of a DICOM file are about, counted without their values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from .elements import parse_errors

KINDS = ("names", "numbers", "dates", "uids", "descriptions", "private", "other")
TEXTS = ("LO", "SH", "ST", "LT", "UT", "UC", "CS", "AE")
_KIND_OF_VR = {
    **{"PN": "names", "DA": "dates", "TM": "dates", "DT": "dates", "UI": "uids"},
    **dict.fromkeys(TEXTS, "descriptions"),
}
_BINARY = ("OB", "OW", "OF", "OD", "OL", "OV", "UN")


def lost(before: dict[tuple, tuple[str, str]], after: dict[tuple, tuple[str, str]]) -> Counter[str]:
    """Return how many attributes of each kind are gone or changed.

    Parameters
    ----------
    before, after
        What `attributes` returns.
    """
    return Counter(
        kind for place, (kind, value) in before.items() if after.get(place, ("", ""))[1] != value
    )


def attributes(data: Any) -> dict[tuple, tuple[str, str]]:
    """Return kind and value of every attribute that has a value, by its place; pixels are not.

    Parameters
    ----------
    data
        pydicom's dataset.
    """
    return {place: (kind, value) for place, kind, value in _walk(data, ())}


def _walk(data: Any, above: tuple) -> Iterator[tuple[tuple, str, str]]:
    for tag in list(data.keys()):
        place = (*above, int(tag))
        try:
            element = data[tag]
            vr, value = element.VR, element.value
        except parse_errors():
            yield place, "other", "damaged"
            continue
        if vr == "SQ":
            for number, item in enumerate(value or ()):
                yield from _walk(item, (*place, number))
        elif tag.is_private and value not in (None, ""):
            yield place, "private", str(value)[:64]
        elif vr not in _BINARY and str(value or ""):
            yield place, _kind(element), str(value)


def _kind(element: Any) -> str:
    keyword = element.keyword
    if keyword.endswith(("ID", "IDs", "Number")) and element.VR in ("LO", "SH"):
        return "numbers"
    return _KIND_OF_VR.get(element.VR, "other")
