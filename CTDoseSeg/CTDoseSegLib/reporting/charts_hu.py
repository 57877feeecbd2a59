"""The HU histogram of the body, with the values of well-known substances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..result.values import BIN_HU
from .figure import GREY, INK, ORANGE, PALE, SKY, new_figure, write_reason

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..result import Result

# HU of water and air by definition; lung and fat as usual in adults at 120 kV.
LANDMARKS_HU = (("air", -1000), ("fat", -100), ("water", 0))
LUNG_HU = (-850, -700)
GROUPS = (("lung", SKY), ("bone", ORANGE))
LEAST_SHARE = 1e-6  # of the body: rarer HU are left out at the right end


def draw_histogram(result: Result) -> Figure:
    """Draw the volume of the body for each 10 HU, and of lung and bone; log scale.

    Voxels in place of the volume where slices are irregular.

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
    >>> from CTDoseSegLib import draw_histogram, read_result
    >>> draw_histogram(read_result("results")).savefig("picture.png")
    """
    histogram, regular = result.hu_histogram, result.geometry.regular
    figure = new_figure(10, 5)
    axes = figure.subplots()
    axes.set_title("Hounsfield units in the body")
    axes.set_xlabel(f"HU (bins of {BIN_HU} HU)")
    voxel_ml = result.geometry.voxel_ml if regular else 1.0
    axes.set_ylabel("Volume per bin (ml)" if regular else "Voxels per bin")
    if histogram is None:
        write_reason(axes, "the result holds no histogram: analyse the CT again")
        return figure
    counts = {group: np.array(of) for group, of in histogram.counts.items()}
    if "body" not in counts or not counts["body"].any():
        write_reason(axes, "no body was found")
        return figure
    edges, body = histogram.edges_hu, counts["body"]
    axes.set_yscale("log")
    axes.stairs(body * voxel_ml, edges, fill=True, color=PALE, label="body")
    axes.stairs(body * voxel_ml, edges, color=GREY, lw=1.0)
    for group, color in GROUPS:
        if group in counts and counts[group].any():
            axes.stairs(counts[group] * voxel_ml, edges, color=color, lw=1.8, label=group)
    axes.set_xlim(*_span(edges, body))
    axes.set_ylim(0.8 * voxel_ml, 4 * body.max() * voxel_ml)
    _mark(axes)
    axes.legend(loc="upper right")
    return figure


def _span(edges: np.ndarray, body: np.ndarray) -> tuple[float, float]:
    """Return the limits in HU: from air to the densest HU that is not a rare one."""
    common = np.flatnonzero(body > LEAST_SHARE * body.sum())
    low, high = min(-1000.0, edges[common[0]]), max(300.0, edges[common[-1] + 1] + 20.0)
    return low - 0.03 * (high - low), high


def _mark(axes: Axes) -> None:
    top = axes.get_xaxis_transform()
    axes.axvspan(*LUNG_HU, color=SKY, alpha=0.15, lw=0)
    style: dict[str, Any] = {"transform": top, "ha": "center", "va": "top", "fontsize": 9}
    axes.text(sum(LUNG_HU) / 2, 0.985, f"lung\n{LUNG_HU[0]} to\n{LUNG_HU[1]}", **style)
    for name, hu in LANDMARKS_HU:
        axes.axvline(hu, color=INK, lw=1.0, ls=":", ymax=0.88)
        shift = {"fat": -8, "water": 8, "air": 0}[name]
        align = {"fat": "right", "water": "left", "air": "center"}[name]
        axes.text(hu + shift, 0.985, f"{name}\n{hu}", **{**style, "ha": align})
