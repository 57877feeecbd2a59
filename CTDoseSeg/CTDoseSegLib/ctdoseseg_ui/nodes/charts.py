"""Plot series and charts of a result along the body.

Slicer's plot view draws lines and markers over a numeric axis, with one range for y. So: WED with
the tube current scaled to its height, SSDE with CTDIvol. It writes no names along an axis, which
is why the organ doses are drawn by `panel.organ_chart`. The slice marker lives in a table of its
own, for every change of a table redraws all of its chart's series.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from .colours import BLUE, GRAY, GREEN, ORANGE
from .results import Results
from .scene import SCALED_CURRENT, current_scale, set_columns

# Of the chart of organ doses that version 0.1.0 made.
DOSE_CHART_ROLES = ("doseChart", "chartTable")
DOSE_CHART_SERIES = ("dose", "low", "high", "fast", "hypothetical")
MARKER_COLUMNS = ("z_mm", "sizeChart", "ssdeChart")
# Room above the highest value for the legend: height of a row and of its frame in pixels, of the
# axes in a view of 240 pixels.
_ROW_PX, _FRAME_PX, _AXES_PX = 18, 16, 190
_TITLE_SIZE, _TEXT_SIZE = 15, 12


def show_charts(results: Results) -> None:
    """Make or update the charts of a result along the body."""
    _remove_dose_chart(results)
    _show_size(results)
    _show_ssde(results)


def _remove_dose_chart(results: Results) -> None:
    """Take away a former chart of organ doses: its numbers would be stale."""
    roles = (*DOSE_CHART_ROLES, *(f"series.{name}" for name in DOSE_CHART_SERIES))
    for node in filter(None, map(results.get, roles)):
        slicer.mrmlScene.RemoveNode(node)


def _show_size(results: Results) -> None:
    slices = results.result.slices
    table = results.get("sliceTable")
    scale = current_scale(results)
    lines = [_line(results, "wed", "WED (mm)", table, "wed_mm", BLUE)]
    columns = [slices.wed_mm]
    corrected = slices.wed_corrected_mm
    if (np.abs(corrected - columns[0]) > 0.05).any():
        name = "WED corrected (mm)"
        lines.append(_line(results, "corrected", name, table, "wed_corrected_mm", GREEN, 1))
        columns.append(corrected)
    current = slices.tube_current_mA * scale
    y_title = "WED (mm)"
    if np.isfinite(current).any():
        name = "tube current (mA)" if scale == 1 else f"tube current (mA x {scale:g})"
        lines.append(_line(results, "current", name, table, SCALED_CURRENT, ORANGE, 2))
        columns.append(current)
        y_title = f"{y_title}, {name}"
    _chart(results, "sizeChart", "Size and tube current", y_title, lines, columns)


def _show_ssde(results: Results) -> None:
    slices = results.result.slices
    table = results.get("sliceTable")
    lines, columns = [], []
    for look, (role, name, column, color) in enumerate(
        (
            ("ssde", "SSDE (mGy)", "ssde_mGy", BLUE),
            ("ctdivol", "CTDIvol (mGy)", "ctdivol_used_mGy", ORANGE),
        )
    ):
        values = getattr(slices, column)
        if np.isfinite(values).any():
            lines.append(_line(results, role, name, table, column, color, look))
            columns.append(values)
    title = "SSDE and CTDIvol" if lines else "SSDE and CTDIvol: CTDIvol is not known"
    _chart(results, "ssdeChart", title, "mGy", lines, columns)


def _line(
    results: Results,
    role: str,
    name: str,
    table: Any,
    column: str,
    color: tuple[float, ...],
    look: int = 0,
) -> Any:
    """Return a curve along the body; `look` is its number among the dashes and marks."""
    node = _series(results, role, name, table, column, color)
    dashes = (node.LineStyleSolid, node.LineStyleDash, node.LineStyleDot)
    marks = (node.MarkerStyleCircle, node.MarkerStyleSquare, node.MarkerStyleCross)
    node.SetLineStyle(dashes[look])
    # Without markers a line cannot be clicked.
    node.SetMarkerStyle(marks[look])
    node.SetMarkerSize(4)
    return node


def _series(
    results: Results,
    role: str,
    name: str,
    table: Any,
    y: str,
    color: tuple[float, ...],
) -> Any:
    node = results.series(role, name)
    fill_series(node, name, table, ("z_mm", y), color)
    return node


def fill_series(
    node: Any, name: str, table: Any, columns: tuple[str, str], color: tuple[float, ...]
) -> None:
    """Let a plot series draw two columns of a table, x and y."""
    was = node.StartModify()
    try:
        node.SetName(name)
        node.SetPlotType(node.PlotTypeScatter)
        node.SetAndObserveTableNodeID(table.GetID())
        node.SetXColumnName(columns[0])
        node.SetYColumnName(columns[1])
        node.SetColor(*color)
        node.SetLineWidth(2)
    finally:
        node.EndModify(was)


def _chart(
    results: Results,
    role: str,
    title: str,
    y_title: str,
    series: list[Any],
    columns: list[np.ndarray],
) -> None:
    chart = results.ensure(role)
    highest = max((np.nanmax(c) for c in columns if np.isfinite(c).any()), default=1.0)
    # VTK cannot draw a series of one point.
    series = [node for node in series if node.GetTableNode().GetNumberOfRows() > 1]
    if role in MARKER_COLUMNS and series:
        series = [*series, _marker_series(results, role)]
    y_range = 0.0, float(highest) * headroom(len(series))
    fill_chart(chart, series, title, axes=(along_body(), y_title), y_range=y_range)


def along_body() -> str:
    """Return the title of an axis along the body."""
    return _("z (mm, towards the head)")


def fill_chart(
    chart: Any,
    series: Sequence[Any],
    title: str,
    *,
    axes: tuple[str, str],
    y_range: tuple[float, float],
) -> None:
    """Let a chart show some plot series, in the look of all charts, with one event for its views.

    Parameters
    ----------
    chart, series
        Nodes.
    title
        Of the chart.
    axes
        Titles of x and y.
    y_range
        Where y begins and ends.
    """
    was = chart.StartModify()
    try:
        wanted = [node.GetID() for node in series]
        shown = [chart.GetNthPlotSeriesNodeID(n) for n in range(chart.GetNumberOfPlotSeriesNodes())]
        if shown != wanted:
            chart.RemoveAllPlotSeriesNodeIDs()
            for identifier in wanted:
                chart.AddAndObservePlotSeriesNodeID(identifier)
        chart.SetTitle(title)
        chart.SetXAxisTitle(axes[0])
        chart.SetYAxisTitle(axes[1])
        chart.SetTitleFontSize(_TITLE_SIZE)
        chart.SetAxisTitleFontSize(_TEXT_SIZE)
        chart.SetAxisLabelFontSize(_TEXT_SIZE)
        chart.SetLegendFontSize(_TEXT_SIZE)
        chart.SetLegendVisibility(bool(series))
        chart.SetYAxisRangeAuto(False)
        chart.SetYAxisRange(*y_range)
    finally:
        chart.EndModify(was)


def headroom(rows: int) -> float:
    """Return how much higher than the highest value an axis goes, so that no curve is covered.

    Parameters
    ----------
    rows
        Of the legend, which lies at the top.
    """
    return 1.0 / (1.0 - min((_ROW_PX * rows + _FRAME_PX) / _AXES_PX, 0.6))


def _marker_series(results: Results, role: str) -> Any:
    table = results.ensure("markerTable")
    if table.GetNumberOfColumns() != len(MARKER_COLUMNS):
        set_columns(table, dict.fromkeys(MARKER_COLUMNS, np.zeros(2)))
    node = _series(results, f"marker.{role}", "slice shown", table, role, GRAY)
    node.SetLineStyle(node.LineStyleDash)
    node.SetMarkerStyle(node.MarkerStyleNone)
    return node


def move_marker(results: Results, z_mm: float) -> None:
    """Put the slice marker of the charts at `z_mm`."""
    table = results.get("markerTable")
    if table is None or table.GetNumberOfColumns() != len(MARKER_COLUMNS):
        return
    tops = [_top(results, role) for role in MARKER_COLUMNS[1:]]
    rows = ((z_mm, 0.0, 0.0), (z_mm, *tops))
    columns = [table.GetTable().GetColumn(n) for n in range(len(MARKER_COLUMNS))]
    for row, values in enumerate(rows):
        for column, value in zip(columns, values, strict=True):
            column.SetValue(row, value)
    for column in columns:
        column.Modified()
    table.GetTable().Modified()


def _top(results: Results, role: str) -> float:
    chart = results.get(role)
    if chart is None:
        return 0.0
    return float(chart.GetYAxisRange()[1])


def selected_points(series_ids: Any, selections: Any) -> list[tuple[Any, int]]:
    """Return what was clicked in a chart: plot series and row of its table.

    The two collections that the view passes can be empty or differ in length.
    """
    points = []
    count = min(series_ids.GetNumberOfValues(), selections.GetNumberOfItems())
    for n in range(count):
        node = slicer.mrmlScene.GetNodeByID(series_ids.GetValue(n))
        rows = selections.GetItemAsObject(n)
        if node is not None and isinstance(rows, vtk.vtkDataArray) and rows.GetNumberOfValues():
            points.append((node, int(rows.GetValue(0))))
    return points
