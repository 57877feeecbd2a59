"""Figures against their targets, as a Markdown table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Reached:
    """What was reached of a figure; `most` says that it must not exceed its target.

    A figure that is not known (NaN) does not meet its target; without a target it is shown only.
    """

    figure: str
    value: float
    target: float | None = None
    most: bool = False
    digits: int = 3
    detail: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met, at the digits that are shown; None without a target."""
        if self.target is None:
            return None
        value = round(self.value, self.digits)
        return bool(value <= self.target if self.most else value >= self.target)

    def cells(self) -> tuple[str, ...]:
        """Return figure, target, value and whether it is met."""
        sign = "at most" if self.most else "at least"
        target = "" if self.target is None else f"{sign} {self.target:g}"
        value = "not measured" if np.isnan(self.value) else f"{self.value:.{self.digits}f}"
        met = {None: "", True: "yes", False: "**no**"}[self.met]
        return self.figure, target, f"{value}{f' ({self.detail})' if self.detail else ''}", met


def shown(value: float, digits: int = 3) -> str:
    """Return a number for a table; empty where it is not known."""
    return "" if np.isnan(value) else f"{value:.{digits}f}"


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    heads = list(heads)
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def targets_table(figures: Iterable[Reached]) -> Iterator[str]:
    """Yield the lines of the table of figures."""
    return table(("figure", "target", "reached", "met"), (one.cells() for one in figures))
