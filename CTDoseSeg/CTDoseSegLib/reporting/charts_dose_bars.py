"""Organ doses that have no interval, as bars: what the published networks give."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .figure import BLUE, GREY, INK, ORANGE, known, new_figure
from .numbers import number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..dosimetry.doses import OrganDose
    from ..result import Result

OWN_WARNINGS = "* has warnings of its own, see organ_doses.csv"
# Names of more organs would run into each other.
MOST_BARS = 60
_BAR_IN, _LEAST_IN, _HEIGHT_IN = 0.34, 8.0, 5.2
_NOTE_PT, _CHARACTERS_PER_IN = 8.5, 14
# Fewer bars are not made wider.
_USUAL_BARS = 12


def without_intervals(given: Sequence[OrganDose]) -> bool:
    """Return whether there are doses and none of them has an interval."""
    ends = [end for o in given for end in (o.model_high_mGy, o.total_high_mGy)]
    return bool(ends) and all(end is None for end in ends)


def draw_bars(
    result: Result,
    names: Sequence[str],
    given: Sequence[OrganDose],
    refused: Sequence[tuple[str, str]],
    title: str,
    marked: Sequence[OrganDose],
    shared: Sequence[str],
) -> Figure:
    """Draw a bar for each dose, with the organs' names along the abscissa.

    Parameters
    ----------
    result
        Whose mean SSDE is drawn beside the doses.
    names
        Of the organs with a dose, then of those without.
    given
        The organs with a dose, in the order of their names.
    refused
        Name and reason of those without; written below, each reason once.
    title
        Of the picture.
    marked
        Those of `given` that get an asterisk.
    shared
        What the warnings found that all of `given` have; written below.
    """
    width_in = max(_LEAST_IN, 1.4 + _BAR_IN * len(names))
    note = _note(refused, bool(marked), shared, int(width_in * _CHARACTERS_PER_IN))
    figure = new_figure(width_in, _HEIGHT_IN + (0.17 * (note.count("\n") + 2) if note else 0.0))
    axes = figure.subplots()
    axes.set_title(title)
    doses = np.array([organ.dose_mGy for organ in given], float)
    axes.bar(range(len(given)), doses, width=0.7 * min(1.0, len(names) / _USUAL_BARS), color=BLUE)
    for place, (organ, dose) in enumerate(zip(given, doses, strict=True)):
        mark = "*" if any(organ is other for other in marked) else ""
        axes.text(place, dose, number(dose) + mark, ha="center", va="bottom", fontsize=8)
    if known(result.slices.ssde_mGy):
        mean = float(np.nanmean(result.slices.ssde_mGy))
        text = f"mean SSDE, {number(mean)} mGy"
        axes.axhline(mean, color=ORANGE, ls="--", lw=1.4, zorder=0.5, label=text)
        figure.legend(loc="outside upper right")  # beside the title it would cover its end
        doses = np.r_[doses, mean]
    axes.set_ylim(0, 1.12 * max(*doses, 1e-6))
    axes.set_xlim(-0.7, len(names) - 0.3)
    axes.set_xticks(range(len(names)), names, rotation=90, ha="center", fontsize=9)
    for place, tick in enumerate(axes.get_xticklabels()):
        tick.set_color(INK if place < len(given) else GREY)
    axes.tick_params(axis="x", length=0)
    axes.grid(True, axis="y")
    axes.set_ylabel("Organ dose (mGy)")
    axes.set_xlabel(note, loc="left", fontsize=_NOTE_PT, color=GREY)
    return figure


def _note(
    refused: Sequence[tuple[str, str]], marked: bool, shared: Sequence[str], characters: int
) -> str:
    """Return what holds for all doses, what the asterisk means and why organs have no dose."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in refused:
        by_reason.setdefault(reason, []).append(name)
    lines = [f"all doses: {found[:1].lower()}{found[1:]}" for found in shared]
    lines += [OWN_WARNINGS] if marked else []
    lines += [f"not given: {', '.join(names)}: {why}" for why, names in by_reason.items()]
    return "\n".join(textwrap.fill(line, characters) for line in lines)
