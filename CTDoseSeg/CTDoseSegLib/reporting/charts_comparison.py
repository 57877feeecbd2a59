"""The size of the body in two results, on one axis along the body."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .figure import BLUE, GREY, ORANGE, STYLE, known, new_figure, save, write_reason

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..result import Result

PICTURE = "comparison.png"


def write_picture(a: Result, b: Result, folder: Path) -> Path:
    """Write ``comparison.png``.

    Raises
    ------
    DependencyError
        If matplotlib is missing.
    """
    new_figure(1, 1)
    from matplotlib import rc_context

    with rc_context(STYLE):
        return save(draw_comparison(a, b), folder / PICTURE)


def draw_comparison(a: Result, b: Result) -> Figure:
    """Draw the water-equivalent diameter of two results over z, and their difference.

    Parameters
    ----------
    a, b
        Of two analyses, as `compare` takes them.

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
    >>> from CTDoseSegLib import read_result
    >>> result = read_result("results")
    >>> draw_comparison(result, result).savefig("picture.png")
    """
    from ..result import compare

    figure = new_figure(10, 5.6)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    looks = ((a, "A", BLUE, "-", "o"), (b, "B", ORANGE, "--", "s"))
    for result, name, color, dash, mark in looks:
        z, wed = result.slices.z_mm, result.slices.wed_mm
        order = np.argsort(z)
        every = max(len(z) // 12, 1)  # marks tell the curves apart in grey print
        upper.plot(
            z[order], wed[order], dash, marker=mark, markevery=every, color=color, label=name
        )
    slices = compare(a, b).slices
    difference, order = slices.wed_difference_mm, np.argsort(slices.z_mm)
    upper.set_title("Water-equivalent diameter of both results")
    upper.set_ylabel("WED (mm)")
    lower.set_ylabel("B less A (mm)")
    lower.set_xlabel("Position along the body, z (mm), feet to head")
    if known(difference):
        lower.axhline(0, color=GREY, lw=1)
        lower.plot(slices.z_mm[order], difference[order], color=GREY, marker=".")
    else:
        write_reason(lower, "no slices of both at the same position")
    for axes in (upper, lower):
        axes.grid(True)
    upper.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
