"""3D views with Slicer's displayable managers."""

from __future__ import annotations

import slicer
import vtk
from PySide6 import QtWidgets

from slicerhost.mrml.render_view import RenderView
from slicerhost.mrml.slice_widget import manager_group

_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLThreeDReformatDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager3D",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLTransformsDisplayableManager3D",
    "vtkMRMLColorLegendDisplayableManager",
)
# Slicer's default colours of 3D views.
_BACKGROUND = (0.757, 0.765, 0.910)
_BACKGROUND_TOP = (0.455, 0.471, 0.745)


class qMRMLThreeDView(RenderView):
    """The picture of the scene in space."""

    def __init__(self, parent=None, /) -> None:
        super().__init__(parent)
        self._renderer = vtk.vtkRenderer()
        self._renderer.SetGradientBackground(True)
        self._renderer.SetBackground(_BACKGROUND)
        self._renderer.SetBackground2(_BACKGROUND_TOP)
        self._window.AddRenderer(self._renderer)
        self._interactor.SetInteractorStyle(vtk.vtkInteractorStyle3D())
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        self._group = manager_group(factory, _MANAGERS, self._renderer)
        self._tag = self._group.AddObserver(
            vtk.vtkCommand.UpdateEvent, lambda *_: self.scheduleRender()
        )
        self._node = None

    def setMRMLViewNode(self, node, /) -> None:
        self._node = node
        self._group.SetMRMLDisplayableNode(node)

    def mrmlViewNode(self):
        return self._node

    def cameraNode(self):
        return slicer.modules.cameras.logic().GetViewActiveCameraNode(self._node)

    def displayableManagerByClassName(self, name, /):
        return self._group.GetDisplayableManagerByClassName(name)

    def resetFocalPoint(self) -> None:
        box, labels = self._node.GetBoxVisible(), self._node.GetAxisLabelsVisible()
        with slicer.util.NodeModify(self._node):
            self._node.SetBoxVisible(False)
            self._node.SetAxisLabelsVisible(False)
        bounds = self._renderer.ComputeVisiblePropBounds()
        if bounds[0] <= bounds[1]:
            camera = self._renderer.GetActiveCamera()
            camera.SetFocalPoint([(bounds[i] + bounds[i + 1]) / 2 for i in (0, 2, 4)])
            camera.OrthogonalizeViewUp()
        with slicer.util.NodeModify(self._node):
            self._node.SetBoxVisible(box)
            self._node.SetAxisLabelsVisible(labels)
        self._node.InvokeEvent(slicer.vtkMRMLViewNode.ResetFocalPointRequestedEvent)
        self._renderer.ResetCameraClippingRange()
        self.scheduleRender()

    def resetCamera(self) -> None:
        self._renderer.ResetCamera()
        self.scheduleRender()

    def closeView(self) -> None:
        self._group.RemoveObserver(self._tag)
        self._group.SetMRMLDisplayableNode(None)
        super().closeView()


class qMRMLThreeDController(QtWidgets.QFrame):
    """The bar above a 3D view."""

    def __init__(self, view: qMRMLThreeDView, parent=None, /) -> None:
        super().__init__(parent)
        self._view = view

    def resetFocalPoint(self) -> None:
        self._view.resetFocalPoint()


class qMRMLThreeDWidget(QtWidgets.QWidget):
    """A 3D view under its bar."""

    def __init__(self, parent=None, /) -> None:
        super().__init__(parent)
        self._view = qMRMLThreeDView(self)
        self._bar = qMRMLThreeDController(self._view, self)
        self._bar.setFixedHeight(18)
        self._logic = slicer.vtkMRMLViewLogic()
        self._label = QtWidgets.QLabel("1", self._bar)
        self._label.setStyleSheet("color: black; font-weight: bold; padding-left: 6px;")
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._bar)
        column.addWidget(self._view, 1)

    def setMRMLViewNode(self, node, /) -> None:
        application = slicer.app.applicationLogic()
        self._logic.SetMRMLApplicationLogic(application)
        self._logic.SetMRMLScene(slicer.mrmlScene)
        self._logic.AddViewNode(node.GetLayoutName())
        application.GetViewLogics().AddItem(self._logic)
        red, green, blue = (round(255 * part) for part in node.GetLayoutColor())
        self._bar.setStyleSheet(f"background: rgb({red}, {green}, {blue});")
        self._label.setText(node.GetLayoutLabel() or node.GetName())
        self._view.setMRMLViewNode(node)

    def threeDView(self):
        return self._view

    def threeDController(self):
        return self._bar

    def viewLogic(self):
        return self._logic

    def mrmlViewNode(self):
        return self._view.mrmlViewNode()

    def closeView(self) -> None:
        slicer.app.applicationLogic().GetViewLogics().RemoveItem(self._logic)
        self._view.closeView()
        self._logic.SetMRMLScene(None)
