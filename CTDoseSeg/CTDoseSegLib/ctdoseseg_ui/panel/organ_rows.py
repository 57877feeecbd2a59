"""What the chart of organ doses draws: the rows of the table of doses, and a round scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from slicer.i18n import tr as _

MOST_TICKS = 6
# Columns of the table that a row is made of.
VALUES = ("dose_mGy", "total_low_mGy", "total_high_mGy", "fast_law_mGy", "hypothetical_mGy")


@dataclass(frozen=True)
class Row:
    """One organ; doses in mGy, None where one is not known."""

    organ: str
    title: str
    dose_mGy: float
    total_low_mGy: float | None
    total_high_mGy: float | None
    fast_law_mGy: float | None
    hypothetical_mGy: float | None

    @property
    def highest_mGy(self) -> float:
        """The rightmost mark."""
        values = (getattr(self, name) for name in VALUES)
        return max(value for value in values if value is not None)

    def words(self) -> str:
        """Return the organ with its numbers."""
        from ...reporting.numbers import number

        text = _("{organ}: {dose} mGy").format(organ=self.title, dose=number(self.dose_mGy))
        if self.total_low_mGy is None or self.total_high_mGy is None:
            text += "; " + _("its 90 % interval is not known")
        else:
            text += "; " + _("90 % from {low} to {high} mGy").format(
                low=number(self.total_low_mGy), high=number(self.total_high_mGy)
            )
        if self.fast_law_mGy is not None:
            text += "; " + _("fast law {dose} mGy").format(dose=number(self.fast_law_mGy))
        if self.hypothetical_mGy is not None:
            dose = number(self.hypothetical_mGy)
            text += "; " + _("HYPOTHETICAL {dose} mGy").format(dose=dose)
        return text


def rows_of(table: Any) -> list[Row]:
    """Return the rows of a table of organ doses; none where it has no dose."""
    columns = {name: table.GetColumnByName(name) for name in ("name", "organ", *VALUES)}
    if None in (columns["name"], columns["organ"], columns["dose_mGy"]):
        return []

    def value(name: str, row: int) -> float | None:
        known = columns[name] is not None and not math.isnan(columns[name].GetValue(row))
        return columns[name].GetValue(row) if known else None

    return [
        Row(
            columns["name"].GetValue(n),
            columns["organ"].GetValue(n),
            *(value(name, n) for name in VALUES),
        )
        for n in range(table.GetNumberOfRows())
        if value("dose_mGy", n) is not None
    ]


def ticks_to(highest: float) -> list[float]:
    """Return round numbers from 0 to the first that is not below `highest`.

    Examples
    --------
    >>> ticks_to(11.2), ticks_to(0.3)
    ([0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0], [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3])
    """
    if highest <= 0.0:
        return [0.0, 1.0]
    power = 10.0 ** math.floor(math.log10(highest / MOST_TICKS))
    steps = (factor * power for factor in (1.0, 2.0, 5.0, 10.0))
    step = next(s for s in steps if highest / s <= MOST_TICKS + 1e-9)
    count = math.ceil(highest / step - 1e-9)
    return [round(n * step, 12) for n in range(count + 1)]
