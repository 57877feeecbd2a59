"""Colours of doses in the slice views: one scale in mGy for all that is shown of one CT.

The scale is kept with the CT, so that the same colour is the same dose before and after an edit, in
all of its results, and for organ means and dose map alike. It changes when the user asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import slicer

from ...dosimetry.round_doses import scale_end_mGy
from .results import Results

# Comes with Slicer. Of its perceptually uniform tables the one that is never close to the grey of
# the CT below it; its steps can be told apart with every kind of colour vision.
COLORS = "vtkMRMLColorTableNodeFilePlasma.txt"
# Attribute of the CT: where the scale ends, mGy.
SCALE = "CTDoseSeg.DoseScale"
# The scale ends where this part of the voxels' doses does: those in bone, three times as high,
# would leave the organs all alike.
PERCENTILE = 95.0
_SOME = 200_000  # voxels
# Of the colour legends, in parts of the view; wide labels keep their text small.
LEGEND_SIZE, LABEL_FORMAT = (0.07, 0.25), "%5.3g"
RIGHT, LEFT = (0.96, 0.86), (0.02, 0.86)


def scale_end_of(results: Results, doses_mGy: np.ndarray | None = None) -> float | None:
    """Return where the scale of a result's CT ends, mGy.

    Parameters
    ----------
    results
        The result.
    doses_mGy
        What is to be shown: a CT that has no scale yet gets one that fits. Without it, such a CT
        has none.
    """
    volume = results.volume
    try:
        kept = float(volume.GetAttribute(SCALE) or 0.0)
    except ValueError:  # edited by hand
        kept = 0.0
    if kept > 0 and np.isfinite(kept):
        return kept
    if doses_mGy is None:
        return None
    end = scale_end_mGy(doses_mGy, PERCENTILE)
    set_scale_end(results, end)
    return end


def set_scale_end(results: Results, end_mGy: float) -> None:
    """Let the scale of a result's CT end at a dose."""
    results.volume.SetAttribute(SCALE, f"{end_mGy:g}")


def fit_scale(results: Results, node: Any) -> None:
    """Let the scale of a result's CT end where it suits the doses of a volume."""
    set_scale_end(results, scale_end_mGy(slicer.util.arrayFromVolume(node), PERCENTILE))


def share_above(results: Results, node: Any) -> float:
    """Return the part of a volume's doses that lie above the scale, from 0 to 1."""
    doses = slicer.util.arrayFromVolume(node).ravel()
    doses = doses[:: max(1, len(doses) // _SOME)]
    doses = doses[doses > 0]
    end = scale_end_of(results)
    return float((doses > end).mean()) if doses.size and end else 0.0


def color_doses(node: Any, end_mGy: float, *, smooth: bool) -> None:
    """Show a volume of doses in colours.

    Parameters
    ----------
    node
        Volume in mGy; what is 0 has no dose and no colour.
    end_mGy
        Where the scale ends, which begins at 0.
    smooth
        Interpolate between voxels; between an organ's mean and none there is no dose.
    """
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    was = display.StartModify()
    try:
        display.SetAndObserveColorNodeID(COLORS)
        display.AutoWindowLevelOff()
        display.SetWindowLevelMinMax(0.0, end_mGy)
        display.SetLowerThreshold(1e-6)
        display.SetUpperThreshold(1e6)
        display.ApplyThresholdOn()
        display.SetInterpolate(smooth)
    finally:
        display.EndModify(was)


def show_legend(
    node: Any, title: str, views: Sequence[str] = (), place: tuple[float, float] = RIGHT
) -> Any:
    """Show the colour legend of a node in a corner, small; returns it.

    Parameters
    ----------
    node
        Volume or model in mGy.
    title
        What the colours mean.
    views
        IDs of the views that show it; none: all of them.
    place
        Of the legend, in parts of the view.
    """
    logic = slicer.modules.colors.logic()
    legend = logic.GetColorLegendDisplayNode(node)
    if legend is None:
        legend = logic.AddDefaultColorLegendDisplayNode(node)
    was = legend.StartModify()
    try:
        legend.SetTitleText(title)
        legend.SetLabelFormat(LABEL_FORMAT)
        legend.SetSize(*LEGEND_SIZE)
        legend.SetPosition(*place)
        legend.RemoveAllViewNodeIDs()
        for identifier in views:
            legend.AddViewNodeID(identifier)
        legend.SetVisibility(True)
    finally:
        legend.EndModify(was)
    return legend


def hide_legend(node: Any) -> None:
    """Hide the colour legend of a node, if it has one."""
    legend = slicer.modules.colors.logic().GetColorLegendDisplayNode(node)
    if legend is not None:
        legend.SetVisibility(False)
