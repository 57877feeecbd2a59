"""The layout manager: views arranged as the layout node's description says."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import slicer
import vtk
from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal

from slicerhost import problems
from slicerhost.mrml.plot_view import qMRMLPlotWidget
from slicerhost.mrml.slice_widget import qMRMLSliceWidget
from slicerhost.mrml.table_view import qMRMLTableWidget
from slicerhost.mrml.threed_widget import qMRMLThreeDWidget

_WIDGETS = {
    "vtkMRMLSliceNode": (qMRMLSliceWidget, "setMRMLSliceNode"),
    "vtkMRMLViewNode": (qMRMLThreeDWidget, "setMRMLViewNode"),
    "vtkMRMLPlotViewNode": (qMRMLPlotWidget, "setMRMLPlotViewNode"),
    "vtkMRMLTableViewNode": (qMRMLTableWidget, "setMRMLTableViewNode"),
}


class qSlicerSingletonViewFactory(QtCore.QObject):
    """Gives one widget of a module's own to the layout element that has its tag."""

    def __init__(self, parent=None, /) -> None:
        super().__init__(parent)
        self._tag, self._widget = "", None

    def tagName(self) -> str:
        return self._tag

    def setTagName(self, tag, /) -> None:
        self._tag = tag

    def widget(self):
        return self._widget

    def setWidget(self, widget, /) -> None:
        self._widget = widget


class qSlicerLayoutManager(QtCore.QObject):
    """Makes a widget for each view node and puts them into splitters and tabs."""

    layoutChanged = Signal(int)

    def __init__(self, viewport: QtWidgets.QWidget, scene) -> None:
        super().__init__(viewport)
        self._viewport = viewport
        self._frame: QtWidgets.QWidget | None = None
        self._widgets: dict[str, QtWidgets.QWidget] = {}
        self._factories: list[qSlicerSingletonViewFactory] = []
        self._shown: tuple[int, str] | None = None
        self._pauses = 0
        QtWidgets.QVBoxLayout(viewport).setContentsMargins(0, 0, 0, 0)
        self._scene = scene
        self._logic = slicer.vtkMRMLLayoutLogic()
        self._logic.SetMRMLScene(scene)
        self._node = self._logic.GetLayoutNode()
        self._tag = self._node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._on_node)
        self._node.SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
        self._on_node()

    layout = Property(
        int,
        lambda self: self._node.GetViewArrangement(),
        lambda self, v: self.setLayout(v),
        notify=layoutChanged,
    )
    threeDViewCount = Property(int, lambda self: len(self._views("vtkMRMLViewNode")))
    plotViewCount = Property(int, lambda self: len(self._views("vtkMRMLPlotViewNode")))
    tableViewCount = Property(int, lambda self: len(self._views("vtkMRMLTableViewNode")))

    def setLayout(self, layout, /) -> None:
        known = self._node.IsLayoutDescription(layout)
        if not known and layout != slicer.vtkMRMLLayoutNode.SlicerLayoutNone:
            raise ValueError(f"There is no layout {layout}: register it with AddLayoutDescription.")
        self._node.SetViewArrangement(layout)

    def registerViewFactory(self, factory, /) -> None:
        """The factory registered last is asked first, as in ctkLayoutFactory."""
        self._factories.insert(0, factory)

    def layoutLogic(self):
        return self._logic

    def mrmlScene(self):
        return self._scene

    def viewport(self):
        return self._viewport

    def _views(self, class_name: str) -> list:
        count = self._scene.GetNumberOfNodesByClass(class_name)
        return [self._scene.GetNthNodeByClass(index, class_name) for index in range(count)]

    def sliceViewNames(self) -> tuple[str, ...]:
        return tuple(node.GetLayoutName() for node in self._views("vtkMRMLSliceNode"))

    def sliceWidget(self, name, /):
        return self._named("vtkMRMLSliceNode", name)

    def threeDWidget(self, which, /):
        return self._numbered("vtkMRMLViewNode", which)

    def plotWidget(self, index, /):
        return self._numbered("vtkMRMLPlotViewNode", index)

    def tableWidget(self, index, /):
        return self._numbered("vtkMRMLTableViewNode", index)

    def viewWidget(self, node, /):
        return self._widget(node)

    def mrmlSliceLogics(self):
        return slicer.app.applicationLogic().GetSliceLogics()

    def mrmlViewLogics(self):
        return slicer.app.applicationLogic().GetViewLogics()

    def activeMRMLThreeDViewNode(self):
        return self._views("vtkMRMLViewNode")[0]

    def _named(self, class_name: str, name: str):
        found = [node for node in self._views(class_name) if node.GetLayoutName() == name]
        return self._widget(found[0]) if found else None

    def _numbered(self, class_name: str, which):
        if isinstance(which, str):
            return self._named(class_name, which)
        nodes = self._views(class_name)
        return self._widget(nodes[which]) if 0 <= which < len(nodes) else None

    def _widget(self, node) -> QtWidgets.QWidget:
        identifier = node.GetID()
        if identifier not in self._widgets:
            for class_name, (widget_class, setter) in _WIDGETS.items():
                if node.IsA(class_name):
                    widget = widget_class(self._viewport)
                    widget.hide()
                    getattr(widget, setter)(node)
                    break
            else:
                raise AttributeError(f"The test host has no widget for {node.GetClassName()}.")
            widget.setObjectName(f"{widget_class.__name__}{node.GetLayoutName()}")
            self._widgets[identifier] = widget
        return self._widgets[identifier]

    def _on_node(self, *_) -> None:
        with problems.collecting("layout manager"):
            arrangement = self._node.GetViewArrangement()
            text = self._node.GetCurrentLayoutDescription()
            if not text or arrangement == slicer.vtkMRMLLayoutNode.SlicerLayoutNone:
                return
            if (arrangement, text) == self._shown:
                return
            changed = self._shown is None or arrangement != self._shown[0]
            self._shown = (arrangement, text)
            self._arrange(text)
            if changed:
                self.layoutChanged.emit(arrangement)

    def _arrange(self, text: str) -> None:
        root = ElementTree.fromstring(text)
        own = (factory.widget() for factory in self._factories)
        for widget in (*self._widgets.values(), *own):
            widget.setParent(self._viewport)
            widget.hide()
        old = self._frame
        self._frame = self._build(root)
        self._viewport.layout().addWidget(self._frame)
        self._frame.show()
        if old is not None:
            self._viewport.layout().removeWidget(old)
            old.deleteLater()

    def _build(self, element) -> QtWidgets.QWidget:
        if element.tag == "view":
            widget = self._view(element)
            widget.show()
            return widget
        if element.tag != "layout":
            return self._own_view(element.tag)
        kind = element.get("type", "horizontal")
        if kind == "tab":
            frame = QtWidgets.QTabWidget()
            for item in element.findall("item"):
                frame.addTab(
                    self._build(item[0]), item.get("name", item[0].get("singletontag", ""))
                )
            return frame
        if kind == "grid":
            frame = QtWidgets.QWidget()
            grid = QtWidgets.QGridLayout(frame)
            grid.setContentsMargins(0, 0, 0, 0)
            for item in element.findall("item"):
                grid.addWidget(self._build(item[0]), int(item.get("row")), int(item.get("column")))
            return frame
        directions = {
            "horizontal": QtCore.Qt.Orientation.Horizontal,
            "vertical": QtCore.Qt.Orientation.Vertical,
        }
        if kind not in directions:
            raise ValueError(f"The test host has no layouts of type {kind!r}.")
        return self._split(element, directions[kind])

    def _own_view(self, tag: str) -> QtWidgets.QWidget:
        for factory in self._factories:
            if factory.tagName() == tag:
                factory.widget().show()
                return factory.widget()
        raise ValueError(f"No view factory was registered for <{tag}> of the layout description.")

    def _split(self, element, direction) -> QtWidgets.QSplitter:
        frame = QtWidgets.QSplitter(direction)
        frame.setHandleWidth(3)
        frame.setChildrenCollapsible(False)
        sizes = []
        for item in element.findall("item"):
            if len(item) != 1:
                raise ValueError("An <item> of a layout description holds one view or layout.")
            frame.addWidget(self._build(item[0]))
            sizes.append(int(item.get("splitSize", 0)))
        frame.setSizes([size * 10 for size in sizes] if any(sizes) else [1000] * len(sizes))
        return frame

    def _view(self, element) -> QtWidgets.QWidget:
        class_name, tag = element.get("class"), element.get("singletontag")
        if tag is None:
            return self._widget(self._views(class_name)[0])
        node = self._scene.GetSingletonNode(tag, class_name)
        if node is None:
            raise ValueError(f"The layout asks for {class_name} {tag!r}, which was not made.")
        return self._widget(node)

    def resetThreeDViews(self) -> None:
        for node in self._views("vtkMRMLViewNode"):
            view = self._widget(node).threeDView()
            view.resetFocalPoint()
            view.resetCamera()

    def resetSliceViews(self) -> None:
        for node in self._views("vtkMRMLSliceNode"):
            self._widget(node).sliceLogic().FitSliceToBackground()

    def setRenderPaused(self, paused, /) -> None:
        for view in self._viewport.findChildren(QtWidgets.QWidget):
            if hasattr(view, "setRenderPaused"):
                view.setRenderPaused(paused)

    def pauseRender(self) -> None:
        self.setRenderPaused(True)

    def resumeRender(self) -> None:
        self.setRenderPaused(False)

    def closeViews(self) -> None:
        """Let go of all views; for the end of a host."""
        self._node.RemoveObserver(self._tag)
        for widget in self._widgets.values():
            widget.closeView()
        self._widgets.clear()
        self._logic.SetMRMLScene(None)
