"""The HU histogram of the body, with the values of well-known substances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .figure import GREY, INK, ORANGE, PALE, SKY, new_figure, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..analysis import Analysis

BIN_HU = 10
# HU of water and air by definition; lung and fat as usual in adults at 120 kV.
LANDMARKS_HU = (("air", -1000), ("fat", -100), ("water", 0))
LUNG_HU = (-850, -700)
GROUPS = (("lung", SKY), ("bone", ORANGE))
LEAST_SHARE = 1e-6  # of the body: rarer HU are left out at the right end


def draw_histogram(analysis: Analysis) -> Figure:
    """Volume (or voxels, where slices are irregular) of the body for each 10 HU; log scale."""
    measurements, series = analysis.measurements, analysis.series
    figure = new_figure(10, 5)
    axes = figure.subplots()
    axes.set_title("Hounsfield units in the body")
    axes.set_xlabel(f"HU (bins of {BIN_HU} HU)")
    voxel_ml = series.pixel_area_mm2 * series.spacing_mm[2] / 1000.0 if series.regular else 1.0
    unit = "Volume per bin (ml)" if series.regular else "Voxels per bin"
    axes.set_ylabel(unit)
    if "body" not in measurements.groups or not measurements.histogram_of("body").any():
        say(axes, "no body was found")
        return figure
    edges, body = rebin(measurements.histogram_hu, measurements.histogram_of("body"))
    axes.set_yscale("log")
    axes.stairs(body * voxel_ml, edges, fill=True, color=PALE, label="body")
    axes.stairs(body * voxel_ml, edges, color=GREY, lw=1.0)
    for group, color in GROUPS:
        if group in measurements.groups and measurements.histogram_of(group).any():
            counts = rebin(measurements.histogram_hu, measurements.histogram_of(group))[1]
            axes.stairs(counts * voxel_ml, edges, color=color, lw=1.8, label=group)
    axes.set_xlim(*_span(edges, body))
    axes.set_ylim(0.8 * voxel_ml, 4 * body.max() * voxel_ml)
    _mark(axes)
    axes.legend(loc="upper right")
    return figure


def rebin(first_edges_hu: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Join bins 1 HU wide to bins of `BIN_HU`; returns edges [n + 1] and counts [n]."""
    number = np.floor_divide(first_edges_hu, BIN_HU).astype(np.int64)
    first = int(number.min())
    joined = np.bincount(number - first, counts).astype(np.int64)
    return (first + np.arange(joined.size + 1)) * BIN_HU, joined


def _span(edges: np.ndarray, body: np.ndarray) -> tuple[float, float]:
    """From air to the densest HU that is not a rare one."""
    common = np.flatnonzero(body > LEAST_SHARE * body.sum())
    low, high = min(-1000.0, edges[common[0]]), max(300.0, edges[common[-1] + 1] + 20.0)
    return low - 0.03 * (high - low), high


def _mark(axes: Axes) -> None:
    top = axes.get_xaxis_transform()
    axes.axvspan(*LUNG_HU, color=SKY, alpha=0.15, lw=0)
    style = {"transform": top, "ha": "center", "va": "top", "fontsize": 9}
    axes.text(sum(LUNG_HU) / 2, 0.985, f"lung\n{LUNG_HU[0]} to\n{LUNG_HU[1]}", **style)
    for name, hu in LANDMARKS_HU:
        axes.axvline(hu, color=INK, lw=1.0, ls=":", ymax=0.88)
        shift = {"fat": -8, "water": 8, "air": 0}[name]
        align = {"fat": "right", "water": "left", "air": "center"}[name]
        axes.text(hu + shift, 0.985, f"{name}\n{hu}", **{**style, "ha": align})
