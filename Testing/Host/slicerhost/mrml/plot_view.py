"""Charts: what Slicer's plot view draws from a plot chart node, and no more.

Lines and markers (scatter, line) or vertical bars over numeric columns, one title and range for
both y axes, one legend; no tick labels, no error bars. A series that lacks what it needs is not
drawn.
"""

from __future__ import annotations

import sys

import slicer
import vtk
from PySide6 import QtWidgets
from PySide6.QtCore import Signal

from slicerhost import problems
from slicerhost.mrml.observations import Observations
from slicerhost.mrml.render_view import RenderView

_LINES = {
    slicer.vtkMRMLPlotSeriesNode.LineStyleNone: vtk.vtkPen.NO_PEN,
    slicer.vtkMRMLPlotSeriesNode.LineStyleSolid: vtk.vtkPen.SOLID_LINE,
    slicer.vtkMRMLPlotSeriesNode.LineStyleDash: vtk.vtkPen.DASH_LINE,
    slicer.vtkMRMLPlotSeriesNode.LineStyleDot: vtk.vtkPen.DOT_LINE,
    slicer.vtkMRMLPlotSeriesNode.LineStyleDashDot: vtk.vtkPen.DASH_DOT_LINE,
    slicer.vtkMRMLPlotSeriesNode.LineStyleDashDotDot: vtk.vtkPen.DASH_DOT_DOT_LINE,
}
_MARKERS = {
    slicer.vtkMRMLPlotSeriesNode.MarkerStyleNone: vtk.vtkPlotLine.NONE,
    slicer.vtkMRMLPlotSeriesNode.MarkerStyleCross: vtk.vtkPlotLine.CROSS,
    slicer.vtkMRMLPlotSeriesNode.MarkerStylePlus: vtk.vtkPlotLine.PLUS,
    slicer.vtkMRMLPlotSeriesNode.MarkerStyleSquare: vtk.vtkPlotLine.SQUARE,
    slicer.vtkMRMLPlotSeriesNode.MarkerStyleCircle: vtk.vtkPlotLine.CIRCLE,
    slicer.vtkMRMLPlotSeriesNode.MarkerStyleDiamond: vtk.vtkPlotLine.DIAMOND,
}
_BARS = (
    slicer.vtkMRMLPlotSeriesNode.PlotTypeBar,
    slicer.vtkMRMLPlotSeriesNode.PlotTypeScatterBar,
)
_AXES = (vtk.vtkAxis.BOTTOM, vtk.vtkAxis.TOP, vtk.vtkAxis.LEFT, vtk.vtkAxis.RIGHT)


def _numeric(column) -> bool:
    return column is not None and column.GetDataType() not in (vtk.VTK_STRING, vtk.VTK_BIT)


_MODES = slicer.vtkMRMLPlotViewNode
_CLICK_SELECTS = (
    _MODES.InteractionModePanView,
    _MODES.InteractionModeSelectPoints,
    _MODES.InteractionModeFreehandSelectPoints,
)
_DRAGS = {
    _MODES.InteractionModePanView: vtk.vtkChart.PAN,
    _MODES.InteractionModeSelectPoints: vtk.vtkChart.SELECT,
    _MODES.InteractionModeFreehandSelectPoints: vtk.vtkChart.SELECT_POLYGON,
    _MODES.InteractionModeMovePoints: vtk.vtkChart.CLICK_AND_DRAG,
}


class qMRMLPlotView(RenderView):
    """One chart, drawn by VTK."""

    dataSelected = Signal(object, object)
    _signals = {  # noqa: RUF012 - a constant of the class
        "dataSelected(vtkStringArray*,vtkCollection*)": "dataSelected(PyObject,PyObject)"
    }

    def __init__(self, parent=None, /) -> None:
        super().__init__(parent)
        self._renderer = vtk.vtkRenderer()
        self._renderer.SetBackground(1, 1, 1)
        self._window.AddRenderer(self._renderer)
        self._chart = vtk.vtkChartXY()
        self._chart.GetBackgroundBrush().SetColor(255, 253, 246, 255)
        actor = vtk.vtkContextActor()
        self._scene2d = actor.GetScene()
        self._scene2d.AddItem(self._chart)
        self._scene2d.SetRenderer(self._renderer)
        self._renderer.AddActor(actor)
        style = vtk.vtkContextInteractorStyle()
        style.SetScene(self._scene2d)
        self._interactor.SetInteractorStyle(style)
        self._chart.AddObserver(vtk.vtkCommand.SelectionChangedEvent, self._on_selection)
        for identifier in _AXES:
            axis = self._chart.GetAxis(identifier)
            axis.GetTitleProperties().SetBold(False)
        self._view_node, self._chart_node = None, None
        self._plots: dict[str, vtk.vtkPlot] = {}
        self._observed, self._observed_chart = Observations(self), Observations(self)
        self._updating = False
        self._n_updates = 0

    def setMRMLScene(self, _scene, /) -> None:
        self._on_chart_changed()

    def setMRMLPlotViewNode(self, node, /) -> None:
        self._observed.clear()
        self._view_node = node
        if node is not None:
            scene, add = slicer.mrmlScene, self._observed.add
            changed = slicer.vtkMRMLPlotViewNode.PlotChartNodeChangedEvent
            for event in (changed, vtk.vtkCommand.ModifiedEvent):
                add(node, event, self._on_chart_changed)
            for event in (scene.EndBatchProcessEvent, scene.EndCloseEvent, scene.EndImportEvent):
                add(scene, event, self._on_chart_changed)
        self._on_chart_changed()

    def mrmlPlotViewNode(self):
        return self._view_node

    def chart(self):
        return self._chart

    def _on_chart_changed(self) -> None:
        node = self._view_node and self._view_node.GetPlotChartNode()
        if node is not self._chart_node:
            self._observed_chart.clear()
            if node is not None:
                self._observed_chart.add(node, vtk.vtkCommand.ModifiedEvent, self._update)
            self._chart_node = node
        self._update()

    def _update(self) -> None:
        if self._updating:
            return
        self._updating = True
        self._n_updates += 1
        try:
            self._set_mouse()
            self._draw()
        finally:
            self._updating = False
        self.scheduleRender()

    def _set_mouse(self) -> None:
        mode = self._view_node.GetInteractionMode() if self._view_node else None
        mouse = vtk.vtkContextMouseEvent
        click = mouse.LEFT_BUTTON if mode in _CLICK_SELECTS else mouse.NO_BUTTON
        self._chart.SetClickActionToButton(vtk.vtkChart.SELECT, click)
        self._chart.SetActionToButton(_DRAGS.get(mode, vtk.vtkChart.PAN), mouse.LEFT_BUTTON)
        self._chart.SetActionToButton(vtk.vtkChart.ZOOM_AXIS, mouse.RIGHT_BUTTON)

    def _draw(self) -> None:
        self._chart.ClearPlots()
        self._plots.clear()
        if self._chart_node is None:
            self._chart.SetTitle("")
            self._chart.SetShowLegend(False)
            return
        node = self._chart_node
        for index in range(node.GetNumberOfPlotSeriesNodes()):
            series = node.GetNthPlotSeriesNode(index)
            plot = series and self._make_plot(series)
            if plot:
                self._chart.AddPlot(plot)
                self._plots[series.GetID()] = plot
        self._chart.SetTitle(node.GetTitle() or "" if node.GetTitleVisibility() else "")
        self._chart.GetTitleProperties().SetFontSize(node.GetTitleFontSize())
        self._chart.SetShowLegend(node.GetLegendVisibility())
        self._chart.GetLegend().GetLabelProperties().SetFontSize(node.GetLegendFontSize())
        for identifier in _AXES:
            self._set_axis(node, identifier)
        self._chart.RecalculateBounds()
        self._scene2d.SetDirty(True)

    def _set_axis(self, node, identifier: int) -> None:
        axis = self._chart.GetAxis(identifier)
        letter = "X" if identifier in (vtk.vtkAxis.BOTTOM, vtk.vtkAxis.TOP) else "Y"

        def setting(name: str):
            return getattr(node, f"Get{letter}Axis{name}")()

        axis.SetTitle(setting("Title") or "" if setting("TitleVisibility") else "")
        axis.SetGridVisible(bool(node.GetGridVisibility()))
        axis.SetLogScale(bool(setting("LogScale")))
        axis.GetTitleProperties().SetFontSize(node.GetAxisTitleFontSize())
        axis.GetLabelProperties().SetFontSize(node.GetAxisLabelFontSize())
        if setting("RangeAuto"):
            axis.SetBehavior(vtk.vtkAxis.AUTO)
        else:
            axis.SetBehavior(vtk.vtkAxis.FIXED)
            axis.SetUnscaledRange(setting("Range"))

    @staticmethod
    def _make_plot(series):
        table = series.GetTableNode() and series.GetTableNode().GetTable()
        if not table or not series.GetYColumnName():
            return None
        y_name, x_name = series.GetYColumnName(), series.GetXColumnName()
        if not _numeric(table.GetColumnByName(y_name)):
            return None
        if series.IsXColumnRequired() and not (x_name and _numeric(table.GetColumnByName(x_name))):
            print(f"Plot view: {series.GetName()} has no numeric x column.", file=sys.stderr)
            return None
        bars = series.GetPlotType() in _BARS
        plot = vtk.vtkPlotBar() if bars else vtk.vtkPlotLine()
        plot.SetWidth(series.GetLineWidth())
        plot.SetColorF(*series.GetColor())
        plot.SetOpacity(series.GetOpacity())
        plot.GetPen().SetOpacityF(series.GetOpacity())
        line = vtk.vtkPen.SOLID_LINE if bars else _LINES[series.GetLineStyle()]
        plot.GetPen().SetLineType(line)
        if not bars:
            plot.SetMarkerSize(series.GetMarkerSize())
            plot.SetMarkerStyle(_MARKERS[series.GetMarkerStyle()])
        labels = series.GetLabelColumnName() and table.GetColumnByName(series.GetLabelColumnName())
        plot.SetIndexedLabels(labels if isinstance(labels, vtk.vtkStringArray) else None)
        plot.SetUseIndexForXSeries(not series.IsXColumnRequired())
        plot.SetInputData(table, x_name if series.IsXColumnRequired() else y_name, y_name)
        plot.SetLabel(series.GetName() or y_name)
        return plot

    def fitToContent(self) -> None:
        self._chart.RecalculateBounds()
        self.scheduleRender()

    def RemovePlotSelections(self) -> None:
        self._chart.RemovePlotSelections()

    def _on_selection(self, *_) -> None:
        with problems.collecting("plot view"):
            identifiers, collection = vtk.vtkStringArray(), vtk.vtkCollection()
            for identifier, plot in self._plots.items():
                selection = plot.GetSelection()
                if selection is not None and selection.GetNumberOfValues() > 0:
                    identifiers.InsertNextValue(identifier)
                    collection.AddItem(selection)
            self.dataSelected.emit(identifiers, collection)
            self.scheduleRender()

    def _pixel_of(self, series_id: str, row: int) -> tuple[int, int]:
        """Where a data point is in the widget, in Qt's pixels."""
        self.forceRender()
        plot = self._plots[series_id]
        table = plot.GetInput()
        x_name = slicer.mrmlScene.GetNodeByID(series_id).GetXColumnName()
        y_name = slicer.mrmlScene.GetNodeByID(series_id).GetYColumnName()
        bottom, left = (
            self._chart.GetAxis(vtk.vtkAxis.BOTTOM),
            self._chart.GetAxis(vtk.vtkAxis.LEFT),
        )
        x = table.GetValueByName(row, x_name).ToDouble() if x_name else float(row)
        y = table.GetValueByName(row, y_name).ToDouble()
        place = []
        for axis, value, coordinate in ((bottom, x, 0), (left, y, 1)):
            low, high = axis.GetMinimum(), axis.GetMaximum()
            first, last = axis.GetPoint1()[coordinate], axis.GetPoint2()[coordinate]
            place.append(round(first + (value - low) / (high - low) * (last - first)))
        return place[0], self.height() - 1 - place[1]

    def closeView(self) -> None:
        self._observed.clear()
        self._observed_chart.clear()
        super().closeView()


class qMRMLPlotWidget(QtWidgets.QWidget):
    """A plot view under its bar with the chart's name."""

    def __init__(self, parent=None, /) -> None:
        super().__init__(parent)
        self._bar = QtWidgets.QLabel(self)
        self._bar.setFixedHeight(18)
        self._view = qMRMLPlotView(self)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._bar)
        column.addWidget(self._view, 1)

    def setMRMLPlotViewNode(self, node, /) -> None:
        red, green, blue = (round(255 * part) for part in node.GetLayoutColor())
        self._bar.setStyleSheet(
            f"background: rgb({red}, {green}, {blue}); color: black; padding-left: 6px;"
        )
        self._bar.setText(node.GetLayoutLabel() or node.GetName())
        self._view.setMRMLPlotViewNode(node)

    def plotView(self):
        return self._view

    def mrmlPlotViewNode(self):
        return self._view.mrmlPlotViewNode()

    def closeView(self) -> None:
        self._view.closeView()
