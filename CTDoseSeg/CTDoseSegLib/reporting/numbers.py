"""Numbers as text: as many digits for all, so that they can be compared by eye."""

from __future__ import annotations


def number(value: float | None) -> str:
    """Return a number with three digits, whole from 100 on; "-" where it is not known.

    Examples
    --------
    >>> number(9.6), number(10.0), number(0.5), number(1234.0), number(None)
    ('9.60', '10.0', '0.500', '1234', '-')
    """
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:#.3g}".rstrip(".")
