"""The table of a segmentation's segments."""

from __future__ import annotations

import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, Signal

from slicerhost.mrml.node_combo_box import qMRMLWidget
from slicerhost.mrml.observations import Observations


class qMRMLSegmentsTableView(qMRMLWidget):
    """Name, colour and visibility of each segment; rows can be selected."""

    selectionChanged = Signal(QtCore.QItemSelection, QtCore.QItemSelection)
    segmentAboutToBeModified = Signal(str)

    def __init__(self, parent=None, /) -> None:
        super().__init__(parent)
        self._table = QtWidgets.QTableWidget(0, 3, self)
        self._table.setHorizontalHeaderLabels(["Visible", "Color", "Name"])
        self._table.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectionBehavior.SelectRows)
        self._table.horizontalHeader().setStretchLastSection(True)
        self._table.verticalHeader().hide()
        self._table.setColumnWidth(0, 50)
        self._table.setColumnWidth(1, 40)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._table)
        self._node = None
        self._observed = Observations(self)
        self._shown = dict.fromkeys(("visibility", "color", "opacity", "status", "layer"), True)
        self._read_only, self._jump, self._filter_bar = False, False, True
        self._table.itemSelectionChanged.connect(self._on_selection)
        self._table.itemChanged.connect(self._on_item)
        self._filling = False

    selectionMode = Property(
        int,
        lambda self: self._table.selectionMode().value,
        lambda self, v: self._table.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode(v)),
    )
    headerVisible = Property(
        bool,
        lambda self: not self._table.horizontalHeader().isHidden(),
        lambda self, v: self._table.horizontalHeader().setVisible(v),
    )
    visibilityColumnVisible = Property(
        bool, lambda self: self._shown["visibility"], lambda self, v: self._show("visibility", v)
    )
    colorColumnVisible = Property(
        bool, lambda self: self._shown["color"], lambda self, v: self._show("color", v)
    )
    opacityColumnVisible = Property(
        bool, lambda self: self._shown["opacity"], lambda self, v: self._show("opacity", v)
    )
    statusColumnVisible = Property(
        bool, lambda self: self._shown["status"], lambda self, v: self._show("status", v)
    )
    layerColumnVisible = Property(
        bool, lambda self: self._shown["layer"], lambda self, v: self._show("layer", v)
    )
    readOnly = Property(
        bool, lambda self: self._read_only, lambda self, v: setattr(self, "_read_only", v)
    )
    filterBarVisible = Property(
        bool, lambda self: self._filter_bar, lambda self, v: setattr(self, "_filter_bar", v)
    )
    jumpToSelectedSegmentEnabled = Property(
        bool, lambda self: self._jump, lambda self, v: setattr(self, "_jump", v)
    )
    segmentCount = Property(int, lambda self: self._table.rowCount())

    def _show(self, column: str, visible: bool) -> None:
        self._shown[column] = visible
        for index, name in enumerate(("visibility", "color")):
            self._table.setColumnHidden(index, not self._shown[name])

    def segmentationNode(self):
        return self._node

    def setSegmentationNode(self, node, /) -> None:
        self._observed.clear()
        self._node = node
        if node is not None:
            events = slicer.vtkSegmentation
            for event in (
                events.SegmentAdded,
                events.SegmentRemoved,
                events.SegmentModified,
                vtk.vtkCommand.ModifiedEvent,
                slicer.vtkMRMLDisplayableNode.DisplayModifiedEvent,
            ):
                self._observed.add(node, event, self._fill)
        self._fill()

    def _fill(self) -> None:
        selected = self.selectedSegmentIDs()
        self._filling = True
        self._table.setRowCount(0)
        for identifier in self._node.GetSegmentation().GetSegmentIDs() if self._node else ():
            self._add_row(identifier)
        self._filling = False
        if selected:
            self.setSelectedSegmentIDs(selected)

    def _add_row(self, identifier: str) -> None:
        segment = self._node.GetSegmentation().GetSegment(identifier)
        display = self._node.GetDisplayNode()
        row = self._table.rowCount()
        self._table.insertRow(row)
        visible = QtWidgets.QTableWidgetItem()
        on = display is None or display.GetSegmentVisibility(identifier)
        visible.setCheckState(
            QtCore.Qt.CheckState.Checked if on else QtCore.Qt.CheckState.Unchecked
        )
        color = QtWidgets.QTableWidgetItem()
        color.setBackground(QtGui.QColor.fromRgbF(*segment.GetColor()))
        color.setFlags(QtCore.Qt.ItemFlag.ItemIsEnabled)
        name = QtWidgets.QTableWidgetItem(segment.GetName())
        name.setData(QtCore.Qt.ItemDataRole.UserRole, identifier)
        for column, item in enumerate((visible, color, name)):
            self._table.setItem(row, column, item)

    def segmentIDForRow(self, row, /) -> str:
        return self._table.item(row, 2).data(QtCore.Qt.ItemDataRole.UserRole)

    def rowForSegmentID(self, identifier, /) -> int:
        rows = [r for r in range(self._table.rowCount()) if self.segmentIDForRow(r) == identifier]
        return rows[0] if rows else -1

    def selectedSegmentIDs(self) -> tuple[str, ...]:
        rows = sorted({index.row() for index in self._table.selectedIndexes()})
        return tuple(self.segmentIDForRow(row) for row in rows)

    def setSelectedSegmentIDs(self, identifiers, /) -> None:
        model, chosen = self._table.model(), QtCore.QItemSelection()
        for row in range(self._table.rowCount()):
            if self.segmentIDForRow(row) in identifiers:
                chosen.select(model.index(row, 0), model.index(row, 2))
        flag = QtCore.QItemSelectionModel.SelectionFlag.ClearAndSelect
        self._table.selectionModel().select(chosen, flag)

    def clearSelection(self) -> None:
        self._table.clearSelection()

    def tableWidget(self):
        return self._table

    def _on_selection(self) -> None:
        if not self._filling:
            self.selectionChanged.emit(
                self._table.selectionModel().selection(), QtCore.QItemSelection()
            )

    def _on_item(self, item) -> None:
        if self._filling or self._node is None:
            return
        identifier = self.segmentIDForRow(item.row())
        if item.column() == 0 and self._node.GetDisplayNode() is not None:
            on = item.checkState() == QtCore.Qt.CheckState.Checked
            self._node.GetDisplayNode().SetSegmentVisibility(identifier, on)
        elif item.column() == 2 and not self._read_only:
            self._node.GetSegmentation().GetSegment(identifier).SetName(item.text())
