"""Tables: text and check boxes of a table node, as Slicer's table view shows them."""

from __future__ import annotations

import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, Signal

from slicerhost import problems
from slicerhost.mrml.observations import Observations


class qMRMLTableView(QtWidgets.QTableView):
    """A table node in rows and columns; no colours of rows, no formats of numbers."""

    selectionChanged = Signal()  # hides a virtual function of QTableView, as in Slicer
    mrmlSceneChanged = Signal(object)
    _signals = {  # noqa: RUF012 - a constant of the class
        "mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged(PyObject)"
    }

    def __init__(self, parent=None, /) -> None:
        super().__init__(parent)
        self._model = QtGui.QStandardItemModel(self)
        self._proxy = QtCore.QSortFilterProxyModel(self)
        self._proxy.setSourceModel(self._model)
        self.setModel(self._proxy)
        self.selectionModel().selectionChanged.connect(lambda *_: self.selectionChanged.emit())
        self._model.itemChanged.connect(self._on_item)
        self._node, self._view_node, self._scene = None, None, None
        self._observed, self._observed_view = Observations(self), Observations(self)
        self._transposed = self._first_row = self._first_column = False
        self._filling = False
        self._n_updates = 0
        self.horizontalHeader().setDefaultSectionSize(110)
        self.verticalHeader().setDefaultSectionSize(22)

    transposed = Property(
        bool, lambda self: self._transposed, lambda self, v: self._refuse_transposed(v)
    )
    firstRowLocked = Property(
        bool, lambda self: self._first_row, lambda self, v: setattr(self, "_first_row", v)
    )
    firstColumnLocked = Property(
        bool, lambda self: self._first_column, lambda self, v: setattr(self, "_first_column", v)
    )

    @staticmethod
    def _refuse_transposed(transposed: bool) -> None:
        if transposed:
            raise NotImplementedError("The test host's table view cannot be transposed.")

    def mrmlScene(self):
        return self._scene

    def setMRMLScene(self, scene, /) -> None:
        self._scene = scene
        self.mrmlSceneChanged.emit(scene)

    def mrmlTableNode(self):
        return self._node

    def mrmlTableViewNode(self):
        return self._view_node

    def tableModel(self):
        return self._model

    def sortFilterProxyModel(self):
        return self._proxy

    def setMRMLTableNode(self, node, /) -> None:
        if node is not None and not node.IsA("vtkMRMLTableNode"):
            raise TypeError(f"A table view shows table nodes, not {node.GetClassName()}.")
        self._observed.clear()
        self._node = node
        if node is not None:
            self._observed.add(node, vtk.vtkCommand.ModifiedEvent, self._fill)
        self._fill()

    def setMRMLTableViewNode(self, node, /) -> None:
        self._observed_view.clear()
        self._view_node = node
        if node is not None:
            scene = slicer.mrmlScene
            add = self._observed_view.add
            add(node, vtk.vtkCommand.ModifiedEvent, self._on_view_node)
            for event in (scene.EndCloseEvent, scene.EndImportEvent, scene.EndBatchProcessEvent):
                add(scene, event, self._on_view_node)
            self._on_view_node()

    def _on_view_node(self) -> None:
        node = self._view_node.GetTableNode()
        if node is not self._node:
            self.setMRMLTableNode(node)

    def _fill(self) -> None:
        self._filling = True
        self._n_updates += 1
        try:
            self._model.clear()
            if self._node is not None:
                self._fill_from(self._node)
        finally:
            self._filling = False

    def _fill_from(self, node) -> None:
        table = node.GetTable()
        first = 1 if node.GetUseFirstColumnAsRowHeader() else 0
        columns = range(first, table.GetNumberOfColumns())
        titled = node.GetUseColumnTitleAsColumnHeader()
        headers = []
        for column in columns:
            name = table.GetColumnName(column) or ""
            unit = node.GetColumnUnitLabel(name) if titled else ""
            title = (node.GetColumnTitle(name) if titled else name) or name
            headers.append(f"{title} [{unit}]" if unit else title)
        rows = range(table.GetNumberOfRows())
        for row in rows:
            self._model.appendRow([self._item(node, table, row, column) for column in columns])
        self._model.setHorizontalHeaderLabels(headers)
        if first:
            self._model.setVerticalHeaderLabels([table.GetValue(r, 0).ToString() for r in rows])

    @staticmethod
    def _item(node, table, row: int, column: int) -> QtGui.QStandardItem:
        item = QtGui.QStandardItem()
        values = table.GetColumn(column)
        editable = not node.GetLocked()
        if values.GetDataType() == vtk.VTK_BIT:
            item.setCheckable(True)
            on = bool(table.GetValue(row, column).ToInt())
            item.setCheckState(
                QtCore.Qt.CheckState.Checked if on else QtCore.Qt.CheckState.Unchecked
            )
        elif values.GetDataType() in (vtk.VTK_CHAR, vtk.VTK_SIGNED_CHAR, vtk.VTK_UNSIGNED_CHAR):
            item.setText(str(table.GetValue(row, column).ToInt()))
        else:
            item.setText(table.GetValue(row, column).ToString())
        item.setEditable(editable and not item.isCheckable())
        item.setToolTip(_tooltip(node, table.GetColumnName(column) or ""))
        item.setData((row, column))
        return item

    def _on_item(self, item) -> None:
        if self._filling or self._node is None:
            return
        row, column = item.data()
        array = self._node.GetTable().GetColumn(column)
        text = item.text()
        with problems.collecting("table view"):
            if item.isCheckable():
                array.SetValue(row, int(item.checkState() == QtCore.Qt.CheckState.Checked))
            else:
                array.SetVariantValue(row, vtk.vtkVariant(text))
            self._node.GetTable().Modified()

    def closeView(self) -> None:
        self.setMRMLTableNode(None)
        self.setMRMLTableViewNode(None)


def _tooltip(node, name: str) -> str:
    """What qMRMLTableModel lets every cell of a column say; properties are left out."""
    title, unit = node.GetColumnTitle(name), node.GetColumnUnitLabel(name)
    own = title not in ("", name)
    lines = [f"<b>{title}</b> <code>&lt;{name}&gt;</code>" if own else f"<b>{name}</b>"]
    if unit:
        lines.append(f"Unit: {unit}")
    return "<p>".join([*lines, *filter(None, [node.GetColumnDescription(name)])])


class qMRMLTableWidget(QtWidgets.QWidget):
    """A table view under its bar."""

    def __init__(self, parent=None, /) -> None:
        super().__init__(parent)
        self._bar = QtWidgets.QLabel(self)
        self._bar.setFixedHeight(18)
        self._view = qMRMLTableView(self)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._bar)
        column.addWidget(self._view, 1)

    def setMRMLTableViewNode(self, node, /) -> None:
        red, green, blue = (round(255 * part) for part in node.GetLayoutColor())
        self._bar.setStyleSheet(
            f"background: rgb({red}, {green}, {blue}); color: black; padding-left: 6px;"
        )
        self._bar.setText(node.GetLayoutLabel() or node.GetName())
        self._view.setMRMLScene(slicer.mrmlScene)
        self._view.setMRMLTableViewNode(node)

    def tableView(self):
        return self._view

    def mrmlTableViewNode(self):
        return self._view.mrmlTableViewNode()

    def closeView(self) -> None:
        self._view.closeView()
