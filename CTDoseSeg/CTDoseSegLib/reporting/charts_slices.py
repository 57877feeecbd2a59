"""Body size, tube current and dose indices along the body."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .figure import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PALE,
    RED,
    SKY,
    known,
    new_figure,
    position_along_body,
    write_reason,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..result import Result

# Above this part of the body contour lost, a slice is marked; less is rounding of the contour.
SHOWN_TRUNCATION = 0.005
# A curve that is flat to a millimetre shall look flat.
LEAST_WED_SPAN_MM = 20.0


def draw_size(result: Result) -> Figure:
    """Draw WED, tube current, and CTDIvol with SSDE along the body, one panel below the other.

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
    >>> from CTDoseSegLib import draw_size, read_result
    >>> draw_size(read_result("results")).savefig("picture.png")
    """
    figure = new_figure(10, 7.2)
    panels = figure.subplots(3, 1, sharex=True, height_ratios=(3, 2, 2))
    x, x_label = position_along_body(result.slices.z_mm)
    order = np.argsort(x)
    _draw_wed(panels[0], result, x, order)
    _draw_current(panels[1], result, x, order)
    _draw_dose(panels[2], result, x, order)
    panels[0].set_title("Body size and exposure along the body")
    panels[2].set_xlabel(x_label)
    _limit(panels, x)
    _shade_irradiated(panels, result, x_label)
    for axes in panels:
        axes.grid(True)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _limit(panels: np.ndarray, x: np.ndarray) -> None:
    # One slice, or several at one place, has no extent of its own to show.
    margin = max(0.02 * np.ptp(x), 5.0)
    panels[0].set_xlim(x.min() - margin, x.max() + margin)


def _shade_irradiated(panels: np.ndarray, result: Result, x_label: str) -> None:
    span = result.acquisition.irradiated_range_mm
    if span is None or x_label == "Slice":
        return
    limits = panels[0].get_xlim()
    for number, axes in enumerate(panels):
        label = "irradiated range" if number == 0 else None
        axes.axvspan(*span, color=PALE, alpha=0.5, lw=0, zorder=0, label=label)
    panels[0].set_xlim(limits)


def _draw_wed(axes: Axes, result: Result, x: np.ndarray, order: np.ndarray) -> None:
    wed, corrected = result.slices.wed_mm, result.slices.wed_corrected_mm
    truncated = result.slices.truncated_fraction > SHOWN_TRUNCATION
    _curve(axes, x, wed, order, BLUE, "WED, as measured")
    if (truncated & np.isfinite(corrected)).any():
        shown = np.where(truncated, corrected, np.nan)
        _curve(axes, x, shown, order, ORANGE, "WED, corrected\nfor truncation", dashed=True)
    for mask, face, label in (
        (truncated & np.isfinite(corrected), "white", "truncated"),
        (truncated & ~np.isfinite(corrected), RED, "truncated too much"),
    ):
        if mask.any():
            label += f"\n({mask.sum()} of {x.size} slices)"
            axes.plot(x[mask], wed[mask], "v", mfc=face, mec=RED, ms=5.5, ls="none", label=label)
    if known(wed):
        low, high = axes.get_ylim()
        spare = max(LEAST_WED_SPAN_MM - (high - low), 0.0) / 2
        axes.set_ylim(low - spare, high + spare)
    else:
        write_reason(axes, "no body was found")
    axes.set_ylabel("WED (mm)")


def _draw_current(axes: Axes, result: Result, x: np.ndarray, order: np.ndarray) -> None:
    current = result.slices.tube_current_mA
    if known(current):
        _curve(axes, x, current, order, GREEN, "tube current")
        axes.set_ylim(0, 1.12 * np.nanmax(current))
    else:
        write_reason(axes, "tube current: not known")
    axes.set_ylabel("Tube current (mA)")


def _draw_dose(axes: Axes, result: Result, x: np.ndarray, order: np.ndarray) -> None:
    ctdivol = result.slices.ctdivol_used_mGy
    phantom = result.acquisition.phantom_cm
    ssde = result.slices.ssde_mGy
    if known(ctdivol):
        label = f"CTDIvol\n({phantom} cm phantom)" if phantom else "CTDIvol\n(phantom not known)"
        _curve(axes, x, ctdivol, order, GREY, label)
    if known(ssde):
        _curve(axes, x, ssde, order, SKY, "SSDE")
    if known(ctdivol) or known(ssde):
        axes.set_ylim(0, 1.12 * np.nanmax(np.concatenate([ctdivol, ssde])))
    else:
        write_reason(axes, "CTDIvol: not known, so that there is no SSDE")
    axes.set_ylabel("Dose index (mGy)")


def _curve(
    axes: Axes,
    x: np.ndarray,
    values: np.ndarray,
    order: np.ndarray,
    color: str,
    label: str,
    *,
    dashed: bool = False,
) -> None:
    few = np.isfinite(np.asarray(values, float)).sum() <= 60
    axes.plot(
        x[order],
        np.asarray(values, float)[order],
        color=color,
        ls="--" if dashed else "-",
        marker="o" if few else None,
        ms=3.5,
        label=label,
    )
