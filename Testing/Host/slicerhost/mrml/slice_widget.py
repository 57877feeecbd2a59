"""Slice views: real slice logic and displayable managers behind a bar with the offset."""

from __future__ import annotations

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from slicerhost import problems
from slicerhost.mrml.render_view import RenderView

_MANAGERS = (
    "vtkMRMLVolumeGlyphSliceDisplayableManager",
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLScalarBarDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLTransformsDisplayableManager2D",
    "vtkMRMLColorLegendDisplayableManager",
)


def manager_group(factory, names: tuple[str, ...], renderer):
    """Displayable managers of a view, made by the factory that Slicer uses."""
    for name in names:
        if not factory.IsDisplayableManagerRegistered(name):
            factory.RegisterDisplayableManager(name)
    group = slicer.vtkMRMLDisplayableManagerGroup()
    group.Initialize(factory, renderer)
    return group


class qMRMLSliceView(RenderView):
    """The picture of one slice with its segmentations, legends and markups."""

    def __init__(self, parent=None, /) -> None:
        super().__init__(parent)
        self._renderer = vtk.vtkRenderer()
        self._renderer.GetActiveCamera().ParallelProjectionOn()
        self._overlay = vtk.vtkRenderer()
        self._overlay.SetLayer(1)
        self._overlay.GetActiveCamera().ParallelProjectionOn()
        self._window.SetNumberOfLayers(2)
        self._window.AddRenderer(self._renderer)
        self._window.AddRenderer(self._overlay)
        self._mapper = vtk.vtkImageMapper()
        self._mapper.SetColorWindow(255)
        self._mapper.SetColorLevel(127.5)
        self._actor = vtk.vtkActor2D()
        self._actor.SetMapper(self._mapper)
        self._actor.GetProperty().SetDisplayLocationToBackground()
        self._actor.VisibilityOff()
        self._renderer.AddViewProp(self._actor)
        self._interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        self._group = manager_group(factory, _MANAGERS, self._renderer)
        self._tag = self._group.AddObserver(
            vtk.vtkCommand.UpdateEvent, lambda *_: self.scheduleRender()
        )
        self._node, self._logic = None, None

    def _set_logic(self, logic) -> None:
        self._logic = logic
        logic.AddObserver(vtk.vtkCommand.ModifiedEvent, self._on_logic)
        self._node = logic.GetSliceNode()
        self._group.SetMRMLDisplayableNode(self._node)
        self._resized()

    def _on_logic(self, *_) -> None:
        with problems.collecting("slice view"):
            connection = self._logic.GetImageDataConnection()
            self._mapper.SetInputConnection(connection)
            self._actor.SetVisibility(connection is not None)
            self.scheduleRender()

    def _resized(self) -> None:
        if self._logic is not None:
            self._logic.ResizeSliceNode(max(self.width(), 2), max(self.height(), 2))

    def mrmlSliceNode(self):
        return self._node

    def displayableManagerByClassName(self, name, /):
        return self._group.GetDisplayableManagerByClassName(name)

    def wheelEvent(self, event) -> None:
        spacing = self._logic.GetLowestVolumeSliceSpacing()[2]
        step = spacing if event.angleDelta().y() > 0 else -spacing
        self._logic.StartSliceNodeInteraction(slicer.vtkMRMLSliceNode.SliceToRASFlag)
        self._logic.SetSliceOffset(self._logic.GetSliceOffset() + step)
        self._logic.EndSliceNodeInteraction()

    def closeView(self) -> None:
        self._group.RemoveObserver(self._tag)
        self._group.SetMRMLDisplayableNode(None)
        super().closeView()


class qMRMLSliceWidget(QtWidgets.QWidget):
    """A slice view under its coloured bar."""

    def __init__(self, parent=None, /) -> None:
        super().__init__(parent)
        self._bar = QtWidgets.QFrame(self)
        self._bar.setFixedHeight(22)
        self._name = QtWidgets.QLabel(self._bar)
        self._name.setStyleSheet("font-weight: bold; color: black;")
        self._slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal, self._bar)
        self._offset = QtWidgets.QLabel(self._bar)
        self._offset.setStyleSheet("color: black;")
        self._offset.setMinimumWidth(86)
        row = QtWidgets.QHBoxLayout(self._bar)
        row.setContentsMargins(6, 0, 6, 0)
        for entry, stretch in ((self._name, 0), (self._slider, 1), (self._offset, 0)):
            row.addWidget(entry, stretch)
        self._view = qMRMLSliceView(self)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._bar)
        column.addWidget(self._view, 1)
        self._logic = slicer.vtkMRMLSliceLogic()
        self._slider.valueChanged.connect(self._on_slider)
        self._observed = []

    def setMRMLSliceNode(self, node, /) -> None:
        application = slicer.app.applicationLogic()
        self._logic.SetMRMLApplicationLogic(application)
        self._logic.SetMRMLScene(slicer.mrmlScene)
        self._logic.SetSliceNode(node)
        application.GetSliceLogics().AddItem(self._logic)
        self._view._set_logic(self._logic)
        tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._show_offset())
        self._observed.append((node, tag))
        red, green, blue = (round(255 * part) for part in node.GetLayoutColor())
        self._bar.setStyleSheet(f"background: rgb({red}, {green}, {blue});")
        self._name.setText(node.GetLayoutLabel() or node.GetName())
        self._show_offset()

    def _show_offset(self) -> None:
        bounds = [0.0, 0.0]
        low, high = self._range(bounds)
        offset = self._logic.GetSliceOffset()
        self._offset.setText(f"{self._axis()}: {offset:.2f} mm")
        self._slider.blockSignals(True)
        self._slider.setRange(0, 1000)
        if high > low:
            self._slider.setValue(round(1000 * (offset - low) / (high - low)))
        self._slider.blockSignals(False)

    def _axis(self) -> str:
        orientation = self._logic.GetSliceNode().GetOrientation()
        return {"Axial": "S", "Coronal": "A", "Sagittal": "R"}.get(orientation, "Offset")

    def _range(self, _unused) -> tuple[float, float]:
        bounds = [0.0] * 6
        self._logic.GetLowestVolumeSliceBounds(bounds)
        return bounds[4], bounds[5]

    def _on_slider(self, value: int) -> None:
        low, high = self._range(None)
        self._logic.SetSliceOffset(low + value / 1000 * (high - low))

    def sliceLogic(self):
        return self._logic

    def sliceView(self):
        return self._view

    def sliceController(self):
        return self

    def mrmlSliceNode(self):
        return self._logic.GetSliceNode()

    def mrmlSliceCompositeNode(self):
        return self._logic.GetSliceCompositeNode()

    def fitSliceToBackground(self) -> None:
        self._logic.FitSliceToBackground()

    def closeView(self) -> None:
        for node, tag in self._observed:
            node.RemoveObserver(tag)
        slicer.app.applicationLogic().GetSliceLogics().RemoveItem(self._logic)
        self._view.closeView()
        self._logic.SetMRMLScene(None)
