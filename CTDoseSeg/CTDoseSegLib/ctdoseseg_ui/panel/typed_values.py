"""Text that a user types for an exposure as a value, or the sentence why it is none."""

from __future__ import annotations

import re
from typing import Any

from slicer.i18n import tr as _

from ...errors import AcquisitionError

RANGE = "irradiated_range_mm"
BODY_PART = "body_part"


def parsed(name: str, text: str, label: str) -> Any:
    """Return what was typed for a field as the command line's acquisition file would hold it.

    Parameters
    ----------
    name
        Of the field, as in `parameters.TYPED`.
    text
        As typed; a decimal comma is taken.
    label
        Of the field, as shown; begins the sentence of an error.

    Raises
    ------
    AcquisitionError
        If it is not a number, or not one that a CT can have: the sentence states what can be.
    """
    from ...ct.acquisition import check_typed

    shown = label.rstrip(":")
    if name == BODY_PART:
        return text.upper()
    try:
        value: Any = ends(text) if name == RANGE else float(text.replace(",", "."))
    except ValueError as error:
        raise AcquisitionError(
            _('{label}: "{text}" is not a number; write it as 120 or 0.5.').format(
                label=shown, text=text[:20]
            )
        ) from error
    if name == "phantom_cm" and value.is_integer():
        value = int(value)
    try:
        check_typed({name: value})
    except AcquisitionError as error:
        # The library names the value as its file does; a reader of the panel knows its label.
        possible = re.sub(rf"^{name} is .*?; ", "", str(error)).rstrip(".")
        raise AcquisitionError(
            _("{label}: {text} is not possible; {possible}. Check the unit.").format(
                label=shown, text=text[:20], possible=possible
            )
        ) from error
    return value


def number(text: str) -> float | None:
    """Return what a field shows as a number; None where it shows none."""
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None


def range_text(span_mm: tuple[float, float]) -> str:
    """Return a range as a field shows it."""
    return f"{span_mm[0]:.1f}, {span_mm[1]:.1f}"


def ends_mm(text: str) -> tuple[float, float] | None:
    """Return (low, high) of a typed range; None where it is none."""
    try:
        low, high = parsed(RANGE, text, "")
    except (AcquisitionError, ValueError):
        return None
    return low, high


def ends(text: str) -> list[float]:
    """Return the numbers of a range, between which a semicolon, a comma or a blank stands.

    Raises
    ------
    ValueError
        If a part of it is no number.
    """
    for between in (r"\s*;\s*", r"\s*,\s+|\s+", r","):
        parts = re.split(between, text.strip())
        if len(parts) == 2:
            return [float(part.replace(",", ".")) for part in parts]
    return [float(part) for part in text.split(",")]
