"""Organ doses with their two intervals."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..flags import FLAGS
from .charts_dose_bars import MOST_BARS, OWN_WARNINGS, draw_bars, without_intervals
from .figure import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PALE,
    SKY,
    known,
    legend_below,
    new_figure,
    write_reason,
)
from .numbers import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..dosimetry.doses import OrganDose
    from ..result import Result

# Scaling basis of a dose in words.
MONTE_CARLO = "montecarlo"
BASES = {
    "ctdivol": "scaled by CTDIvol",
    "mas": "scaled by effective mAs",
    MONTE_CARLO: "simulated in this CT",
    "published": "published networks",
    "none": "no scaling basis",
}
ROW_IN = 0.28
REASON_CHARACTERS = 95


def draw_organ_doses(result: Result) -> Figure:
    """Draw the organ doses: one row an organ, highest dose first.

    Organs without a dose come below, with the reason. Doses of which none has an interval, such as
    those of the published networks, are bars with the organs' names along the abscissa.

    Parameters
    ----------
    result
        Of an analysis, or one that was read.

    Returns
    -------
    matplotlib.figure.Figure
        Not shown yet; `savefig` writes it.

    Raises
    ------
    DependencyError
        If matplotlib is missing.

    Examples
    --------
    >>> from CTDoseSegLib import draw_organ_doses, read_result
    >>> draw_organ_doses(read_result("results")).savefig("picture.png")
    """
    organs = result.organs
    given = sorted(
        (organ for organ in organs if organ.dose_mGy is not None),
        key=lambda organ: -(organ.dose_mGy or 0.0),
    )
    refused = [organ for organ in organs if organ.dose_mGy is None]
    if without_intervals(given) and len(organs) <= MOST_BARS:
        names = [display_name(organ, organs) for organ in (*given, *refused)]
        reasons = [reason(organ) for organ in refused]
        listed = list(zip(names[len(given) :], reasons, strict=True))
        marked, shared = with_own_warnings(given), shared_warnings(given)
        return draw_bars(result, names, given, listed, _title(given), marked, shared)
    rows = max(len(organs), 1)
    figure = new_figure(10, 1.9 + ROW_IN * rows)
    axes = figure.subplots()
    axes.set_title("Organ doses")
    if given:
        _draw_given(axes, given)
        _draw_ssde(axes, result, len(given))
        axes.set_xlim(0, _right_limit(given))
        axes.grid(True, axis="x")
        legend_below(axes, ncols=4)
    else:
        axes.set_xlim(0, 1)
        axes.set_xticks([])
    _draw_refused(axes, refused, len(given))
    if not organs:
        write_reason(axes, "no organ of the dose model is in the label map")
    axes.set_ylim(rows - 0.4, -0.6)
    axes.set_yticks(range(len(organs)), [display_name(o, organs) for o in (*given, *refused)])
    for tick, organ in zip(axes.get_yticklabels(), (*given, *refused), strict=True):
        tick.set_color(INK if organ.dose_mGy is not None else GREY)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"Organ dose (mGy){_bases(given)}")
    return figure


def _draw_given(axes: Axes, given: list[OrganDose]) -> None:
    y = np.arange(len(given))
    simulated = all(organ.route == MONTE_CARLO for organ in given)
    inner = "number of photons alone" if simulated else "model alone"
    for low, high, width, color, label in (
        ("total_low_mGy", "total_high_mGy", 2.0, SKY, "90 %, all uncertainties"),
        ("model_low_mGy", "model_high_mGy", 6.0, BLUE, f"90 %, {inner}"),
    ):
        ends = [(getattr(o, low), getattr(o, high)) for o in given]
        lows, highs = (
            np.array([np.nan if v is None else v for v in end]) for end in zip(*ends, strict=True)
        )
        axes.hlines(y, lows, highs, color=color, lw=width, label=label, zorder=2)
    doses = np.array([organ.dose_mGy for organ in given])
    axes.plot(doses, y, "o", ms=6, mfc="white", mec=INK, mew=1.4, label="dose", zorder=4)
    limit = _right_limit(given)
    marked = with_own_warnings(given)
    for row, organ in enumerate(given):
        mark = " *" if any(organ is other for other in marked) else ""
        right = max(v for v in (organ.total_high_mGy, organ.dose_mGy) if v is not None)
        axes.text(
            min(right, limit) + 0.012 * limit,
            row,
            number(organ.dose_mGy) + mark,
            va="center",
            fontsize=9,
            bbox={"fc": "white", "ec": "none", "pad": 0.6},
            zorder=3,
        )


def with_own_warnings(given: Sequence[OrganDose]) -> list[OrganDose]:
    """Return the organs that have a warning which not every organ has."""
    shared = _shared_codes(given)
    return [organ for organ in given if _warning_codes(organ) - shared]


def shared_warnings(given: Sequence[OrganDose]) -> list[str]:
    """Return what the warnings that every organ has found: no asterisk marks them."""
    shared = _shared_codes(given)
    flags = {f.code: f for o in given for f in o.flags if f.code in shared}
    return [FLAGS[code].found if code in FLAGS else flags[code].message for code in flags]


def _shared_codes(given: Sequence[OrganDose]) -> set[str]:
    return set.intersection(*map(_warning_codes, given)) if len(given) > 1 else set()


def _warning_codes(organ: OrganDose) -> set[str]:
    return {one.code for one in organ.flags if one.severity != "info"}


def _right_limit(given: list[OrganDose]) -> float:
    """Return the right limit in mGy, with room for the values beside the longest bar."""
    ends = [v for o in given for v in (o.dose_mGy, o.total_high_mGy) if v is not None]
    return 1.1 * max(*ends, 1e-6)


def _draw_ssde(axes: Axes, result: Result, rows: int) -> None:
    ssde = result.slices.ssde_mGy
    if known(ssde):
        mean = float(np.nanmean(ssde))
        label = f"mean SSDE, {number(mean)} mGy"
        axes.vlines(mean, -0.6, rows - 0.5, color=ORANGE, ls="--", lw=1.4, zorder=1, label=label)


def _draw_refused(axes: Axes, refused: list[OrganDose], first: int) -> None:
    if refused:
        axes.axhspan(first - 0.5, first + len(refused) - 0.5, color=PALE, alpha=0.35, lw=0)
    for row, organ in enumerate(refused, start=first):
        axes.text(
            0.012,
            row,
            f"not given: {reason(organ)}",
            transform=axes.get_yaxis_transform(),
            va="center",
            fontsize=8.5,
            color=GREY,
        )


def reason(organ: OrganDose) -> str:
    """Return why an organ has no dose: the first sentence of its refusal, cut to fit a row."""
    refusals = sorted(organ.flags, key=lambda flag: flag.severity != "refusal")
    if not refusals:
        return "no reason stated"
    sentence = refusals[0].message.split(". ")[0].rstrip(".")
    return textwrap.shorten(sentence, REASON_CHARACTERS, placeholder=" ...")


def display_name(organ: OrganDose, organs: Sequence[OrganDose]) -> str:
    """Return an organ's name in words, with its region where the organ is listed for several."""
    name = organ.organ.replace("_", " ")
    several = sum(other.organ == organ.organ for other in organs) > 1
    return f"{name} ({organ.region})" if several and organ.region else name


def _bases(given: list[OrganDose]) -> str:
    text = _routes(given)
    if with_own_warnings(given):
        text += f"   ({OWN_WARNINGS})"
    return text


def _title(given: list[OrganDose]) -> str:
    return f"Organ doses{_routes(given)}, without intervals"


def _routes(given: list[OrganDose]) -> str:
    bases = dict.fromkeys(BASES.get(o.route, f"model {o.route}") for o in given)
    return f", {' or '.join(bases)}" if bases else ""
